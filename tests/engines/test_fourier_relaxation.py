"""Frames that agree with the model to within their noise ask for nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engines.dataset import GrowingDataset
from engines.projections import COUNTING_NOISE, ProjectingEngine, magnitude_projection_
from engines.registry import ENGINES
from engines.simulate import Scan
from engines.state import Data, State

PROJECTING = [name for name, kind in ENGINES.items() if issubclass(kind, ProjectingEngine)]


def test_a_frame_within_the_bound_stays_and_another_is_moved_up_to_it() -> None:
    waves = torch.randn(3, 2, 16, 16, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    modulus = waves.abs().square().sum(dim=1).sqrt()
    magnitudes = modulus + torch.tensor([0.1, 0.5, 3.0])[:, None, None]
    magnitudes[:, 2, :] = -1
    moved = magnitude_projection_(waves.clone(), magnitudes, bound=0.5**2 + 1e-3)
    assert torch.allclose(moved[:2], waves[:2], atol=1e-5)
    left = (moved[2].abs().square().sum(dim=0).sqrt() - magnitudes[2])[magnitudes[2] >= 0]
    assert float(left.square().mean()) == pytest.approx(0.5**2 + 1e-3, rel=1e-3)
    assert torch.allclose(moved[:, :, 2], waves[:, :, 2], atol=1e-5), "pixels that are not trusted stay free"


@pytest.mark.parametrize("name", PROJECTING)
def test_noise_is_not_fitted(scan: Scan, dataset: GrowingDataset, name: str) -> None:
    """The truth with counting noise is left alone by an engine that knows of it, and not by one that does not."""
    counts = torch.from_numpy(np.random.default_rng(0).poisson(scan.expected(0, len(scan)))).float()
    data = Data.of(counts.sqrt(), dataset.data(scan.canvas).positions)
    moved = []
    for relaxation in (0.0, 2.0):
        engine = ENGINES[name](fourier_relaxation=relaxation, probe_start=1)  # type: ignore[call-arg]
        state = engine.admit(State(object=scan.object.clone(), probe=scan.probe.clone()), data)
        for _ in range(2):
            state = engine.step(state, data)
        moved.append(float(torch.linalg.vector_norm(state.probe - scan.probe)))
    assert moved[1] < 1e-3 * moved[0]


def test_every_engine_that_projects_is_meant() -> None:
    assert sorted(PROJECTING) == ["dm", "epie", "er", "lsqml", "opr", "raar", "rpie"]
    assert math.isclose(COUNTING_NOISE, np.var(np.sqrt(np.random.default_rng(0).poisson(100, 100_000))), rel_tol=0.02)
