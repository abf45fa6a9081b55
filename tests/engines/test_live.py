from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from engines import parallel
from engines.canvas import Canvas
from engines.compare import likeness, scanned
from engines.dataset import GrowingDataset
from engines.dm import DM
from engines.live import LiveRun, NonFiniteError, Progress
from engines.offline import Chunk, drive, offline_run
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.preparation import Prepared
from engines.probes import initial_probe
from engines.simulate import Scan
from engines.state import Data, State


@pytest.fixture
def probe(scan: Scan, dataset: GrowingDataset) -> torch.Tensor:
    mean = dataset.mean_magnitudes()
    return initial_probe("data,defocus=2.8mm", scan.geometry, float(dataset.counts().mean()), mean)


def live(scan: Scan, probe: torch.Tensor, policy: LivePolicy, planned: int = 60, **options: object) -> LiveRun:
    return LiveRun(RPIE(), policy, GrowingDataset(64, planned), scan.canvas, probe, **options)  # type: ignore[arg-type]


def error_to_truth(run: LiveRun, scan: Scan) -> float:
    region = scanned(scan.canvas.to_pixels(scan.positions_m), (64, 64), scan.canvas.shape)
    return likeness(run.state.object.numpy(), scan.object.numpy(), region).nmse


@pytest.mark.parametrize("engine", [RPIE(), DM()])
def test_live_is_as_good_as_offline(
    scan: Scan, dataset: GrowingDataset, feed: list[Chunk], probe: torch.Tensor, engine: DM | RPIE
) -> None:
    policy = LivePolicy(start_after=20, chunk=10, iterations_per_chunk=5, final_iterations=60)
    run = LiveRun(engine, policy, GrowingDataset(64), scan.canvas, probe)
    history = list(drive(run, feed))
    assert [p.iteration for p in history] == list(range(1, 5 * 4 + 60 + 1))
    assert [p.frames for p in history[::5]][:5] == [20, 30, 40, 50, 60]
    assert {p.phase for p in history[:20]} == {"running"}
    assert {p.phase for p in history[20:-1]} == {"finishing"}
    assert history[-1].phase == "finished"
    assert history[-1].total_iterations == 80
    offline = offline_run(engine, 80, dataset, scan.canvas, probe)
    last = list(drive(offline))[-1]
    assert history[-1].error == pytest.approx(last.error, rel=0.05)
    assert error_to_truth(run, scan) <= 1.2 * error_to_truth(offline, scan)


def test_waiting_running_finishing(scan: Scan, feed: list[Chunk], probe: torch.Tensor) -> None:
    run = live(scan, probe, LivePolicy(start_after=10, chunk=10, iterations_per_chunk=1, final_iterations=2))
    assert run.advance() is None
    assert run.progress == Progress(
        iteration=0,
        frames=0,
        error=run.state.error,
        r_factor=run.state.r_factor,
        phase="waiting",
        total_iterations=None,
    )
    run.dataset.append(*feed[0])
    first = run.advance()
    assert first is not None and (first.iteration, first.frames, first.phase) == (1, 10, "running")
    assert run.advance() is None
    run.dataset.append(*feed[1])
    assert run.lag == 10
    run.ended = True
    assert [p and p.iteration for p in (run.advance(), run.advance(), run.advance())] == [2, 3, None]
    assert run.finished and run.lag == 0


def test_an_end_without_frames_is_an_end(scan: Scan, probe: torch.Tensor) -> None:
    run = live(scan, probe, LivePolicy())
    run.ended = True
    assert run.advance() is None
    assert run.finished


def test_frames_outside_the_canvas_are_counted_and_left_out(scan: Scan, feed: list[Chunk], probe: torch.Tensor) -> None:
    run = live(scan, probe, LivePolicy(start_after=1, chunk=1, final_iterations=1))
    positions = feed[0].positions_m.copy()
    positions[3] += 1e-3
    positions[4] = np.nan
    run.dataset.append(feed[0].prepared, positions, feed[0].indices)
    run.ended = True
    assert len(list(drive(run))) == 1
    assert (run.frames, run.outside) == (8, 2)
    assert run.data is not None and run.data.rows.tolist() == [0, 1, 2, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("per_chunk", [None, 3])
def test_a_first_chunk_that_is_all_outside_holds_nothing_up(
    scan: Scan, feed: list[Chunk], probe: torch.Tensor, per_chunk: int | None
) -> None:
    run = live(scan, probe, LivePolicy(start_after=10, chunk=10, iterations_per_chunk=per_chunk, final_iterations=2))
    run.dataset.append(feed[0].prepared, feed[0].positions_m + 1e-3, feed[0].indices)
    run.dataset.append(*feed[1])
    run.ended = True
    for _ in range(10):
        run.advance()
    assert run.finished and (run.frames, run.outside, run.state.iteration) == (10, 10, 2)


@pytest.mark.parametrize("engine", [RPIE(), DM()])
@pytest.mark.parametrize("empty", [0.0, -1.0])
def test_frames_without_counts_change_nothing_and_are_listed(
    scan: Scan, feed: list[Chunk], probe: torch.Tensor, engine: DM | RPIE, empty: float
) -> None:
    policy = LivePolicy(start_after=10, chunk=10, iterations_per_chunk=3, final_iterations=3)
    nothing = Prepared(torch.full((10, 64, 64), empty), torch.zeros(10))
    dark = Chunk(nothing, feed[0].positions_m, np.arange(100, 110))
    run = LiveRun(engine, policy, GrowingDataset(64), scan.canvas, probe)
    list(drive(run, [dark, *feed[:2]]))
    without = LiveRun(engine, policy, GrowingDataset(64), scan.canvas, probe)
    list(drive(without, feed[:2]))
    assert torch.equal(run.state.object, without.state.object)
    assert (run.frames, run.outside, run.lag) == (20, 0, 0)
    assert run.without_beam.tolist() == list(range(100, 110))


def test_a_canvas_without_a_plan_grows_and_gives_the_same(scan: Scan, feed: list[Chunk], probe: torch.Tensor) -> None:
    policy = LivePolicy(start_after=10, chunk=10, iterations_per_chunk=3, final_iterations=20)
    small = Canvas.from_positions(feed[0].positions_m, (64, 64), scan.geometry.pixel_m, 0, growable=True)
    run = LiveRun(DM(), policy, GrowingDataset(64), small, probe)
    list(drive(run, feed))
    planned = LiveRun(DM(), policy, GrowingDataset(64, 60), scan.canvas, probe)
    list(drive(planned, feed))
    assert run.canvas.shape != small.shape and run.outside == 0
    assert run.canvas.reference_m == small.reference_m
    corners = run.canvas.to_pixels(scan.positions_m)
    offset = (corners - scan.canvas.to_pixels(scan.positions_m))[0]
    rows, cols = (slice(o, o + n) for o, n in zip(offset, scan.canvas.shape, strict=True))
    region = scanned(scan.canvas.to_pixels(scan.positions_m), (64, 64), scan.canvas.shape)
    grown = run.state.object.numpy()[rows, cols]
    assert np.abs(grown - planned.state.object.numpy())[region].max() < 1e-3


def test_engine_and_policy_can_be_replaced_in_mid_scan(scan: Scan, feed: list[Chunk], probe: torch.Tensor) -> None:
    run = live(scan, probe, LivePolicy(start_after=10, chunk=10, iterations_per_chunk=2, final_iterations=5))
    for number, progress in enumerate(drive(run, feed), 1):
        assert progress.iteration == number
        if number == 3:
            run.engine = DM(metrics_every=1)
        if number == 5:
            run.policy = replace(run.policy, iterations_per_chunk=1)
        if number == 7:
            run.engine = RPIE(object_step=0.3)
    # two on each of two chunks, from the 5th on one on each, then the final ones
    assert run.state.iteration == 2 + 2 + 1 + 1 + 1 + 5
    assert run.state.exit_waves is None
    assert run.finished and run.state.error < 0.2


def test_a_checkpoint_goes_on_with_its_numbers(scan: Scan, feed: list[Chunk], probe: torch.Tensor) -> None:
    policy = LivePolicy(start_after=10, chunk=10, iterations_per_chunk=4, final_iterations=10)
    run = live(scan, probe, policy)
    for progress in drive(run, feed):
        if progress.iteration == 10:
            break
    saved = run.snapshot()
    assert (saved.iteration, saved.frames) == (10, 30)
    again = live(scan, torch.zeros_like(probe), policy, checkpoint=saved)
    for chunk in feed[:4]:
        again.dataset.append(*chunk)
    progress = again.advance()
    assert progress is not None and (progress.iteration, progress.frames) == (11, 40)
    assert progress.error < 0.2
    rest = list(drive(again, feed[4:]))
    assert (rest[-1].iteration, rest[-1].frames) == (14 + 4 + 10, 60)


@dataclass(frozen=True, kw_only=True)
class Faulty(RPIE):
    """Spoils the object in one iteration."""

    at: int = 3
    """Which."""

    def step(self, state: State, data: Data) -> State:
        state = super().step(state, data)
        if state.iteration == self.at:
            state.object[5, 5] = complex("nan")
        return state


def test_nan_is_found_within_one_iteration_and_the_last_good_state_kept(
    scan: Scan, dataset: GrowingDataset, probe: torch.Tensor
) -> None:
    run = offline_run(Faulty(), 6, dataset, scan.canvas, probe)
    run.ended = True
    for _ in range(2):
        run.advance()
    good = run.snapshot()
    with pytest.raises(NonFiniteError, match=r"iteration 3 of Faulty: expected finite values.*iteration 2 is kept"):
        run.advance()
    assert run.state.iteration == 2
    assert torch.equal(run.state.object, good.object)
    assert torch.equal(run.state.probe, good.probe)
    run.engine = RPIE()
    assert [p.iteration for p in drive(run)] == [3, 4, 5, 6]


def test_the_last_iteration_always_has_its_error(scan: Scan, dataset: GrowingDataset, probe: torch.Tensor) -> None:
    run = offline_run(DM(metrics_every=0), 3, dataset, scan.canvas, probe)
    errors = [p.error for p in drive(run)]
    assert np.isnan(errors).tolist() == [True, True, False]


def test_run_on_two_threads_is_the_same_run(scan: Scan, dataset: GrowingDataset, probe: torch.Tensor) -> None:
    """The live loop runs engines without autograd's bookkeeping; the threads that they start must do so too."""
    runs = []
    for count in (1, 2):
        parallel.set_threads(count)
        runs.append(offline_run(DM(), 4, dataset, scan.canvas, probe))
        list(drive(runs[-1]))
    one, two = (run.state.object for run in runs)
    assert torch.linalg.vector_norm(one - two) < 1e-4 * torch.linalg.vector_norm(one)
