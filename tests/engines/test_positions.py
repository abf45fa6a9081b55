from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engines import parallel
from engines.beam import Beam
from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.live import LiveRun, NonFiniteError
from engines.offline import Chunk, drive, offline_run
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.positions import Gradient, Refinement, read
from engines.propagation import FOURIER
from engines.registration import phase_correlation
from engines.registry import ENGINES
from engines.search import search
from engines.simulate import Scan
from engines.state import Data, initial_state
from engines.subpixel import STEPS, shift_, split, visits


def wave(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def wrong(scan: Scan, sigma_px: float = 1.0) -> np.ndarray:
    """The scan's positions in metres with random errors."""
    errors = np.random.default_rng(5).normal(scale=sigma_px, size=scan.positions_m.shape)
    return scan.positions_m + errors * scan.geometry.pixel_m


def error_px(positions_m: np.ndarray, scan: Scan) -> float:
    """Rms error, mean offset removed, of the frames that see the star well."""
    error = (positions_m - scan.positions_m)[:45] / scan.geometry.pixel_m
    return float(np.sqrt(((error - error.mean(axis=0)) ** 2).sum(axis=1).mean()))


def misplaced(feed: list[Chunk], positions_m: np.ndarray) -> list[Chunk]:
    return [chunk._replace(positions_m=positions_m[chunk.indices]) for chunk in feed]


def refined_m(run: LiveRun) -> np.ndarray:
    assert run.refined_px is not None
    return run.canvas.to_metres(run.refined_px)


def test_positions_split_into_whole_pixels_and_eighths() -> None:
    positions = torch.tensor([[3.0, 3.5], [2.49, -0.26], [7.94, 7.93]], dtype=torch.float64)
    whole, fractions = split(positions)
    assert whole.tolist() == [[3, 4], [3, 0], [8, 8]]
    assert fractions.tolist() == [[0, -0.5], [-0.5, -0.25], [0, -0.125]]
    assert (positions - whole - fractions).abs().max() <= 0.5 / STEPS
    assert fractions.min() >= -0.5 and fractions.max() < 0.5


def test_moving_the_probe_is_unitary_and_its_adjoint_moves_it_back() -> None:
    a, b = wave(2, 16, 16), wave(2, 16, 16, seed=1)
    there, back = a.clone(), b.clone()
    shift_(there, torch.tensor([0.375, -0.25]))
    shift_(back, -torch.tensor([0.375, -0.25]))
    assert torch.allclose(torch.vdot(there.flatten(), b.flatten()), torch.vdot(a.flatten(), back.flatten()), rtol=1e-3)
    shift_(there, -torch.tensor([0.375, -0.25]))
    assert torch.allclose(there, a, atol=1e-5)
    whole = a.clone()
    shift_(whole, torch.tensor([1.0, -2.0]))
    assert torch.allclose(whole, a.roll((1, -2), (-2, -1)), atol=1e-5)


def test_frames_of_one_fraction_are_visited_together_and_each_once() -> None:
    probe = wave(1, 8, 8)
    start = probe.clone()
    fractions = torch.tensor([[0.0, 0.0], [0.125, 0.0], [0.0, 0.0], [0.125, 0.0], [0.0, -0.5]], dtype=torch.float64)
    seen = []
    for frames, _ in visits(np.array([1, 0, 4, 3, 2]), fractions, probe, 1, FOURIER):
        expected = start.clone()
        shift_(expected, fractions[frames[0]])
        assert torch.allclose(probe, expected, atol=1e-5)
        seen.append(int(frames[0]))
    assert seen == [1, 3, 0, 2, 4]
    assert torch.allclose(probe, start, atol=1e-5)


def test_whole_pixels_give_exactly_what_they_gave_without_fractions(scan: Scan, dataset: GrowingDataset) -> None:
    data = dataset.data(scan.canvas)
    still = data.moved(torch.zeros(60, 2, dtype=torch.float64), scan.canvas.shape)
    assert torch.equal(still.positions, data.positions)
    states = [RPIE().step(initial_state(scan.probe, scan.canvas.shape), each) for each in (data, still)]
    assert torch.equal(states[0].object, states[1].object) and states[0].error == states[1].error


def test_windows_stay_on_the_object(scan: Scan, dataset: GrowingDataset) -> None:
    data = dataset.data(scan.canvas)
    for far in (-1e4, 1e4):
        moved = data.moved(torch.full((60, 2), far, dtype=torch.float64), scan.canvas.shape)
        assert scan.canvas.inside(moved.positions.numpy()).all()


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.26, -0.42), (-3.7, 5.14)])
def test_phase_correlation_finds_shifts_of_a_fraction_of_a_pixel(shift: tuple[float, float]) -> None:
    references = wave(3, 32, 24)
    images = references.clone()
    shift_(images, torch.tensor(shift))
    assert torch.allclose(phase_correlation(images, references), torch.tensor([shift] * 3), atol=0.011)


def test_the_gradient_is_that_of_the_misfit(scan: Scan, dataset: GrowingDataset) -> None:
    """b is minus half the derivative of sum (|f| - sqrt I)^2 by the frame's position, but for the discrete slopes."""
    data = dataset.data(scan.canvas)
    state = initial_state(scan.probe, scan.canvas.shape)
    state = replace(state, object=scan.object)
    off = torch.full((60, 2), 0.75, dtype=torch.float64)
    readings = [
        read(state, data.moved(off + torch.tensor([step, 0.0]), scan.canvas.shape), Gradient())
        for step in (-0.125, 0.0, 0.125)
    ]
    slope = (readings[2].misfit - readings[0].misfit) / 0.25
    assert torch.corrcoef(torch.stack([slope, -2 * readings[1].pull[:, 0]]))[0, 1] > 0.9
    assert (readings[1].curvature.diagonal(dim1=1, dim2=2) > 0).all()


def test_flicker_and_background_that_are_known_move_no_position(scan: Scan, dataset: GrowingDataset) -> None:
    data = dataset.data(scan.canvas)
    state = replace(initial_state(scan.probe, scan.canvas.shape), object=scan.object)
    scales = torch.linspace(0.5, 1.5, data.count)
    seen = data.magnitudes(range(data.count), torch.empty(data.count, *data.window))
    dimmed = Data.of((seen.square() * scales[:, None, None] + 3.0).sqrt(), data.positions)
    beam = Beam(scales=scales, background=torch.full(data.window, 3.0))
    plain, known = read(state, data, Gradient()), read(replace(state, beam=beam), dimmed, Gradient())
    unknown = read(state, dimmed, Gradient())
    assert known.misfit.sum() < 1.1 * plain.misfit.sum() < 0.5 * unknown.misfit.sum()
    worst = torch.ones(data.count, dtype=torch.float64)
    worst[7] = 100.0
    assert not search(replace(state, beam=beam), dimmed, worst).any()


@pytest.mark.parametrize("threads", [2, 3])
def test_a_pass_does_not_depend_on_threads(scan: Scan, dataset: GrowingDataset, threads: int) -> None:
    data = dataset.data(scan.canvas).moved(torch.rand(60, 2, dtype=torch.float64), scan.canvas.shape)
    state = replace(initial_state(scan.probe, scan.canvas.shape), object=scan.object)
    one = read(state, data, Gradient())
    parallel.set_threads(threads)
    for got, want in zip(read(state, data, Gradient()), one, strict=True):
        assert torch.allclose(got, want, rtol=1e-4, atol=1e-3 * float(want.abs().max()))


def live(engine: RPIE, policy: LivePolicy, scan: Scan, refinement: Refinement | None) -> LiveRun:
    dataset = GrowingDataset(64, 60)
    return LiveRun(engine, policy, dataset, scan.canvas, scan.probe, refinement=refinement)


@pytest.mark.parametrize("method", ["gradient", "correlation"])
def test_positions_are_found_while_frames_arrive(scan: Scan, feed: list[Chunk], method: str) -> None:
    positions_m = wrong(scan)
    policy = LivePolicy(start_after=20, chunk=10, iterations_per_chunk=10, final_iterations=60)
    run = live(RPIE(), policy, scan, Refinement(method=method, start=5, every=2))
    list(drive(run, misplaced(feed, positions_m)))
    assert run.state.offsets is not None and len(run.state.offsets.pixels) == 60
    assert error_px(refined_m(run), scan) < 0.6 * error_px(positions_m, scan)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_can_have_its_positions_refined(
    scan: Scan, dataset: GrowingDataset, feed: list[Chunk], name: str
) -> None:
    positions_m = wrong(scan)
    moved = GrowingDataset(64, 60)
    for chunk in misplaced(feed, positions_m):
        moved.append(*chunk)
    run = offline_run(ENGINES[name](), 60, moved, scan.canvas, scan.probe, refinement=Refinement(every=2))
    list(drive(run))
    assert error_px(refined_m(run), scan) < 0.8 * error_px(positions_m, scan)


@pytest.mark.parametrize(("refinement", "first"), [(None, 60), (Refinement(), 50)])
def test_a_complete_scan_is_taken_in_by_its_order_where_positions_are_refined(
    scan: Scan, dataset: GrowingDataset, refinement: Refinement | None, first: int
) -> None:
    seen = list(drive(offline_run(RPIE(), 12, dataset, scan.canvas, scan.probe, refinement=refinement)))
    assert seen[0].frames == first and seen[-1].frames == 60
    assert sum(progress.frames == 60 for progress in seen) == 12


def test_a_frame_far_off_is_searched_for(scan: Scan, dataset: GrowingDataset) -> None:
    state = replace(initial_state(scan.probe, scan.canvas.shape), object=scan.object)
    off = torch.zeros(60, 2, dtype=torch.float64)
    off[7] = torch.tensor([4.0, -3.0])
    data: Data = dataset.data(scan.canvas).moved(off, scan.canvas.shape)
    jumps = search(state, data, read(state, data, Gradient()).misfit)
    assert jumps[7].tolist() == [-4, 3]
    assert not jumps[torch.arange(60) != 7].any()


def test_refined_positions_survive_a_canvas_that_grows(scan: Scan, feed: list[Chunk]) -> None:
    policy = LivePolicy(start_after=10, chunk=10, iterations_per_chunk=12, final_iterations=5)
    small = Canvas.from_positions(feed[0].positions_m, (64, 64), scan.geometry.pixel_m, 0, growable=True)
    run = LiveRun(RPIE(), policy, GrowingDataset(64), small, scan.probe, refinement=Refinement(start=5, every=1))
    list(drive(run, feed))
    assert run.canvas.shape != small.shape
    assert error_px(refined_m(run), scan) < 0.6


def test_there_is_no_common_drift(scan: Scan, dataset: GrowingDataset) -> None:
    run = offline_run(RPIE(), 15, dataset, scan.canvas, scan.probe, refinement=Refinement(every=1, search_every=0))
    list(drive(run))
    assert run.state.offsets is not None
    assert run.state.offsets.pixels.mean(dim=0).abs().max() < 1e-9


def test_a_state_that_is_not_finite_moves_no_position(scan: Scan, dataset: GrowingDataset) -> None:
    run = offline_run(RPIE(), 8, dataset, scan.canvas, scan.probe, refinement=Refinement(start=1, every=1))
    run.ended = True
    run.advance()
    run.state.object[40, 40] = complex("nan")
    with pytest.raises(NonFiniteError):
        run.advance()
    assert list(drive(run))[-1].phase == "finished"
    assert np.isfinite(refined_m(run)).all()
