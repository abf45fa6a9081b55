"""The ramp that is taken off for the eye."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.ramp import PhasePlane, mean_phase, phase_plane

SHAPE = (300, 240)


def weak() -> NDArray[np.float64]:
    """A phase of 0.01 rad in a chequered pattern."""
    rows, cols = np.indices(SHAPE)
    return 0.01 * ((rows // 8 + cols // 8) % 2)


def covered() -> NDArray[np.bool_]:
    inside = np.zeros(SHAPE, bool)
    inside[20:-30, 15:-25] = True
    return inside


@pytest.mark.parametrize("ramp", [(0.0, 0.0), (0.05, -0.02), (1.1, 0.7)])
def test_weak_contrast_reads_right_once_the_ramp_is_gone(ramp: tuple[float, float]) -> None:
    plane = PhasePlane(2.0, *ramp)
    field = np.exp(1j * weak()) / plane.removed(np.ones(SHAPE))
    found = phase_plane(field, covered())
    assert found[1:] == pytest.approx(ramp, abs=1e-6)
    left = np.angle(found.removed(field))[covered()]
    expected = weak()[covered()] - weak()[covered()].mean()
    assert np.abs(left - expected).max() < 2e-4


def test_strong_object_keeps_its_phase() -> None:
    field = np.exp(1j * np.where(weak() > 0, 2.5, 0.0)) / PhasePlane(0.3, 0.04, 0.06).removed(np.ones(SHAPE))
    assert phase_plane(field, covered())[1:] == pytest.approx((0.04, 0.06), abs=1e-3)


def test_crop_is_flattened_like_the_whole() -> None:
    plane = PhasePlane(0.4, 0.03, -0.01)
    field = np.exp(1j * weak()).astype(np.complex64)
    assert np.allclose(plane.removed(field)[40:50, 70:90], plane.removed(field[40:50, 70:90], 40, 70), atol=1e-5)


def test_nothing_covered_has_no_plane() -> None:
    nothing = np.zeros(SHAPE, bool)
    assert phase_plane(np.ones(SHAPE), nothing) == PhasePlane(0.0, 0.0, 0.0) == mean_phase(np.ones(SHAPE), nothing)
