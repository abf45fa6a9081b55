"""From frames as received to magnitudes as engines want them: pure functions on a batch of frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from engines.arrays import Counts, Magnitudes

D4 = Literal["identity", "rot90", "rot180", "rot270", "flip_rows", "flip_cols", "transpose", "antitranspose"]

HALF_LIMIT = 2.6e5
"""Counts below which float16 magnitudes round by less than the Poisson noise."""

_ORIENT: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "identity": lambda frames: frames,
    "rot90": lambda frames: np.rot90(frames, 1, (-2, -1)),
    "rot180": lambda frames: np.rot90(frames, 2, (-2, -1)),
    "rot270": lambda frames: np.rot90(frames, 3, (-2, -1)),
    "flip_rows": lambda frames: frames[..., ::-1, :],
    "flip_cols": lambda frames: frames[..., ::-1],
    "transpose": lambda frames: frames.swapaxes(-2, -1),
    "antitranspose": lambda frames: frames[..., ::-1, ::-1].swapaxes(-2, -1),
}


def orient(frames: NDArray[Any], orientation: D4) -> NDArray[Any]:
    """Turn or mirror the last two axes, a view: rot90 is numpy's (counter-clockwise, ``np.rot90(frame)``), flip_rows
    is ``frame[::-1]``, flip_cols ``frame[:, ::-1]``, transpose ``frame.T``, antitranspose ``frame[::-1, ::-1].T``.
    """
    return _ORIENT[orientation](frames)


def orient_point(point: tuple[float, float], shape: tuple[int, int], orientation: D4) -> tuple[float, float]:
    """Where a pixel (row, col) of a frame of this shape lies after `orient`."""
    row, col = point
    last_row, last_col = shape[0] - 1, shape[1] - 1
    return {
        "identity": (row, col),
        "rot90": (last_col - col, row),
        "rot180": (last_row - row, last_col - col),
        "rot270": (col, last_row - row),
        "flip_rows": (last_row - row, col),
        "flip_cols": (row, last_col - col),
        "transpose": (col, row),
        "antitranspose": (last_col - col, last_row - row),
    }[orientation]


def magnitude_dtype(frame_dtype: np.dtype[Any], valid_max: float | None = None, added: int = 1) -> torch.dtype:
    """float16 where no sum of so many trusted counts can exceed `HALF_LIMIT`, else float32."""
    largest = np.inf if frame_dtype.kind == "f" else float(np.iinfo(frame_dtype).max)
    most = added * min(largest, np.inf if valid_max is None else valid_max)
    return torch.float16 if most <= HALF_LIMIT else torch.float32


class Prepared(NamedTuple):
    """Frames that are ready to be appended to a dataset."""

    magnitudes: Magnitudes
    """Zero frequency at the corner, or at the centre for near field; -1 where a pixel is not trusted."""
    counts: Counts
    """Total trusted counts of each frame."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How frames become magnitudes. Reconstructions with equal preparations can share a dataset."""

    frame_shape: tuple[int, int]
    """(rows, cols) as received."""
    frame_dtype: np.dtype[Any]
    """As received; integers at their type's maximum are not trusted."""
    orientation: D4 = "identity"
    """Applied first, see `orient`."""
    crop: int | None = None
    """Edge of the square that is used; by default the frame's shorter edge."""
    binning: int = 1
    """Edge of the squares of detector pixels that are added up after cropping: fewer pixels, the same field of
    scattering angles, a window so many times smaller. One pixel that is not trusted spoils its square.
    """
    centre: tuple[float, float] | None = None
    """Pixel (row, col) of zero frequency after orientation; by default (rows // 2, cols // 2). What a square about it
    holds beyond the frame's edge is not trusted.
    """
    valid_min: float | None = None
    """Counts below this are not trusted; those below 0 never are."""
    valid_max: float | None = None
    """Counts above this are not trusted."""
    corner: bool = True
    """The zero frequency goes to the corner, where a Fourier transform has it, else to [n // 2, n // 2], as near field
    wants it (see propagation.py).
    """

    def __post_init__(self) -> None:
        rows, cols = self._oriented_shape
        if self.crop is not None and not 0 < self.crop <= min(rows, cols):
            raise ValueError(f"crop: expected 1 to {min(rows, cols)} px for frames of {rows} x {cols}, got {self.crop}")
        if self.binning < 1 or (self.binning > 1 and self._edge % (2 * self.binning)):
            raise ValueError(
                f"binning: expected a crop that is an even number of squares, got {self.binning} for {self._edge} px"
            )
        if self.valid_min is not None and self.valid_max is not None and self.valid_min > self.valid_max:
            raise ValueError(f"valid_min: expected at most valid_max, {self.valid_max}, got {self.valid_min}")
        row, col = self._centre
        if not (0 <= row < rows and 0 <= col < cols):
            raise ValueError(f"centre: expected a pixel of the frame of {rows} x {cols}, got {self.centre}")

    @property
    def size(self) -> int:
        """Edge of the magnitudes in pixels."""
        return self._edge // self.binning

    @property
    def magnitude_dtype(self) -> torch.dtype:
        """The narrowest type in which magnitudes can be stored."""
        return magnitude_dtype(self.frame_dtype, self.valid_max, self.binning**2)

    def __call__(self, frames: NDArray[Any], mask: NDArray[Any] | None = None) -> Prepared:
        """Magnitudes and counts of a batch of frames (frame, rows, cols).

        `mask` (rows, cols), in the orientation of the frames as received, is non-zero where a pixel can be trusted.
        """
        if frames.shape[1:] != self.frame_shape or frames.dtype != self.frame_dtype:
            raise ValueError(
                f"frames: expected (n, {self.frame_shape[0]}, {self.frame_shape[1]}) {self.frame_dtype}, "
                f"got {frames.shape} {frames.dtype}"
            )
        if mask is not None and mask.shape != self.frame_shape:
            raise ValueError(f"mask: expected the frame's shape {self.frame_shape}, got {mask.shape}")
        good = None if mask is None else torch.from_numpy(np.array(self._cut(mask)) != 0)
        limits, n = self._limits, self.size
        magnitudes = torch.full((len(frames), n, n), -1.0)
        counts = torch.empty(len(frames))
        for each, frame in enumerate(frames):
            values = torch.from_numpy(self._cut(frame).astype(np.float32, order="C"))
            roots = _roots(values, good, limits)
            if self.binning > 1:
                self._place(self._binned(roots), magnitudes[each], (0, 0))
            else:
                self._place(roots, magnitudes[each], self._first)
            counts[each] = magnitudes[each].relu().square_().sum()
        return Prepared(magnitudes, counts)

    def background(self, frame: NDArray[Any]) -> Float[Tensor, "y x"]:
        """Counts of a background (rows, cols), in the orientation of the frames as received, laid out as the
        magnitudes are; 0 beyond the frame's edge.
        """
        roots = torch.from_numpy(self._cut(frame).astype(np.float32, order="C")).sqrt_()
        out = torch.zeros(self.size, self.size)
        if self.binning > 1:
            self._place(self._binned(roots), out, (0, 0))
        else:
            self._place(roots, out, self._first)
        return out.relu_().square_()

    def trusted(self, mask: NDArray[Any]) -> int:
        """Pixels of a prepared frame that the mask leaves."""
        roots = torch.from_numpy(np.array(self._cut(mask)) != 0).float() - 1
        return int(((self._binned(roots) if self.binning > 1 else roots) >= 0).sum())

    @property
    def _edge(self) -> int:
        """Edge of the square that is used, in detector pixels."""
        return self.crop or min(self.frame_shape)

    @property
    def _oriented_shape(self) -> tuple[int, int]:
        rows, cols = orient(np.broadcast_to(0, self.frame_shape), self.orientation).shape
        return rows, cols

    @property
    def _centre(self) -> tuple[int, int]:
        rows, cols = self._oriented_shape
        row, col = self.centre or (rows // 2, cols // 2)
        return round(row), round(col)

    @property
    def _limits(self) -> tuple[float, float]:
        low = max(0.0, self.valid_min or 0.0)
        high = float(np.finfo(np.float32).max)
        if self.frame_dtype.kind != "f":
            high = float(np.nextafter(np.float32(np.iinfo(self.frame_dtype).max), np.float32(0)))
        return low, high if self.valid_max is None else min(high, self.valid_max)

    @property
    def _corner(self) -> tuple[int, int]:
        row, col = self._centre
        return row - self._edge // 2, col - self._edge // 2

    @property
    def _first(self) -> tuple[int, int]:
        """Where in the square the frame begins."""
        row, col = self._corner
        return max(-row, 0), max(-col, 0)

    def _cut(self, frame: NDArray[Any]) -> NDArray[Any]:
        """The part of the square about the centre that lies on the frame."""
        row, col = self._corner
        oriented = orient(frame, self.orientation)
        return oriented[max(row, 0) : row + self._edge, max(col, 0) : col + self._edge]

    def _binned(self, roots: Tensor) -> Tensor:
        """Roots of the sums over squares of pixels, -1 where one of them is not trusted."""
        row, col = self._first
        whole = torch.full((self._edge, self._edge), -1.0)
        whole[row : row + roots.shape[0], col : col + roots.shape[1]] = roots
        squares = whole.reshape(self.size, self.binning, self.size, self.binning)
        sums = squares.square().sum(dim=(1, 3)).sqrt_()
        return torch.where((squares >= 0).all(dim=3).all(dim=1), sums, -1.0)

    def _place(self, values: Tensor, out: Tensor, first: tuple[int, int]) -> None:
        """Copy the values, at most four rectangles, so that the zero frequency comes where it shall be."""
        row, col = first
        if not self.corner:
            out[row : row + values.shape[0], col : col + values.shape[1]] = values
            return
        for rows_in, rows_out in _shifted(row, values.shape[0], self.size):
            for cols_in, cols_out in _shifted(col, values.shape[1], self.size):
                out[rows_out, cols_out] = values[rows_in, cols_in]


def _roots(values: Tensor, good: Tensor | None, limits: tuple[float, float]) -> Tensor:
    """Square roots, -1 where not trusted; overwrites the values."""
    trusted = (values >= limits[0]).logical_and_(values <= limits[1])
    if good is not None:
        trusted.logical_and_(good)
    return torch.where(trusted, values.sqrt_(), -1.0)


def _shifted(first: int, length: int, size: int) -> list[tuple[slice, slice]]:
    """Where the stretch [first, first + length) of an axis lies before and after an inverse fftshift."""
    half = size // 2
    split = min(max(half - first, 0), length)
    below = slice(0, split), slice(first + size - half, first + size - half + split)
    above = slice(split, length), slice(first + split - half, first + length - half)
    return [below, above] if split < length else [below]
