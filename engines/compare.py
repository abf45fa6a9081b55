"""How alike two objects are, once the freedoms that ptychography cannot fix are removed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Two objects compared over a region."""

    correlation: float
    """|sum a conj(b)| / sqrt(sum |a|^2 sum |b|^2) of the mean-free objects; 1 is equal; NaN: one is flat."""
    nmse: float
    """sum |a - g b|^2 / sum |a|^2 with the best constant g (Maiden & Rodenburg, Ultramicroscopy 109 (2009), eq. 12)."""


REFINEMENTS = 6
"""Gauss-Newton steps; the ramp starts within half a pixel of the transform, from where three are enough."""


def remove_ramp(image: Image, reference: Image, region: NDArray[np.bool_]) -> Image:
    """Multiply the image by the constant and the linear phase ramp that bring it nearest to the reference:
    ``min over g, k of sum |reference - g exp(i k r) image|^2`` over the region.

    The ramp starts where the Fourier transform of conj(image) * reference peaks and is refined by least squares: what
    is left of a ramp would else hide differences at the shot noise.
    """
    product = np.where(region, np.conj(image) * reference, 0)
    peak = np.unravel_index(np.argmax(np.abs(np.fft.fft2(product))), product.shape)
    grid = [np.arange(length) - length / 2 for length in image.shape]
    start = [2 * np.pi * np.fft.fftfreq(length)[at] for length, at in zip(image.shape, peak, strict=True)]
    fitted: Image = image.astype(np.complex128) * _ramp(grid, *start)
    row, col = (axis[region] for axis in np.meshgrid(*grid, indexing="ij"))
    for _ in range(REFINEMENTS):
        current = fitted[region]
        fitted = fitted * (np.vdot(current, reference[region]) / np.vdot(current, current))
        current = fitted[region]
        columns = np.stack([current, 1j * current, 1j * row * current, 1j * col * current])  # (parameter, pixel)
        normal = (columns.conj() @ columns.T).real
        gain, turn, along_rows, along_cols = np.linalg.solve(
            normal, (columns.conj() @ (reference[region] - current)).real
        )
        fitted = fitted * (1 + gain) * np.exp(1j * turn) * _ramp(grid, along_rows, along_cols)
    return fitted


def _ramp(grid: list[NDArray[Any]], along_rows: float, along_cols: float) -> Image:
    ramp: Image = np.exp(1j * (along_rows * grid[0][:, None] + along_cols * grid[1][None, :]))
    return ramp


def register(image: Image, reference: Image, region: NDArray[np.bool_]) -> Image:
    """The image moved by the fraction of a pixel or few that brings it nearest to the reference, by Gauss-Newton steps
    on ``sum |reference - g image(r - s)|^2`` between those that remove the ramp. Refined positions leave one free: all
    frames moved alike move the object.
    """
    fitted = remove_ramp(image, reference, region)
    for _ in range(REFINEMENTS):
        slopes = [np.gradient(fitted, axis=axis)[region] for axis in (0, 1)]
        columns = np.stack([fitted[region], 1j * fitted[region], *slopes])  # (parameter, pixel)
        normal = (columns.conj() @ columns.T).real
        found = np.linalg.solve(normal, (columns.conj() @ (reference - fitted)[region]).real)
        fitted = remove_ramp(shifted(fitted, -found[2:]), reference, region)
    return fitted


def shifted(image: Image, shift: NDArray[np.float64]) -> Image:
    """An image moved down and right by fractions of a pixel, by its Fourier transform; it wraps around."""
    rows, cols = (np.fft.fftfreq(length) for length in image.shape)
    ramp = np.exp(-2j * np.pi * (rows[:, None] * shift[0] + cols[None, :] * shift[1]))
    moved: Image = np.fft.ifft2(np.fft.fft2(image) * ramp)
    return moved


def likeness(
    image: Image, reference: Image, region: NDArray[np.bool_], *, ramp: bool = True, shift: bool = False
) -> Likeness:
    """Compare an image with a reference of the same shape where `region` is true; with `shift`, registered first."""
    if image.shape != reference.shape or image.shape != region.shape:
        raise ValueError(f"compare: expected equal shapes, got {image.shape}, {reference.shape} and {region.shape}")
    if not region.any():
        raise ValueError("compare: expected a region with at least one pixel, got none")
    image = register(image, reference, region) if shift else image
    a = reference[region]
    b = (remove_ramp(image, reference, region) if ramp else image)[region]
    constant = np.vdot(b, a) / np.vdot(b, b)
    nmse = np.sum(np.abs(a - constant * b) ** 2) / np.sum(np.abs(a) ** 2)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real))
    return Likeness(correlation=float(np.abs(np.vdot(a, b))) / spread if spread else math.nan, nmse=float(nmse))


def scanned(
    positions_px: NDArray[np.integer[Any]], window: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """The rectangle of an object through which the windows' centres moved."""
    region = np.zeros(shape, bool)
    low, high = positions_px.min(axis=0), positions_px.max(axis=0) + 1
    half = np.asarray(window) // 2
    region[low[0] + half[0] : high[0] + half[0], low[1] + half[1] : high[1] + half[1]] = True
    return region
