"""Time of an iteration against the floor: the forward and inverse FFT that it cannot do without.

Measurements are interleaved and medians taken, because a machine's speed changes from minute to minute.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import torch

from engines import parallel
from engines.dataset import GrowingDataset
from engines.dm import DM
from engines.offline import chunks
from engines.optics import fft2, ifft2
from engines.pie import RPIE
from engines.preparation import Preparation
from engines.probes import initial_probe
from engines.registry import ENGINES
from engines.simulate import simulate
from engines.state import Data, Engine, State, initial_state

FRAMES, SIZE, ROUNDS = 315, 256, 7
DM_BOUND, RPIE_BOUND, THREADS_GAIN = 2.3, 2.4, 1.6
ANY_BOUND = 3.0
"""Of every engine, times the floor of the transforms that its equations need."""


def floor_s(block: int) -> float:
    """Seconds for the FFT pair of all frames, some at a time."""
    waves = torch.randn(block, SIZE, SIZE, dtype=torch.complex64)
    start = time.perf_counter()
    for _ in range(0, FRAMES, block):
        ifft2(fft2(waves))
    return (time.perf_counter() - start) * FRAMES / (-(-FRAMES // block) * block)


class Case:
    """An engine on the demo scan, some iterations in, with a given number of threads."""

    def __init__(self, engine: Engine, data: Data, state: State, threads: int = 1) -> None:
        self.engine, self.data, self.threads = engine, data, threads
        parallel.set_threads(threads)
        self.state = engine.admit(state, data)
        for _ in range(4):
            self()

    @torch.inference_mode()
    def __call__(self) -> float:
        """Seconds of one iteration, run as the live loop runs it."""
        parallel.set_threads(self.threads)
        start = time.perf_counter()
        self.state = self.engine.step(self.state, self.data)
        return time.perf_counter() - start


def demo() -> tuple[Data, Callable[[], State]]:
    """The demo scan, and fresh starts on it."""
    scan = simulate()
    preparation = Preparation(frame_shape=(SIZE, SIZE), frame_dtype=scan.frames(0, 1).dtype)
    dataset = GrowingDataset(SIZE, FRAMES, preparation.magnitude_dtype)
    for start in range(0, FRAMES, 25):
        stop = min(start + 25, FRAMES)
        for chunk in chunks(scan.frames(start, stop), scan.positions_m[start:stop], preparation):
            dataset.append(*chunk)
    probe = initial_probe("data,defocus=1mm", scan.geometry, float(dataset.counts().mean()), dataset.mean_magnitudes())
    return dataset.data(scan.canvas), lambda: initial_state(probe, scan.canvas.shape)


def main() -> None:
    parallel.set_threads(1)
    data, start = demo()
    cases: dict[str, Callable[[], float]] = {
        "FFT pair, blocks of 4": lambda: floor_s(4),
        "FFT pair, blocks of 8": lambda: floor_s(8),
        "DM, 1 thread": Case(DM(metrics_every=0), data, start()),
        "DM with its error, 1 thread": Case(DM(metrics_every=1), data, start()),
        "rPIE, 1 thread": Case(RPIE(metrics_every=0), data, start()),
        "rPIE with its error, 1 thread": Case(RPIE(), data, start()),
        **{
            f"{name}, its defaults": Case(kind(metrics_every=0), data, start())  # type: ignore[call-arg]
            for name, kind in ENGINES.items()
        },
        "DM, 2 threads": Case(DM(metrics_every=0), data, start(), threads=2),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            parallel.set_threads(1)
            times[name].append(case())
    parallel.set_threads(1)
    medians = {name: statistics.median(each) for name, each in times.items()}
    floor = min(medians["FFT pair, blocks of 4"], medians["FFT pair, blocks of 8"])
    print(f"{FRAMES} frames of {SIZE} x {SIZE}, medians of {ROUNDS}, torch {torch.__version__}")
    for name, seconds in medians.items():
        print(f"{name:30s} {seconds / FRAMES * 1e6:8.0f} us/frame {seconds / floor:6.2f} x floor")
    for name, kind in ENGINES.items():
        ratio = medians[f"{name}, its defaults"] / floor / (kind.transforms / 2)
        print(f"{name}: {ratio:.2f} x the floor of its {kind.transforms} transforms")
        assert ratio <= ANY_BOUND, f"{name}: expected at most {ANY_BOUND} x the floor of its transforms"
    gain = medians["DM, 1 thread"] / medians["DM, 2 threads"]
    print(
        f"DM gains {gain:.2f} on two threads (load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
    )
    assert medians["DM, 1 thread"] <= DM_BOUND * floor, f"DM: expected at most {DM_BOUND} x floor"
    assert medians["rPIE, 1 thread"] <= RPIE_BOUND * floor, f"rPIE: expected at most {RPIE_BOUND} x floor"
    assert gain >= THREADS_GAIN, f"DM on two threads: expected a gain of {THREADS_GAIN}, got {gain:.2f}"


if __name__ == "__main__":
    main()
