"""cdtools at the driver's word, with its leanest model, by its public interface."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from cdtools.datasets import Ptycho2DDataset
from cdtools.models import SimplePtycho
from cdtools.reconstructors import AdamReconstructor
from cdtools.tools.initializers import exit_wave_geometry

from benchmarks.peers.clock import Clock, Scan

MANY = 100_000
"""Epochs, of which the driver asks for as many as it wants."""
BATCH, RATE = 10, 0.02


def main(path: str, method: str, objects: str) -> None:
    scan = Scan.read(Path(path))
    detector = torch.tensor([[0, -1], [-1, 0], [0, 0]]) * scan.detector_pixel_m
    basis = exit_wave_geometry(detector, (scan.size, scan.size), scan.wavelength_m, scan.distance_m)
    translations = torch.from_numpy(scan.corners.astype(np.float32)) @ basis.T.float()  # (frame, 3) in metres
    geometry = {"distance": scan.distance_m, "basis": detector}
    data = Ptycho2DDataset(translations, scan.frames, wavelength=scan.wavelength_m, detector_geometry=geometry)
    model = SimplePtycho(scan.wavelength_m, basis, scan.probe, torch.ones(scan.shape, dtype=torch.complex64))
    running = AdamReconstructor(model, data)
    epochs = running.optimize(MANY, batch_size=BATCH, lr=RATE, thread=False, calculation_width=BATCH)
    clock = Clock(f"cdtools {version('cdtools-py')}", Path(objects))
    for _ in epochs:
        clock.iterated(model.obj.detach().numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
