import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.pairing import MAX_INDEX, Pairing, StreamName

Row = tuple[StreamName, int]


def position_m(index: int) -> tuple[float, float]:
    return index * 1e-6, -index * 2e-6


def chunks(rows: list[Row], cuts: list[int]) -> Iterator[list[Row]]:
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for first, stop in itertools.pairwise(edges):
        yield rows[first:stop]


def feed(pairing: Pairing, rows: list[Row]) -> list[int]:
    """Rows as they come, neighbours of one stream in one call; what became paired."""
    paired: list[int] = []
    start = 0
    for stop in range(1, len(rows) + 1):
        if stop < len(rows) and rows[stop][0] == rows[start][0]:
            continue
        indices = np.array([index for _, index in rows[start:stop]], np.int64)
        if rows[start][0] == "frames":
            paired += pairing.add_frames(indices).tolist()
        else:
            paired += pairing.add_positions(indices, np.array([position_m(i) for i in indices])).tolist()
        start = stop
    return paired


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[Row], list[int]]:
    """A scan of n rows as a bad network brings it: lost, repeated, in any order, in pieces of any size."""
    n = draw(st.integers(1, 40))
    rows = st.tuples(st.sampled_from(["frames", "positions"]), st.integers(0, n - 1))
    came: list[Row] = draw(st.lists(rows, max_size=120))
    return n, came, draw(st.lists(st.integers(1, 119), max_size=30))


def check(pairing: Pairing, n: int, came: list[Row], paired: list[int]) -> None:
    frames = {index for stream, index in came if stream == "frames"}
    positions = {index for stream, index in came if stream == "positions"}
    assert sorted(paired) == sorted(frames & positions)
    assert pairing.received == len(frames)
    assert pairing.positions == len(positions)
    assert pairing.paired == len(frames & positions)
    assert pairing.duplicated == len(came) - len(frames) - len(positions)
    assert pairing.lost == n - len(frames)
    assert [i for a, b in pairing.missing("frames") for i in range(a, b + 1)] == sorted(set(range(n)) - frames)
    assert [i for a, b in pairing.missing("positions") for i in range(a, b + 1)] == sorted(set(range(n)) - positions)
    assert pairing.complete == (len(frames) == len(positions) == n)
    both = np.array(sorted(frames & positions), np.int64)
    np.testing.assert_array_equal(pairing.position_of(both), np.array([position_m(i) for i in both]).reshape(-1, 2))


@given(deliveries(), st.data())
def test_any_order_loss_duplication_and_grouping_gives_the_same(
    delivery: tuple[int, list[Row], list[int]], data: st.DataObject
) -> None:
    n, came, cuts = delivery
    ends: dict[int, list[StreamName]] = {}
    for name in ("frames", "positions"):
        ends.setdefault(data.draw(st.integers(0, len(came))), []).append(name)
    pairing, paired, done = Pairing(), [], 0
    for chunk in chunks(came, [*cuts, *ends]):
        for name in ends.pop(done, []):
            pairing.end(name, n)
        paired += feed(pairing, chunk)
        done += len(chunk)
    for names in ends.values():
        for name in names:
            pairing.end(name, n)
    check(pairing, n, came, paired)
    assert pairing.refused == 0


@given(deliveries())
def test_lost_counts_gaps_below_the_highest_seen_before_the_end(delivery: tuple[int, list[Row], list[int]]) -> None:
    _, came, cuts = delivery
    pairing = Pairing()
    seen: set[int] = set()
    for chunk in chunks(came, cuts):
        feed(pairing, chunk)
        seen |= {index for stream, index in chunk if stream == "frames"}
        assert pairing.lost == (max(seen) + 1 - len(seen) if seen else 0)
        assert not pairing.complete


def test_became_paired_is_told_once_and_in_order() -> None:
    pairing = Pairing()
    assert pairing.add_frames(np.array([4, 2, 3, 2])).tolist() == []
    assert pairing.add_positions(np.array([2, 9, 4]), np.ones((3, 2))).tolist() == [2, 4]
    assert pairing.add_frames(np.array([9, 4])).tolist() == [9]
    assert pairing.add_positions(np.array([3]), np.ones((1, 2))).tolist() == [3]
    assert (pairing.paired, pairing.duplicated) == (4, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_positions_that_are_no_numbers_are_refused_and_may_come_again(bad: float) -> None:
    pairing = Pairing()
    pairing.add_frames(np.arange(2))
    assert pairing.add_positions(np.arange(2), np.array([[0.0, bad], [1.0, 2.0]])).tolist() == [1]
    assert pairing.refused == 1
    assert pairing.add_positions(np.array([0]), np.array([[0.5, 0.5]])).tolist() == [0]


def test_after_the_end_missing_ones_are_taken_and_others_refused() -> None:
    pairing = Pairing()
    pairing.add_frames(np.array([0, 2]))
    pairing.end("frames", 4)
    assert (pairing.lost, pairing.missing("frames")) == (2, [(1, 1), (3, 3)])
    pairing.add_frames(np.array([1, 3, 4, 5, 2]))
    assert (pairing.lost, pairing.refused, pairing.duplicated, pairing.received) == (0, 2, 1, 4)


def test_frames_beyond_the_count_that_came_before_the_end_hide_no_loss() -> None:
    pairing = Pairing()
    pairing.add_frames(np.array([0, 7]))
    pairing.end("frames", 3)
    assert (pairing.lost, pairing.missing("frames")) == (2, [(1, 2)])


@pytest.mark.parametrize("index", [-1, MAX_INDEX + 1, 2**62])
def test_absurd_indices_are_refused_and_take_no_memory(index: int) -> None:
    pairing = Pairing()
    assert pairing.add_frames(np.array([index])).size == 0
    assert (pairing.refused, pairing.received, pairing.lost) == (1, 0, 0)


@pytest.mark.parametrize("count", [-1, MAX_INDEX + 2, 2**62])
def test_absurd_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="count: expected"):
        Pairing().end("frames", count)


def test_a_position_that_never_came_is_named() -> None:
    with pytest.raises(LookupError, match="frame 5"):
        Pairing().position_of(np.array([5]))


def test_one_index_at_a_time_grows_with_the_scan() -> None:
    pairing = Pairing()
    order: NDArray[np.int64] = np.random.default_rng(1).permutation(5000)
    for index in order:
        pairing.add_positions(np.array([index]), np.array([position_m(index)]))
        pairing.add_frames(np.array([index]))
    check(
        pairing_ended(pairing, 5000), 5000, [(s, i) for i in range(5000) for s in ("frames", "positions")], list(order)
    )


def pairing_ended(pairing: Pairing, count: int) -> Pairing:
    pairing.end("frames", count)
    pairing.end("positions", count)
    return pairing
