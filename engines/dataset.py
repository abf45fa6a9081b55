"""The growing dataset: frames on the device, appended by one thread while others reconstruct."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from engines.arrays import Chosen, Metres, Readings, Rows
from engines.blocks import Blocks
from engines.canvas import Canvas
from engines.preparation import Prepared
from engines.propagation import FOURIER, Propagator
from engines.state import Data


class GrowingDataset:
    """Frames of one scan, prepared in one way.

    Room for the planned frames is allocated once and zeroed; without a plan, or beyond it, blocks of 256 frames follow.
    Nothing moves and nothing is copied later. One thread appends; any number may read: rows below `count`, which
    only grows, never change.
    """

    def __init__(
        self,
        size: int,
        planned: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.magnitudes = Blocks((size, size), dtype, torch.device(device), planned)
        self.count = 0
        """Frames that can be read."""
        self._rows = np.zeros(max(planned, 256), _ROW)

    @property
    def size(self) -> int:
        """Edge of a frame in pixels."""
        return self.magnitudes.item_shape[0]

    @property
    def planned(self) -> int:
        """Frames for which room was made at the start."""
        return self.magnitudes.planned

    @property
    def nbytes(self) -> int:
        """Bytes of frames allocated on the device."""
        return self.magnitudes.nbytes

    def append(
        self,
        prepared: Prepared,
        positions_m: Metres,
        indices: Rows,
        arrived_ns: Rows | int = 0,
    ) -> None:
        """Add frames with their positions in metres, their indices in the scan and when they arrived."""
        n = len(prepared.magnitudes)
        expected = (n, self.size, self.size)
        if prepared.magnitudes.shape != expected or positions_m.shape != (n, 2) or indices.shape != (n,):
            raise ValueError(
                f"append: expected magnitudes {expected}, positions {(n, 2)} and indices {(n,)}, "
                f"got {tuple(prepared.magnitudes.shape)}, {positions_m.shape} and {indices.shape}"
            )
        start, stop = self.count, self.count + n
        self.magnitudes.reserve(stop)
        self.magnitudes.write(start, prepared.magnitudes)
        if stop > len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros(max(len(self._rows), n), _ROW)])
        new = self._rows[start:stop]
        new["position_m"], new["index"], new["arrived_ns"] = positions_m, indices, arrived_ns
        new["counts"] = prepared.counts.cpu().numpy()
        new["magnitude_sum"] = prepared.magnitudes.relu().sum(dim=(1, 2)).cpu().numpy()
        self.count = stop

    def positions_m(self, start: int = 0, stop: int | None = None) -> Metres:
        """Positions of the probe's centre (row, col) in metres, in order of arrival."""
        return self._column("position_m", start, stop)

    def indices(self, start: int = 0, stop: int | None = None) -> Rows:
        """Index in the scan of each frame, in order of arrival."""
        return self._column("index", start, stop)

    def arrived_ns(self, start: int = 0, stop: int | None = None) -> Rows:
        """When each frame arrived, nanoseconds since 1970."""
        return self._column("arrived_ns", start, stop)

    def counts(self, start: int = 0, stop: int | None = None) -> Readings:
        """Trusted counts of each frame."""
        return self._column("counts", start, stop)

    def lit(self, start: int = 0, stop: int | None = None) -> Chosen:
        """Which frames have counts at all: the others, such as those of a closed shutter, those that a file was made
        for but never got, or those without a trusted pixel, say nothing of object and probe.
        """
        chosen: Chosen = self.counts(start, stop) > 0
        return chosen

    def data(self, canvas: Canvas, rows: Rows | None = None, propagator: Propagator = FOURIER) -> Data:
        """The frames as engines see them: those rows, or all that lie on the canvas."""
        if rows is None:
            rows = np.flatnonzero(canvas.inside(canvas.to_pixels(self.positions_m())))
        columns = self._rows[rows]
        return Data(
            storage=self.magnitudes,
            rows=rows,
            positions=torch.from_numpy(canvas.to_pixels(columns["position_m"])),
            counts=float(columns["counts"].sum()),
            magnitude_sum=float(columns["magnitude_sum"].sum()),
            propagator=propagator,
            nominal=torch.from_numpy(canvas.to_exact_pixels(columns["position_m"])),
        )

    def extended(self, before: Data, canvas: Canvas, rows: Rows) -> Data:
        """What `data` gave on the same canvas, with further rows: the time it takes is that of the new ones."""
        new = self.data(canvas, rows, before.propagator)
        assert before.nominal is not None and new.nominal is not None
        return replace(
            before,
            rows=np.concatenate([before.rows, new.rows]),
            positions=torch.cat([before.positions, new.positions]),
            counts=before.counts + new.counts,
            magnitude_sum=before.magnitude_sum + new.magnitude_sum,
            nominal=torch.cat([before.nominal, new.nominal]),
        )

    def mean_magnitudes(self, rows: Rows | None = None, most: int = 64) -> Float[torch.Tensor, "y x"]:
        """Magnitudes averaged over up to `most` frames, trusted pixels only; 0 where a pixel never is."""
        chosen = np.arange(self.count) if rows is None else rows
        total = torch.zeros(self.size, self.size, device=self.magnitudes.device)
        trusted = torch.zeros_like(total)
        for row in chosen[:: max(1, -(-len(chosen) // most))].tolist():
            magnitudes = self.magnitudes.rows(row, row + 1)[0].float()
            trusted += magnitudes >= 0
            total += magnitudes.clamp(min=0)
        return total / trusted.clamp(min=1)

    def _column(self, name: str, start: int, stop: int | None) -> NDArray[np.generic]:
        end = self.count if stop is None else min(stop, self.count)
        column: NDArray[np.generic] = self._rows[start:end][name]
        return column


_ROW = np.dtype(
    [("position_m", "f8", 2), ("index", "i8"), ("arrived_ns", "i8"), ("counts", "f8"), ("magnitude_sum", "f8")]
)
