"""What a reconstruction sees of the scan, for alarms: how much light there is, and how far the positions lie apart."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.live import LiveRun
from engines.overlap_measure import width_px
from engines.spacing import linear_overlap

NEWEST_FRAMES = 10
LOOK_S = 3.0
"""Distances between positions are computed at most so often."""


def light(counts: NDArray[np.floating[Any]]) -> dict[str, float | None]:
    """Median counts of the newest frames and of all of them; None before there are enough to compare."""
    if len(counts) < 2 * NEWEST_FRAMES:
        return {"counts_newest": None, "counts_usual": None}
    newest, usual = np.median(counts[-NEWEST_FRAMES:]), np.median(counts)
    return {"counts_newest": float(newest), "counts_usual": float(usual)}


class Spacing:
    """The overlap of the newest positions, computed again now and then as frames are taken in."""

    def __init__(self) -> None:
        self.overlap: float | None = None
        self._frames = 0
        self._next = 0.0

    def look(self, run: LiveRun) -> None:
        """Compute it anew if there are new frames and it is time to; the probe must have been iterated on."""
        now = time.monotonic()
        if run.data is None or run.frames == self._frames or now < self._next or not run.state.iteration:
            return
        self._frames, self._next = run.frames, now + LOOK_S
        self.overlap = linear_overlap(run.data.positions.numpy(), width_px(run.state.probe))
