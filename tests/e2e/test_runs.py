"""A sender that goes on after its scan was aborted reaches neither the next scan of the same name nor its result."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 - the scan is compressed
import numpy as np
import zmq

from service import wire
from service.descriptions import Geometry
from tests.e2e.conftest import FRAMES, PROBE, Service, command, wait_for

KEY = "star"


class Stubborn:
    """Sends dark frames at wrong places under a scan's key, whatever ingest says, until it is stopped."""

    def __init__(self, endpoint: str) -> None:
        self.sent = 0
        self._endpoint = endpoint
        self._stop = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        of = {"scan": KEY, "run": "00c0ffee"}
        geometry = Geometry(energy_J=1e-15, distance_m=2, detector_pixel_m=75e-6)
        start = wire.Start(**of, frame_shape=(128, 128), dtype="<u4", geometry=geometry, planned=FRAMES, ts_ns=1)
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.linger = 0
            push.connect(self._endpoint)
            push.send_multipart(wire.pack_start(start))
            while not self._stop.wait(0.005):
                index = self.sent % FRAMES
                row = {"seq": self.sent, "i0": index, "n": 1}
                frames = wire.Frames(**of, **row, shape=(128, 128), dtype="<u4")
                push.send_multipart([wire.encode(frames), bytes(128 * 128 * 4)])
                push.send_multipart([wire.encode(wire.Positions(**of, **row)), np.zeros(2).tobytes()])
                self.sent += 1


def test_next_scan_of_a_key_is_not_fed_by_the_sender_of_the_one_that_was_aborted(
    service: Service, simulated: Path
) -> None:
    known = len(service.client.scans())
    first = Stubborn(service.endpoint)
    with first.sending():
        old = service.scan(known)
        wait_for("frames", lambda: service.client.scan(old.id).received > 10)
        service.client.abort_scan(old.id)
        before = first.sent
        service.replay(simulated, "--frame-delay", "10ms", "--probe", PROBE, "--final-iterations", "5")
        new = service.scan(known + 1)
        assert service.scan_over(new.id).key == old.key == KEY
        assert first.sent - before > FRAMES, "it went on all the time"
    new = service.client.scan(new.id)
    assert (new.state, new.received, new.duplicated, new.refused) == ("ended", FRAMES, 0, 0)
    assert service.over(f"{new.id}.1").frames == FRAMES
    with h5py.File(service.data / new.id / "master.h5") as master, h5py.File(simulated) as file:
        order = np.argsort(master["frame_index"][()])
        assert np.array_equal(master["frames"][()][order], file["frames"][()])
    for scan, event in ((old.id, "sender goes on"), (new.id, "another sender")):
        assert [each["event"] for each in service.client.events(scan)].count(event) == 1


def test_replay_whose_scan_is_aborted_stops_by_itself_and_says_why(service: Service, simulated: Path) -> None:
    known = len(service.client.scans())
    began = time.monotonic()
    options = ("--to", service.endpoint, "--frame-delay", "500ms", "--probe", PROBE)
    with subprocess.Popen(command("replay", simulated, *options), stderr=subprocess.PIPE, text=True) as replay:
        scan = service.scan(known)
        wait_for("frames", lambda: service.client.scan(scan.id).received > 2)
        service.client.abort_scan(scan.id)
        _, said = replay.communicate(timeout=30)
    assert replay.returncode != 0
    assert f"takes nothing more of '{KEY}': the scan {scan.id} is aborted" in " ".join(said.split())
    assert time.monotonic() - began < FRAMES * 0.5, "long before its end"
