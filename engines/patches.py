"""Gather from and scatter to the object's windows: slice loops on the CPU, batched indexing on a GPU.

The device of the arrays chooses. On a CPU a loop over slices with fused multiply-adds keeps each frame in the cache; on
a GPU a loop would be bound by its launches, so that one indexed kernel serves all frames of a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Int
from torch import Tensor

from engines import kernels
from engines.arrays import Object, Positions, Probe, Views, Waves


class Patches(ABC):
    """What a backend does; `cut` and `add_` are each other's adjoint."""

    @abstractmethod
    def cut(self, object: Object, positions: Positions, shape: tuple[int, int]) -> Views:
        """Each frame's window of the object."""

    @abstractmethod
    def add_(self, object: Object, positions: Positions, patches: Views) -> Object:
        """Add each frame's patch to the object at the frame's window, in place."""

    @abstractmethod
    def exit_waves(self, probe: Probe, object: Object, positions: Positions, out: Waves) -> Waves:
        """``probe * object[window]`` of each frame, into `out`."""

    @abstractmethod
    def add_to_object_(self, total: Object, positions: Positions, waves: Waves, probe: Probe) -> None:
        """Add ``waves * probe`` of all frames and modes to the object, in place; `probe` comes conjugated."""

    @abstractmethod
    def add_to_probe_(self, total: Probe, positions: Positions, waves: Waves, object: Object) -> None:
        """Add ``waves * object[window]`` of all frames to the probe, in place; `object` comes conjugated."""


class Slices(Patches):
    """Loops over slices."""

    def cut(self, object: Object, positions: Positions, shape: tuple[int, int]) -> Views:
        """A stack of slices."""
        return torch.stack([object[window] for window in windows(positions, shape)])

    def add_(self, object: Object, positions: Positions, patches: Views) -> Object:
        """One slice after the other."""
        for window, patch in zip(windows(positions, _window(patches)), patches, strict=True):
            object[window].add_(patch)
        return object

    def exit_waves(self, probe: Probe, object: Object, positions: Positions, out: Waves) -> Waves:
        """Without a copy of the views."""
        for window, wave in zip(windows(positions, _window(probe)), out, strict=True):
            torch.mul(probe, object[window], out=wave)
        return out

    def add_to_object_(self, total: Object, positions: Positions, waves: Waves, probe: Probe) -> None:
        """In one pass over the pixels of each mode, where the arrays suit."""
        if kernels.suit(total, positions, waves, probe):
            kernels.add_to_object_(total.numpy(), positions.numpy(), waves.numpy(), probe.numpy())
            return
        for window, wave in zip(windows(positions, _window(probe)), waves, strict=True):
            for mode in wave * probe:
                total[window].add_(mode)

    def add_to_probe_(self, total: Probe, positions: Positions, waves: Waves, object: Object) -> None:
        """In one pass over the pixels of each mode, where the arrays suit."""
        if kernels.suit(total, positions, waves, object):
            kernels.add_to_probe_(total.numpy(), positions.numpy(), waves.numpy(), object.numpy())
            return
        for window, wave in zip(windows(positions, _window(total)), waves, strict=True):
            total.add_(wave * object[window])


class Batched(Patches):
    """One indexed gather or scatter for all frames. Sums come in any order, so that the last bits may differ."""

    def cut(self, object: Object, positions: Positions, shape: tuple[int, int]) -> Views:
        """A gather by linear index."""
        return object.reshape(-1)[self._index(object, positions, shape)]

    def add_(self, object: Object, positions: Positions, patches: Views) -> Object:
        """A scatter with atomic additions, of real and imaginary parts side by side."""
        index = self._index(object, positions, _window(patches)).reshape(-1)
        torch.view_as_real(object).view(-1, 2).index_add_(0, index, torch.view_as_real(patches).reshape(-1, 2))
        return object

    def exit_waves(self, probe: Probe, object: Object, positions: Positions, out: Waves) -> Waves:
        """Gather, then one product for all frames and modes."""
        views = self.cut(object, positions, _window(probe))
        return torch.mul(probe, views.unsqueeze(1), out=out)

    def add_to_object_(self, total: Object, positions: Positions, waves: Waves, probe: Probe) -> None:
        """One product, one scatter."""
        self.add_(total, positions, (waves * probe).sum(dim=1))

    def add_to_probe_(self, total: Probe, positions: Positions, waves: Waves, object: Object) -> None:
        """One gather, one product."""
        total.add_((waves * self.cut(object, positions, _window(total)).unsqueeze(1)).sum(dim=0))

    def _index(self, object: Object, positions: Positions, shape: tuple[int, int]) -> Int[Tensor, "frame y x"]:
        """Place of each window's pixels in the flattened object."""
        cols, device = object.shape[1], object.device
        corners = (positions[:, 0] * cols + positions[:, 1]).to(device, non_blocking=True)
        rows, columns = (torch.arange(length, device=device) for length in shape)
        return corners[:, None, None] + (rows[:, None] * cols + columns)


SLICES, BATCHED = Slices(), Batched()


def backend(device: torch.device) -> Patches:
    """The one that suits a device."""
    return SLICES if device.type == "cpu" else BATCHED


def windows(positions: Positions, shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Each frame's window on the object as a pair of slices."""
    y, x = shape
    return [(slice(row, row + y), slice(col, col + x)) for row, col in positions.tolist()]


def _window(waves: Tensor) -> tuple[int, int]:
    y, x = waves.shape[-2:]
    return y, x
