"""A probe that changes during the scan."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engines.arrays import Probe
from engines.compare import likeness, scanned
from engines.dataset import GrowingDataset
from engines.live import LiveRun
from engines.offline import Chunk, drive
from engines.opr import OPR, OPRState
from engines.optics import exit_waves, fft2, intensity
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.preparation import Prepared
from engines.probes import initial_probe
from engines.simulate import Scan, simulate, spiral
from engines.state import Data, State, initial_state

FRAMES, SIZE = 100, 64


@pytest.fixture(scope="module")
def drifting() -> Scan:
    return simulate(spiral(FRAMES, 3.0), size=SIZE, photons=1e7, outermost_zone_m=240e-9, defocus_m=3.0e-3, seed=1)


def true_probe(scan: Scan, frame: int) -> Probe:
    """The pupil moves by 2 detector pixels down and 1 to the right, from the first frame to the last."""
    time = frame / (FRAMES - 1) - 0.5
    x = (torch.arange(SIZE) - SIZE // 2) / SIZE
    ramp = 2 * torch.pi * time * (2 * x[:, None] + x[None, :])
    return scan.probe * torch.polar(torch.ones_like(ramp), ramp)


@pytest.fixture(scope="module")
def chunks(drifting: Scan) -> list[Chunk]:
    rng, found = np.random.default_rng(0), []
    corners = torch.from_numpy(drifting.canvas.to_pixels(drifting.positions_m))
    for frame in range(FRAMES):
        out = torch.empty(1, 1, SIZE, SIZE, dtype=torch.complex64)
        waves = exit_waves(true_probe(drifting, frame), drifting.object, corners[frame : frame + 1], out)
        counts = torch.from_numpy(rng.poisson(intensity(fft2(waves))[:, 0].numpy())).float()
        here = slice(frame, frame + 1)
        prepared = Prepared(counts.sqrt(), counts.sum(dim=(1, 2)))
        found.append(Chunk(prepared, drifting.positions_m[here], np.arange(frame, frame + 1)))
    return found


def dataset_of(chunks: list[Chunk]) -> GrowingDataset:
    dataset = GrowingDataset(SIZE, FRAMES, torch.float32)
    for chunk in chunks:
        dataset.append(*chunk)
    return dataset


@pytest.fixture
def start(drifting: Scan, chunks: list[Chunk]) -> tuple[State, Data]:
    dataset = dataset_of(chunks)
    mean = dataset.mean_magnitudes()
    probe = initial_probe("data,defocus=2.8mm", drifting.geometry, float(dataset.counts().mean()), mean)
    return initial_state(probe, drifting.canvas.shape), dataset.data(drifting.canvas)


def after(engine: RPIE, state: State, data: Data, iterations: int) -> State:
    state = engine.admit(replace(state, object=state.object.clone(), probe=state.probe.clone()), data)
    for since in range(iterations):
        state = engine.step(replace(state, since=since), data)
    return state


def test_error_and_object_are_far_better_than_with_one_probe(drifting: Scan, start: tuple[State, Data]) -> None:
    region = scanned(drifting.canvas.to_pixels(drifting.positions_m), (SIZE, SIZE), drifting.canvas.shape)
    one, many = (after(engine, *start, 40) for engine in (RPIE(), OPR(variations=2)))
    away = [math.sqrt(likeness(s.object.numpy(), drifting.object.numpy(), region).nmse) for s in (one, many)]
    assert many.error < 0.4 * one.error
    assert away[1] < 0.5 * away[0]
    assert isinstance(many, OPRState)
    order = many.coefficients[:, 0] * many.coefficients[0, 0].conj()
    assert np.corrcoef(order.real.numpy(), np.arange(FRAMES))[0, 1] < -0.9, "the strongest variation is the drift"


def test_a_probe_that_stays_is_not_made_worse(scan: Scan, dataset: GrowingDataset) -> None:
    mean = dataset.mean_magnitudes()
    probe = initial_probe("data,defocus=2.8mm", scan.geometry, float(dataset.counts().mean()), mean)
    state, data = initial_state(probe, scan.canvas.shape), dataset.data(scan.canvas)
    one, many = (after(engine, state, data, 30) for engine in (RPIE(), OPR()))
    assert many.error < 1.1 * one.error


def test_variations_move_with_the_probe_between_the_pixels(start: tuple[State, Data]) -> None:
    state, data = start
    between = replace(data, fractions=torch.full((FRAMES, 2), 0.25, dtype=torch.float64))
    errors = [after(OPR(), state, each, 25).error for each in (data, between)]
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


def test_new_frames_start_as_the_last_ones(start: tuple[State, Data]) -> None:
    state, data = start
    engine = OPR(variation_start=2)
    known = after(engine, state, data.only(np.arange(60)), 4)
    assert isinstance(known, OPRState)
    more = engine.admit(known, data.only(np.arange(70)))
    assert isinstance(more, OPRState)
    assert torch.equal(more.coefficients[:60], known.coefficients)
    assert torch.allclose(more.coefficients[60:], known.coefficients[50:].mean(dim=0).expand(10, -1))
    assert engine.step(more, data.only(np.arange(70))).error < after(RPIE(), state, data.only(np.arange(70)), 5).error


def test_it_works_while_frames_arrive(drifting: Scan, chunks: list[Chunk], start: tuple[State, Data]) -> None:
    policy = LivePolicy(start_after=25, chunk=25, iterations_per_chunk=15, final_iterations=20)
    errors = []
    for engine in (RPIE(), OPR()):
        run = LiveRun(engine, policy, dataset_of(chunks[:25]), drifting.canvas, start[0].probe)
        errors.append(list(drive(run, chunks[25:]))[-1].error)
    assert run.frames == FRAMES and errors[1] < 0.5 * errors[0]


def test_what_is_not_finite_is_left_to_the_live_loop(start: tuple[State, Data]) -> None:
    state, data = start
    broken = after(OPR(variation_start=2), replace(state, object=state.object * torch.nan), data, 3)
    assert not torch.isfinite(torch.view_as_real(broken.probe)).any()


def test_nothing_to_learn_is_no_error(drifting: Scan) -> None:
    """At the truth no frame differs from the mean."""
    corners = torch.from_numpy(drifting.canvas.to_pixels(drifting.positions_m))
    data = Data.of(drifting.expected(0, FRAMES).sqrt(), corners)
    state = State(object=drifting.object, probe=drifting.probe)
    assert after(OPR(variation_start=2), state, data, 5).error < 1e-5
