from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engines import memory
from engines.blocks import BLOCK_ROWS
from engines.dataset import GrowingDataset
from engines.positions import Refinement
from engines.registry import ENGINES

SCRIPT = """
import resource, sys, numpy as np, torch
from engines import memory, parallel
from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.offline import drive, offline_run
from engines.preparation import Prepared
from engines.registry import ENGINES
from engines.simulate import spiral

name, frames, planned, modes, half = sys.argv[1], *map(int, sys.argv[2:])
parallel.set_threads(1)

def resident():
    with open('/proc/self/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

def reconstruct(size, frames, planned):
    positions = spiral(frames, 5.0)
    canvas = Canvas.from_positions(positions, (size, size), 1.0)
    dataset = GrowingDataset(size, planned, torch.float16)
    for start in range(0, frames, 5):  # few at a time: what is made on the way and freed is not to be seen
        n = min(5, frames - start)
        dataset.append(Prepared(torch.ones(n, size, size), torch.ones(n)), positions[start:start + n], np.arange(n))
    probe = torch.ones(modes, size, size, dtype=torch.complex64)
    run = offline_run(ENGINES[name](**({"half_waves": True} if half else {})), 2, dataset, canvas, probe)
    for _ in drive(run):
        pass
    return run, canvas

reconstruct(16, 20, 20)
before = resident()
run, canvas = reconstruct(256, frames, planned)
expected = memory.dataset_bytes(frames, 256, torch.float16, planned)
expected += memory.run_bytes(run.engine, frames, (modes, 256, 256), canvas.shape, planned)
print(expected, resident() - before)
"""


@pytest.mark.parametrize(
    ("name", "planned", "modes", "half"),
    [("dm", 300, 1, 0), ("dm", 0, 2, 0), ("dm", 0, 2, 1), ("raar", 500, 1, 1), ("rpie", 1800, 1, 0)],
)
def test_memory_is_what_was_computed_beforehand(name: str, planned: int, modes: int, half: int) -> None:
    arguments = [name, "1800" if name == "rpie" else "250", str(planned), str(modes), str(half)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    expected, measured = map(int, done.stdout.split())
    assert measured == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("planned", [0, 10])
def test_a_datasets_bytes(planned: int) -> None:
    dataset = GrowingDataset(8, planned, torch.float16)
    dataset.magnitudes.reserve(300)
    assert dataset.nbytes == memory.dataset_bytes(300, 8, torch.float16, planned)
    assert memory.rows_allocated(10, 10) == 10
    assert memory.rows_allocated(11, 10) == 10 + BLOCK_ROWS


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_says_what_it_needs(name: str) -> None:
    few = memory.run_bytes(ENGINES[name](), 10, (1, 64, 64), (100, 100), 10)
    many = memory.run_bytes(ENGINES[name](), 1000, (1, 64, 64), (100, 100), 1000)
    assert many - few == 990 * ENGINES[name]().exit_wave_bytes((1, 64, 64))


REFINE = """
import ctypes, sys, torch, numpy as np
from dataclasses import replace
from engines import parallel
from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.positions import Refinement
from engines.preparation import Prepared
from engines.search import search
from engines.simulate import spiral
from engines.state import Offsets, initial_state

method, modes, threads = sys.argv[1], *map(int, sys.argv[2:])
parallel.set_threads(threads)

def status(name):
    with open('/proc/self/status') as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

def refine(size, frames, modes):
    positions = spiral(frames, 5.0)
    canvas = Canvas.from_positions(positions, (size, size), 1.0)
    dataset = GrowingDataset(size, frames, torch.float16)
    dataset.append(Prepared(torch.ones(frames, size, size), torch.ones(frames)), positions, np.arange(frames))
    state = initial_state(torch.ones(modes, size, size, dtype=torch.complex64), canvas.shape)
    data = dataset.data(canvas).moved(torch.zeros(frames, 2, dtype=torch.float64), canvas.shape)
    refinement, state = Refinement(method=method), replace(state, offsets=Offsets.none().extended(frames))
    worst = torch.ones(frames, dtype=torch.float64)
    worst[3] = 100.0
    getattr(ctypes.CDLL(None), 'malloc_trim', int)(0)  # what was freed before must not be used again unseen
    with open('/proc/self/clear_refs', 'w') as high_water_mark:
        high_water_mark.write('5')
    before = status('VmRSS')
    refinement.step(state, data)
    search(state, data, worst)
    return refinement.working_bytes((modes, size, size), frames, threads), status('VmHWM') - before

with torch.inference_mode():
    refine(32, 20, 1)
    print(*refine(512, 20, modes))
"""


@pytest.mark.parametrize(
    ("method", "modes", "threads"), [("gradient", 1, 1), ("gradient", 4, 2), ("correlation", 2, 1)]
)
def test_refinement_needs_what_was_computed_beforehand(method: str, modes: int, threads: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFINE, method, str(modes), str(threads)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    expected, measured = map(int, done.stdout.split())
    assert 0.5 * expected < measured < 1.3 * expected  # how much of what was freed a thread takes again, varies


def test_refinement_counts_in_what_a_run_needs() -> None:
    engine, sizes = ENGINES["rpie"](), (100, (3, 256, 256), (400, 400), 100, 1)
    refinement = Refinement()
    more = memory.run_bytes(engine, *sizes, refinement) - memory.run_bytes(engine, *sizes)
    working = engine.working_bytes((3, 256, 256), (400, 400), 1)
    assert more == refinement.working_bytes((3, 256, 256), 100, 1) - working > 0
