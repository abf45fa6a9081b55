"""One reconstruction of a simulated scan in this process, by the service's own live policy, with its error kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.chain import Chain
from engines.compare import Image
from engines.dataset import GrowingDataset
from engines.evaluation import Box, nmse
from engines.live import LiveRun, Progress
from engines.offline import Chunk, chunks
from engines.optics import illumination
from engines.policy import LivePolicy
from engines.preparation import Preparation
from engines.probes import initial_probe
from engines.simulate import Scan
from engines.state import Engine
from studies.store import Record

COLUMNS = ("iteration", "frames", "seconds", "error", "nmse", "nmse_early")
EVERY = 10
"""The error against the truth is computed in each so-manieth iteration."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a reconstruction begins with."""

    probe: str
    """A specification, see engines/probes.py."""
    probe_factor: float = 1.0
    """The probe is multiplied with this."""
    object_factor: float = 1.0
    """The object of ones too."""


@dataclass(frozen=True)
class Early:
    """A first image to judge."""

    frames: int
    """As long as there are no more than these."""
    box: Box
    """Where."""


class Frames:
    """Frames of a simulated scan, made when they are asked for."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.shape: tuple[int, ...] = (len(scan), scan.geometry.size, scan.geometry.size)

    def __getitem__(self, frames: slice, /) -> NDArray[Any]:
        return self.scan.frames(frames.start, frames.stop)


def feed_of(scan: Scan, chunk: int) -> list[Chunk]:
    """The whole scan, prepared, in chunks."""
    size = scan.geometry.size
    preparation = Preparation(frame_shape=(size, size), frame_dtype=np.dtype(np.uint32))
    return list(chunks(Frames(scan), scan.positions_m, preparation, chunk=chunk))


def run_of(scan: Scan, engine: Engine | Chain, policy: LivePolicy, start: Start, arrived: Iterable[Chunk]) -> LiveRun:
    """A run on the frames that have arrived; the probe's power is that of their mean, as in the service."""
    size = scan.geometry.size
    dataset = GrowingDataset(size, len(scan))
    for chunk in arrived:
        dataset.append(chunk.prepared, chunk.positions_m, chunk.indices)
    probe = initial_probe(start.probe, scan.geometry, float(dataset.counts().mean())) * start.probe_factor
    run = LiveRun(engine, policy, dataset, scan.canvas, probe)
    run.state = replace(run.state, object=run.state.object * start.object_factor)
    return run


def reconstruct(
    scan: Scan,
    run: LiveRun,
    steps: Iterable[Progress],
    box: Box,
    *,
    frame_iterations: float,
    tell: Callable[[float], None],
    early: Early | None = None,
    until: Callable[[float], bool] = lambda error: False,
) -> Record:
    """Follow the steps of a run to their end, or until its error against the truth satisfies `until`.

    `frame_iterations` are expected, sum of frames over iterations; seconds are those of the iterations alone.
    """
    truth, rows = scan.object.numpy(), []
    seconds, seen, began = 0.0, 0, time.perf_counter()
    for progress in steps:
        seconds += time.perf_counter() - began
        found = first = math.nan
        if progress.iteration % EVERY == 0 or run.finished:
            object = run.state.object.numpy()
            found = nmse(object, truth, box)
            if early is not None and progress.frames <= early.frames:
                first = nmse(object, truth, early.box)
        rows.append((progress.iteration, progress.frames, seconds, progress.error, found, first))
        seen += progress.frames
        tell(min(1.0, seen / frame_iterations))
        if until(found):
            break
        began = time.perf_counter()
    return Record(
        object=run.state.object.numpy().copy(),
        probe=run.modes.numpy().copy(),
        curve=np.array(rows, np.float64),
        columns=COLUMNS,
    )


def dose(scan: Scan) -> NDArray[np.float32]:
    """Photons that fell on each pixel of the object."""
    positions = torch.from_numpy(scan.canvas.to_pixels(scan.positions_m))
    light: NDArray[np.float32] = illumination(scan.probe, positions, scan.canvas.shape).numpy()
    return light


def noise_floor(scan: Scan, box: Box) -> float:
    """The NMSE that shot noise alone leaves: sum(1 / dose) / sum |O|^2 over the box."""
    truth: Image = scan.object.numpy()[box]
    return float(np.sum(1 / dose(scan)[box].astype(np.float64)) / np.sum(np.abs(truth.astype(np.complex128)) ** 2))


def centre_px(scan: Scan) -> tuple[int, int]:
    """Pixel of the object under the middle of the scan's first window, where a spiral begins."""
    row, col = scan.canvas.to_pixels(scan.positions_m[:1])[0] + scan.geometry.size // 2
    return int(row), int(col)
