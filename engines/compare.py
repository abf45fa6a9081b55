"""How alike two objects are, once the freedoms that ptychography cannot fix are removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Two objects compared over a region."""

    correlation: float
    """|sum a conj(b)| / sqrt(sum |a|^2 sum |b|^2) of the mean-free objects; 1 is equal."""
    nmse: float
    """sum |a - g b|^2 / sum |a|^2 with the best constant g (Maiden & Rodenburg, Ultramicroscopy 109 (2009), eq. 12)."""


def remove_ramp(image: Image, reference: Image, region: NDArray[np.bool_]) -> Image:
    """Multiply the image by the constant and the linear phase ramp that bring it nearest to the reference.

    The ramp is where the Fourier transform of conj(image) * reference peaks, found to a small part of a pixel.
    """
    product = np.where(region, np.conj(image) * reference, 0)
    rows, cols = (np.arange(length) for length in image.shape)
    peak = np.unravel_index(np.argmax(np.abs(np.fft.fft2(product))), product.shape)
    row, col = (float(np.fft.fftfreq(length)[at]) for length, at in zip(product.shape, peak, strict=True))
    width = 1 / np.asarray(product.shape)
    for _ in range(4):
        offsets = np.linspace(-1, 1, 11)
        left = np.exp(-2j * np.pi * np.outer(row + offsets * width[0], rows))
        right = np.exp(-2j * np.pi * np.outer(cols, col + offsets * width[1]))
        i, j = np.unravel_index(np.argmax(np.abs(left @ product @ right)), (11, 11))
        row, col = row + offsets[i] * width[0], col + offsets[j] * width[1]
        width = width / 5
    ramped = image * np.exp(2j * np.pi * (row * rows[:, None] + col * cols[None, :]))
    constant = np.vdot(ramped[region], reference[region]) / np.vdot(ramped[region], ramped[region])
    result: Image = ramped * constant
    return result


def likeness(image: Image, reference: Image, region: NDArray[np.bool_], *, ramp: bool = True) -> Likeness:
    """Compare an image with a reference of the same shape where `region` is true."""
    if image.shape != reference.shape or image.shape != region.shape:
        raise ValueError(f"compare: expected equal shapes, got {image.shape}, {reference.shape} and {region.shape}")
    if not region.any():
        raise ValueError("compare: expected a region with at least one pixel, got none")
    a = reference[region]
    b = (remove_ramp(image, reference, region) if ramp else image)[region]
    constant = np.vdot(b, a) / np.vdot(b, b)
    nmse = np.sum(np.abs(a - constant * b) ** 2) / np.sum(np.abs(a) ** 2)
    a, b = a - a.mean(), b - b.mean()
    correlation = np.abs(np.vdot(a, b)) / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real)
    return Likeness(correlation=float(correlation), nmse=float(nmse))


def scanned(
    positions_px: NDArray[np.integer[Any]], window: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """The rectangle of an object through which the windows' centres moved."""
    region = np.zeros(shape, bool)
    low, high = positions_px.min(axis=0), positions_px.max(axis=0) + 1
    half = np.asarray(window) // 2
    region[low[0] + half[0] : high[0] + half[0], low[1] + half[1] : high[1] + half[1]] = True
    return region
