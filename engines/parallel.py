"""Sums over frames on several threads of one torch thread each, with private accumulators.

Torch's own threads gain 1.2 on two cores, these 1.8: each keeps its block of frames in its own cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from engines.allocator import keep_freed_memory

Result = TypeVar("Result")
Span = tuple[int, int]

FRAMES_PER_BLOCK = 2
"""Frames worked on at a time; their waves stay in the cache."""


class _Threads:
    """The pool that all engines of this process share."""

    def __init__(self) -> None:
        self.count = 1
        self.pool: ThreadPoolExecutor | None = None


_shared = _Threads()


def set_threads(count: int | None = None) -> int:
    """Use so many threads for sums over frames from now on (by default one a core); returns how many.

    Torch's own threads are switched off, in this process as a whole, because the two multiply; freed memory is
    kept.
    """
    keep_freed_memory()
    _shared.count = count or len(os.sched_getaffinity(0))
    if _shared.count < 1:
        raise ValueError(f"threads: expected at least 1, got {count}")
    torch.set_num_threads(1)
    if _shared.pool:
        _shared.pool.shutdown()
    _shared.pool = ThreadPoolExecutor(_shared.count, "frames", lambda: torch.set_num_threads(1))
    return _shared.count


def threads() -> int:
    """Threads in use."""
    return _shared.count


def over_spans(work: Callable[[list[Span]], Result], spans: list[Span], device: torch.device) -> list[Result]:
    """Call `work` on equal shares of the spans, one a thread, and return what each gave, in order."""
    count = min(_shared.count, len(spans)) if device.type == "cpu" else 1
    if count == 1 or _shared.pool is None:
        return [work(spans)]
    inference = torch.is_inference_mode_enabled()  # a property of each thread

    def in_same_mode(share: list[Span]) -> Result:
        with torch.inference_mode(inference):
            return work(share)

    size = -(-len(spans) // count)
    return list(_shared.pool.map(in_same_mode, [spans[i : i + size] for i in range(0, len(spans), size)]))
