"""What is kept of a reconstruction while it runs: curve, positions, checkpoints, history, and the result."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.canvas import Canvas
from engines.checkpoint import Checkpoint, Learnt
from engines.live import LiveRun, Progress
from engines.optics import illumination, well_lit
from engines.state import Data
from service.formats.result import Result, write_result
from service.snapshot import Snapshot
from service.survey import Survey
from service.tables import METRIC_COLUMNS, POSITION_COLUMNS, TableWriter, read_table

COVERAGE_S = 1.0
"""Coverage costs three transforms of the object: it is computed anew at most so often."""
COVERED_SHARE = 0.02
"""A pixel counts as covered where it got this share of the light that well-lit pixels got."""
HISTORY_RATIO = 1.15
"""A moment of the history is kept every so many times more iterations ..."""
HISTORY_S = 1.0
"""... but never more often than this, in seconds."""
RATE_S = 3.0
"""Time constant of the rates that are shown."""


@dataclass
class Clock:
    """Wall time of a reconstruction, over all workers it ran in, and how fast it goes at present."""

    elapsed_s: float = 0.0
    iteration_rate_hz: float = 0.0
    frame_rate_hz: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def tick(self, frames: int) -> None:
        """An iteration over so many frames is done."""
        now = time.monotonic()
        passed = max(now - self._last, 1e-6)
        self._last = now
        self.elapsed_s += passed
        weight = 1 - math.exp(-passed / RATE_S) if self.iteration_rate_hz else 1.0
        self.iteration_rate_hz += weight * (1 / passed - self.iteration_rate_hz)
        self.frame_rate_hz += weight * (frames / passed - self.frame_rate_hz)


class Keeper:
    """Writes a reconstruction's folder; see reconstructions.py for what lies where."""

    def __init__(self, folder: Path, wavelength_m: float) -> None:
        self.wavelength_m = wavelength_m
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.metrics = TableWriter(folder / "metrics.f64", len(METRIC_COLUMNS))
        self.positions = TableWriter(folder / "positions.f64", len(POSITION_COLUMNS))
        self._told_before = read_table(folder / "positions.f64", len(POSITION_COLUMNS))[:, 0]
        self._admitted = 0  # a restarted worker may take frames in in another order
        self.snapshots = 0
        """Snapshots taken so far."""
        self.moments = len(list((folder / "snapshots").glob("*.h5")))
        """Snapshots that are kept as history."""
        self.survey: Survey | None = None
        """The last survey, kept with the next checkpoint."""
        self.error: float | None = None
        """The last relative amplitude error that was computed."""
        self.clock = Clock()
        self._covered: NDArray[np.bool_] = np.zeros((0, 0), bool)
        self._cover_at = 0.0
        self._last_history = 0
        self._next_moment = 0.0

    def resume(self, canvas: Canvas, device: torch.device) -> Checkpoint | None:
        """Where an earlier worker was: its picture, what it had learnt, and its count of iterations. `canvas` is what
        this one would use.

        The curve may be some iterations ahead of the picture; iteration numbers go on from the curve.
        """
        rows = read_table(self.folder / "metrics.f64", len(METRIC_COLUMNS))
        try:
            saved = Snapshot.load(self.folder / "checkpoint.h5")
            more = Snapshot.load_more(self.folder / "checkpoint.h5")
            learnt = Learnt.from_arrays(more, device) if more else None
        except (OSError, KeyError):
            return None
        if canvas.growable:  # it had grown from other first positions, on a lattice of its own
            shape = saved.object.shape[0], saved.object.shape[1]
            canvas = replace(canvas, shape=shape, reference_m=saved.origin_m, origin_px=(0, 0))
        if not len(rows) or saved.object.shape != canvas.shape:
            return None
        self.snapshots = saved.number
        self._last_history = saved.iteration
        self.clock.elapsed_s = float(rows[-1][4])
        return Checkpoint(
            object=torch.from_numpy(saved.object).to(device),
            probe=torch.from_numpy(saved.probe).to(device),
            canvas=canvas,
            iteration=int(rows[-1][0]),
            frames=saved.frames,
            learnt=learnt and learnt.delayed(int(rows[-1][0]) - saved.iteration),
        )

    def note(self, progress: Progress) -> None:
        """Keep an iteration's numbers."""
        self.clock.tick(progress.frames)
        self.metrics.append(
            (progress.iteration, progress.frames, progress.error, progress.r_factor, self.clock.elapsed_s)
        )
        if math.isfinite(progress.error):
            self.error = progress.error

    def note_admitted(self, run: LiveRun) -> None:
        """Keep the positions of the frames that were taken in since."""
        data = run.data
        if data is None or data.count <= self._admitted:
            return
        rows = _centres(run, data)[self._admitted :]
        self._admitted = data.count
        self.positions.append(rows[~np.isin(rows[:, 0], self._told_before)])

    def snapshot(self, run: LiveRun) -> Snapshot:
        """A copy of the present moment; the run must have frames."""
        assert run.data is not None
        rows = run.data.rows
        self.snapshots += 1
        return Snapshot(
            number=self.snapshots,
            iteration=run.state.iteration,
            frames=run.frames,
            newest_index=int(run.dataset.indices()[rows].max()),
            data_ns=int(run.dataset.arrived_ns()[rows].max()),
            pixel_m=run.canvas.pixel_m,
            origin_m=run.canvas.origin_m,
            wavelength_m=self.wavelength_m,
            object=run.state.object.cpu().numpy().copy(),
            probe=run.modes.cpu().numpy(),
            covered=self._coverage(run),
            positions=_centres(run, run.data),
        )

    def checkpoint(self, run: LiveRun) -> None:
        """Keep the present moment to go on from."""
        snapshot = self.snapshot(run)
        snapshot.save(self.folder / "checkpoint.h5", run.learnt.arrays())
        self.remember(snapshot)
        if self.survey is not None:
            self.survey.save(self.folder / "survey.h5")

    def remember(self, snapshot: Snapshot) -> None:
        """Keep a snapshot as a moment of the history, if it is time for one."""
        now = time.monotonic()
        if snapshot.iteration < HISTORY_RATIO * self._last_history or now < self._next_moment:
            return
        self._last_history, self._next_moment = snapshot.iteration, now + HISTORY_S
        snapshot.save(self.folder / "snapshots" / f"{snapshot.iteration:08d}.h5")
        self.moments += 1

    def write_result(self, path: Path, run: LiveRun, **about: Any) -> None:
        """Write the result file; `about` is what `Result` wants to know besides."""
        assert run.data is not None
        data = run.data
        light = illumination(run.state.probe, data.positions, run.canvas.shape)
        given_m, refined_px = run.dataset.positions_m()[data.rows], run.refined_px
        result = Result(
            object=run.state.object[None].cpu().numpy(),
            probe=run.modes.cpu().numpy(),
            pixel_m=run.canvas.pixel_m,
            origin_m=run.canvas.origin_m,
            positions_m=given_m if refined_px is None else run.canvas.to_metres(refined_px),
            positions_px=data.positions.numpy().astype(np.float64) if refined_px is None else refined_px,
            frame_index=run.dataset.indices()[data.rows],
            metrics=read_table(self.folder / "metrics.f64", len(METRIC_COLUMNS)),
            metric_columns=METRIC_COLUMNS,
            coverage=light.cpu().numpy(),
            **about,
        )
        write_result(path, result)

    def close(self) -> None:
        """Close the tables."""
        self.metrics.close()
        self.positions.close()

    def _coverage(self, run: LiveRun) -> NDArray[np.bool_]:
        """Where the probe has been."""
        now = time.monotonic()
        if now >= self._cover_at or self._covered.shape != run.canvas.shape or run.finished:
            assert run.data is not None
            light = illumination(run.state.probe, run.data.positions, run.canvas.shape).cpu().numpy()
            self._covered = light > COVERED_SHARE * well_lit(light)
            self._cover_at = now + COVERAGE_S
        return self._covered


def _centres(run: LiveRun, data: Data) -> NDArray[np.float64]:
    """Rows of POSITION_COLUMNS."""
    corners = data.positions.numpy() if run.refined_px is None else run.refined_px
    return np.column_stack([run.dataset.indices()[data.rows], corners + np.asarray(data.window) / 2])
