"""The linear phase ramp of an object, which ptychography leaves open: found, and taken off for the eye."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_SAMPLES = 256
"""Rows and columns that are looked at, of however many there are."""
ROUNDS = 2
"""Of least squares, each on what the one before left."""
UNWRAPPED = np.pi / 2
"""Residual phases beyond this are features or wraps, and do not count."""


class PhasePlane(NamedTuple):
    """``constant + along_rows * row + along_cols * col``."""

    constant: float
    """At pixel [0, 0], in rad."""
    along_rows: float
    """In rad a pixel."""
    along_cols: float
    """In rad a pixel."""

    def removed(self, field: NDArray[Any], row: int = 0, col: int = 0) -> NDArray[np.complexfloating[Any, Any]]:
        """A field (..., y, x), whose first pixel is at (row, col), without this plane."""
        rows, cols = np.arange(field.shape[-2]) + row, np.arange(field.shape[-1]) + col
        down = np.exp(-1j * (self.constant + self.along_rows * rows)).astype(np.complex64)
        across = np.exp(-1j * self.along_cols * cols).astype(np.complex64)
        flat: NDArray[np.complexfloating[Any, Any]] = field * down[:, None] * across
        return flat


def mean_phase(field: NDArray[Any], covered: NDArray[np.bool_]) -> PhasePlane:
    """The phase of the mean over the covered pixels of a field (row, col), and no ramp."""
    total = field[covered].sum() if covered.any() else 0
    return PhasePlane(float(np.angle(total)), 0.0, 0.0)


def phase_plane(field: NDArray[Any], covered: NDArray[np.bool_]) -> PhasePlane:
    """The plane that the phase of a field (row, col) lies about, over its covered pixels.

    Steps from pixel to pixel tell the ramp even where the phase wraps; least squares on what is left of it make it
    exact where the sample is weak. None where nothing is covered.
    """
    if covered.sum() < 3:
        return PhasePlane(0.0, 0.0, 0.0)
    thin_rows, thin_cols = (slice(None, None, -(-length // MOST_SAMPLES)) for length in field.shape)
    down, across = _step(field.T[thin_cols], covered.T[thin_cols]), _step(field[thin_rows], covered[thin_rows])
    plane = PhasePlane(0.0, down, across)
    rows, cols = (np.arange(length)[thin] for length, thin in zip(field.shape, (thin_rows, thin_cols), strict=True))
    seen = covered[thin_rows, thin_cols]
    at = [axis[seen].astype(float) for axis in np.meshgrid(rows, cols, indexing="ij")]
    values = field[thin_rows, thin_cols][seen]
    if len(values) < 3:
        return plane
    plane = plane._replace(constant=_angle(values, plane, at))
    for _ in range(ROUNDS):
        plane = _refined(values, plane, at)
    return plane


def _step(field: NDArray[Any], covered: NDArray[np.bool_]) -> float:
    """Mean phase from one pixel to the next along the last axis."""
    both = covered[:, :-1] & covered[:, 1:]
    return float(np.angle((np.conj(field[:, :-1]) * field[:, 1:])[both].sum()))


def _residual(values: NDArray[Any], plane: PhasePlane, at: list[NDArray[np.float64]]) -> NDArray[Any]:
    phase = plane.constant + plane.along_rows * at[0] + plane.along_cols * at[1]
    left: NDArray[Any] = values * np.exp(-1j * phase)
    return left


def _angle(values: NDArray[Any], plane: PhasePlane, at: list[NDArray[np.float64]]) -> float:
    return float(np.angle(_residual(values, plane, at).sum()))


def _refined(values: NDArray[Any], plane: PhasePlane, at: list[NDArray[np.float64]]) -> PhasePlane:
    left = np.angle(_residual(values, plane, at))
    near = np.abs(left) < UNWRAPPED
    if near.sum() < 3:
        return plane
    columns = np.stack([np.ones(int(near.sum())), at[0][near], at[1][near]], axis=1)
    more = np.linalg.lstsq(columns, left[near], rcond=None)[0]
    return PhasePlane(*(float(old + new) for old, new in zip(plane, more, strict=True)))
