"""The simulated zone-plate scans against their truth: position refinement on `realistic`, live and offline, and what it
costs; `realistic` with its true positions; `clean`.

The start is the true first mode out of focus by 0.2 mm, as many modes as were simulated. Object errors after constant,
ramp and sub-pixel registration.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines import parallel
from engines.arrays import Probe
from engines.canvas import Canvas
from engines.chain import Chain, Stage
from engines.compare import likeness, scanned
from engines.dataset import GrowingDataset
from engines.live import LiveRun
from engines.ml import ML
from engines.offline import Chunk, chunks, drive, offline_policy
from engines.optics import propagate
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.positions import Refinement
from engines.preparation import Preparation
from engines.probes import probe_from_array, scaled, with_modes
from engines.state import Engine
from service.formats import ScanFile, open_scan

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "sim_zoneplate"
SWEEPS = RPIE(object_step=1.0, probe_step=0.2, object_regularisation=0.1)
FAST = replace(SWEEPS, object_regularisation=0.02)
REFINED = Chain((Stage(SWEEPS, 1), Stage(ML(), 60)))
KNOWN = Chain((Stage(FAST, 20), Stage(ML(fit_intensities=True, background_counts=0.02), None)))
AS_GIVEN = Refinement(start=10**6)
"""Windows between pixels, where they are."""
NEAR_PX = 110
SHARE = 0.6


@dataclass
class Case:
    """A scan with its truth, ready to be reconstructed."""

    feed: list[Chunk]
    canvas: Canvas
    probe: Probe
    truth: NDArray[np.complex64]  # (row, col), on the canvas
    nominal_m: NDArray[np.float64]
    true_m: NDArray[np.float64]

    @classmethod
    def of(cls, scan: ScanFile) -> Case:
        """Read it all."""
        assert scan.truth is not None
        n, geometry = scan.frame_shape[0], scan.geometry
        pixel_m = geometry.wavelength_m * geometry.distance_m / (n * geometry.detector_pixel_m)
        preparation = Preparation(frame_shape=scan.frame_shape, frame_dtype=scan.dtype)
        feed = list(chunks(np.asarray(scan.frames(0, scan.n)), scan.positions_m, preparation, scan.mask))
        canvas = Canvas.from_positions(scan.positions_m, (n, n), pixel_m)
        counts = float(np.mean(np.concatenate([chunk.prepared.counts for chunk in feed])))
        first = probe_from_array(scan.truth.probe[:1], n, counts)
        start = propagate(first, 2e-4, geometry.wavelength_m, pixel_m)
        probe = scaled(with_modes(start, len(scan.truth.probe)), counts)
        row, col = np.rint(canvas.to_exact_pixels(np.zeros((1, 2)))[0]).astype(int)  # where the truth begins
        wide = np.pad(scan.truth.object, n, constant_values=1)[n - row :, n - col :]
        truth = wide[: canvas.shape[0], : canvas.shape[1]]
        true_m = scan.positions_m if scan.truth.positions_m is None else scan.truth.positions_m
        return cls(feed, canvas, probe, truth, scan.positions_m, true_m)

    def run(self, engine: Engine | Chain, policy: LivePolicy, refinement: Refinement | None, true: bool) -> LiveRun:
        """A run on nominal or true positions, with all frames there or none yet."""
        dataset = GrowingDataset(self.probe.shape[-1], len(self.true_m))
        if not policy.iterations_per_chunk:
            for chunk in self.feed:
                dataset.append(chunk.prepared, self.true_m[chunk.indices] if true else chunk.positions_m, chunk.indices)
        return LiveRun(engine, policy, dataset, self.canvas, self.probe, refinement=refinement)

    def object_error(self, run: LiveRun) -> float:
        """Against the truth, over the scanned square."""
        n = self.probe.shape[-1]
        region = scanned(self.canvas.to_pixels(self.nominal_m), (n, n), self.canvas.shape)
        return float(np.sqrt(likeness(run.state.object.numpy(), self.truth, region, shift=True).nmse))

    def position_errors(self, run: LiveRun) -> tuple[float, float]:
        """Rms in pixels near the scan's centre and over all frames, mean removed."""
        found = self.canvas.to_exact_pixels(self.nominal_m) if run.refinement is None else run.refined_px
        error = found - self.canvas.to_exact_pixels(self.true_m)
        centre = (self.nominal_m.min(axis=0) + self.nominal_m.max(axis=0)) / 2
        near = np.hypot(*(self.nominal_m - centre).T) < NEAR_PX * self.canvas.pixel_m
        return _rms(error[near]), _rms(error)


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt(((error - error.mean(axis=0)) ** 2).sum(axis=1).mean()))


def refinements(case: Case, chosen: list[str]) -> None:
    """A line for each way to find the positions."""
    seconds = {}
    print("realistic, positions  object error   position error: near, all (px)   data error   CPU s")
    growing = offline_policy(100, refine=True)
    for name, refinement in (
        ("nominal", None),
        ("gradient", Refinement()),
        ("correlation", Refinement(method="correlation")),
    ):
        if chosen and name not in chosen:
            continue
        run = case.run(REFINED, growing, refinement, true=False)
        began = time.process_time()
        error = list(drive(run, case.feed))[-1].error
        seconds[name] = time.process_time() - began
        near, every = case.position_errors(run)
        print(f"{name:21} {case.object_error(run):.4f}         {near:.3f}  {every:.3f}", end="                     ")
        print(f"{error:.4f}       {seconds[name]:.1f}", flush=True)
    if {"nominal", "gradient"} <= seconds.keys():
        more = seconds["gradient"] / seconds["nominal"] - 1
        print(f"refinement adds {more:.0%} (bound {SHARE:.0%})")


def known_positions(name: str, case: Case, engine: Engine | Chain) -> None:
    """A line of object errors after some iterations, positions being known."""
    run = case.run(engine, offline_policy(200), AS_GIVEN, true=True)
    print(f"{name}, true positions, iteration: object error", end=" ")
    for progress in drive(run):
        if progress.iteration in (20, 40, 60, 100, 150, 200):
            print(f"  {progress.iteration}: {case.object_error(run):.4f}", end="", flush=True)
    print()


def main() -> None:
    """Print a line a case; names of cases can be given: nominal gradient correlation true clean."""
    if not FOLDER.exists():
        print(f"skipped: expected {FOLDER}")
        return
    chosen = sys.argv[1:]
    with open_scan(FOLDER / "sim_zp_realistic.h5") as scan:
        realistic = Case.of(scan)
    refinements(realistic, chosen)
    if not chosen or "true" in chosen:
        known_positions("realistic", realistic, KNOWN)
    if not chosen or "clean" in chosen:
        with open_scan(FOLDER / "sim_zp_clean.h5") as scan:
            known_positions("clean", Case.of(scan), replace(FAST, annealing=0))


if __name__ == "__main__":
    parallel.set_threads(1)
    main()
