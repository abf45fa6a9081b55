from __future__ import annotations

import pytest

from engines.policy import LivePolicy


def simulated(policy: LivePolicy, frames: int, arrive: int = 25) -> list[tuple[int, int]]:
    """(frames taken, iterations on them) when frames arrive whenever the policy waits."""
    taken = since = iteration = available = 0
    history: list[tuple[int, int]] = []
    while True:
        ended = available == frames
        due = policy.take(taken, available, ended, since, iteration)
        if due > taken:
            taken, since = due, 0
            history.append((taken, 0))
        if ended and taken == available:
            final = policy.finish(iteration) - iteration
            history[-1] = (taken, since + final)
            return history
        if taken and policy.may_iterate(since, iteration):
            since, iteration = since + 1, iteration + 1
            history[-1] = (taken, since)
        else:
            available = min(available + arrive, frames)


def test_the_papers_schedule_has_820_iterations() -> None:
    history = simulated(LivePolicy(chunk=25, iterations_per_chunk=60, final_iterations=100), 315)
    assert history == [(25 * i, 60) for i in range(1, 13)] + [(315, 100)]
    assert sum(count for _, count in history) == 820


def test_a_whole_last_chunk_gets_the_final_iterations_alone() -> None:
    history = simulated(LivePolicy(chunk=25, iterations_per_chunk=60, final_iterations=100), 50)
    assert history == [(25, 60), (50, 100)]


def test_start_after_waits_for_whole_chunks() -> None:
    policy = LivePolicy(start_after=30, chunk=25, iterations_per_chunk=2, final_iterations=3)
    assert simulated(policy, 110) == [(50, 2), (75, 2), (100, 2), (110, 3)]


def test_frames_that_end_before_the_start_are_used() -> None:
    assert simulated(LivePolicy(start_after=100, final_iterations=7), 60) == [(60, 7)]


def test_without_a_number_a_chunk_is_iterated_on_until_the_next_but_not_for_ever() -> None:
    policy = LivePolicy(max_iterations_per_chunk=4, final_iterations=5)
    assert simulated(policy, 60) == [(25, 4), (50, 4), (60, 5)]


def test_chunks_that_have_piled_up_are_taken_together() -> None:
    policy = LivePolicy()
    assert policy.take(25, 120, False, 1, 1) == 100 + 0
    assert policy.take(25, 120, True, 1, 1) == 120
    strict = LivePolicy(iterations_per_chunk=3)
    assert strict.take(25, 120, False, 2, 2) == 25
    assert strict.take(25, 120, False, 3, 3) == 50
    assert strict.take(25, 120, True, 3, 3) == 50


def test_total_iterations_leave_room_for_the_final_ones() -> None:
    policy = LivePolicy(iterations_per_chunk=10, final_iterations=20, total_iterations=35)
    history = simulated(policy, 100)
    assert history == [(25, 10), (50, 5), (75, 0), (100, 20)]
    assert sum(n for _, n in simulated(policy, 25)) == 35


@pytest.mark.parametrize("frames", [1, 24, 25, 26, 49, 50, 315])
@pytest.mark.parametrize("per_chunk", [None, 1, 7])
@pytest.mark.parametrize("arrive", [1, 10, 25, 400])
def test_every_frame_is_used(frames: int, per_chunk: int | None, arrive: int) -> None:
    history = simulated(LivePolicy(iterations_per_chunk=per_chunk, final_iterations=3), frames, arrive)
    assert history[-1] == (frames, 3)
    assert all(taken % 25 == 0 for taken, _ in history[:-1])
