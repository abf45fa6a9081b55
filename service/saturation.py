"""Saturated detector pixels, counted in now and then one of the frames as they come."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOOK_S = 0.2
"""One frame in so long is looked at: a comparison of each would cost too much at kilohertz rates."""
KEPT = 5


def at_top(frame: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a frame as received reads its type's maximum."""
    top: NDArray[np.bool_] = frame >= (np.iinfo(frame.dtype).max if frame.dtype.kind in "iu" else np.inf)
    return top


def too_many(frame: NDArray[Any], valid_max: float | None) -> NDArray[np.bool_]:
    """Where a frame as received has more counts than can be trusted."""
    return at_top(frame) if valid_max is None else at_top(frame) | (frame > valid_max)


class Saturation:
    """Counts pixels above `valid_max`, and those at the type's maximum that are not so in every frame.

    Detectors mark gaps and dead pixels with the type's maximum too: what always reads so is taken for one of these.
    """

    def __init__(
        self,
        valid_max: float | None = None,
        mask: NDArray[Any] | None = None,
        every_s: float = LOOK_S,
    ) -> None:
        self._valid_max = valid_max
        self._trusted = None if mask is None else mask.astype(bool)
        self._always: NDArray[np.bool_] | None = None
        self._every_s = every_s
        self._next = 0.0
        self._found: deque[int] = deque(maxlen=KEPT)

    @property
    def pixels(self) -> int:
        """Most saturated pixels in one of the latest frames that were looked at."""
        return max(self._found, default=0)

    def look(self, frames: NDArray[Any]) -> None:
        """Look at the last of these frames (n, rows, cols), if it is time to."""
        now = time.monotonic()
        if now < self._next or not len(frames):
            return
        self._next = now + self._every_s
        frame = frames[-1]
        top = at_top(frame)
        self._always = top if self._always is None else self._always & top
        trusted = ~self._always if self._trusted is None else self._trusted
        self._found.append(int(np.count_nonzero(too_many(frame, self._valid_max) & trusted)))
