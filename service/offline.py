"""``ptycholive reconstruct``: a recorded scan without the network, by the same engines, policy and files as live."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from engines.dataset import GrowingDataset
from engines.live import LiveRun, Progress
from engines.offline import chunks, drive
from engines.propagation import propagator
from service.checks import memory_refusal, overlap_warning
from service.descriptions import ReconstructionSpec
from service.formats import ScanFile
from service.keeper import Keeper
from service.setup import Setup, free_bytes
from service.specs import SpecError
from service.version import VERSION
from service.wire import Start

LOAD_FRAMES = 32


@dataclass(frozen=True)
class Outcome:
    """What an offline reconstruction came to."""

    path: Path
    iterations: int
    frames: int
    error: float | None
    """Relative amplitude error of the last iteration."""
    seconds: float


def iterations_of(spec: ReconstructionSpec, iterations: int) -> int:
    """Iterations of a whole chain, whose last engine gets `iterations` if it has no count of its own."""
    engines = [each for each in (spec.engine, *spec.then) if each is not None]
    *earlier, last = [each.iterations for each in engines] or [None]
    return sum(each or 0 for each in earlier) + (last or iterations)


def reconstruct_scan(
    scan: ScanFile,
    start: Start,
    arrays: Mapping[str, NDArray[Any]],
    out: Path,
    *,
    live: bool = False,
    device: torch.device,
    tell: Callable[[Progress], None] = lambda progress: None,
    warn: Callable[[str], None] = lambda warning: None,
) -> Outcome:
    """Reconstruct a scan as its start asks, and write the result; with `live`, chunk by chunk by the policy asked for.

    Raises `SpecError` for what cannot be, memory that does not suffice included.
    """
    setup = Setup.of(start, arrays, start.reconstruction or ReconstructionSpec())
    if refusal := memory_refusal(setup, scan.n, device, free_bytes(device)):
        raise SpecError(refusal)
    began, started_ns = time.monotonic(), time.time_ns()
    dataset = GrowingDataset(setup.preparation.size, scan.n, setup.preparation.magnitude_dtype, device)
    size = setup.policy.chunk if live else LOAD_FRAMES
    feed = chunks(scan.store, setup.positions_m(scan.positions_m), setup.preparation, arrays.get("mask"), size)
    for chunk in feed:
        dataset.append(*chunk)
        if live and dataset.lit().any():
            break
    lit = dataset.lit()
    if not lit.any():
        raise SpecError(f"frames: expected counts in trusted pixels of at least one, got none in {dataset.count}")
    canvas = setup.canvas(dataset.positions_m()[lit])
    probe = setup.probe(dataset, canvas, device)
    if warning := overlap_warning(setup, setup.positions_m(scan.positions_m), probe):
        warn(warning)
    run = LiveRun(
        setup.engine,
        setup.policy,
        dataset,
        canvas,
        probe,
        propagator=propagator(setup.optics, device),
        refinement=setup.refinement,
        background=setup.background(device),
    )
    with tempfile.TemporaryDirectory() as folder:
        keeper = Keeper(Path(folder), setup.optics.wavelength_m)
        for progress in drive(run, feed):
            keeper.note(progress)
            tell(progress)
        keeper.write_result(
            out,
            run,
            geometry=setup.geometry,
            configuration=setup.configuration,
            version=VERSION,
            started_ns=started_ns,
            ended_ns=time.time_ns(),
            metadata=start.metadata | {"title": start.scan},
        )
        keeper.close()
    return Outcome(out, run.state.iteration, run.frames, keeper.error, time.monotonic() - began)
