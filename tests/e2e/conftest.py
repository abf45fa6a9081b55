"""A real service in real processes, a simulated scan to send to it, and what to wait for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from clients.client import Client
from service.states import RECONSTRUCTION_OVER, SCAN_OVER
from service.statuses import ReconstructionStatus, ScanStatus

SHARED = Path(__file__).parents[3] / "shared" / "data"
MEASURED = SHARED / "velociprobe_siemens" / "siemens_repackaged.cxi"
GUESS = f"{SHARED / 'velociprobe_siemens' / 'siemens.h5'}:/probe_guess"
PROBE = "round:50nm,defocus=980um"
FRAMES = 120
PATIENCE_S = 120.0
PRESETS = {
    "star": {
        "geometry": {"energy_J": 9.933495e-16, "distance_m": 2.0, "detector_pixel_m": 75e-6},
        "orientation": {"frames": "flip_rows"},
        "probe": PROBE,
        "modes": 2,
    }
}
T = TypeVar("T")

needs_measured = pytest.mark.skipif(not MEASURED.exists(), reason=f"measured scan not found: {MEASURED}")


def wait_for(what: str, look: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return found


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "service", *map(str, arguments)]


def free_ports() -> tuple[int, int]:
    """Two ports, of which the second has a free one above it."""
    while True:
        with socket.socket() as http, socket.socket() as wire, socket.socket() as acknowledge:
            http.bind(("127.0.0.1", 0))
            wire.bind(("127.0.0.1", 0))
            try:
                acknowledge.bind(("127.0.0.1", wire.getsockname()[1] + 1))
            except OSError:
                continue
            return http.getsockname()[1], wire.getsockname()[1]


class Service:
    """`ptycholive serve` in processes of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.data = folder / "data"
        self.http, self.wire = free_ports()
        self.url = f"http://127.0.0.1:{self.http}"
        self.endpoint = f"tcp://127.0.0.1:{self.wire}"
        self.log = folder / "serve.log"
        options = ["--port", str(self.http), "--ingest", self.endpoint, "--data", self.data, "--files", folder]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command("serve", *options), stderr=log, stdout=log, env=os.environ | environment
            )
        self.client = Client(self.url)
        self._replays: list[subprocess.Popen[bytes]] = []

    def ready(self) -> Service:
        def healthy() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return bool(self.client.health()["status"] == "ok")
            except Exception:
                return False

        wait_for("service ready", healthy)
        return self

    def close(self) -> None:
        self.client.close()
        self.end_replays()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def replay(self, file: Path, *options: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command("replay", file, "--to", self.endpoint, *options), stderr=subprocess.DEVNULL)
        self._replays.append(process)
        return process

    def end_replays(self) -> None:
        """Stop those that still send: they would keep their scan from being over, and the processor busy."""
        for replay in self._replays:
            if replay.poll() is None:
                replay.terminate()
            replay.wait(30)
        self._replays.clear()

    def child(self, name: str) -> psutil.Process:
        """The process of one of the three."""
        children = psutil.Process(self.process.pid).children()
        return next(each for each in children if name in each.cmdline())

    def kill(self, name: str) -> None:
        """kill -9, and wait until it is gone."""
        process = self.child(name)
        process.kill()
        process.wait(10)

    def newest(self) -> ScanStatus | None:
        scans = [scan for scan in self.client.scans() if scan.state != "armed"]
        return scans[0] if scans else None

    def scan(self, known: int = 0) -> ScanStatus:
        """The newest scan, once there are more than those known."""
        wait_for("a scan", lambda: len([s for s in self.client.scans() if s.state != "armed"]) > known)
        found = self.newest()
        assert found is not None
        return found

    def reconstruction(self, scan: str, number: int = 1) -> ReconstructionStatus:
        """A reconstruction of a scan, once it is there."""

        def look() -> ReconstructionStatus | None:
            return next((each for each in self.client.reconstructions(scan) if each.id == f"{scan}.{number}"), None)

        return wait_for(f"reconstruction {number}", look)

    def until(self, reconstruction: str, holds: Callable[[ReconstructionStatus], bool]) -> ReconstructionStatus:
        def look() -> ReconstructionStatus | None:
            status = self.client.reconstruction(reconstruction)
            return status if holds(status) else None

        return wait_for(f"state of {reconstruction}", look)

    def over(self, reconstruction: str) -> ReconstructionStatus:
        """The reconstruction when it is over."""
        return self.until(reconstruction, lambda status: status.state in RECONSTRUCTION_OVER)

    def scan_over(self, scan: str) -> ScanStatus:
        wait_for("the scan's end", lambda: self.client.scan(scan).state in SCAN_OVER)
        return self.client.scan(scan)


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start services with settings from the environment; all are ended afterwards."""
    started: list[Service] = []

    def start(**environment: str) -> Service:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Service(folder, **environment))
        return started[-1].ready()

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, simulated: Path) -> Iterator[Service]:
    """A service that the tests of a module share."""
    folder = tmp_path_factory.mktemp("service")
    shutil.copy(simulated, folder)
    started = Service(folder, PTYCHOLIVE_PRESETS=json.dumps(PRESETS))
    try:
        yield started.ready()
    finally:
        started.close()


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated scan: 120 frames of 128 x 128."""
    path = tmp_path_factory.mktemp("scans") / "star.h5"
    options = ("--positions", str(FRAMES), "--size", "128", "--step-px", "6", "--photons", "1e9", "--seed", "1")
    made = run("simulate", path, *options)
    assert made.returncode == 0, made.stderr
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command of this program, to its end."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300)


from tests.e2e.browsing import chromium, page, visit  # noqa: E402, F401 - fixtures, which need what is above
