"""Geometry and propagation: free functions on tensors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy import ndarray
from torch import Tensor

from engines.arrays import Object, Positions, Probe, Views, Waves
from engines.freespace import axial_path, transfer
from engines.patches import backend

PLANCK_J_S = 6.62607015e-34
LIGHT_M_S = 299_792_458.0
ELECTRON_VOLT_J = 1.602176634e-19

SKIRTS = 1e-3
"""Share of the most light, below which a pixel is not lit."""


@dataclass(frozen=True, kw_only=True)
class FarField:
    """A transmission experiment whose detector sees the Fourier transform of the exit wave."""

    wavelength_m: float
    """In metres."""
    distance_m: float
    """From sample to detector, in metres."""
    detector_pixel_m: float
    """Edge of a square detector pixel, in metres."""
    size: int
    """Pixels along one edge of a frame."""

    @property
    def pixel_m(self) -> float:
        """Edge of a pixel of object and probe in metres: wavelength * distance / (size * detector pixel)."""
        return self.wavelength_m * self.distance_m / (self.size * self.detector_pixel_m)


def wavelength_m(energy_J: float) -> float:  # noqa: N803 - the unit's own spelling
    """Wavelength in metres of photons of this energy in joule."""
    return PLANCK_J_S * LIGHT_M_S / energy_J


def fft2(waves: Tensor, out: Tensor | None = None) -> Tensor:
    """Unitary Fourier transform over the last two axes, zero frequency at the corner: sample to detector."""
    transformed: Tensor = torch.fft.fft2(waves, norm="ortho", out=out)
    return transformed


def ifft2(waves: Tensor, out: Tensor | None = None) -> Tensor:
    """Inverse, and adjoint, of `fft2`: detector to sample."""
    transformed: Tensor = torch.fft.ifft2(waves, norm="ortho", out=out)
    return transformed


def views(object: Object, positions: Positions, shape: tuple[int, int]) -> Views:
    """Cut each frame's window from the object; the adjoint of `add_patches_`."""
    return backend(object.device).cut(object, positions, shape)


def add_patches_(object: Object, positions: Positions, patches: Views) -> Object:
    """Add each frame's patch to the object in place, at the frame's window; the adjoint of `views`."""
    return backend(object.device).add_(object, positions, patches)


def exit_waves(probe: Probe, object: Object, positions: Positions, out: Waves) -> Waves:
    """Exit waves ``probe * object[window]`` of each frame, into `out` (frame, mode, y, x)."""
    return backend(object.device).exit_waves(probe, object, positions, out)


def intensity(waves: Complex[Tensor, "*batch y x"]) -> Float[Tensor, "*batch y x"]:
    """|waves|^2, as real numbers."""
    squares: Tensor = torch.mul(waves, waves.conj()).real
    return squares


def over_modes(modes: Iterable[Tensor]) -> Tensor:
    """Sum over modes, which for a single one costs nothing."""
    first, *further = modes
    for each in further:
        first = first + each
    return first


def propagate(
    wave: Complex[Tensor, "*batch y x"], distance_m: float, wavelength_m: float, pixel_m: float
) -> Complex[Tensor, "*batch y x"]:
    """Free space by the angular spectrum, ``F^-1[ F[wave] exp(2 pi i z (sqrt(1/lambda^2 - f^2) - 1/lambda)) ]``
    (Goodman, Introduction to Fourier Optics, eq. 3-78; the constant phase exp(ikz) is left out).

    Near the axis this is the Fresnel propagator exp(-i pi lambda z f^2). Evanescent waves are removed.
    Centred arrays stay centred; distances and pixels in metres.
    """
    shape = wave.shape[-2], wave.shape[-1]
    kernel = torch.from_numpy(transfer(axial_path(shape, wavelength_m, pixel_m), distance_m)).to(wave.device)
    return ifft2(fft2(wave.to(torch.complex128)) * kernel).to(wave.dtype)


class CountMap:
    """How often each lattice point is the corner of a window; sums over frames of anything that is the same in each
    frame but for its place are one convolution with it, however many frames there are.
    """

    def __init__(self, positions: Positions, shape: tuple[int, int], device: torch.device) -> None:
        self.shape = shape
        self._padded = (fast_length(shape[0]), fast_length(shape[1]))
        flat = positions[:, 0] * self._padded[1] + positions[:, 1]
        counts = torch.bincount(flat, minlength=self._padded[0] * self._padded[1]).reshape(self._padded)
        self._spectrum = torch.fft.rfft2(counts.to(device, torch.float64))

    def spread(self, kernel: Float[Tensor, "y x"]) -> Float[Tensor, "row col"]:
        """sum_j kernel(r - r_j) over the object, e.g. of |probe|^2: the object's denominator."""
        spectrum = torch.fft.rfft2(kernel.double(), s=self._padded)
        total = torch.fft.irfft2(spectrum.mul_(self._spectrum), s=self._padded)
        return _positive(total[: self.shape[0], : self.shape[1]])

    def gather(self, field: Float[Tensor, "row col"], window: tuple[int, int]) -> Float[Tensor, "y x"]:
        """sum_j field(r + r_j) over a window, e.g. of |object|^2: the probe's denominator."""
        spectrum = torch.fft.rfft2(field.double(), s=self._padded)
        total = torch.fft.irfft2(spectrum.mul_(self._spectrum.conj()), s=self._padded)
        return _positive(total[: window[0], : window[1]])


def _positive(total: Tensor) -> Tensor:
    """What a sum of squares may be, once the transforms have rounded it."""
    return total.clamp(min=0).to(torch.float32)


def fast_length(length: int) -> int:
    """The smallest number from `length` on that has no prime factor above 5."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


def illumination(probe: Probe, positions: Positions, shape: tuple[int, int]) -> Float[Tensor, "row col"]:
    """Counts that fell on each pixel of an object of this shape: 0 where the scan has not been."""
    return CountMap(positions, shape, probe.device).spread(over_modes(intensity(probe)))


def well_lit(light: Float[ndarray, "row col"]) -> float:
    """Counts on the well-lit pixels of an `illumination`: the 95th percentile of those that got some. What is left of
    the transforms' rounding, and a probe's faint skirts, are not counted, of which there may be many times more.
    """
    some = light[light > SKIRTS * light.max()]
    return float(np.percentile(some[:: 1 + some.size // 10_000], 95)) if some.size else 1.0


def bounding_box(corners: Iterable[tuple[int, int]], shape: tuple[int, int]) -> tuple[slice, slice]:
    """The smallest box that holds all of these windows."""
    rows, cols = zip(*corners, strict=True)
    return slice(min(rows), max(rows) + shape[0]), slice(min(cols), max(cols) + shape[1])
