"""What a replay sends when, for any faults."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.schedule import Faults, Planned, plan
from service.wire import GROUP_BYTES, GROUP_SECONDS

FAULTS = st.builds(
    Faults,
    drop=st.sampled_from([0.0, 0.1, 1.0]),
    duplicate=st.sampled_from([0.0, 0.2, 1.0]),
    reorder=st.integers(0, 12),
    delay_positions=st.integers(0, 30),
    seed=st.integers(0, 99),
)


def sent(messages: list[Planned], stream: str) -> list[tuple[int, int]]:
    """(slot of the message, index) of each row in the order of sending."""
    return [(m.slot, m.i0 + k) for m in messages if m.stream == stream for k in range(m.n)]


@given(st.integers(1, 200), st.integers(1, 3_000_000), st.sampled_from([0.0, 0.001, 0.02, 0.6]), FAULTS)
def test_messages_are_as_large_and_as_late_as_allowed(n: int, size: int, delay: float, faults: Faults) -> None:
    messages = plan(n, size, delay, faults)
    assert [each.slot for each in messages] == sorted(each.slot for each in messages)
    for message in messages:
        assert message.n == 1 or message.n * size <= GROUP_BYTES
        assert message.n == 1 or (message.n - 1 - 2 * faults.reorder) * delay <= GROUP_SECONDS
    for stream in ("frames", "positions"):
        indices = [index for _, index in sent(messages, stream)]
        times = Counter(indices)
        assert set(indices) <= set(range(n)) and set(times.values()) <= {1, 2}
        if faults.drop == 0:
            assert len(times) == n
        if faults.duplicate == 0:
            assert set(times.values()) <= {1}
        if faults.reorder == 0:
            assert indices == sorted(indices)


@given(st.integers(1, 200), st.integers(1, 12), st.integers(0, 9))
def test_rows_are_displaced_no_further_than_asked(n: int, reorder: int, seed: int) -> None:
    messages = plan(n, GROUP_BYTES, 1.0, Faults(reorder=reorder, seed=seed))
    assert all(abs(slot - index) <= reorder for slot, index in sent(messages, "frames"))


@given(st.integers(1, 100), st.integers(0, 30))
def test_positions_are_late_by_whole_frames(n: int, late: int) -> None:
    messages = plan(n, 1000, 1.0, Faults(delay_positions=late))
    assert sent(messages, "positions") == [(index + late, index) for index in range(n)]


def test_without_faults_everything_goes_in_order_and_positions_first() -> None:
    assert plan(5, 400_000, 0.0) == [
        Planned(1, "positions", 0, 2),
        Planned(1, "frames", 0, 2),
        Planned(3, "positions", 2, 2),
        Planned(3, "frames", 2, 2),
        Planned(4, "positions", 4, 1),
        Planned(4, "frames", 4, 1),
    ]
    assert [each.n for each in plan(7, 1000, 0.02) if each.stream == "frames"] == [3, 3, 1]  # 50 ms are three frames
    assert [each.n for each in plan(3, 1000, 0.6) if each.stream == "frames"] == [1, 1, 1]


def test_the_seed_decides() -> None:
    faults = [Faults(drop=0.3, duplicate=0.3, reorder=5, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (plan(100, 1000, 0.0, each) for each in faults)
    assert first == again != other
    frames, positions = ({index for _, index in sent(first, stream)} for stream in ("frames", "positions"))
    assert frames != positions
    assert 50 < len(frames) < 90


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("drop", 1.5, "drop: expected a share"), ("duplicate", -0.1, "duplicate: expected"), ("reorder", -1, "reorder")],
)
def test_impossible_faults_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults(**{field: np.asarray(value).item()})
