"""What a study says of two objects: aligned, freed of what ptychography cannot fix, and subtracted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.compare import Image, likeness, register, remove_ramp
from engines.registration import phase_correlation
from engines.ring_correlation import RingCorrelation, ring_correlation

Box = tuple[slice, slice]
Real = NDArray[np.float64]

SUBPIXEL_NMSE = 1e-6
"""Only above this are fractions of a pixel tried, and taken only where they halve the error: a hard edge that is moved
by a fraction leaves 1e-3 behind.
"""
MOVES = 3
"""Times the crop is moved until it stays."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Mean of an absolute difference."""

    mean: float
    error: float
    """Standard error of the mean: standard deviation / sqrt(pixels)."""

    @classmethod
    def of(cls, values: Real) -> Difference:
        """Of a picture of differences."""
        size = np.abs(values)
        return cls(mean=float(size.mean()), error=float(size.std() / np.sqrt(size.size)))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Two objects compared over a crop of the reference."""

    nmse: float
    """sum |a - g b|^2 / sum |a|^2 (Maiden & Rodenburg, Ultramicroscopy 109 (2009), eq. 12), each object freed of its
    own mean phase ramp first, as Lexelius et al. (Sci. Rep. 15 (2025) 14674, eq. 4) do.
    """
    nmse_relative: float
    """The same with the relative ramp of the two fitted by least squares: free of the noise of ramps."""
    correlation: float
    """Of the mean-free objects, 1 is equal."""
    optical_density: Difference
    """Of OD = -ln |object|^2, scaled and with the fitted ramp off, as all that follows."""
    phase: Difference
    """In rad."""
    shift_px: tuple[float, float]
    """How many whole pixels (row, col) the image lay from the reference."""
    rings: RingCorrelation
    """Fourier ring correlation of the crops."""
    optical_density_map: Real
    """Reference minus image, (row, col)."""
    phase_map: Real
    """Reference minus image, wrapped to half a turn, in rad."""


def evaluate(image: Image, reference: Image, box: Box) -> Evaluation:
    """Compare an image with a reference on the same grid over a rectangle of the reference.

    Raises `ValueError` where shapes differ, where the box leaves an image, and for values that are not finite.
    """
    image, shift = aligned(image, reference, box)
    a, b = without_own_ramp(reference[box]), without_own_ramp(image[box])
    b = b * (np.vdot(b, a) / np.vdot(b, b))
    whole = np.ones(a.shape, bool)
    alike = likeness(image[box], reference[box], whole)
    fitted = remove_ramp(image[box], reference[box], whole)
    density = optical_density(reference[box]) - optical_density(fitted)
    turn = np.angle(reference[box] * fitted.conj())
    return Evaluation(
        nmse=float(np.sum(np.abs(a - b) ** 2) / np.sum(np.abs(a) ** 2)),
        nmse_relative=alike.nmse,
        correlation=alike.correlation,
        optical_density=Difference.of(density),
        phase=Difference.of(turn),
        shift_px=shift,
        rings=ring_correlation(fitted, reference[box]),
        optical_density_map=density,
        phase_map=turn,
    )


def nmse(image: Image, reference: Image, box: Box) -> float:
    """The error with a least-squares relative ramp alone, aligned by whole pixels: for curves."""
    image, _ = aligned(image, reference, box, fractions=False)
    return likeness(image[box], reference[box], np.ones(reference[box].shape, bool)).nmse


def aligned(image: Image, reference: Image, box: Box, fractions: bool = True) -> tuple[Image, tuple[float, float]]:
    """The image moved onto the reference, and how many whole pixels it lay from it. Those are taken off by moving the
    crop, which changes no value; fractions by a Fourier transform, and only where the error is so large that they can
    help, and do.
    """
    _check(image, reference, box)
    rows, cols = 0, 0
    target = without_own_ramp(reference[box])
    for _ in range(MOVES):
        crop = without_own_ramp(image[_moved(box, rows, cols, image.shape)])
        found = phase_correlation(_tensor(crop), _tensor(target), upsampling=1)[0]
        if not found.any():
            break
        rows, cols = rows + int(found[0]), cols + int(found[1])
    whole_box = _moved(box, rows, cols, image.shape)
    everywhere = np.ones(target.shape, bool)
    best = likeness(image[whole_box], reference[box], everywhere).nmse
    if (rows, cols) != (0, 0) and likeness(image[box], reference[box], everywhere).nmse <= best:
        rows, cols = 0, 0
    shift, moved = (float(rows), float(cols)), np.roll(image, (-rows, -cols), axis=(0, 1))
    if not fractions or best <= SUBPIXEL_NMSE:
        return moved, shift
    region = np.zeros(reference.shape, bool)
    region[box] = True
    finer = register(moved, reference, region)
    improved = likeness(finer[box], reference[box], everywhere).nmse < best / 2
    return (finer if improved else moved), shift


def without_own_ramp(image: Image) -> Image:
    """An image whose mean phase step from pixel to pixel is zero, weighted with the light, along either axis. One pass
    is convergence: a ramp turns all steps alike.
    """
    down = np.angle(np.vdot(image[:-1], image[1:]))
    right = np.angle(np.vdot(image[:, :-1], image[:, 1:]))
    rows, cols = (np.arange(length) - length / 2 for length in image.shape)
    level: Image = image * np.exp(-1j * (down * rows[:, None] + right * cols[None, :]))
    return level


def optical_density(image: Image) -> Real:
    """-ln |object|^2."""
    density: Real = -2 * np.log(np.maximum(np.abs(image), np.finfo(np.float64).tiny))
    return density


def _moved(box: Box, rows: int, cols: int, shape: tuple[int, ...]) -> Box:
    moved = tuple(slice(a.start + by, a.stop + by) for a, by in zip(box, (rows, cols), strict=True))
    if any(a.start < 0 or a.stop > length for a, length in zip(moved, shape, strict=True)):
        raise ValueError(
            f"compare: expected the objects to overlap in the crop, they lie {rows}, {cols} px apart "
            f"and the crop leaves the object of {shape[0]} x {shape[1]} px"
        )
    return moved[0], moved[1]


def _check(image: Image, reference: Image, box: Box) -> None:
    if image.shape != reference.shape or image.ndim != 2:
        raise ValueError(f"compare: expected two objects of equal shape, got {image.shape} and {reference.shape}")
    size = tuple(a.stop - a.start for a in box)
    inside = all(0 <= a.start and a.stop <= length for a, length in zip(box, image.shape, strict=True))
    if not inside or min(size) < 8:
        raise ValueError(f"compare: expected a crop from 8 px on within {image.shape}, got {size[0]} x {size[1]} px")
    for name, each in (("first", image), ("second", reference)):
        bad = int(np.count_nonzero(~np.isfinite(each[box])))
        if bad:
            raise ValueError(
                f"compare: expected finite values, the {name} object has NaN or infinity in {bad} of "
                f"{size[0] * size[1]} pixels of the crop"
            )


def _tensor(image: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image - image.mean()).astype(np.complex64))[None]


def centred_box(centre: tuple[int, int], edge: int) -> Box:
    """The square of so many pixels about a pixel."""
    row, col = (each - edge // 2 for each in centre)
    return slice(row, row + edge), slice(col, col + edge)


def largest_square(region: NDArray[np.bool_]) -> Box | None:
    """The largest square that lies wholly in the region; None where there is none."""
    counts = np.pad(region.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    best, low, high = None, 1, min(region.shape)
    while low <= high:
        edge = (low + high) // 2
        sums = counts[edge:, edge:] - counts[:-edge, edge:] - counts[edge:, :-edge] + counts[:-edge, :-edge]
        corners = np.argwhere(sums == edge * edge)
        if len(corners):
            row, col = (int(each) for each in corners[len(corners) // 2])
            best, low = (slice(row, row + edge), slice(col, col + edge)), edge + 1
        else:
            high = edge - 1
    return best
