"""Exit waves of a growing number of frames, as they are or in half the memory."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from jaxtyping import Complex
from torch import Tensor

from engines.arrays import Probe, Waves
from engines.blocks import Blocks

SCALE_BYTES = 4
Scratch = Complex[Tensor, "most mode y x"]
"""Room for some frames, or for none where none is needed."""


class ExitWaves:
    """Rows of exit waves (mode, y, x), complex64; or `half`, two float16 numbers each and one float32 scale a frame,
    the largest of its numbers, so that nothing overflows and what is kept is exact to 1/2048 of each number that is
    more than 1e-4 of the largest.

    Between `load` and `store` of some frames nobody else may have them.
    """

    def __init__(
        self, probe_shape: tuple[int, ...], device: torch.device, planned: int = 0, half: bool = False
    ) -> None:
        shape, dtype = ((*probe_shape, 2), torch.float16) if half else (probe_shape, torch.complex64)
        self._rows = Blocks(shape, dtype, device, planned)
        self._scales = Blocks((1, 1, 1, 1), torch.float32, device, planned) if half else None

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return self._rows.nbytes + (self._scales.nbytes if self._scales else 0)

    def reserve(self, frames: int) -> None:
        """Make room for so many frames in all."""
        self._rows.reserve(frames)
        if self._scales is not None:
            self._scales.reserve(frames)

    def spans(self, start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
        """Cut frames start to stop into runs of at most `size` that lie in one piece."""
        return self._rows.spans(start, stop, size)

    def scratch(self, frames: int, probe: Probe) -> Scratch:
        """What `load` needs to give so many frames: nothing where it gives what is stored."""
        count = 0 if self._scales is None else frames
        return torch.empty((count, *probe.shape), dtype=probe.dtype, device=probe.device)

    def load(self, start: int, stop: int, scratch: Scratch) -> Waves:
        """Frames of one span: as they are stored, to be changed in place, or in `scratch`, to be stored again."""
        if self._scales is None:
            return self._rows.rows(start, stop)
        waves = scratch[: stop - start]
        torch.mul(self._rows.rows(start, stop), self._scales.rows(start, stop), out=torch.view_as_real(waves))
        return waves

    def store(self, start: int, stop: int, waves: Waves) -> None:
        """Keep what became of loaded frames."""
        if self._scales is None:
            return
        numbers, scales = torch.view_as_real(waves), self._scales.rows(start, stop)
        torch.amax(numbers.abs(), dim=(1, 2, 3, 4), keepdim=True, out=scales)
        scales.clamp_(min=torch.finfo(torch.float32).tiny)
        self._rows.rows(start, stop).copy_(numbers / scales)


def stored_bytes(probe_shape: tuple[int, int, int], half: bool) -> int:
    """Bytes of one frame."""
    return 4 * math.prod(probe_shape) + SCALE_BYTES if half else 8 * math.prod(probe_shape)
