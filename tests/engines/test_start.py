"""A start without a guess."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.compare import likeness, scanned
from engines.dataset import GrowingDataset
from engines.offline import drive, offline_run
from engines.pie import RPIE
from engines.simulate import Scan
from engines.start import computed_probe, widest_defocus_m


def test_the_probe_is_found_from_the_frames_alone(scan: Scan, dataset: GrowingDataset) -> None:
    mean = dataset.mean_magnitudes()
    probe = computed_probe(scan.geometry, dataset.data(scan.canvas), scan.canvas.shape, mean, modes=2)
    assert probe.shape == (2, 64, 64)
    run = offline_run(RPIE(), 30, dataset, scan.canvas, probe[:1])
    assert list(drive(run))[-1].error < 0.03
    region = scanned(scan.canvas.to_pixels(scan.positions_m), (64, 64), scan.canvas.shape)
    assert likeness(run.state.object.numpy(), scan.object.numpy(), region).correlation > 0.9


def test_no_candidate_is_wider_than_the_window(scan: Scan, dataset: GrowingDataset) -> None:
    widest = widest_defocus_m(scan.geometry, dataset.mean_magnitudes())
    assert widest > 3.0e-3, "the true defocus is among them"
    pupil = scan.geometry.wavelength_m / (2 * 240e-9)
    assert 2 * widest * pupil == pytest.approx(0.8 * 64 * scan.geometry.pixel_m, rel=0.3)
    assert np.isfinite(widest)


def test_no_probe_is_computed_without_frames(scan: Scan) -> None:
    empty = GrowingDataset(64)
    with pytest.raises(ValueError, match="expected frames with counts"):
        computed_probe(scan.geometry, empty.data(scan.canvas), scan.canvas.shape, torch.ones(64, 64))
