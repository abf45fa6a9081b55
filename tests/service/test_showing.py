"""Once for all: what many look at is read, made and encoded once, and no viewer gets more than its network takes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import msgpack
import numpy as np
import pytest

from service import tails as tails_module
from service.browser import ImageRequest
from service.news import News
from service.showroom import Showroom
from service.snapshot import Snapshot
from service.statuses import ReconstructionStatus, ScanStatus
from service.stepback import quiet_thread
from service.tables import TableWriter
from service.tails import Tails
from service.turns import next_turn

COLUMNS = 5


def make_snapshot(number: int) -> Snapshot:
    object_ = np.exp(1j * np.linspace(-1, 1, 400)).astype(np.complex64).reshape(20, 20)
    return Snapshot(
        number=number,
        iteration=number,
        frames=1,
        newest_index=0,
        data_ns=1,
        pixel_m=1e-8,
        origin_m=(0.0, 0.0),
        wavelength_m=1e-10,
        object=object_,
        probe=object_[None],
        covered=np.ones((20, 20), bool),
    )


def test_fifty_looks_at_one_picture_make_it_once(tmp_path: Path) -> None:
    show = Showroom(tmp_path)
    request = ImageRequest(name="object")

    async def look() -> list[bytes]:
        shown = await asyncio.gather(*(show.image("s.1", request) for _ in range(50)))
        return [each.data for each in shown if each is not None]

    show.snapshots.keep("s.1", make_snapshot(1))
    first = asyncio.run(look())
    assert len(first) == 50 and len({id(data) for data in first}) == 1 and show.made == 1
    asyncio.run(look())
    assert show.made == 1
    show.snapshots.keep("s.1", make_snapshot(2))
    assert msgpack.unpackb(asyncio.run(look())[0])["snapshot"] == 2 and show.made == 2


@pytest.fixture
def table(tmp_path: Path) -> Iterator[TableWriter]:
    made = TableWriter(tmp_path / "metrics.f64", COLUMNS)
    yield made
    made.close()


def rows(data: bytes) -> np.ndarray:  # type: ignore[type-arg]
    return np.frombuffer(msgpack.unpackb(data)["data"], "<f8").reshape(-1, COLUMNS)


def test_rows_are_told_when_the_state_is_news_and_encoded_once(tmp_path: Path, table: TableWriter) -> None:
    tails = Tails(lambda _: tmp_path)
    assert tails.after("s.1", "metrics", 0) is None
    table.append(np.arange(2 * COLUMNS).reshape(2, COLUMNS))
    assert tails.after("s.1", "metrics", 0) is None, "nobody said that there is more"
    tails.look_again("s.1")
    tail, again = tails.after("s.1", "metrics", 0), tails.after("s.1", "metrics", 0)
    assert tail is not None and again is not None
    assert tail.data is again.data and tail.end == 2
    table.append(np.full((1, COLUMNS), 7.0))
    tails.look_again("s.1")
    tail = tails.after("s.1", "metrics", 2)
    assert tail is not None and (rows(tail.data) == 7).all() and tails.after("s.1", "metrics", tail.end) is None


def test_long_series_come_in_parts_without_a_gap(
    tmp_path: Path, table: TableWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails_module, "MESSAGE_ROWS", 4)
    table.append(np.arange(10.0)[:, None] + np.zeros(COLUMNS))
    tails, start, came = Tails(lambda _: tmp_path), 0, []
    while tail := tails.after("s.1", "metrics", start):
        assert msgpack.unpackb(tail.data)["start"] == start
        came.append(rows(tail.data)[:, 0])
        start = tail.end
    assert np.concatenate(came).tolist() == list(range(10)) and len(came) == 3


def test_news_are_the_last_of_each_and_encoded_once() -> None:
    news = News()
    recon = ReconstructionStatus(id="s.1", scan="s", state="running", created_ns=1, engine="rpie")
    for iteration in (1, 2):
        news.scan(ScanStatus(id="s", key="s", state="receiving", created_ns=1, received=iteration))
        news.reconstruction(recon.model_copy(update={"iteration": iteration}))
    told = news.since(0)
    assert [msgpack.unpackb(item.data)["t"] for item in told] == ["scan", "reconstruction"]
    assert msgpack.unpackb(told[1].data)["reconstruction"]["iteration"] == 2
    assert told[0].data is news.since(0)[0].data
    assert news.since(told[0].number) == told[1:] and news.since(news.number) == []


def test_late_turns_do_not_put_off_those_that_follow() -> None:
    due, turns, now = 0.0, 0, 0.0
    while now < 100:
        if now >= due:
            due, turns = next_turn(due, now, 0.2), turns + 1
        now += 0.053  # an iteration
    assert turns == pytest.approx(500, abs=2)
    assert next_turn(due, due + 10, 0.2) == pytest.approx(due + 10.1), "what was missed is not made up for"


def test_quiet_threads_step_back() -> None:
    with quiet_thread("test", 7) as thread:
        niceness = thread.submit(os.getpriority, os.PRIO_PROCESS, 0).result()
    assert niceness == max(7, os.getpriority(os.PRIO_PROCESS, 0))
