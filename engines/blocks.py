"""A growing array along its first axis, in blocks that never move."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK_ROWS = 256
"""Rows of each block that is added when the planned capacity does not suffice."""


class Blocks:
    """Zeroed blocks of rows on one device: the first as large as planned, further ones of `BLOCK_ROWS`.

    One thread may reserve and write while others read the rows that were published to them.
    """

    def __init__(self, item_shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, planned: int = 0) -> None:
        self.item_shape = item_shape
        self.dtype = dtype
        self.device = device
        self.planned = planned
        self._blocks: tuple[Tensor, ...] = ()
        if planned:
            self._grow(planned)

    @property
    def capacity(self) -> int:
        """Rows there is room for."""
        return sum(len(block) for block in self._blocks)

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return sum(block.nbytes for block in self._blocks)

    def reserve(self, rows: int) -> None:
        """Make room for so many rows in all."""
        while self.capacity < rows:
            self._grow(BLOCK_ROWS)

    def spans(self, start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
        """Cut rows start to stop into runs of at most `size` that do not cross from one block to the next."""
        while start < stop:
            end = min(start + size, stop, self._block_end(start))
            yield start, end
            start = end

    def rows(self, start: int, stop: int) -> Tensor:
        """Rows start to stop, a view; they must lie in one block (see `spans`)."""
        number, offset = self._locate(start)
        block = self._blocks[number]
        if offset + stop - start > len(block):
            raise IndexError(
                f"rows {start} to {stop}: expected them in one block, which ends at {self._block_end(start)}"
            )
        return block[offset : offset + stop - start]

    def write(self, start: int, rows: Tensor) -> None:
        """Copy rows into place, whatever blocks they fall into; `reserve` first."""
        for a, b in self.spans(start, start + len(rows), len(rows)):
            self.rows(a, b).copy_(rows[a - start : b - start])

    def _grow(self, rows: int) -> None:
        block = torch.zeros((rows, *self.item_shape), dtype=self.dtype, device=self.device)
        self._blocks = (*self._blocks, block)

    def _locate(self, row: int) -> tuple[int, int]:
        if row < self.planned:
            return 0, row
        number, offset = divmod(row - self.planned, BLOCK_ROWS)
        return number + bool(self.planned), offset

    def _block_end(self, row: int) -> int:
        if row < self.planned:
            return self.planned
        return self.planned + ((row - self.planned) // BLOCK_ROWS + 1) * BLOCK_ROWS
