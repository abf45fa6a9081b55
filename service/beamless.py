"""Frames that the fit of intensities found without beam: counted, listed by their indices, and each told of once."""

from __future__ import annotations

import numpy as np

from engines.arrays import Rows
from engines.live import LiveRun
from service.tally import Ranges

Listed = tuple[tuple[int, int], ...]
"""Ranges (first, last); the highest ones if there are too many."""


class WithoutBeam:
    """Looks at a run after each of its iterations."""

    def __init__(self) -> None:
        self.count = 0
        self.listed: Listed = ()
        self._indices: Rows = np.zeros(0, np.int64)
        self._told: set[int] = set()

    def look(self, run: LiveRun) -> Listed:
        """Take note of the frames that are left out now; returns those of them that were never told of."""
        indices = run.without_beam
        if np.array_equal(indices, self._indices):
            return ()
        self._indices, self.count, self.listed = indices, len(indices), listed(indices)
        new = np.array(sorted(set(indices.tolist()) - self._told), np.int64)
        self._told.update(new.tolist())
        return listed(new)


def listed(indices: Rows) -> Listed:
    """Indices as ranges."""
    ranges = Ranges()
    for index in indices.tolist():
        ranges.add(index)
    return ranges.newest()
