from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engines import memory
from engines.blocks import BLOCK_ROWS
from engines.dataset import GrowingDataset
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

name, frames, planned, modes = sys.argv[1], *map(int, sys.argv[2:])
parallel.set_threads(1)

def resident():
    with open('/proc/self/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

def reconstruct(size, frames, planned):
    positions = spiral(frames, 5.0)
    canvas = Canvas.from_positions(positions, (size, size), 1.0)
    dataset = GrowingDataset(size, planned, torch.float16)
    for start in range(0, frames, 20):
        n = min(20, frames - start)
        dataset.append(Prepared(torch.ones(n, size, size), torch.ones(n)), positions[start:start + n], np.arange(n))
    probe = torch.ones(modes, size, size, dtype=torch.complex64)
    run = offline_run(ENGINES[name](), 2, dataset, canvas, probe)
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


@pytest.mark.parametrize(("name", "planned", "modes"), [("dm", 300, 1), ("dm", 0, 2), ("rpie", 900, 1)])
def test_memory_is_what_was_computed_beforehand(name: str, planned: int, modes: int) -> None:
    arguments = [name, "900" if name == "rpie" else "250", str(planned), str(modes)]
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
