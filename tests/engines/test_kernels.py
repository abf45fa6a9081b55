"""The compiled loops against the same equations in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest import MonkeyPatch

from engines import kernels
from engines.beam import BeamOfFrames
from engines.dataset import GrowingDataset
from engines.metrics import Misfit
from engines.patches import SLICES
from engines.pie import RPIE
from engines.positions import Gradient
from engines.projections import compare, magnitude_projection_
from engines.simulate import Scan
from engines.state import Data
from engines.stochastic import Shares

DTYPES = [torch.complex64, torch.complex128]


def in_torch(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "suit", lambda *tensors: False)


def wave(*shape: int, dtype: torch.dtype, seed: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def data(dataset: GrowingDataset, scan: Scan) -> Data:
    return dataset.data(scan.canvas)


def measured(frames: int, size: int, dtype: torch.dtype) -> torch.Tensor:
    """Magnitudes, some of them not trusted, others 0."""
    magnitudes = wave(frames, size, size, dtype=dtype, seed=7).abs()
    magnitudes[:, ::5, ::3] = -1
    magnitudes[:, 1::5, 1::7] = 0
    return magnitudes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("modes", [1, 3])
@pytest.mark.parametrize("beam", [False, True])
@pytest.mark.parametrize("bound", [0.0, 0.2])
def test_the_magnitude_projection(
    dtype: torch.dtype, modes: int, beam: bool, bound: float, data: Data, monkeypatch: MonkeyPatch
) -> None:
    waves = wave(4, modes, 24, 22, dtype=dtype, seed=modes)
    waves[:, :, 3, 4] = 0  # a dark pixel
    magnitudes = measured(4, 24, dtype)[:, :, :22].contiguous()
    scales = torch.tensor([1.1, 0.7, 0.01, 1.0], dtype=magnitudes.dtype)[:, None, None]  # the third frame has no beam
    seen = BeamOfFrames(scales, 0.1 * magnitudes[0].abs()) if beam else None
    here, there = Misfit(data), Misfit(data)
    ours = magnitude_projection_(waves.clone(), magnitudes, here, seen, bound)
    assert not torch.allclose(ours, waves)
    in_torch(monkeypatch)
    expected = magnitude_projection_(waves.clone(), magnitudes, there, seen, bound)
    tolerance = 1e-5 if dtype == torch.complex64 else 1e-12
    torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance)
    assert (here.error, here.r_factor) == pytest.approx((there.error, there.r_factor), rel=10 * tolerance)


def test_the_misfit_alone(data: Data, monkeypatch: MonkeyPatch) -> None:
    waves, magnitudes = wave(3, 2, 16, 16, dtype=torch.complex64, seed=1), measured(3, 16, torch.complex64)
    here, there = Misfit(data), Misfit(data)
    compare(waves, magnitudes, here)
    in_torch(monkeypatch)
    compare(waves, magnitudes, there)
    assert (here.error, here.r_factor) == pytest.approx((there.error, there.r_factor), rel=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("modes", [1, 3])
@pytest.mark.parametrize("regularisation", [(0.3, 0.6), (1.0, 1.0)])
@pytest.mark.parametrize("probe_share", [0.0, 0.4])
def test_the_correction_of_one_frame(
    dtype: torch.dtype, modes: int, regularisation: tuple[float, float], probe_share: float, monkeypatch: MonkeyPatch
) -> None:
    engine = RPIE(object_regularisation=regularisation[0], probe_regularisation=regularisation[1])
    whole, probe = wave(40, 50, dtype=dtype, seed=1), wave(modes, 24, 20, dtype=dtype, seed=2)
    difference = wave(1, modes, 24, 20, dtype=dtype, seed=3)
    view = [(slice(0, 24), slice(0, 20))]
    corrected = []
    for _ in range(2):
        object, mine = whole.clone(), probe.clone()
        engine.correct_(object[16:, 30:], mine, difference.clone(), view, Shares(0.9, probe_share))
        corrected.append((object, mine))
        in_torch(monkeypatch)
    (object, mine), (expected, other) = corrected
    tolerance = 1e-5 if dtype == torch.complex64 else 1e-12
    torch.testing.assert_close(object, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)
    assert torch.equal(object[:16], whole[:16]) and torch.equal(object[:, :30], whole[:, :30])
    assert not torch.equal(object, whole) and torch.equal(mine, probe) == (probe_share == 0)


def test_a_probe_and_a_window_without_light() -> None:
    object, probe = torch.zeros(8, 8, dtype=torch.complex64), torch.zeros(1, 8, 8, dtype=torch.complex64)
    difference = torch.ones(1, 1, 8, 8, dtype=torch.complex64)
    RPIE().correct_(object, probe, difference, [(slice(0, 8), slice(0, 8))], Shares(1.0, 1.0))
    assert not object.any() and not probe.any()


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1), (5, 0), (0, 6)])
def test_nothing_beyond_the_object_is_touched(corner: tuple[int, int]) -> None:
    object, waves = torch.zeros(12, 13, dtype=torch.complex64), torch.ones(1, 1, 8, 8, dtype=torch.complex64)
    corners = torch.tensor([corner])
    for add_, total, other in (
        (SLICES.add_to_object_, object, waves[0]),
        (SLICES.add_to_probe_, waves[0].clone(), object),
    ):
        with pytest.raises(IndexError, match="window"):
            add_(total, corners, waves, other)
    with pytest.raises(IndexError, match="window"):
        Gradient().equations(object, corners, waves[0], waves)
    assert not object.any()


def test_a_window_that_is_not_the_probes_is_refused() -> None:
    object, waves = torch.zeros(12, 13, dtype=torch.complex64), torch.ones(1, 1, 8, 8, dtype=torch.complex64)
    with pytest.raises(IndexError, match="window"):
        RPIE().correct_(object[8:, 8:], waves[0], waves, [(slice(0, 8), slice(0, 8))], Shares(1.0, 1.0))


def test_what_is_not_a_number_is_passed_on() -> None:
    waves, magnitudes = torch.ones(1, 1, 8, 8, dtype=torch.complex64), torch.ones(1, 8, 8)
    waves[0, 0, 2, 3] = torch.nan
    assert np.isnan(kernels.misfits(waves.numpy(), magnitudes.numpy(), None, None)[0, :2]).all()
    magnitude_projection_(waves, magnitudes)
    assert torch.isnan(waves.real).sum() == 1


def test_what_lies_otherwise_in_memory_is_left_to_torch() -> None:
    waves = torch.ones(1, 1, 8, 8, dtype=torch.complex64)
    assert kernels.suit(waves)
    assert not kernels.suit(waves.transpose(2, 3)[..., :4]) and not kernels.suit(waves.conj())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("modes", [1, 3])
def test_the_equations_of_a_position(dtype: torch.dtype, modes: int, monkeypatch: MonkeyPatch) -> None:
    object, probe = wave(40, 50, dtype=dtype, seed=1), wave(modes, 24, 20, dtype=dtype, seed=2)
    difference, corners = wave(3, modes, 24, 20, dtype=dtype, seed=3), torch.tensor([[0, 0], [16, 30], [5, 7]])
    ours = Gradient().equations(object, corners, probe, difference)
    in_torch(monkeypatch)
    expected = Gradient().equations(object, corners, probe, difference)
    tolerance = 1e-4 if dtype == torch.complex64 else 1e-12
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one.double(), other.double(), rtol=tolerance, atol=10 * tolerance)
