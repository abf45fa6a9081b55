"""The canvas: how large the object is, and how metres on the sample map to its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Complex
from numpy.typing import NDArray
from torch import Tensor

from engines.arrays import Chosen, Corners, ExactCorners, Metres, Object

GROWTH_PX = 128
MAX_CANVAS_PX = 16_384
"""Longest edge to which an unplanned canvas grows; positions that ask for more stay outside."""


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """Shape of the object and its place on the sample. Pixels lie on a lattice through `reference_m`, which never
    changes: an unplanned canvas grows by whole pixels, so that every pixel keeps its metres.
    """

    shape: tuple[int, int]
    """(rows, cols) of the object."""
    probe_shape: tuple[int, int]
    """(y, x) of a frame's window."""
    pixel_m: float
    """Edge of a pixel of the object, in metres."""
    reference_m: tuple[float, float]
    """A point (row, col) of the sample that lies on the lattice, in metres."""
    origin_px: tuple[int, int]
    """Lattice point of pixel [0, 0], counted from the reference."""
    growable: bool = False
    """True where no plan fixed it: it grows with the positions that come."""

    @classmethod
    def from_positions(
        cls,
        positions_m: Metres,
        probe_shape: tuple[int, int],
        pixel_m: float,
        margin_px: int = 16,
        *,
        growable: bool = False,
    ) -> Canvas:
        """The canvas that holds all of these positions with half a probe and a margin around them."""
        if not len(positions_m) or not np.isfinite(positions_m).all():
            raise ValueError(f"positions: expected at least one and all finite, got {len(positions_m)} of them")
        if not pixel_m > 0:
            raise ValueError(f"pixel size: expected more than 0 m, got {pixel_m}")
        low = positions_m.min(axis=0)
        extent = np.rint((positions_m.max(axis=0) - low) / pixel_m).astype(int) + 2 * margin_px
        rows, cols = (int(e) + n for e, n in zip(extent, probe_shape, strict=True))
        if max(rows, cols) > MAX_CANVAS_PX:
            raise ValueError(f"canvas: expected edges up to {MAX_CANVAS_PX} px, positions ask for {rows} x {cols} px")
        return cls(
            shape=(rows, cols),
            probe_shape=probe_shape,
            pixel_m=pixel_m,
            reference_m=(float(low[0]), float(low[1])),
            origin_px=(-margin_px - probe_shape[0] // 2, -margin_px - probe_shape[1] // 2),
            growable=growable,
        )

    @property
    def origin_m(self) -> tuple[float, float]:
        """Metres (row, col) of the centre of pixel [0, 0]."""
        row, col = (r + o * self.pixel_m for r, o in zip(self.reference_m, self.origin_px, strict=True))
        return row, col

    def to_pixels(self, positions_m: Metres) -> Corners:
        """Top-left corners of the windows whose centre [n // 2, n // 2] is nearest to the positions.

        Positions that are no number, or absurdly far away, give corners that are not `inside`.
        """
        corners: Corners = np.rint(self._lattice(positions_m)).astype(np.int64) + self._first
        return corners

    def to_exact_pixels(self, positions_m: Metres) -> ExactCorners:
        """The same corners before they are rounded to whole pixels."""
        exact: ExactCorners = self._lattice(positions_m) + self._first
        return exact

    def to_metres(self, corners: ExactCorners) -> Metres:
        """The reverse of `to_exact_pixels`."""
        metres: Metres = (corners - self._first) * self.pixel_m + np.asarray(self.reference_m)
        return metres

    @property
    def _first(self) -> NDArray[np.int64]:
        """Corner of the window whose centre lies on the reference."""
        first: NDArray[np.int64] = -np.asarray(self.origin_px) - np.asarray(self.probe_shape) // 2
        return first

    def _lattice(self, positions_m: Metres) -> NDArray[np.float64]:
        """Pixels from the reference; no number comes out as very far away."""
        pixels = (positions_m - np.asarray(self.reference_m)) / self.pixel_m
        clipped: NDArray[np.float64] = np.clip(np.nan_to_num(pixels, nan=-1e9), -1e9, 1e9)
        return clipped

    def inside(self, positions_px: Corners) -> Chosen:
        """Which windows lie on the canvas as a whole."""
        limit = np.asarray(self.shape) - np.asarray(self.probe_shape)
        on_canvas: Chosen = ((positions_px >= 0) & (positions_px <= limit)).all(axis=1)
        return on_canvas

    def grown(self, positions_m: Metres) -> Canvas:
        """The same canvas, or where it may grow the one larger by blocks of 128 px that holds these positions too."""
        canvas = self
        if self.growable:
            for corner in self.to_pixels(positions_m)[~self.inside(self.to_pixels(positions_m))]:
                canvas = canvas._holding(corner + np.asarray(self.origin_px))
        return canvas

    def regrid(self, object: Object, source: Canvas) -> Complex[Tensor, "new_row new_col"]:
        """An object of another canvas on the same lattice, on this one; ones where it has nothing to say."""
        if (self.reference_m, self.pixel_m) != (source.reference_m, source.pixel_m):
            raise ValueError(
                f"canvas: expected the lattice through {self.reference_m} m with {self.pixel_m} m, "
                f"got the one through {source.reference_m} m with {source.pixel_m} m"
            )
        result = torch.ones(self.shape, dtype=object.dtype, device=object.device)
        into, out_of = [], []
        for mine, theirs, size, length in zip(self.origin_px, source.origin_px, self.shape, source.shape, strict=True):
            start, stop = max(mine, theirs), min(mine + size, theirs + length)
            into.append(slice(start - mine, max(stop, start) - mine))
            out_of.append(slice(start - theirs, max(stop, start) - theirs))
        result[into[0], into[1]] = object[out_of[0], out_of[1]]
        return result

    def _holding(self, corner: NDArray[np.int64]) -> Canvas:
        origin, shape = list(self.origin_px), list(self.shape)
        for axis in range(2):
            before = origin[axis] - int(corner[axis])
            after = int(corner[axis]) + self.probe_shape[axis] - origin[axis] - shape[axis]
            origin[axis] -= max(0, -(-before // GROWTH_PX)) * GROWTH_PX
            shape[axis] += (max(0, -(-before // GROWTH_PX)) + max(0, -(-after // GROWTH_PX))) * GROWTH_PX
        if max(shape) > MAX_CANVAS_PX:
            return self
        return replace(self, origin_px=(origin[0], origin[1]), shape=(shape[0], shape[1]))
