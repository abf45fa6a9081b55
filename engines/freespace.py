"""Free space in NumPy: the angular spectrum, for whoever must not load torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def axial_path(shape: tuple[int, int], wavelength_m: float, pixel_m: float) -> NDArray[np.float64]:
    """``sqrt(1/lambda^2 - f^2) - 1/lambda`` of each plane wave (y, x) in 1/m, in the order of a Fourier transform;
    minus infinity where it is evanescent.
    """
    fy, fx = (np.fft.fftfreq(length, pixel_m) for length in shape)
    squared = fy[:, None] ** 2 + fx[None, :] ** 2
    k = 1 / wavelength_m
    # sqrt(k^2 - f^2) - k without cancellation
    path = -squared / (k + np.sqrt(np.clip(k**2 - squared, 0, None)))
    return np.where(squared < k**2, path, -np.inf)


def transfer(path: NDArray[np.float64], distance_m: float) -> NDArray[np.complex128]:
    """What free space does to each plane wave over a distance: ``exp(2 pi i z path)``, 0 where it is evanescent."""
    travelling = np.isfinite(path)
    kernel: NDArray[np.complex128] = np.exp(2j * np.pi * distance_m * np.where(travelling, path, 0.0)) * travelling
    return kernel


def propagated(wave: NDArray[Any], distance_m: float, wavelength_m: float, pixel_m: float) -> NDArray[np.complex64]:
    """A wave (..., y, x) so many metres further along the beam (Goodman, Introduction to Fourier Optics, eq. 3-78; the
    constant phase exp(ikz) is left out). Centred arrays stay centred; evanescent waves are removed.
    """
    shape = wave.shape[-2], wave.shape[-1]
    kernel = transfer(axial_path(shape, wavelength_m, pixel_m), distance_m)
    there: NDArray[np.complex64] = np.fft.ifft2(np.fft.fft2(wave) * kernel.astype(np.complex64)).astype(np.complex64)
    return there
