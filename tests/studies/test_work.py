"""A study that is interrupted goes on; two processes on one folder share the work."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from studies.store import Record, Store, StoreError
from studies.work import Task, Tell, work_through

RECORD = Record(
    object=np.ones((3, 4), np.complex64),
    probe=np.ones((1, 2, 2), np.complex64),
    curve=np.array([[1.0, np.nan]]),
    columns=("iteration", "nmse"),
    about={"of": "a test"},
)


class Bench:
    """Tasks that note that they were done, and a stage that notes what it was shown."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.shown: list[tuple[str, float]] = []
        self.total = 0.0

    def task(self, name: str, fails: bool = False, needs: str | None = None) -> Task:
        def perform(tell: Tell) -> Record:
            tell(0.5)
            if fails:
                raise KeyboardInterrupt
            self.done.append(name)
            return RECORD

        return Task(name, 2.0, perform, needs)

    def begin(self, total: float) -> None:
        self.total = total

    def show(self, name: str, done: float) -> None:
        self.shown.append((name, done))


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path, {})
    assert store.load("one") is None
    store.keep("one", RECORD)
    found = store.load("one")
    assert found is not None
    assert np.array_equal(found.object, RECORD.object) and np.array_equal(found.curve, RECORD.curve, equal_nan=True)
    assert (found.columns, found.about) == (RECORD.columns, RECORD.about)
    assert found.column("iteration").tolist() == [1.0]


def test_what_was_done_before_an_interruption_is_not_done_again(tmp_path: Path) -> None:
    first, second = Bench(), Bench()
    with pytest.raises(KeyboardInterrupt):
        work_through([first.task("a"), first.task("b", fails=True), first.task("c")], Store(tmp_path, {}), first)
    assert first.done == ["a"]
    assert work_through([second.task(name) for name in "abc"], Store(tmp_path, {}), second) == []
    assert second.done == ["b", "c"]
    assert second.total == 6.0
    assert second.shown == [("a", 2.0), ("b", 3.0), ("b", 4.0), ("c", 5.0), ("c", 6.0)]


def test_another_preset_is_refused(tmp_path: Path) -> None:
    Store(tmp_path, {"size": 1})
    Store(tmp_path, {"size": 1})
    with pytest.raises(StoreError, match="it holds another"):
        Store(tmp_path, {"size": 2})


def test_results_of_another_sample_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path, {})
    monkeypatch.setattr("studies.store.SAMPLE", {"defocus_m": 2e-3})
    with pytest.raises(StoreError, match="it holds another"):
        Store(tmp_path, {})


def _hold(folder: Path, ready: multiprocessing.synchronize.Event, leave: multiprocessing.synchronize.Event) -> None:
    with Store(folder, {}).claim("a") as mine:
        assert mine
        ready.set()
        leave.wait(60)


def test_what_another_process_is_at_is_left_to_it_until_it_dies(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, leave = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, ready, leave))
    other.start()
    assert ready.wait(60)
    bench = Bench()
    tasks = [bench.task("a"), bench.task("b"), bench.task("c", needs="a")]
    assert work_through(tasks, Store(tmp_path, {}), bench) == ["a", "c"], "c waits for what another is at"
    assert bench.done == ["b"]
    other.kill()
    other.join()
    assert work_through(tasks, Store(tmp_path, {}), bench) == []
    assert bench.done == ["b", "a", "c"]
