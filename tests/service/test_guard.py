from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.guard import Guard
from service.statuses import ScanStatus


def aborted(created_ns: int) -> ScanStatus:
    return ScanStatus(id="s", key="star", state="aborted", message="by Anna", created_ns=created_ns, reconstructions=())


@pytest.mark.parametrize(("seconds", "told"), [(1, ["aborted"]), (-3600, [])], ids=["since it watches", "long ago"])
def test_a_scan_that_was_over_between_two_looks_is_told_of(tmp_path: Path, seconds: int, told: list[str]) -> None:
    scans: dict[str, ScanStatus] = {}
    alive = {"ingest": True, "worker": True}
    hub = SimpleNamespace(
        scans=scans, reconstructions={}, alive=alive, settings=SimpleNamespace(data=tmp_path), tell=lambda: None
    )
    guard = Guard(hub)  # type: ignore[arg-type]
    asyncio.run(guard.look())
    scans["s"] = aborted(time.time_ns() + seconds * 10**9)
    asyncio.run(guard.look())
    assert [alarm.code for alarm in guard.alarms if alarm.scan == "s"] == told
