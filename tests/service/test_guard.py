from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service import guard as guards
from service.guard import Guard
from service.statuses import ScanStatus


def aborted(created_ns: int) -> ScanStatus:
    return ScanStatus(id="s", key="star", state="aborted", message="by Anna", created_ns=created_ns, reconstructions=())


def guard_of(data: Path, scans: dict[str, ScanStatus]) -> Guard:
    alive = {"ingest": True, "worker": True}
    hub: Any = SimpleNamespace(
        scans=scans, reconstructions={}, alive=alive, settings=SimpleNamespace(data=data), tell=lambda: None
    )
    return Guard(hub)


@pytest.mark.parametrize(("seconds", "told"), [(1, ["aborted"]), (-3600, [])], ids=["since it watches", "long ago"])
def test_a_scan_that_was_over_between_two_looks_is_told_of(tmp_path: Path, seconds: int, told: list[str]) -> None:
    scans: dict[str, ScanStatus] = {}
    guard = guard_of(tmp_path, scans)
    asyncio.run(guard.look())
    scans["s"] = aborted(time.time_ns() + seconds * 10**9)
    asyncio.run(guard.look())
    assert [alarm.code for alarm in guard.alarms if alarm.scan == "s"] == told


def test_a_scan_that_begins_while_alarms_are_computed_does_not_end_them(tmp_path: Path) -> None:
    scans: dict[str, Any] = {}

    class Scan:
        @property
        def state(self) -> str:
            scans[f"another {len(scans)}"] = aborted(1)  # as the thread of the event loop may at any moment
            return "armed"

    scans["first"] = Scan()
    asyncio.run(guard_of(tmp_path, scans).look())
    assert len(scans) > 1


def test_alarms_are_computed_again_whatever_went_wrong_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    guard = guard_of(tmp_path, {})

    async def look() -> None:
        looks.append(1)
        raise RuntimeError("once")

    async def both() -> None:
        following = asyncio.create_task(guard._follow_alarms())
        while len(looks) < 2:
            await asyncio.sleep(0)
            assert not following.done()
        following.cancel()

    monkeypatch.setattr(guards, "LOOK_S", 0.0)
    monkeypatch.setattr(guard, "look", look)
    asyncio.run(both())
