"""Taking a chunk of 25 frames into a dataset that holds 100, and one that holds 10,000: appended, admitted, and known
to the run, as between two iterations of a live reconstruction.

Rounds are interleaved and medians taken. Both datasets have room for what comes, as a plan gives it, and both scans are
on the same canvas, so that nothing but the number of frames differs.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from engines import parallel
from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.dm import DM
from engines.live import LiveRun
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.preparation import Preparation
from engines.state import Engine

SIZE, CHUNK, ROUNDS = 64, 25, 31
FEW, MANY = 100, 10_000
BOUND = 0.2
SIDE_M = 400.0


class Scan:
    """A run on so many frames at random places, and time for more."""

    def __init__(self, engine: Engine, frames: int) -> None:
        total = frames + ROUNDS * CHUNK
        generator = np.random.default_rng(0)
        self.positions_m = generator.uniform(0, SIDE_M, (total, 2))
        corners = np.array([[0.0, 0.0], [SIDE_M, SIDE_M]])
        self.frames = generator.poisson(20, (CHUNK, SIZE, SIZE)).astype(np.uint16)
        self.preparation = Preparation(frame_shape=(SIZE, SIZE), frame_dtype=self.frames.dtype)
        self.dataset = GrowingDataset(SIZE, total, self.preparation.magnitude_dtype)
        canvas = Canvas.from_positions(corners, (SIZE, SIZE), 1.0)
        probe = torch.ones(1, SIZE, SIZE, dtype=torch.complex64)
        policy = LivePolicy(start_after=frames, chunk=CHUNK)
        self.run = LiveRun(engine, policy, self.dataset, canvas, probe)
        while self.dataset.count < frames:
            self.append()
        self.run.advance()

    def append(self) -> None:
        """A chunk arrives."""
        rows = np.arange(self.dataset.count, self.dataset.count + CHUNK)
        self.dataset.append(self.preparation(self.frames), self.positions_m[rows], rows)

    @torch.inference_mode()
    def __call__(self) -> float:
        """Seconds of this thread to take a chunk in, up to the next iteration."""
        start = time.thread_time()
        self.append()
        self.run.take_due()
        seconds = time.thread_time() - start
        assert self.run.frames == self.dataset.count
        return seconds


def main() -> None:
    """Print a line an engine."""
    parallel.set_threads(1)
    missed = []
    print(f"a chunk of {CHUNK} frames of {SIZE} x {SIZE}, medians of {ROUNDS}")
    for engine in (RPIE(), DM()):
        few, many = Scan(engine, FEW), Scan(engine, MANY)
        rounds = [(few(), many()) for _ in range(ROUNDS)]
        (a, b) = (1e3 * statistics.median(each) for each in zip(*rounds, strict=True))
        name = type(engine).__name__
        print(f"{name:5} into {FEW}: {a:.2f} ms, into {MANY}: {b:.2f} ms, ratio {b / a:.2f} (bound 1 +- {BOUND})")
        missed += [name] if abs(b / a - 1) > BOUND else []
    assert not missed, f"taking a chunk in: expected the same time within {BOUND:.0%}, not so with {', '.join(missed)}"


if __name__ == "__main__":
    main()
