"""A network that is cut without a word, between the real service and a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from benchmarks.wire import Wire
from tests.e2e.browsing import Visit, browser_tests, dataset, screenshot, until_dataset
from tests.e2e.conftest import PROBE, Service

pytestmark = browser_tests


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
