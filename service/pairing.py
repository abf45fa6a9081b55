"""Frames and positions joined by frame index: a pure function of what came, in whatever order it came.

Nothing here opens a file or a socket. Ingest pairs to know what is lost; every reader of a recording pairs
for itself.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

StreamName = Literal["frames", "positions"]
Indices = NDArray[np.int64]

MAX_INDEX = (1 << 24) - 1
"""Highest frame index that is taken; one beyond is a sender's mistake, and would ask for absurd amounts of memory."""
_FIRST_ROWS = 1024


class Stream:
    """Which indices of one stream came. Every call costs as much as the rows it is given, not what came before."""

    def __init__(self) -> None:
        self.count: int | None = None
        """Rows that were sent, once the stream ended."""
        self.accepted = 0
        """Different indices taken."""
        self.duplicated = 0
        self.refused = 0
        self._seen = np.zeros(_FIRST_ROWS, bool)
        self._highest = -1
        self._below_count = 0

    @property
    def bound(self) -> int:
        """Indices below this should have come: the count, once there is one, else up to the highest seen."""
        return self._highest + 1 if self.count is None else self.count

    @property
    def lost(self) -> int:
        """Indices below `bound` that never came."""
        return self.bound - (self.accepted if self.count is None else self._below_count)

    def seen(self, indices: Indices) -> NDArray[np.bool_]:
        """Which of these indices came before."""
        inside = (indices >= 0) & (indices < len(self._seen))
        return inside & self._seen[np.where(inside, indices, 0)]

    def indices(self) -> Indices:
        """All indices that came, in order."""
        return np.flatnonzero(self._seen)

    def wanted(self, indices: Indices) -> NDArray[np.bool_]:
        """Which of these indices could be taken at all, whether they came before or not."""
        return (indices >= 0) & (indices <= (MAX_INDEX if self.count is None else self.count - 1))

    def take(self, indices: Indices, valid: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Take indices in and say which of them are new; what is not `valid` is refused."""
        wanted = self.wanted(indices) if valid is None else self.wanted(indices) & valid
        new = wanted & ~self.seen(indices)
        new[new] = _first_occurrence(indices[new])
        self.refused += int(np.count_nonzero(~wanted))
        self.duplicated += int(np.count_nonzero(wanted & ~new))
        taken = indices[new]
        if taken.size:
            self._highest = max(self._highest, int(taken.max()))
            self._seen = grown(self._seen, self._highest + 1)
            self._seen[taken] = True
            self.accepted += taken.size
            self._below_count += taken.size
        return new

    def end(self, count: int) -> None:
        """The stream is over after `count` rows; what is missing below is still taken, what lies beyond is not."""
        if not 0 <= count <= MAX_INDEX + 1:
            raise ValueError(f"count: expected 0 to {MAX_INDEX + 1} rows, got {count}")
        self.count = count
        self._below_count = int(np.count_nonzero(self._seen[:count]))

    def missing(self) -> list[tuple[int, int]]:
        """Ranges (first, last) of the lost indices, in order."""
        bound = self.bound
        known = self._seen[:bound]
        absent = np.concatenate([[False], ~known, np.full(bound - known.size, True), [False]])
        edges = np.flatnonzero(absent[1:] != absent[:-1])
        return [(int(first), int(stop) - 1) for first, stop in edges.reshape(-1, 2)]


class Came(NamedTuple):
    """Which indices came."""

    frames: Indices
    """Indices of which there is a frame, in order."""
    positions: Indices
    """Indices of which there is a position, in order."""
    both: Indices
    positions_m: NDArray[np.float64]
    """(n, 2) of `positions`, as sent."""


class Pairing:
    """Which frames have their position. Late, lost, duplicated and reordered ones are counted and stop nothing."""

    def __init__(self) -> None:
        self.frames = Stream()
        self.places = Stream()
        self.paired = 0
        """Frames that have their position."""
        self._positions_m = np.zeros((_FIRST_ROWS, 2))

    @property
    def received(self) -> int:
        """Different frames that came."""
        return self.frames.accepted

    @property
    def positions(self) -> int:
        """Different positions that came."""
        return self.places.accepted

    @property
    def lost(self) -> int:
        """Frames below the highest seen, or below the count once the stream ended, that never came."""
        return self.frames.lost

    @property
    def duplicated(self) -> int:
        """Rows of either stream that came again."""
        return self.frames.duplicated + self.places.duplicated

    @property
    def refused(self) -> int:
        """Rows of either stream that were not taken: beyond the count, or positions that are not finite."""
        return self.frames.refused + self.places.refused

    @property
    def ended(self) -> bool:
        """Both streams said that they are over."""
        return self.frames.count is not None and self.places.count is not None

    @property
    def complete(self) -> bool:
        """Both streams are over and everything below their counts came."""
        return self.ended and not self.frames.lost and not self.places.lost

    def add_frames(self, indices: Indices) -> Indices:
        """Take frames in; returns the indices that became paired, in the order given."""
        new = indices[self.frames.take(indices)]
        return self._pair(new[self.places.seen(new)])

    def add_positions(self, indices: Indices, positions_m: NDArray[np.float64]) -> Indices:
        """Take positions (n, 2) in; returns the indices that became paired, in the order given."""
        taken = self.places.take(indices, finite(positions_m))
        new = indices[taken]
        if new.size:
            self._positions_m = grown(self._positions_m, int(new.max()) + 1)
            self._positions_m[new] = positions_m[taken]
        return self._pair(new[self.frames.seen(new)])

    def end(self, stream: StreamName, count: int) -> None:
        """A stream is over after `count` rows."""
        self.stream(stream).end(count)

    def missing(self, stream: StreamName) -> list[tuple[int, int]]:
        """Ranges (first, last) of a stream's lost indices, in order."""
        return self.stream(stream).missing()

    def position_of(self, indices: Indices) -> NDArray[np.float64]:
        """Positions (n, 2) in metres; raises `LookupError` for an index whose position never came."""
        known = self.places.seen(indices)
        if not known.all():
            raise LookupError(f"position of frame {indices[~known][0]}: expected one that came, got none")
        return self._positions_m[indices]

    def came(self) -> Came:
        """What of each index came."""
        frames, places = self.frames.indices(), self.places.indices()
        both = np.intersect1d(frames, places, assume_unique=True)
        return Came(frames, places, both, self.position_of(places))

    def stream(self, name: StreamName) -> Stream:
        """One of the two streams."""
        return self.frames if name == "frames" else self.places

    def _pair(self, indices: Indices) -> Indices:
        self.paired += indices.size
        return indices


def finite(positions_m: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which positions (n, 2) are numbers."""
    return np.asarray(np.isfinite(positions_m).all(axis=1), bool)


def grown(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """The array if it has so many rows, else a copy with at least twice as many, zero where it is new."""
    if rows <= len(array):
        return array
    larger = np.zeros((max(rows, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def _first_occurrence(indices: Indices) -> NDArray[np.bool_]:
    """Which rows hold an index that no row before them holds."""
    if indices.size < 2 or (np.diff(indices) > 0).all():
        return np.ones(indices.size, bool)
    first = np.zeros(indices.size, bool)
    first[np.unique(indices, return_index=True)[1]] = True
    return first
