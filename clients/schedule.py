"""What a replay sends when: pure functions, so that every fault made on purpose can be tested without a socket."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.wire import GROUP_BYTES, GROUP_SECONDS

Stream = Literal["frames", "positions"]


@dataclass(frozen=True)
class Faults:
    """What goes wrong on purpose, drawn for frames and positions separately from one seed."""

    drop: float = 0.0
    """Share of rows that are never sent, though they count."""
    duplicate: float = 0.0
    """Share of rows that are sent twice."""
    reorder: int = 0
    """Rows come up to so many places too early or too late."""
    delay_positions: int = 0
    """Positions come so many frames late."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in (("drop", self.drop), ("duplicate", self.duplicate)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name}: expected a share from 0 to 1, got {share}")
        for name, count in (("reorder", self.reorder), ("delay_positions", self.delay_positions)):
            if count < 0:
                raise ValueError(f"{name}: expected 0 or more frames, got {count}")


NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True)
class Planned:
    """A message to send when frame number `slot` is due."""

    slot: int
    stream: Stream
    i0: int
    n: int


def plan(n: int, frame_bytes: int, frame_delay_s: float, faults: Faults = NO_FAULTS) -> list[Planned]:
    """Every message of a replay of n frames, in the order of sending; at a tie positions go first."""
    rows = max(1, GROUP_BYTES // frame_bytes)
    span = math.inf if frame_delay_s == 0 else int(GROUP_SECONDS / frame_delay_s) + 1
    rng = np.random.default_rng(faults.seed)
    frames = group("frames", *order(n, faults, rng), rows, span)
    slots, indices = order(n, faults, rng)
    positions = group("positions", slots + faults.delay_positions, indices, rows, span)
    return sorted([*frames, *positions], key=lambda each: (each.slot, each.stream != "positions"))


def order(n: int, faults: Faults, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When rows are due and which they are, (m,) each: slots that only grow, and the index sent in each."""
    indices = np.argsort(np.arange(n) + rng.uniform(0, faults.reorder, n), kind="stable")
    times = (rng.random(n) >= faults.drop) * (1 + (rng.random(n) < faults.duplicate))
    return np.repeat(np.arange(n), times[indices]), np.repeat(indices, times[indices])


def group(
    stream: Stream, slots: Iterable[int], indices: Iterable[int], max_rows: int, max_slots: float
) -> Iterator[Planned]:
    """Put consecutive rows that are due together into one message, sent when its last row is due."""
    i0, n, first, last = 0, 0, 0, 0
    for slot, index in zip(map(int, slots), map(int, indices), strict=True):
        if n and (index != i0 + n or n == max_rows or slot - first >= max_slots):
            yield Planned(last, stream, i0, n)
            n = 0
        if n == 0:
            i0, first = index, slot
        n, last = n + 1, slot
    if n:
        yield Planned(last, stream, i0, n)
