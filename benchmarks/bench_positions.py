"""Position refinement on the simulated zone-plate scan `realistic`: how near to the truth, live too, and its cost.

The start is the true first mode out of focus by 0.2 mm, two modes. The steps fall to a tenth for the last iterations.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engines.arrays import Probe
from engines.canvas import Canvas
from engines.compare import likeness, scanned
from engines.dataset import GrowingDataset
from engines.live import LiveRun
from engines.offline import Chunk, chunks, drive, offline_run
from engines.optics import propagate
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.positions import Refinement
from engines.preparation import Preparation
from engines.probes import probe_from_array, scaled, with_modes
from service.formats import ScanFile, open_scan

FILE = Path(__file__).parents[2] / "shared" / "data" / "sim_zoneplate" / "sim_zp_realistic.h5"
ITERATIONS, GENTLE = 100, 40
ENGINE = RPIE(object_step=1.0, probe_step=0.2, object_regularisation=0.2)
NEAR_PX = 110
SHARE = 0.6


@dataclass
class Case:
    """The scan with its truth, ready to be reconstructed."""

    feed: list[Chunk]
    canvas: Canvas
    probe: Probe
    truth: NDArray[np.complex64]  # (row, col), on the canvas
    nominal_m: NDArray[np.float64]
    true_m: NDArray[np.float64]

    @classmethod
    def of(cls, scan: ScanFile) -> Case:
        """Read it all."""
        assert scan.truth is not None and scan.truth.positions_m is not None
        n, geometry = scan.frame_shape[0], scan.geometry
        pixel_m = geometry.wavelength_m * geometry.distance_m / (n * geometry.detector_pixel_m)
        preparation = Preparation(frame_shape=scan.frame_shape, frame_dtype=scan.dtype)
        feed = list(chunks(np.asarray(scan.frames(0, scan.n)), scan.positions_m, preparation, scan.mask))
        canvas = Canvas.from_positions(scan.positions_m, (n, n), pixel_m)
        counts = float(np.mean(np.concatenate([chunk.prepared.counts for chunk in feed])))
        first = probe_from_array(scan.truth.probe[:1], n, counts)
        probe = scaled(with_modes(propagate(first, 2e-4, geometry.wavelength_m, pixel_m), 2), counts)
        row, col = np.rint(canvas.to_exact_pixels(np.zeros((1, 2)))[0]).astype(int)  # where the truth begins
        wide = np.pad(scan.truth.object, n, constant_values=1)[n - row :, n - col :]
        truth = wide[: canvas.shape[0], : canvas.shape[1]]
        return cls(feed, canvas, probe, truth, scan.positions_m, scan.truth.positions_m)

    def run(self, refinement: Refinement | None, live: bool, true: bool) -> LiveRun:
        """A run on nominal or true positions, all frames at once or chunk by chunk."""
        dataset = GrowingDataset(self.probe.shape[-1], len(self.true_m))
        if live:
            policy = LivePolicy(start_after=50, chunk=25, iterations_per_chunk=4, final_iterations=ITERATIONS)
            return LiveRun(ENGINE, policy, dataset, self.canvas, self.probe, refinement=refinement)
        for chunk in self.feed:
            dataset.append(chunk.prepared, self.true_m[chunk.indices] if true else chunk.positions_m, chunk.indices)
        return offline_run(ENGINE, ITERATIONS, dataset, self.canvas, self.probe, refinement=refinement)

    def errors(self, run: LiveRun, true: bool) -> tuple[float, float, float]:
        """Object error against the truth; rms position error in pixels near the scan's centre and over all frames."""
        positions_px = self.canvas.to_exact_pixels(self.true_m if true else self.nominal_m)
        found = positions_px if run.refined_px is None else run.refined_px
        region = scanned(self.canvas.to_pixels(self.nominal_m), self.probe.shape[1:], self.canvas.shape)
        nmse = likeness(run.state.object.numpy(), self.truth, region, shift=True).nmse
        error = found - self.canvas.to_exact_pixels(self.true_m)
        centre = (self.nominal_m.min(axis=0) + self.nominal_m.max(axis=0)) / 2
        near = np.hypot(*(self.nominal_m - centre).T) < NEAR_PX * self.canvas.pixel_m
        return float(np.sqrt(nmse)), _rms(error[near]), _rms(error)


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt(((error - error.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _steps(run: LiveRun, feed: list[Chunk]) -> Iterator[float]:
    """Drive a run and give the error of each iteration; gentle steps in the end."""
    for progress in drive(run, feed):
        if progress.total_iterations and progress.iteration == progress.total_iterations - GENTLE:
            run.engine = replace(ENGINE, object_step=ENGINE.object_step / 10, probe_step=ENGINE.probe_step / 10)
        yield progress.error


def main() -> None:
    """Print a line a case."""
    if not FILE.exists():
        print(f"skipped: expected {FILE}")
        return
    with open_scan(FILE) as scan:
        case = Case.of(scan)
    seconds = {}
    print("positions            object error   position error: near, all (px)   data error   CPU s")
    for name, refinement, live, true in (
        ("nominal", None, False, False),
        ("gradient", Refinement(), False, False),
        ("gradient live", Refinement(), True, False),
        ("correlation", Refinement(method="correlation"), False, False),
        ("true, whole pixels", None, False, True),
    ):
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        run = case.run(refinement, live, true)
        began = time.process_time()
        error = list(_steps(run, case.feed if live else []))[-1]
        seconds[name] = time.process_time() - began
        object_error, near, every = case.errors(run, true)
        print(f"{name:20} {object_error:.4f}         {near:.3f}  {every:.3f}", end="                     ")
        print(f"{error:.4f}       {seconds[name]:.1f}", flush=True)
    if {"nominal", "gradient"} <= seconds.keys():
        more = seconds["gradient"] / seconds["nominal"] - 1
        print(f"refinement adds {more:.0%}")
        assert more < SHARE, f"position refinement adds {more:.0%} to the time, expected less than {SHARE:.0%}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
