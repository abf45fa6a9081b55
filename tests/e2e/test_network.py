"""A network that is cut without a word, between the real service and a real Chromium."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Visit, browser_tests, dataset, screenshot, until_dataset
from tests.e2e.conftest import PROBE, Service

pytestmark = browser_tests


class Wire:
    """A network between browser and service. When it is cut, connections stay open and carry nothing any more."""

    def __init__(self, port: int) -> None:
        self.cut = threading.Event()
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._sockets += [near, far]
                self._start(self._carry, near, far)
                self._start(self._carry, far, near)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while (data := source.recv(1 << 16)) and not self.cut.is_set():
                target.sendall(data)
            while data:  # swallowed, even when others pass again
                data = source.recv(1 << 16)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()


@pytest.fixture
def wire(service: Service) -> Iterator[Wire]:
    made = Wire(service.http)
    yield made
    made.close()


def test_silent_cut_is_noticed_and_the_curve_has_no_gap(
    visit: Visit, wire: Wire, service: Service, simulated: Path
) -> None:
    page = visit(wire.url)
    known = len(service.client.scans())
    service.replay(simulated, "--frame-delay", "60ms", "--probe", PROBE, "--final-iterations", "500")
    running = service.until(service.reconstruction(service.scan(known).id).id, lambda status: status.iteration > 5)
    until_dataset(page, "object-canvas", f"d.reconstruction === '{running.id}' && Number(d.painted) > 0")
    page.get_by_test_id("pause").click()
    page.get_by_test_id("resume").click()
    expect(page.get_by_test_id("control")).to_have_attribute("data-holder", "you")
    expect(page.get_by_test_id("recon-state")).to_have_attribute("data-state", "running")
    wire.cut.set()
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "lost")
    expect(page.get_by_test_id("alarm-disconnected")).to_contain_text("No connection")
    expect(page.get_by_test_id("stop")).to_be_disabled()
    screenshot(page, "disconnected")
    rows = int(dataset(page, "error-curve")["rows"])
    service.until(running.id, lambda status: status.metrics > rows + 20)
    wire.cut.clear()
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "open")
    service.client.stop(running.id)
    status = service.over(running.id)
    until_dataset(page, "error-curve", f"Number(d.rows) === {status.metrics}")
    expect(page.get_by_test_id("alarm-disconnected")).to_have_count(0)
