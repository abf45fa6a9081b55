"""The error of each frame by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.beam import Beam
from engines.dataset import GrowingDataset
from engines.projections import frame_errors, model_misfit
from engines.simulate import Scan


def test_a_frame_that_does_not_fit_stands_out(scan: Scan, dataset: GrowingDataset) -> None:
    data = dataset.data(scan.canvas)
    alone = frame_errors(scan.object, scan.probe, data, np.array([4]))
    moved = data.positions.clone()
    moved[4] += 6
    errors = frame_errors(scan.object, scan.probe, type(data)(**{**vars(data), "positions": moved}), np.arange(3, 9))
    assert errors.argmax() == 1 and errors[1] > 5 * alone[0]


def test_frames_together_give_the_error_of_all(scan: Scan, dataset: GrowingDataset) -> None:
    data = dataset.data(scan.canvas)
    errors = frame_errors(scan.object, scan.probe, data, np.arange(data.count))
    together = np.sqrt((errors**2 * dataset.counts()).sum() / dataset.counts().sum())
    assert together == pytest.approx(model_misfit(scan.object, scan.probe, data).error, rel=1e-4)


def test_the_beam_of_each_frame_is_its_own(scan: Scan, dataset: GrowingDataset) -> None:
    data = dataset.data(scan.canvas)
    scales = torch.linspace(0.5, 2.0, data.count)
    dimmed = scan.object
    beam = Beam(scales=scales, background=torch.zeros(data.window))
    plain = frame_errors(dimmed, scan.probe, data, np.arange(data.count))
    scaled = frame_errors(dimmed, scan.probe, data, np.arange(data.count), beam)
    even = int((scales - 1).abs().argmin())
    assert scaled[even] == pytest.approx(plain[even], rel=0.2) and scaled[0] > 3 * plain[0]
    assert scaled[-1] == pytest.approx(np.sqrt(2) - 1, rel=0.1)
