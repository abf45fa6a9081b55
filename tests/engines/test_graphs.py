"""The way of a GPU over the frames, in blocks of a fixed size, against that of the CPU; with a GPU, its graphs too."""

from __future__ import annotations

import pytest
import torch
from pytest import MonkeyPatch

from engines import graphs, overlap
from engines.beam import Beam
from engines.dataset import GrowingDataset
from engines.overlap import OverlapEngine
from engines.registry import ENGINES
from engines.simulate import Scan
from engines.state import Data, State, initial_state

NAMES = [name for name, kind in ENGINES.items() if issubclass(kind, OverlapEngine)]


def begun(name: str, data: Data, scan: Scan, beam: bool, half: bool) -> tuple[OverlapEngine, State]:
    engine = ENGINES[name](half_waves=half, metrics_every=1)
    assert isinstance(engine, OverlapEngine)
    flat = torch.full(data.window, 0.5)
    known = Beam(scales=torch.linspace(0.9, 1.1, data.count), background=flat) if beam else None
    state = initial_state(scan.probe.clone(), scan.canvas.shape)
    return engine, engine.admit(State(object=state.object, probe=state.probe, beam=known), data)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beam", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_blocks_of_a_fixed_size_give_the_same(
    name: str, beam: bool, half: bool, dataset: GrowingDataset, scan: Scan, monkeypatch: MonkeyPatch
) -> None:
    data = dataset.data(scan.canvas)
    assert data.count % graphs.MOST_FRAMES, "some frames are left over"
    engine, one = begun(name, data, scan, beam, half)
    _, other = begun(name, data, scan, beam, half)
    for _ in range(3):
        one = engine.step(one, data)
    monkeypatch.setattr(
        overlap._Sweep,
        "fourier",
        lambda self, engine, state, measured: graphs.sweep_of(engine, state, self.data, self.stored, measured)(
            state, self.data, self.stored
        ),
    )
    for _ in range(3):
        other = engine.step(other, data)
    tolerance = 2e-3 if half else 1e-5
    assert torch.allclose(other.object, one.object, rtol=tolerance, atol=tolerance)
    assert (other.error, other.r_factor) == pytest.approx((one.error, one.r_factor), rel=tolerance)


def test_what_was_captured_serves_until_something_else_is_wanted(dataset: GrowingDataset, scan: Scan) -> None:
    data = dataset.data(scan.canvas)
    engine, state = begun("dm", data, scan, False, False)
    assert state.exit_waves is not None
    first = graphs.sweep_of(engine, state, data, state.exit_waves, True)
    assert graphs.sweep_of(engine, state, data, state.exit_waves, True) is first
    assert graphs.sweep_of(engine, state, data, state.exit_waves, False) is not first
    assert graphs.sweep_of(ENGINES["dm"](alpha=0.5), state, data, state.exit_waves, True) is not first


@pytest.mark.cuda
def test_a_gpu_gives_what_the_cpu_gives(dataset: GrowingDataset, scan: Scan) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    here, results = dataset.data(scan.canvas), []
    for device in ("cpu", "cuda"):
        data = Data.of(here.storage.rows(0, here.count).to(device), here.positions)
        engine = ENGINES["dm"](metrics_every=1)
        state = engine.admit(initial_state(scan.probe.to(device), scan.canvas.shape), data)
        for _ in range(5):
            state = engine.step(state, data)
        results.append((state.object.cpu(), state.error))
    assert torch.allclose(*(object for object, _ in results), rtol=1e-3, atol=1e-3)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-3)
