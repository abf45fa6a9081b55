"""How a browser is served that takes what it is sent fast, slowly, or not at all."""

from __future__ import annotations

import pytest

from service.browser import ImageRequest, Subscribe
from service.following import PAINT_S, Following, Pace

OBJECT, PROBE = ImageRequest(name="object"), ImageRequest(name="probe")
MEGABYTES = 2_000_000


def subscribe(*images: ImageRequest, points: bool = True) -> Subscribe:
    return Subscribe(reconstruction="s.1", images=images, points=points)


def test_first_picture_is_coarse_and_the_next_as_fine_as_asked() -> None:
    pace = Pace()
    assert pace.edge(MEGABYTES, 1024) == 128
    assert pace.edge(40_000, 1024) == 1024, "small ones go as they are"
    pace.sent("object", 31_000, 10.0)
    pace.credited("object", 10.03)
    assert pace.edge(MEGABYTES, 1024) == 1024


@pytest.mark.parametrize(("rate", "edge"), [(10_000.0, 64), (150_000.0, 256), (5e6, 1024)])
def test_slow_networks_get_what_arrives_in_about_a_second(rate: float, edge: int) -> None:
    pace = Pace()
    pace.sent("object", 31_000, 0.0)
    pace.credited("object", 31_000 / rate + PAINT_S)
    chosen = pace.edge(MEGABYTES, 1024)
    assert chosen == edge
    assert MEGABYTES * (chosen / 1024) ** 2 <= max(rate, 8_000)


def test_one_slow_credit_does_not_make_a_fast_network_slow() -> None:
    pace = Pace()
    for seconds in (0.02, 0.02, 0.4):
        pace.sent("object", MEGABYTES, 0.0)
        pace.credited("object", seconds)
    assert pace.edge(MEGABYTES, 1024) == 1024


def test_never_finer_than_asked() -> None:
    assert Pace().edge(MEGABYTES, 200) <= 200


def test_nothing_more_before_the_credit_and_not_too_soon_after() -> None:
    following = Following.of(subscribe(OBJECT, PROBE), Pace(), None)
    assert following.wanted() == ["object", "probe", "points"]
    following.sent("object", 1, 1024, 1000, 5.0)
    assert following.wanted() == ["probe", "points"]
    following.credited("object", 5.01)
    assert "object" in following.wanted()
    assert following.not_before["object"] == pytest.approx(5.2)


def test_scan_map_leaves_most_of_a_slow_network_to_others() -> None:
    pace = Pace(rate=10_000.0)
    following = Following.of(subscribe(OBJECT), pace, None)
    following.sent("points", 1, 0, 20_000, 0.0)
    assert following.not_before["points"] == pytest.approx(10.0)


def test_states_leave_most_of_a_slow_network_to_others() -> None:
    assert Pace(rate=10_000.0).pause(1_000, 0.2) == pytest.approx(0.5)
    assert Pace().pause(1_000_000, 0.2) == 0, "nothing is known of the network yet"


def test_as_many_a_second_as_asked_whatever_is_late() -> None:
    following, now, sent = Following.of(subscribe(OBJECT), Pace(), None), 100.0, 0
    while now < 120.0:
        if now >= following.not_before.get("object", 0.0):
            following.sent("object", sent, 1024, 1000, now)
            following.credited("object", now)
            sent += 1
        now += 0.053  # an iteration: snapshots do not come when they are due
    assert sent == pytest.approx(100, abs=2)


def test_what_is_asked_for_as_before_goes_on() -> None:
    before = Following.of(subscribe(OBJECT, PROBE), Pace(), None)
    for name in ("object", "probe", "points"):
        before.sent(name, 3, 0 if name == "points" else 1024, 1000, 0.0)
    moved = Following.of(subscribe(OBJECT, PROBE.model_copy(update={"distance_m": 1e-3})), Pace(), before)
    assert moved.owing == {"object", "points"} and moved.shown == {"object": (3, 1024), "points": (3, 0)}
    assert "probe" in moved.wanted(), "it is another picture now"
    without = Following.of(subscribe(OBJECT, points=False), Pace(), before)
    assert without.wanted() == [] and "points" not in without.owing
