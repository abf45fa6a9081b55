"""A reconstruction goes on after its worker was killed: picture, positions, beam and counters are where they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engines.live import LiveRun
from service.descriptions import EngineSpec, ReconstructionSpec
from service.tables import read_table
from tests.service.work import FRAMES, Work

SPEC = ReconstructionSpec(
    engine=EngineSpec(
        name="rpie", parameters={"fit_intensities": True, "background": "constant", "fit_start": 3, "annealing": 5}
    ),
    positions={"start": 4, "every": 2},
    live={"start_after": 20, "chunk": 10, "max_iterations_per_chunk": 12, "final_iterations": 15},
)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    work = Work(tmp_path, SPEC)
    yield work
    work.close()


def run_of(work: Work) -> LiveRun:
    run = work.runner._run
    assert run is not None
    return run


def test_positions_beam_and_annealing_go_on(work: Work) -> None:
    shifted = work.scan.positions_m + np.random.default_rng(3).normal(0, 1, (FRAMES, 2)) * work.scan.geometry.pixel_m
    work.record(range(40), shifted)
    work.iterate(9)
    before = run_of(work)
    assert before.state.offsets is not None and before.state.beam is not None
    assert before.state.offsets.pixels.abs().max() > 0.1
    learnt, state = before.learnt, before.state
    assert learnt.since == 9
    work.begin()
    work.fill()
    work.iterate(1)
    after = run_of(work)
    assert work.status.iteration == 10 and after.learnt.since == 10, "steps go on falling"
    assert after.state.beam is not None and state.beam is not None
    assert np.allclose(after.state.beam.background, state.beam.background), "not fitted in this iteration"
    assert np.allclose(after.state.beam.scales, state.beam.scales)
    assert after.state.offsets is not None
    moved = after.state.offsets.pixels - state.offsets.pixels
    assert moved.abs().max() <= 0.5 + 1e-9, "one step at most from where they were"
    assert (after.state.offsets.age == state.offsets.age + 1).all(), "the refinement goes on, with its momentum"


def test_positions_of_frames_that_come_back_in_another_order_are_each_told_once(work: Work) -> None:
    order = np.random.default_rng(0).permutation(FRAMES)
    work.recording.append_positions(np.arange(FRAMES), work.scan.positions_m, received_ns=1)
    for came in (order[:30], order[30:38], order[38:]):  # the second are fewer than a chunk when the worker is killed
        frames = [memoryview(work.frames[index].tobytes()) for index in came]
        work.recording.append_frames(came, frames, work.layout, received_ns=1, sent_ns=0)
        if len(came) == 22:
            work.begin()
        work.fill()
        work.iterate(3)
    told = read_table(work.folder / "reconstructions" / "1" / "positions.f64", 3)[:, 0]
    assert sorted(told.tolist()) == list(range(FRAMES))


def test_frames_that_come_back_in_another_order_find_what_was_theirs(work: Work) -> None:
    work.record(range(40))
    work.iterate(9)
    learnt = run_of(work).learnt
    order = np.random.default_rng(0).permutation(40)
    back = learnt.of(order)
    assert back.since == 9 and back.offsets is not None and learnt.offsets is not None
    assert np.array_equal(back.offsets.pixels, learnt.offsets.pixels[order])
    assert back.beam is not None and learnt.beam is not None
    assert np.array_equal(back.beam.scales, learnt.beam.scales[order])
    more = learnt.of(np.concatenate([[50], order]))
    assert more.since == 0 and more.offsets is not None and more.beam is not None
    assert np.array_equal(more.offsets.pixels[1:], learnt.offsets.pixels[order])
    assert np.allclose(more.offsets.pixels[0], learnt.offsets.pixels[order[-1]]), "where the last one was found"
    assert more.beam.scales[0] == 1


def test_the_last_iterations_are_counted_on_and_not_begun_again(work: Work) -> None:
    work.record(range(FRAMES))
    work.end()
    work.iterate(8)
    total = work.status.total_iterations
    work.begin()
    work.fill()
    assert work.finish().state == "finished"
    assert total == 15 and work.status.iteration == total


def test_a_restarted_worker_waits_for_the_frames_that_were_there(work: Work) -> None:
    work.record(range(40))
    work.iterate(5)
    work.begin()
    work.fill()
    feed = next(iter(work.roster.sessions[0].feeds.values()))
    feed.dataset.count = 32  # as if the rest was still being read
    work.iterate(3)
    assert run_of(work).frames == 0
    feed.dataset.count = 40
    work.iterate(1)
    assert (work.status.frames, work.status.iteration) == (40, 6)


def test_positions_are_shown_where_they_are_now(work: Work) -> None:
    work.record(np.arange(40)[::-1])
    work.iterate(1)
    first = work.snapshots[-1].positions
    assert np.array_equal(first[:, 0], np.arange(40)[::-1])
    corners = run_of(work).canvas.to_exact_pixels(work.scan.positions_m[::-1][20:])
    assert np.abs(first[:, 1:] - corners - 32).max() <= 1 / 16, "to an eighth of a pixel"
    work.iterate(9)
    work.runner._show()
    refined = run_of(work).refined_px
    assert refined is not None
    last = work.snapshots[-1].positions
    assert np.array_equal(last[:, 1:], refined + 32) and np.abs(last - first).max() > 0
