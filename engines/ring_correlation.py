"""Fourier ring correlation: up to which detail two images of the same thing agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.complexfloating[Any, Any]]
Curve = NDArray[np.float64]

TAPER = 0.125
"""Share of each edge over which the window falls to zero, so that the image's rim makes no detail of its own."""


@dataclass(frozen=True, kw_only=True)
class RingCorrelation:
    """Correlation of two Fourier transforms, ring by ring."""

    frequency: Curve
    """Mean spatial frequency of each ring, in cycles per pixel, up to 0.5."""
    correlation: Curve
    """Re sum a conj(b) / sqrt(sum |a|^2 sum |b|^2) over each ring; 1 is equal."""
    threshold: Curve
    """The half-bit threshold of each ring."""

    @property
    def crossing(self) -> float | None:
        """Cycles per pixel where the correlation first falls below the threshold, between rings by a straight line;
        None where it never does.
        """
        margin = self.correlation - self.threshold
        below = np.flatnonzero(margin < 0)
        if not below.size:
            return None
        at = int(below[0])
        if at == 0:
            return float(self.frequency[0])
        share = margin[at - 1] / (margin[at - 1] - margin[at])
        return float(self.frequency[at - 1] + share * (self.frequency[at] - self.frequency[at - 1]))

    def resolution_m(self, pixel_m: float) -> float:
        """The period of the finest detail that agrees, in metres; two pixels where the threshold is never crossed."""
        return pixel_m / (self.crossing or 0.5)


def half_bit(samples: Curve) -> Curve:
    """The correlation at which a ring of so many independent samples carries half a bit of information each
    (van Heel & Schatz, J. Struct. Biol. 151 (2005) 250, eq. 17).
    """
    root = np.sqrt(np.maximum(samples, 1.0))
    threshold: Curve = (0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root)
    return threshold


def ring_correlation(image: Image, reference: Image) -> RingCorrelation:
    """Correlate two images of equal shape, (row, col), aligned and free of relative ramps, over rings one frequency of
    the shorter edge wide. Means are removed and the edges tapered first; the taper makes the samples of a ring depend
    on each other, which the threshold takes into account.
    """
    if image.shape != reference.shape or min(image.shape) < 8:
        raise ValueError(f"ring correlation: expected equal shapes from 8 px on, got {image.shape}, {reference.shape}")
    window = np.multiply.outer(*(_taper(length) for length in image.shape))
    a, b = (np.fft.fft2((each - each.mean()) * window) for each in (image, reference))
    rows, cols = (np.fft.fftfreq(length) for length in image.shape)
    radius = np.hypot(rows[:, None], cols[None, :])
    ring = np.rint(radius * min(image.shape)).astype(int).ravel()
    rings = min(image.shape) // 2 + 1

    def total(values: NDArray[Any]) -> Curve:
        return np.bincount(ring, values.ravel(), minlength=rings)[1:rings].astype(np.float64)

    samples = total(np.ones(image.shape))
    independent = samples * np.sum(window**2) ** 2 / np.sum(window**4) / window.size
    power = np.sqrt(total(np.abs(a) ** 2) * total(np.abs(b) ** 2))
    cross = total((a * b.conj()).real)
    return RingCorrelation(
        frequency=total(radius) / samples,
        correlation=np.divide(cross, power, out=np.zeros_like(cross), where=power > 0),
        threshold=half_bit(independent),
    )


def _taper(length: int) -> Curve:
    """One inside, falling to zero as a cosine over a share of each edge."""
    distance = (np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5) / (TAPER * length)
    fall: Curve = np.sin(0.5 * np.pi * np.minimum(distance, 1)) ** 2
    return fall
