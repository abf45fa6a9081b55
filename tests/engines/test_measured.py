"""The measured star, with the probe guess that came with it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engines.canvas import Canvas
from engines.compare import likeness, scanned
from engines.dataset import GrowingDataset
from engines.offline import chunks, drive, offline_run
from engines.optics import FarField
from engines.pie import RPIE
from engines.preparation import Preparation
from engines.probes import probe_from_array
from engines.start import computed_probe


class Star:
    """The scan, its geometry and the reference reconstruction."""

    def __init__(self, folder: Path) -> None:
        with h5py.File(folder / "velociprobe_siemens" / "siemens.h5") as file:
            frames, positions_m, self.guess = file["frames"][:], file["positions_m"][:], file["probe_guess"][:]
            pixel_m = float(file.attrs["pixel_size_object_m"])
            distance_m, detector_pixel_m = (float(file.attrs[name]) for name in ("distance_m", "detector_pixel_m"))
        self.known = np.load(folder / "velociprobe_siemens" / "reference_reconstruction.npz")
        self.geometry = FarField(
            wavelength_m=pixel_m * 128 * detector_pixel_m / distance_m,
            distance_m=distance_m,
            detector_pixel_m=detector_pixel_m,
            size=128,
        )
        preparation = Preparation(frame_shape=(128, 128), frame_dtype=frames.dtype)
        self.dataset = GrowingDataset(128, len(frames), preparation.magnitude_dtype)
        for chunk in chunks(frames, positions_m, preparation):
            self.dataset.append(*chunk)
        self.canvas = Canvas.from_positions(positions_m, (128, 128), pixel_m)
        self.corners = self.canvas.to_pixels(positions_m)

    def reconstruct(self, probe: torch.Tensor, iterations: int) -> tuple[float, float]:
        """Error, and correlation with the reference, which lies on the same lattice, somewhere else."""
        run = offline_run(RPIE(), iterations, self.dataset, self.canvas, probe)
        last = list(drive(run))[-1]
        theirs = np.rint(self.known["positions_px_used"]).astype(int)
        row, col = np.rint(np.median(self.corners - self.known["positions_px_used"], axis=0)).astype(int)
        rows, cols = self.known["object"].shape
        found = run.state.object.numpy()[row : row + rows, col : col + cols]
        region = scanned(theirs, (128, 128), (rows, cols))
        return last.error, likeness(found, self.known["object"], region).correlation


def test_the_measured_star_is_found(measured: Path) -> None:
    star = Star(measured)
    probe = probe_from_array(star.guess, 128, float(star.dataset.counts().mean()))
    error, correlation = star.reconstruct(probe, 40)
    assert error <= 0.13 and correlation >= 0.85


@pytest.mark.parametrize(("start", "most", "least"), [("guess", 0.101, 0.98), ("computed", 0.105, 0.95)])
def test_three_modes_from_the_guess_and_from_none(measured: Path, start: str, most: float, least: float) -> None:
    """Within 60 iterations; 40 do."""
    star = Star(measured)
    probe = probe_from_array(star.guess, 128, float(star.dataset.counts().mean()), 3)
    if start == "computed":
        data, mean = star.dataset.data(star.canvas), star.dataset.mean_magnitudes()
        probe = computed_probe(star.geometry, data, star.canvas.shape, mean, 3)
    error, correlation = star.reconstruct(probe, 40)
    assert error <= most and correlation >= least
