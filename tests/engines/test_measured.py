"""The measured star, with the probe guess that came with it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from engines.canvas import Canvas
from engines.compare import likeness, scanned
from engines.dataset import GrowingDataset
from engines.offline import chunks, drive, offline_run
from engines.pie import RPIE
from engines.preparation import Preparation
from engines.probes import probe_from_array


def test_the_measured_star_is_found(measured: Path) -> None:
    with h5py.File(measured / "velociprobe_siemens" / "siemens.h5") as file:
        frames, positions_m, guess = file["frames"][:], file["positions_m"][:], file["probe_guess"][:]
        pixel_m = float(file.attrs["pixel_size_object_m"])
    known = np.load(measured / "velociprobe_siemens" / "reference_reconstruction.npz")
    preparation = Preparation(frame_shape=(128, 128), frame_dtype=frames.dtype)
    dataset = GrowingDataset(128, len(frames), preparation.magnitude_dtype)
    for chunk in chunks(frames, positions_m, preparation):
        dataset.append(*chunk)
    canvas = Canvas.from_positions(positions_m, (128, 128), pixel_m)
    probe = probe_from_array(guess, 128, float(dataset.counts().mean()))
    run = offline_run(RPIE(), 40, dataset, canvas, probe)
    last = list(drive(run))[-1]
    assert last.error <= 0.13
    # the reference lies on the same lattice, somewhere else
    theirs = np.rint(known["positions_px_used"]).astype(int)
    row, col = np.rint(np.median(canvas.to_pixels(positions_m) - known["positions_px_used"], axis=0)).astype(int)
    rows, cols = known["object"].shape
    found = run.state.object.numpy()[row : row + rows, col : col + cols]
    region = scanned(theirs, (128, 128), (rows, cols))
    assert likeness(found, known["object"], region).correlation >= 0.85
