"""What a run keeps so that it can go on: object and probe, and what it learnt frame by frame beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.arrays import Object, Probe, Rows
from engines.beam import Beam
from engines.canvas import Canvas
from engines.state import Offsets, State

UNKNOWN = -1
"""In place of the count of iterations at which the data were complete, while they are not."""


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """Counters, refined positions and the fitted beam; per-frame values are in the order of `index`."""

    index: Rows
    """Index in the scan of each frame that was taken in."""
    since: int = 0
    """Iterations since frames were last taken in, by which steps are annealed."""
    complete_at: int | None = None
    """Iterations that were done when the last frame of the scan was taken in; none: more may come."""
    offsets: Offsets | None = None
    """Refined positions."""
    beam: Beam | None = None
    """Intensities and background."""

    def of(self, index: Rows) -> Learnt:
        """The same for these frames, which may have come in another order, and be more or fewer.

        Frames that are new start as ever: positions where the last ones were found, intensities of 1; they make the
        steps whole again, and the end of the scan is open again.
        """
        if np.array_equal(index, self.index):
            return self
        place = self._place(index)
        known = bool((place >= 0).all())
        return Learnt(
            index=index,
            since=self.since if known else 0,
            complete_at=self.complete_at if known and len(index) == len(self.index) else None,
            offsets=None if self.offsets is None else _offsets(self.offsets, place),
            beam=None if self.beam is None else _beam(self.beam, place),
        )

    def delayed(self, iterations: int) -> Learnt:
        """The same where so many iterations after it are lost, and counted all the same."""
        complete_at = None if self.complete_at is None else self.complete_at + iterations
        return replace(self, complete_at=complete_at)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays, for a file."""
        complete_at = UNKNOWN if self.complete_at is None else self.complete_at
        found: dict[str, NDArray[Any]] = {"index": self.index, "counters": np.array([self.since, complete_at])}
        for name, part in (("offsets", self.offsets), ("beam", self.beam)):
            for each in fields(part) if part is not None else ():
                found[f"{name}.{each.name}"] = getattr(part, each.name).cpu().numpy()
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], device: torch.device) -> Learnt:
        """The reverse of `arrays`; raises KeyError where something is missing."""
        since, complete_at = (int(each) for each in arrays["counters"])
        offsets, beam = (
            {name.partition(".")[2]: torch.from_numpy(array) for name, array in arrays.items() if name.startswith(part)}
            for part in ("offsets.", "beam.")
        )
        return cls(
            index=arrays["index"],
            since=since,
            complete_at=None if complete_at == UNKNOWN else complete_at,
            offsets=Offsets(**offsets) if offsets else None,
            beam=Beam(**{name: array.to(device) for name, array in beam.items()}) if beam else None,
        )

    def _place(self, index: Rows) -> Rows:
        """Where each of these frames is in `index`; -1 for those that are not."""
        if not len(self.index):
            return np.full(len(index), -1)
        order = np.argsort(self.index)
        found = order[np.searchsorted(self.index, index, sorter=order).clip(max=len(order) - 1)]
        place: Rows = np.where(self.index[found] == index, found, -1)
        return place


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A copy of what a reconstruction found, to publish, to save, or to go on from."""

    object: Object
    """Transmission on the canvas."""
    probe: Probe
    """Modes."""
    canvas: Canvas
    """Where the object lies."""
    iteration: int
    """Iterations done."""
    frames: int
    """Frames that the last iteration saw."""
    learnt: Learnt | None = None
    """Counters, refined positions and beam, as far as they are known."""


def finite(state: State) -> bool:
    """Whether everything that iterations go on from is a number."""
    numbers = [torch.view_as_real(state.object), torch.view_as_real(state.probe)]
    numbers += [state.beam.scales, state.beam.background] if state.beam else []
    numbers += [state.offsets.pixels] if state.offsets else []
    return all(bool(torch.isfinite(each.sum())) for each in numbers)


def _offsets(offsets: Offsets, place: Rows) -> Offsets:
    known_first = np.argsort(place < 0, kind="stable")
    known = offsets.chosen(place[place >= 0])
    return known.extended(len(place)).chosen(np.argsort(known_first))


def _beam(beam: Beam, place: Rows) -> Beam:
    last = len(beam.scales) - 1
    fitted = torch.from_numpy((place >= 0) & (place <= last)).to(beam.scales.device)
    scales = beam.scales[torch.from_numpy(place.clip(0, last))]
    return replace(beam, scales=torch.where(fitted, scales, 1.0))
