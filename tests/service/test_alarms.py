"""What is told of what is wrong, and for how long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.alarmbook import AlarmBook, Subject
from service.alarms import Situation, find
from service.finding import Finding
from service.statuses import ReconstructionStatus, ScanStatus, ServiceStatus

S = 1_000_000_000
T0 = 1_700_000_000 * S
WELL: dict[str, Any] = {"ingest": True, "worker": True, "device": "cuda", "memory_bytes": 100 * 10**9}
WELL |= {"memory_free_bytes": 50 * 10**9, "disk_bytes": 10**13, "disk_free_bytes": 10**12}


def service(**fields: Any) -> ServiceStatus:
    return ServiceStatus(**WELL | fields)


def scan(**fields: Any) -> ScanStatus:
    given = {"received": 100, "positions": 100, "paired": 100, "newest_ns": T0, "frame_rate_hz": 10.0, "planned": 400}
    return ScanStatus(**{"id": "s", "key": "k", "state": "receiving", "created_ns": T0 - 10 * S} | given | fields)


def reconstruction(**fields: Any) -> ReconstructionStatus:
    given = {"engine": "rpie", "live": {"chunk": 25}, "frames": 100, "overlap": 0.7}
    known = {"counts_newest": 1000.0, "counts_usual": 1000.0}
    names = {"id": "s.1", "scan": "s", "state": "running", "created_ns": T0}
    return ReconstructionStatus(**names | given | known | fields)


def told(*found: Finding) -> list[tuple[str, str]]:
    return [(each.code, each.severity) for each in found]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"ingest": False}, [("ingest-down", "alarm")]),
        ({"worker": False}, [("worker-down", "alarm")]),
        ({"disk_free_bytes": 10 * 10**9}, [("disk", "warning")]),
        ({"disk_free_bytes": 10**9}, [("disk", "alarm")]),
        ({"disk_left_s": 1800.0}, [("disk", "warning")]),
        ({"disk_left_s": 60.0}, [("disk", "alarm")]),
        ({"disk_bytes": 0, "disk_free_bytes": 0}, []),
        ({"memory_free_bytes": 10**9}, [("memory", "warning")]),
        ({"memory_bytes": 0, "memory_free_bytes": 0}, []),
    ],
)
def test_service(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(*find(Situation(T0, service(**fields)))) == expected


@pytest.mark.parametrize(
    ("after_s", "fields", "expected"),
    [
        (1, {}, []),
        (4.9, {}, []),
        (5.1, {}, [("no-frames", "alarm")]),
        (8, {"received": 10, "paired": 10, "positions": 10}, []),  # one a second: ten seconds of silence are allowed
        (11, {"received": 10, "paired": 10, "positions": 10}, [("no-frames", "alarm")]),
        (60, {"received": 400, "paired": 400}, []),  # everything planned is there
        (1, {"received": 0, "paired": 0, "newest_ns": 0}, [("no-frames", "alarm")]),  # begun eleven seconds ago
        (100, {"state": "ended"}, []),
        (100, {"state": "stalled"}, [("no-frames", "alarm")]),
        (1, {"state": "aborted"}, [("aborted", "warning")]),
        (1, {"lost": 1, "received": 1000, "paired": 1000}, [("lost", "warning")]),
        (1, {"lost": 5}, [("lost", "alarm")]),
        (1, {"paired": 75}, []),
        (1, {"paired": 74}, [("positions-missing", "warning")]),
        (1, {"paired": 0, "positions": 0}, [("positions-missing", "alarm")]),
        (1, {"paired": 99, "state": "ended"}, [("positions-missing", "warning")]),
        (1, {"refused": 3}, [("refused-rows", "warning")]),
    ],
)
def test_scan(after_s: float, fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(*find(Situation(T0 + int(after_s * S), service(), scan(**fields)))) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"state": "failed"}, [("failed", "alarm")]),
        ({"state": "refused"}, [("refused", "alarm")]),
        ({"state": "paused", "finite": False}, [("non-finite", "alarm")]),
        ({"outside": 2}, [("outside", "warning")]),
        ({"outside": 101}, [("outside", "alarm")]),
        ({"overlap": 0.39}, [("overlap", "warning")]),
        ({"overlap": 0.1}, [("overlap", "alarm")]),
        ({"overlap": None}, []),
        ({"counts_newest": 499.0}, [("beam", "warning")]),
        ({"counts_newest": 99.0}, [("beam", "alarm")]),
        ({"counts_newest": None}, []),
        ({"counts_newest": 0.0, "counts_usual": 0.0}, []),
        ({"saturated_px": 4}, []),
        ({"saturated_px": 5}, [("saturation", "warning")]),
        ({"lag": 100}, []),
        ({"lag": 101}, [("behind", "warning")]),
        ({"lag": 101, "live": {"chunk": 50}}, []),
        ({"lag": 101, "state": "paused"}, []),
    ],
)
def test_reconstruction(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(*find(Situation(T0, service(), scan(), reconstruction(**fields)))) == expected


def test_beam_and_saturation_are_not_told_of_a_scan_that_is_over() -> None:
    status = reconstruction(counts_newest=0.0, saturated_px=1000, lag=1000)
    assert find(Situation(T0, service(), scan(state="ended"), status)) == []


def curve(errors: list[float], frames: int = 100, first: int = 1) -> np.ndarray[Any, Any]:
    return np.array([(first + i, frames, error, np.nan, 0.1 * i) for i, error in enumerate(errors)]).reshape(-1, 5)


@pytest.mark.parametrize(
    ("rows", "first_error", "expected"),
    [
        (curve([]), None, []),
        (curve([0.1] * 30), 0.5, []),
        (curve(list(np.linspace(0.1, 0.16, 30))), 0.5, [("error-rising", "alarm")]),
        (curve(list(np.linspace(0.1, 0.14, 30))), 0.5, []),
        (curve([0.1] * 5 + list(np.linspace(0.3, 0.2, 30))), 0.5, []),  # it rose, and falls again
        (np.vstack([curve([0.1] * 30, 75), curve([0.3, 0.25, 0.2])]), 0.5, []),  # new frames lift it
        (curve([0.45] * 30, first=30), 0.5, [("error-stuck", "warning")]),
        (curve([0.36] * 30, first=30), 0.5, [("error-stuck", "warning")]),
        (curve([0.34] * 30, first=30), 0.5, []),
        (curve([0.45] * 10), 0.5, []),  # too early to say
        (curve([np.nan] * 30, first=100), 0.5, []),
    ],
)
def test_curve(rows: Any, first_error: float | None, expected: list[tuple[str, str]]) -> None:
    situation = Situation(T0, service(), scan(), reconstruction(), rows, first_error)
    assert told(*find(situation)) == expected


def test_everything_that_is_told_says_what_it_means_and_what_to_do() -> None:
    nothing = service(ingest=False, worker=False, disk_free_bytes=0, memory_free_bytes=0)
    bad = reconstruction(
        state="failed",
        finite=False,
        message="NaN",
        outside=1,
        overlap=0.0,
        counts_newest=0.0,
        saturated_px=9,
        lag=10**6,
    )
    situations = [
        Situation(T0, nothing),
        Situation(T0 + 100 * S, nothing, scan(lost=1, refused=1, paired=0)),
        Situation(T0, nothing, scan(), bad),
    ]
    for finding in (each for situation in situations for each in find(situation)):
        assert finding.text and finding.meaning and finding.advice, finding


# ---- over time

LOST = Finding("lost", "warning", "1 lost", "meaning", "advice")
WORSE = Finding("lost", "alarm", "9 lost", "meaning", "advice")
SLOW = Finding("behind", "warning", "slow", "meaning", "advice", hold_s=5)
SCAN = Subject("s")


def test_alarm_is_raised_once_acknowledged_by_a_person_and_ends() -> None:
    book = AlarmBook()
    raised = book.update({SCAN: [LOST]}, T0)
    assert [(e.scan, e.event, e.details["alarm"]) for e in raised] == [("s", "alarm", "s/lost")]
    assert book.update({SCAN: [LOST]}, T0 + S) == []
    seen = book.acknowledge("s/lost", "Anna", T0 + 2 * S)
    assert (seen.author, seen.event) == ("Anna", "alarm acknowledged")
    book.update({SCAN: [LOST]}, T0 + 3 * S)
    (alarm,) = book.listed()
    assert (alarm.acknowledged_by, alarm.acknowledged_ns, alarm.since_ns) == ("Anna", T0 + 2 * S, T0)
    assert [e.event for e in book.update({SCAN: []}, T0 + 4 * S)] == ["alarm over"]
    assert book.listed() == ()
    with pytest.raises(LookupError, match="no alarm"):
        book.acknowledge("s/lost", "Anna", T0)


def test_alarm_that_gets_worse_is_to_be_seen_again() -> None:
    book = AlarmBook()
    book.update({SCAN: [LOST]}, T0)
    book.acknowledge("s/lost", "Anna", T0)
    assert [e.event for e in book.update({SCAN: [WORSE]}, T0 + S)] == ["alarm"]
    assert book.listed()[0].acknowledged_by == ""
    book.acknowledge("s/lost", "Anna", T0)
    assert book.update({SCAN: [LOST]}, T0 + 2 * S) == [], "better is no news"


def test_frames_that_are_only_late_are_no_loss_while_the_scan_runs() -> None:
    (running,) = find(Situation(T0, service(), scan(lost=9)))
    (ended,) = find(Situation(T0, service(), scan(lost=9, state="ended")))
    assert (running.code, ended.code) == ("lost", "lost") and running.hold_s > 0 == ended.hold_s


def test_what_comes_and_goes_must_hold_before_it_is_told() -> None:
    book = AlarmBook()
    assert book.update({SCAN: [SLOW]}, T0) == []
    book.update({SCAN: []}, T0 + S)
    assert book.update({SCAN: [SLOW]}, T0 + 2 * S) == []
    assert book.update({SCAN: [SLOW]}, T0 + 6 * S) == []
    assert [e.event for e in book.update({SCAN: [SLOW]}, T0 + 7 * S)] == ["alarm"]
    assert book.listed()[0].since_ns == T0 + 2 * S


def test_order_is_unseen_first_then_the_worst() -> None:
    book = AlarmBook()
    book.update({SCAN: [LOST], Subject(): [WORSE], Subject("s", "s.1"): [LOST]}, T0)
    book.acknowledge("lost", "Anna", T0)
    assert [alarm.id for alarm in book.listed()] == ["s/lost", "s.1/lost", "lost"]
