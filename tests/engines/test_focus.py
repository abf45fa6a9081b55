"""The focus of a probe: known beams, known distances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.focus import find_focus, full_width, widths
from engines.freespace import propagated

WAVELENGTH_M = 2e-10
PIXEL_M = 10e-9
SIZE = 128


def gaussian(waist_m: tuple[float, float]) -> NDArray[np.complex64]:
    """The waist of a Gaussian beam, exp(-(y / wy)^2 - (x / wx)^2)."""
    at = (np.arange(SIZE) - SIZE // 2) * PIXEL_M
    field = np.exp(-((at[:, None] / waist_m[0]) ** 2) - (at[None, :] / waist_m[1]) ** 2)
    return field.astype(np.complex64)


def width_of(waist_m: float) -> float:
    """Full width at half maximum of the intensity exp(-2 (x / w)^2)."""
    return waist_m * math.sqrt(2 * math.log(2))


@pytest.mark.parametrize("defocus_m", [120e-6, -60e-6, 0.0])
def test_gaussian_beam_is_found_at_its_waist(defocus_m: float) -> None:
    waists = 60e-9, 45e-9
    probe = propagated(gaussian(waists), defocus_m, WAVELENGTH_M, PIXEL_M)[None]
    focus = find_focus(probe, WAVELENGTH_M, PIXEL_M)
    depth_m = math.pi * waists[1] ** 2 / WAVELENGTH_M
    assert focus.inside
    assert focus.defocus_m == pytest.approx(defocus_m, abs=0.1 * depth_m)
    assert focus.fwhm_m == pytest.approx([width_of(each) for each in waists], rel=0.02)


def test_beam_grows_as_theory_has_it() -> None:
    """w(z) = w0 sqrt(1 + (z / zR)^2), zR = pi w0^2 / lambda."""
    waist, distance = 60e-9, 150e-6
    rayleigh = math.pi * waist**2 / WAVELENGTH_M
    there = propagated(gaussian((waist, waist)), distance, WAVELENGTH_M, PIXEL_M)[None]
    expected = width_of(waist) * math.sqrt(1 + (distance / rayleigh) ** 2)
    assert widths(there, PIXEL_M) == pytest.approx((expected, expected), rel=0.01)


def test_modes_are_added_up_and_noise_does_not_hide_the_focus() -> None:
    random = np.random.default_rng(0)
    waist = 50e-9
    first = propagated(gaussian((waist, waist)), 100e-6, WAVELENGTH_M, PIXEL_M)
    noise = random.standard_normal((SIZE, SIZE)) + 1j * random.standard_normal((SIZE, SIZE))
    probe = np.stack([first, 0.3 * np.roll(first, 2, axis=1)]) + 1e-3 * np.abs(first).max() * noise
    focus = find_focus(probe, WAVELENGTH_M, PIXEL_M)
    assert focus.defocus_m == pytest.approx(100e-6, abs=8e-6)
    assert focus.fwhm_m[0] == pytest.approx(width_of(waist), rel=0.05)


def test_width_between_points() -> None:
    assert full_width(np.array([0.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0])) == pytest.approx(2.0)
    assert full_width(np.array([0.0, 4.0, 4.0, 0.0])) == pytest.approx(2.0)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_no_light_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="expected finite values and some light"):
        find_focus(np.full((1, 8, 8), value, np.complex64), WAVELENGTH_M, PIXEL_M)
