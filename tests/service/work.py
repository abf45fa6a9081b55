"""A worker's roster without its processes: a recorded scan that grows when a test says so, and turns of the loop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.simulate import Scan, simulate, spiral
from service.config import Settings
from service.descriptions import ELECTRON_VOLT_J, Geometry, ReconstructionSpec
from service.recording import Recording
from service.roster import Roster
from service.runner import Publisher, Runner
from service.scans import ScanRecord, read_scan, write_scan, write_start_arrays
from service.segments import Layout
from service.snapshot import Snapshot
from service.states import RECONSTRUCTION_OVER
from service.statuses import ReconstructionStatus
from service.wire import Start

SIZE, FRAMES = 64, 60
SCAN = "20260101-000000-scan-0000"


@dataclass
class Work:
    """A data folder with one scan, and a worker's roster that can be killed and made anew."""

    data: Path
    spec: ReconstructionSpec
    planned: bool = True
    background: NDArray[np.float32] | None = None
    scan: Scan = field(default_factory=lambda: simulated())
    statuses: list[ReconstructionStatus] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    roster: Roster = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.frames = simulated_frames()
        self.settings = Settings(data=self.data, checkpoint_s=1e-6, snapshot_hz=20, memory_fraction=1.0)
        self.folder = self.data / SCAN
        geometry = self.scan.geometry
        start = Start(
            scan="scan",
            frame_shape=(SIZE, SIZE),
            dtype=self.frames.dtype.str,
            geometry=Geometry(
                energy_J=8e3 * ELECTRON_VOLT_J,
                distance_m=geometry.distance_m,
                detector_pixel_m=geometry.detector_pixel_m,
            ),
            planned=FRAMES,
            reconstruction=self.spec,
        )
        write_scan(
            self.folder, ScanRecord(id=SCAN, key="scan", state="receiving", created_ns=time.time_ns(), start=start)
        )
        plan = {"plan": self.scan.positions_m} if self.planned else {}
        background = {} if self.background is None else {"background": self.background}
        write_start_arrays(self.folder, plan | background | {"probe": self.scan.probe.numpy()})
        self.layout = Layout((SIZE, SIZE), self.frames.dtype.str)
        self.recording = Recording(self.folder, self.layout, segment_frames=1000, segment_seconds=1000.0)
        self.begin()

    def drop(self) -> None:
        """Close files, and keep nothing."""
        if self.roster is not None:
            for runner in self.roster.runners:
                runner._keeper.close()
            for session in self.roster.sessions:
                session.close()

    def close(self) -> None:
        self.drop()
        self.recording.close()

    @property
    def reconstruction(self) -> str:
        return f"{SCAN}.1"

    @property
    def runner(self) -> Runner:
        return self.roster._runners[self.reconstruction]

    @property
    def status(self) -> ReconstructionStatus:
        return self.statuses[-1]

    def begin(self) -> None:
        """A worker as it starts; the one before is dropped as if it were killed, but for its open files."""
        self.drop()
        publisher = Publisher(
            status=self.statuses.append,
            snapshot=lambda _, snapshot: self.snapshots.append(snapshot),
            survey=lambda *_: None,
        )
        self.roster = Roster(self.settings, torch.device("cpu"), publisher)
        self.roster.discover()

    def record(self, indices: Any, positions_m: NDArray[np.float64] | None = None) -> None:
        """Frames with their positions arrive."""
        chosen = np.asarray(indices, np.int64)
        given = self.scan.positions_m if positions_m is None else positions_m
        frames = [memoryview(self.frames[index].tobytes()) for index in chosen]
        self.recording.append_frames(chosen, frames, self.layout, received_ns=time.time_ns(), sent_ns=0)
        self.recording.append_positions(chosen, given[chosen], received_ns=time.time_ns())
        self.fill()

    def end(self) -> None:
        """The scan is over."""
        record = read_scan(self.folder)
        totals = {"received": FRAMES, "positions": FRAMES, "paired": FRAMES}
        write_scan(self.folder, record.model_copy(update={"state": "ended", "totals": totals}))
        self.roster.discover()
        self.fill()

    def fill(self) -> None:
        for session in self.roster.sessions:
            while session.fill():
                continue
            session.fill()

    def iterate(self, times: int) -> ReconstructionStatus:
        """So many turns of the compute thread, each of them told, however fast they are, or fewer until it is over."""
        for _ in range(times):
            for runner in self.roster.runners:
                runner._next_status = 0.0
                runner.advance()
        return self.status

    def finish(self) -> ReconstructionStatus:
        while self.status.state not in RECONSTRUCTION_OVER:
            self.iterate(1)
        return self.status


@cache
def simulated_frames() -> NDArray[Any]:
    return np.concatenate(list(simulated().blocks()))


@cache
def simulated() -> Scan:
    """60 frames of 64 x 64 of a star."""
    return simulate(spiral(FRAMES, 3.0), size=SIZE, photons=1e7, outermost_zone_m=240e-9, defocus_m=3.0e-3, seed=1)
