"""Where along the beam a probe is sharpest, and how wide it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.freespace import axial_path, transfer

REACH = 1.5
"""Planes are looked at so many times as far as a perfectly focused beam of this size and divergence would need."""
NOISE = 0.02
"""Powers below this share of the brightest tell nothing of size and divergence."""
LEAST_PLANES, MOST_PLANES = 33, 129
ROUNDS = 3
"""Of looking closer, each with a quarter of the step of the one before."""
UPSAMPLED = 16
"""Points for each pixel on the lines on which widths are read."""


@dataclass(frozen=True, kw_only=True)
class Focus:
    """The sharpest plane of a probe: where the sum over pixels of the squared intensity is largest."""

    defocus_m: float
    """From the focus to the sample, along the beam: the probe is the focus, propagated by so much."""
    fwhm_m: tuple[float, float]
    """Full width of the intensity at half its maximum there, (y, x), on the lines through the maximum."""
    reach_m: float
    """Planes up to so far before and behind the sample were looked at."""
    inside: bool
    """Whether the sharpest plane lies within that reach; else what is said is of its end."""


def find_focus(probe: NDArray[Any], wavelength_m: float, pixel_m: float) -> Focus:
    """Look for the focus of a probe (mode, y, x), all modes added up.

    Raises ValueError where the probe is dark or not finite.
    """
    if not np.isfinite(probe).all() or not probe.any():
        raise ValueError("probe: expected finite values and some light, got NaN, infinity or darkness")
    shape = probe.shape[-2], probe.shape[-1]
    spectra = np.fft.fft2(probe.astype(np.complex64))
    path = axial_path(shape, wavelength_m, pixel_m)
    reach, planes = _search_range(probe, spectra, wavelength_m, pixel_m)

    def sharpness(distance: float) -> float:
        intensity = _intensity(spectra, path, distance)
        return float((intensity**2).sum())

    step = 2 * reach / (planes - 1)
    best = max((each * step - reach for each in range(planes)), key=sharpness)
    inside = abs(best) < reach - step / 2
    for _ in range(ROUNDS):
        step /= 4
        best = max((best + each * step for each in range(-4, 5)), key=sharpness)
    there = np.fft.ifft2(spectra * transfer(path, best).astype(np.complex64))
    return Focus(defocus_m=0.0 - best, fwhm_m=widths(there, pixel_m), reach_m=reach, inside=inside)


def widths(waves: NDArray[Any], pixel_m: float) -> tuple[float, float]:
    """Full widths at half maximum (y, x) in metres of the intensity of waves (mode, y, x), through its maximum."""
    intensity = (np.abs(waves) ** 2).sum(axis=0)
    row, col = np.unravel_index(int(np.argmax(intensity)), intensity.shape)
    down, across = (full_width(_fine(line)) / UPSAMPLED * pixel_m for line in (waves[:, :, col], waves[:, row, :]))
    return float(down), float(across)


def full_width(profile: NDArray[np.float64]) -> float:
    """Points between the two places about the maximum where a profile is at half of it, by linear interpolation."""
    peak = int(np.argmax(profile))
    half = profile[peak] / 2
    return _fall(profile[peak:], half) + _fall(profile[peak::-1], half)


def _fall(profile: NDArray[np.float64], half: float) -> float:
    below = np.flatnonzero(profile < half)
    if not below.size:
        return float(len(profile))
    after = int(below[0])
    above, under = float(profile[after - 1]), float(profile[after])
    return after - 1 + (above - half) / (above - under)


def _fine(lines: NDArray[Any]) -> NDArray[np.float64]:
    """Intensity of lines (mode, x), added up and interpolated by their Fourier series, centred on the maximum."""
    length = lines.shape[-1]
    spectrum = np.fft.fft(lines.astype(np.complex128))
    padded = np.zeros((len(lines), length * UPSAMPLED), np.complex128)
    half = length // 2
    padded[:, : length - half], padded[:, -half:] = spectrum[:, : length - half], spectrum[:, length - half :]
    profile = (np.abs(np.fft.ifft(padded)) ** 2).sum(axis=0)
    rolled: NDArray[np.float64] = np.roll(profile, profile.size // 2 - int(np.argmax(profile)))
    return rolled


def _intensity(spectra: NDArray[Any], path: NDArray[np.float64], distance_m: float) -> NDArray[np.float32]:
    waves = np.fft.ifft2(spectra * transfer(path, distance_m).astype(np.complex64))
    return np.asarray((waves.real**2 + waves.imag**2).sum(axis=0), np.float32)


def _search_range(probe: NDArray[Any], spectra: NDArray[Any], wavelength_m: float, pixel_m: float) -> tuple[float, int]:
    """How far to look, in metres, and at how many planes: r.m.s. size over r.m.s. divergence is the farthest that a
    beam can have come from its focus; size times divergence counts depths of focus.
    """
    power = (np.abs(probe) ** 2).sum(axis=0)
    spectral = np.fft.fftshift((np.abs(spectra) ** 2).sum(axis=0))
    size_px, band = _spread(power), _spread(spectral) / np.mean(power.shape)
    reach = REACH * size_px * pixel_m**2 / (wavelength_m * band)
    return float(reach), int(np.clip(8 * REACH * np.pi * size_px * band, LEAST_PLANES, MOST_PLANES)) | 1


def _spread(power: NDArray[Any]) -> float:
    """R.m.s. distance from the centre of mass an axis, in pixels; never less than half a pixel."""
    bright = np.clip(power - NOISE * power.max(), 0, None).astype(np.float64)
    variances = []
    for axis in (0, 1):
        line = bright.sum(axis=1 - axis)
        at = np.arange(len(line))
        mean = (line * at).sum() / line.sum()
        variances.append((line * (at - mean) ** 2).sum() / line.sum())
    return float(max(0.5, np.sqrt(np.mean(variances))))
