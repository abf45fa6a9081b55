"""Event logs as browsers follow them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from service import eventlog
from service.eventlog import KEPT, EventLogs
from service.scan_routes import matches
from service.scans import ScanRecord, log_event, write_scan
from service.statuses import ScanStatus


def make_scan(data: Path, name: str) -> Path:
    write_scan(data / name, ScanRecord(id=name, key="key", state="ended", created_ns=time.time_ns()))
    return data / name


def test_log_grows_as_it_is_written(tmp_path: Path) -> None:
    folder, logs = make_scan(tmp_path, "s1"), EventLogs(tmp_path)
    assert logs.events("s1") == ()
    log_event(folder, "sender", "start", key="k")
    (first,) = logs.events("s1")
    assert (first.author, first.event, first.details) == ("sender", "start", {"key": "k"})
    log_event(folder, "Anna", "note", text="beam is back")
    assert [each.event for each in logs.events("s1")] == ["start", "note"]
    assert logs.events("s1")[0] is logs.events("s1")[0], "read again only when it has grown"


def test_line_that_a_crash_cut_off_is_passed_over(tmp_path: Path) -> None:
    folder = make_scan(tmp_path, "s1")
    log_event(folder, "sender", "start")
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"ts_ns": 1, "author": "wor')
    assert [each.event for each in EventLogs(tmp_path).events("s1")] == ["start"]


def test_armed_scan_has_no_events_until_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "LOOK_AGAIN_S", 0.0)
    logs = EventLogs(tmp_path)
    assert logs.events("s1") == () == logs.events("../s1")
    log_event(make_scan(tmp_path, "s1"), "sender", "start")
    assert [each.event for each in logs.events("s1")] == ["start"]


def test_many_logs_do_not_pile_up(tmp_path: Path) -> None:
    logs = EventLogs(tmp_path)
    for number in range(KEPT + 3):
        make_scan(tmp_path, f"s{number}")
        logs.events(f"s{number}")
    assert len(logs._known) == KEPT


def test_scans_are_found_by_all_words_in_any_case() -> None:
    scan = ScanStatus(id="s", key="Run 7", state="ended", created_ns=0, metadata={"sample": "gold star", "run": 12})
    assert all(matches(scan, words) for words in ("", "GOLD run", "ended 12"))
    assert not matches(scan, "gold silver")
