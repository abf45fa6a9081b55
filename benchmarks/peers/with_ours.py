"""ptycholive at the driver's word, as ``ptycholive reconstruct`` runs it: its live loop on a complete scan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.peers.clock import Clock, Scan
from engines import kernels, parallel
from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.dm import DM
from engines.live import LiveRun
from engines.offline import chunks, drive, offline_policy
from engines.pie import RPIE
from engines.positions import Refinement
from engines.preparation import Preparation
from engines.probes import scaled, with_modes
from engines.state import Engine
from service.version import VERSION


class Method(NamedTuple):
    """An engine and what it works on."""

    engine: Engine
    modes: int = 1
    refinement: Refinement | None = None


# Like those of PtyLab's mPIE, the steps were tried out for the least time to the error; the defaults are gentler.
BRISK = RPIE(object_regularisation=0.05, object_step=1.0, probe_start=1, metrics_every=0)
METHODS = {
    "dm": Method(DM()),
    "dm, 3 modes": Method(DM(), modes=3),
    "rpie": Method(BRISK),
    "rpie, defaults": Method(RPIE()),
    "rpie, 3 modes": Method(BRISK, modes=3),
    "rpie, refined": Method(BRISK, refinement=Refinement()),
}
MANY = 100_000
"""Iterations, of which the driver asks for as many as it wants."""


def start(scan: Scan, method: Method) -> LiveRun:
    """A run that is ready to be driven."""
    size, positions_m = scan.size, scan.corners * scan.pixel_m
    preparation = Preparation(frame_shape=(size, size), frame_dtype=scan.frames.dtype)
    dataset = GrowingDataset(size, len(scan.frames), preparation.magnitude_dtype)
    for chunk in chunks(scan.frames, positions_m, preparation):
        dataset.append(*chunk)
    canvas = Canvas.from_positions(positions_m, (size, size), scan.pixel_m)
    probe = scaled(with_modes(torch.from_numpy(scan.probe)[None], method.modes), float(dataset.counts().mean()))
    # all frames at once with refinement too, so that an iteration is one on as many frames
    return LiveRun(method.engine, offline_policy(MANY), dataset, canvas, probe, refinement=method.refinement)


def main(path: str, method: str, objects: str) -> None:
    parallel.set_threads(1)
    kernels.load()  # as the service does before it takes frames
    scan = Scan.read(Path(path))
    run = start(scan, METHODS[method])
    top, left = run.canvas.to_pixels(scan.corners * scan.pixel_m).min(axis=0).tolist()
    rows, cols = scan.shape
    iterations = drive(run)
    clock = Clock(f"ptycholive {VERSION}", Path(objects))
    for _ in iterations:
        clock.iterated(run.state.object[top : top + rows, left : left + cols].numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
