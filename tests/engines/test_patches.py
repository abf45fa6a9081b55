"""The two backends against each other, on the CPU; with a GPU, the batched one where it belongs."""

from __future__ import annotations

import pytest
import torch

from engines import kernels
from engines.patches import BATCHED, SLICES, Patches, backend

POSITIONS = torch.tensor([[0, 0], [3, 1], [3, 1], [12, 9], [7, 11]])
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]


def wave(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    return torch.device(request.param)


def test_backends_agree(device: torch.device) -> None:
    object, patches, probe = wave(20, 19), wave(5, 8, 8, seed=1), wave(2, 8, 8, seed=2)
    there = object.to(device)
    cut = BATCHED.cut(there, POSITIONS, (8, 8))
    assert torch.equal(cut.cpu(), SLICES.cut(object, POSITIONS, (8, 8)))
    out = torch.empty(5, 2, 8, 8, dtype=torch.complex128)
    waves = BATCHED.exit_waves(probe.to(device), there, POSITIONS, out.to(device))
    assert torch.allclose(waves.cpu(), SLICES.exit_waves(probe, object, POSITIONS, out), rtol=1e-12)
    total = BATCHED.add_(torch.zeros_like(there), POSITIONS, patches.to(device))
    assert torch.allclose(total.cpu(), SLICES.add_(torch.zeros_like(object), POSITIONS, patches), rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_sums_over_frames_agree(device: torch.device, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(kernels, "suit", lambda *tensors: False)
    object, probe, waves = wave(20, 19), wave(2, 8, 8, seed=2), wave(5, 2, 8, 8, seed=3)
    sums = []
    for patches, where in ((SLICES, torch.device("cpu")), (BATCHED, device)):
        totals = torch.zeros_like(object).to(where), torch.zeros_like(probe).to(where)
        given = waves.to(where), probe.to(where), object.to(where)
        patches.add_to_object_(totals[0], POSITIONS, given[0], given[1])
        patches.add_to_probe_(totals[1], POSITIONS, given[0], given[2])
        sums.append(totals)
    for one, other in zip(*sums, strict=True):
        assert torch.allclose(other.cpu(), one, rtol=1e-12)


@pytest.mark.parametrize("patches", [SLICES, BATCHED])
def test_cutting_and_adding_are_adjoint(patches: Patches) -> None:
    object, waves = wave(20, 19), wave(5, 8, 8, seed=1)
    left = torch.vdot(patches.cut(object, POSITIONS, (8, 8)).flatten(), waves.flatten())
    right = torch.vdot(object.flatten(), patches.add_(torch.zeros_like(object), POSITIONS, waves).flatten())
    assert torch.allclose(left, right, rtol=1e-12)


def test_the_device_chooses() -> None:
    assert backend(torch.device("cpu")) is SLICES
    assert backend(torch.device("cuda")) is BATCHED
