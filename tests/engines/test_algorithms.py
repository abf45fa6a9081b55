from __future__ import annotations

import importlib.util
import sys
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from engines import parallel
from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.dm import DM
from engines.er import ER
from engines.lsqml import LSQML
from engines.ml import ML
from engines.modes import orthogonalised
from engines.offline import drive, offline_run
from engines.pie import EPIE, RPIE
from engines.probes import initial_probe, with_modes
from engines.raar import RAAR
from engines.registry import ENGINES
from engines.simulate import Scan
from engines.state import Data, Engine, State, initial_state


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


reference = load("reference")


@pytest.fixture
def start(scan: Scan, dataset: GrowingDataset) -> State:
    mean = dataset.mean_magnitudes()
    probe = initial_probe("data,defocus=2.8mm", scan.geometry, float(dataset.counts().mean()), mean)
    return initial_state(probe, scan.canvas.shape)


def masked(data: Data) -> Data:
    """The first 12 frames, with a beamstop, a dead column and a pixel that is bad in one frame only."""
    magnitudes = torch.cat([data.magnitudes([i], torch.empty(1, *data.window)).clone() for i in range(12)])
    magnitudes[:, :3, :3] = -1
    magnitudes[:, :, 17] = -1
    magnitudes[5, 40, 41] = -1
    return Data.of(magnitudes, data.positions[:12])


def run(engine: Engine, start: State, data: Data, iterations: int) -> tuple[State, list[tuple[float, float]]]:
    state = engine.admit(replace(start, object=start.object.clone(), probe=start.probe.clone()), data)
    errors = []
    for _ in range(iterations):
        state = engine.step(state, data)
        errors.append((state.error, state.r_factor))
    return state, errors


def plain(start: State, data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    magnitudes = data.magnitudes(range(data.count), torch.empty(data.count, *data.window))
    return start.object.numpy(), start.probe.numpy(), magnitudes.double().numpy(), data.positions.numpy()


def assert_close(state: State, errors: list[tuple[float, float]], expected: tuple) -> None:
    for got, want in ((state.object, expected[0]), (state.probe, expected[1])):
        assert np.abs(got.numpy() - want).max() <= 1e-4 * np.abs(want).max()
    assert np.allclose(errors, expected[2], rtol=1e-4)


@pytest.mark.parametrize("modes", [1, 2])
@pytest.mark.parametrize("alpha", [1.0, 0.8, 0.0])
def test_dm_is_the_reference(scan: Scan, dataset: GrowingDataset, start: State, alpha: float, modes: int) -> None:
    data = masked(dataset.data(scan.canvas))
    start = replace(start, probe=with_modes(start.probe, modes))
    state, errors = run(DM(alpha=alpha, metrics_every=1), start, data, 4)
    assert_close(state, errors, reference.dm(*plain(start, data), 4, alpha=alpha))


def test_er_is_dm_with_alpha_0(scan: Scan, dataset: GrowingDataset, start: State) -> None:
    data = masked(dataset.data(scan.canvas))
    state, errors = run(ER(), start, data, 4)
    assert_close(state, errors, reference.dm(*plain(start, data), 4, alpha=0.0))


@pytest.mark.parametrize("modes", [1, 2])
@pytest.mark.parametrize("batch", [1, 5])
def test_rpie_is_the_reference(scan: Scan, dataset: GrowingDataset, start: State, batch: int, modes: int) -> None:
    data = masked(dataset.data(scan.canvas))
    start = replace(start, probe=with_modes(start.probe, modes))
    engine = RPIE(object_regularisation=0.3, probe_regularisation=0.7, batch=batch, seed=3)
    state, errors = run(engine, start, data, 3)
    assert_close(state, errors, reference.rpie(*plain(start, data), 3, (0.3, 0.7), (0.5, 0.5), batch, 3))


def test_epie_is_rpie_with_everything_regularised(scan: Scan, dataset: GrowingDataset, start: State) -> None:
    data = masked(dataset.data(scan.canvas))
    state, errors = run(EPIE(object_step=0.9), start, data, 3)
    assert_close(state, errors, reference.rpie(*plain(start, data), 3, (1.0, 1.0), (0.9, 0.5)))


@pytest.mark.parametrize("modes", [1, 2])
def test_raar_is_the_reference(scan: Scan, dataset: GrowingDataset, start: State, modes: int) -> None:
    data = masked(dataset.data(scan.canvas))
    start = replace(start, probe=with_modes(start.probe, modes))
    engine = RAAR(beta=0.8, object_inertia=1e-12, probe_inertia=1e-12, overlap_rounds=1)
    state, _ = run(engine, start, data, 4)
    object, probe = reference.raar(*plain(start, data), 4, 0.8)
    lit = reference_light(probe, data, object.shape)
    assert np.abs(state.object.numpy() - object)[lit].max() <= 1e-3
    assert np.abs(state.probe.numpy() - probe).max() <= 1e-3 * np.abs(probe).max()


def reference_light(probe: np.ndarray, data: Data, shape: tuple[int, ...]) -> np.ndarray:
    """Where enough light fell for single precision."""
    light = np.zeros(shape)
    for row, col in data.positions.tolist():
        light[row : row + 64, col : col + 64] += (np.abs(probe) ** 2).sum(axis=0)
    return light > 1e-2 * light.max()


@pytest.mark.parametrize("modes", [1, 2])
def test_lsqml_is_the_reference(scan: Scan, dataset: GrowingDataset, start: State, modes: int) -> None:
    data = masked(dataset.data(scan.canvas))
    start = replace(start, probe=with_modes(start.probe, modes))
    state, _ = run(LSQML(batch=12, probe_start=1, damping=0.2, relaxation=0.7), start, data, 1)
    object, probe = reference.lsqml(*plain(start, data), 0.2, 0.7)
    assert np.abs(state.object.numpy() - object).max() <= 2e-3 * np.abs(object - 1).max()
    assert np.abs(state.probe.numpy() - probe).max() <= 2e-3 * np.abs(probe).max()


def moved_wave(wave: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Every mode moved down and right, by its Fourier transform."""
    ky, kx = (np.fft.fftfreq(n)[:, None] if axis == 0 else np.fft.fftfreq(n) for axis, n in enumerate(wave.shape[1:]))
    return np.fft.ifft2(np.fft.fft2(wave) * np.exp(-2j * np.pi * (ky * fraction[0] + kx * fraction[1])))


@pytest.mark.parametrize("between", [False, True], ids=["whole pixels", "between pixels"])
@pytest.mark.parametrize("noise", ["poisson", "gaussian"])
def test_ml_goes_downhill_and_its_gradient_is_right(
    scan: Scan, dataset: GrowingDataset, start: State, noise: str, between: bool
) -> None:
    data = masked(dataset.data(scan.canvas))
    if between:
        eighths = np.random.default_rng(2).integers(-4, 4, size=(data.count, 2)) / 8
        data = data.moved(torch.from_numpy(eighths), tuple(start.object.shape))
    start = replace(start, probe=with_modes(start.probe, 2))
    engine = ML(noise=noise, probe_start=1)  # type: ignore[arg-type]

    def likelihood(object: np.ndarray, probe: np.ndarray) -> float:
        _, _, magnitudes, corners = plain(start, data)
        fractions = np.zeros((data.count, 2)) if data.fractions is None else data.fractions.numpy()
        frames = zip(fractions, magnitudes, corners, strict=True)
        return sum(
            reference.likelihood(object, moved_wave(probe, f), m[None], c[None], noise, engine.readout_variance)
            for f, m, c in frames
        )

    values, state = [], engine.admit(start, data)
    for _ in range(4):
        values.append(likelihood(*plain(state, data)[:2]))
        before, state = state, engine.step(state, data)
    assert all(b < a for a, b in pairwise(values))
    # the last gradient is the difference quotient of the likelihood, along a direction of object and probe
    object, probe = (array.astype(np.complex128) for array in plain(before, data)[:2])
    rng = np.random.default_rng(0)
    along = [rng.standard_normal((*a.shape, 2)) @ [1, 1j] for a in (object, probe)]
    step = 1e-6
    ends = [likelihood(object + s * along[0], probe + s * along[1]) for s in (step, -step)]
    expected = (ends[0] - ends[1]) / (2 * step)
    gradient = [g.numpy() for g in state.gradient]  # type: ignore[attr-defined]
    found = 2 * sum(np.vdot(g, a).real for g, a in zip(gradient, along, strict=True))
    assert found == pytest.approx(expected, rel=1e-3)


def test_likelihood_without_a_trusted_pixel_leaves_everything_as_it_is(start: State, scan: Scan) -> None:
    data = Data.of(torch.full((3, 64, 64), -1.0), torch.from_numpy(scan.canvas.to_pixels(scan.positions_m[:3])))
    state, _ = run(ML(), start, data, 3)
    assert torch.equal(state.object, start.object) and torch.equal(state.probe, start.probe)


@pytest.mark.parametrize("name", ["dm", "er", "raar", "ml"])
@pytest.mark.parametrize(("block", "threads"), [(1, 1), (8, 1), (2, 2), (3, 3)])
def test_sums_do_not_depend_on_how_frames_are_split(
    scan: Scan,
    dataset: GrowingDataset,
    start: State,
    name: str,
    block: int,
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = dataset.data(scan.canvas)
    whole, _ = run(ENGINES[name](), start, data, 2)
    monkeypatch.setattr(parallel, "FRAMES_PER_BLOCK", block)
    parallel.set_threads(threads)
    split, _ = run(ENGINES[name](), start, data, 2)
    for one, other in ((whole.object, split.object), (whole.probe, split.probe)):
        assert torch.linalg.vector_norm(one - other) <= 1e-5 * torch.linalg.vector_norm(one)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_lowers_the_r_factor(scan: Scan, dataset: GrowingDataset, start: State, name: str) -> None:
    engine = ENGINES[name]()
    live = offline_run(engine, 30, dataset, scan.canvas, start.probe)
    history = [progress.r_factor for progress in drive(live)]
    assert len(history) == 30
    assert history[-1] < 0.25 * history[0]
    assert history[-1] < 0.1


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_survives_dead_and_masked_frames(
    scan: Scan, dataset: GrowingDataset, start: State, name: str
) -> None:
    magnitudes = torch.cat([dataset.magnitudes.rows(i, i + 1).clone() for i in range(20)])
    magnitudes[3] = 0
    magnitudes[4] = -1
    data = Data.of(magnitudes, dataset.data(scan.canvas).positions[:20])
    state, errors = run(ENGINES[name](metrics_every=1), start, data, 5)
    assert torch.isfinite(torch.view_as_real(state.object)).all()
    assert torch.isfinite(torch.view_as_real(state.probe)).all()
    assert np.isfinite(errors).all()


@pytest.mark.parametrize("name", ENGINES)
def test_every_parameter_is_documented_in_the_source(name: str) -> None:
    import ast
    import inspect

    documented = set()
    for kind in ENGINES[name].__mro__:
        if kind.__module__.startswith("engines."):
            body = ast.parse(inspect.getsource(kind)).body[0].body  # type: ignore[attr-defined]
            for field, text in pairwise(body):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    documented.add(field.target.id)  # type: ignore[union-attr]
    assert {field.name for field in fields(ENGINES[name])} <= documented


def test_an_engine_is_validated_by_its_own_fields() -> None:
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(RPIE)
    assert adapter.validate_python({"batch": 4}).batch == 4
    with pytest.raises(ValidationError, match="bach"):
        adapter.validate_python({"bach": 4})
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        adapter.validate_python({"object_regularisation": 1.5})
    schema = TypeAdapter(DM).json_schema()
    assert schema["properties"]["alpha"]["maximum"] == 1
    assert "Mixing" in schema["properties"]["alpha"]["description"]


def test_frames_are_admitted_with_the_present_estimate(scan: Scan, dataset: GrowingDataset, start: State) -> None:
    engine, canvas = DM(), scan.canvas
    first = dataset.data(canvas, np.arange(20))
    state = engine.step(engine.admit(start, first), first)
    waves = state.exit_waves
    assert waves is not None
    scratch = waves.scratch(1, start.probe)
    before = waves.load(3, 4, scratch).clone()
    state = engine.admit(state, dataset.data(canvas, np.arange(30)))
    assert torch.equal(waves.load(3, 4, scratch), before)
    row, col = dataset.data(canvas).positions[25].tolist()
    assert torch.equal(waves.load(25, 26, scratch)[0], state.probe * state.object[row : row + 64, col : col + 64])
    assert state.admitted == 30


def test_dm_without_exit_waves_says_so(scan: Scan, dataset: GrowingDataset, start: State) -> None:
    with pytest.raises(ValueError, match="DM: expected a state with exit waves"):
        DM().step(start, dataset.data(scan.canvas))


def test_position_of_a_canvas_is_where_the_frame_was_made(scan: Scan) -> None:
    assert Canvas.from_positions(scan.positions_m, (64, 64), scan.geometry.pixel_m) == scan.canvas


def test_steps_fall_on_the_same_frames_and_are_whole_for_new_ones(
    scan: Scan, dataset: GrowingDataset, start: State
) -> None:
    engine = RPIE(annealing=10, least_step=0.05)
    assert [engine.step_share(since) for since in (0, 10, 1000)] == [1.0, 0.5, 0.05]
    assert RPIE(annealing=0).step_share(1000) == 1.0
    data = dataset.data(scan.canvas)
    moved = [
        float((run(engine, replace(start, since=since), data, 1)[0].object - start.object).abs().sum())
        for since in (0, 1000)
    ]
    assert moved[1] < 0.2 * moved[0]


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_takes_any_number_of_modes_and_their_mixture_is_the_same(
    scan: Scan, dataset: GrowingDataset, start: State, name: str
) -> None:
    """Modes are a basis: turned ones give the same object, so that orthogonalising them changes nothing."""
    data = masked(dataset.data(scan.canvas))
    probe = with_modes(start.probe, 3)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)))[0]
    turned = torch.tensordot(turn, probe, dims=1)
    states = [run(ENGINES[name](), replace(start, probe=each), data, 3)[0] for each in (probe, turned)]
    difference = torch.linalg.vector_norm(states[0].object - states[1].object)
    assert difference <= 1e-3 * torch.linalg.vector_norm(states[0].object - 1)
    one, other = (orthogonalised(state.probe) for state in states)
    assert torch.allclose(one.abs(), other.abs(), atol=2e-3 * float(one.abs().max()))
