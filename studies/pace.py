"""Frames that come by the clock, for a run that iterates as fast as it can."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from engines.live import LiveRun, Progress
from engines.offline import Chunk


def paced(run: LiveRun, feed: Iterable[Chunk], frame_delay_s: float) -> Iterator[Progress]:
    """Advance a run while frames come at this pace, in seconds; each chunk is there when its last frame is. Nobody
    waits: the clock counts the iterations' own time, and jumps to the next arrival where there is nothing to do.
    """
    waiting = iter(feed)
    coming = next(waiting, None)
    run.ended = coming is None
    clock = run.dataset.count * frame_delay_s
    while not run.finished:
        while coming is not None and (arrives := (int(coming.indices[-1]) + 1) * frame_delay_s) <= clock:
            run.dataset.append(coming.prepared, coming.positions_m, coming.indices)
            coming = next(waiting, None)
            run.ended = coming is None
        began = time.perf_counter()
        progress = run.advance()
        clock += time.perf_counter() - began
        if progress is not None:
            yield progress
        elif coming is not None:
            clock = max(clock, arrives)
