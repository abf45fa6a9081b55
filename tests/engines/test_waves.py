"""Exit waves in half the memory."""

from __future__ import annotations

import math

import pytest
import torch

from engines.blocks import BLOCK_ROWS
from engines.dataset import GrowingDataset
from engines.offline import drive, offline_run
from engines.probes import initial_probe
from engines.registry import ENGINES
from engines.simulate import Scan
from engines.waves import ExitWaves, stored_bytes

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20])
def test_whatever_their_size_they_come_back(size: float) -> None:
    """Beyond what 16 bits can hold, dark frames and a frame of another size beside them."""
    waves = size * torch.randn(3, 2, 8, 8, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    waves[1] = 0
    waves[2] *= 1e-5
    stored = ExitWaves((2, 8, 8), CPU, planned=3, half=True)
    scratch = stored.scratch(3, waves[0])
    stored.store(0, 3, waves)
    found = stored.load(0, 3, scratch)
    for each, given in zip(found, waves, strict=True):
        assert float((each - given).abs().max()) <= float(given.abs().max()) / 2048


def test_what_is_not_finite_stays_so() -> None:
    stored = ExitWaves((1, 4, 4), CPU, planned=1, half=True)
    waves = torch.full((1, 1, 4, 4), math.nan, dtype=torch.complex64)
    stored.store(0, 1, waves)
    assert not torch.isfinite(torch.view_as_real(stored.load(0, 1, stored.scratch(1, waves[0])))).any()


@pytest.mark.parametrize("half", [False, True])
def test_they_take_what_was_computed(half: bool) -> None:
    stored = ExitWaves((2, 8, 8), CPU, planned=10, half=half)
    stored.reserve(11)
    assert stored.nbytes == (10 + BLOCK_ROWS) * stored_bytes((2, 8, 8), half)
    assert stored_bytes((1, 256, 256), True) < 0.51 * stored_bytes((1, 256, 256), False)


@pytest.mark.parametrize("name", ["dm", "er", "raar"])
def test_convergence_is_the_same(scan: Scan, dataset: GrowingDataset, name: str) -> None:
    mean = dataset.mean_magnitudes()
    probe = initial_probe("data,defocus=2.8mm", scan.geometry, float(dataset.counts().mean()), mean)
    errors = []
    for half in (False, True):
        run = offline_run(ENGINES[name](half_waves=half), 40, dataset, scan.canvas, probe)  # type: ignore[call-arg]
        errors.append(list(drive(run))[-1].error)
        assert run.state.exit_waves is not None
        assert run.state.exit_waves.nbytes == 60 * stored_bytes((1, 64, 64), half)
    assert errors[1] == pytest.approx(errors[0], rel=0.01)
