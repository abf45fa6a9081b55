"""The live loop without a stream: a whole dataset at once, or chunk by chunk as if it were being measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.arrays import Metres, Probe, Rows
from engines.canvas import Canvas
from engines.chain import Chain
from engines.dataset import GrowingDataset
from engines.live import LiveRun, Progress
from engines.policy import LivePolicy
from engines.positions import Refinement
from engines.preparation import Preparation, Prepared
from engines.propagation import FOURIER, Propagator
from engines.state import Engine


class Chunk(NamedTuple):
    """Frames that arrive together."""

    prepared: Prepared
    """Magnitudes and counts."""
    positions_m: Metres
    """Of the probe's centre."""
    indices: Rows
    """In the scan."""


@runtime_checkable
class FrameSource(Protocol):
    """Frames (frame, rows, cols) that are read when they are sliced: an array, or a dataset of a file."""

    shape: tuple[int, ...]
    """(frame, rows, cols)."""

    def __getitem__(self, frames: slice, /) -> NDArray[Any]: ...


def chunks(
    frames: FrameSource,
    positions_m: Metres,
    preparation: Preparation,
    mask: NDArray[Any] | None = None,
    chunk: int = 25,
) -> Iterator[Chunk]:
    """Prepare a scan that is complete, chunk by chunk."""
    count = frames.shape[0]
    if count != len(positions_m):
        raise ValueError(f"scan: expected a position for each of {count} frames, got {len(positions_m)}")
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        prepared = preparation(np.asarray(frames[start:stop]), mask)
        yield Chunk(prepared, positions_m[start:stop], np.arange(start, stop))


def drive(run: LiveRun, feed: Iterable[Chunk] = ()) -> Iterator[Progress]:
    """Advance a run to its end: when it waits, the next chunk of the feed arrives, and the last one ends the scan."""
    waiting = iter(feed)
    coming = next(waiting, None)
    run.ended = coming is None
    while not run.finished:
        progress = run.advance()
        if progress is not None:
            yield progress
        elif coming is not None:
            run.dataset.append(coming.prepared, coming.positions_m, coming.indices)
            coming = next(waiting, None)
            run.ended = coming is None


def offline_policy(iterations: int, refine: bool = False) -> LivePolicy:
    """All frames at once, and so many iterations.

    Where positions are refined, frames are taken in by the order of the scan before that, a few iterations on each
    chunk: its windows start where the last ones were found. With all at once a drift bends the object instead, and
    positions and object then hold each other there.
    """
    if not refine:
        return LivePolicy(start_after=1, chunk=1, final_iterations=iterations)
    return LivePolicy(start_after=50, chunk=25, iterations_per_chunk=4, final_iterations=iterations)


def offline_run(
    engine: Engine | Chain,
    iterations: int,
    dataset: GrowingDataset,
    canvas: Canvas,
    probe: Probe,
    propagator: Propagator = FOURIER,
    refinement: Refinement | None = None,
) -> LiveRun:
    """So many iterations on all frames of a complete dataset; `drive` it."""
    policy = offline_policy(iterations, refinement is not None)
    return LiveRun(engine, policy, dataset, canvas, probe, propagator=propagator, refinement=refinement)
