"""One scan's trouble, or a full disk, stops neither the worker nor the other reconstructions, and everybody is told."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.dataset import GrowingDataset
from service import runner
from service.descriptions import EngineSpec, ReconstructionSpec
from service.reconstructions import read_statuses
from service.statuses import ReconstructionStatus
from service.worker import advance
from tests.service.work import FRAMES, Work

SPEC = ReconstructionSpec(
    engine=EngineSpec(name="rpie"),
    live={"start_after": 1, "chunk": 10, "iterations_per_chunk": 2, "final_iterations": 2},
)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    work = Work(tmp_path, SPEC)
    yield work
    work.close()


def disk_full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def no_memory(*_: Any, **__: Any) -> None:
    raise RuntimeError("CUDA out of memory")


def test_a_full_disk_fails_a_reconstruction_and_not_the_thread_that_computes(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.record(range(10))
    work.iterate(1)
    for name in ("write_status", "log_event"):
        monkeypatch.setattr(runner, name, disk_full)
    monkeypatch.setattr(type(work.runner._keeper), "note", disk_full)
    assert work.iterate(2).state == "failed"
    assert "No space left" in work.status.message


def test_a_full_disk_lets_the_worker_end(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.record(range(10))
    work.iterate(1)
    monkeypatch.setattr(type(work.runner._keeper), "checkpoint", disk_full)
    work.roster.suspend()
    assert work.runner._keeper.metrics._file.closed


def test_a_worker_killed_as_it_took_a_scan_up_does_so_again(work: Work) -> None:
    kept = work.folder / "reconstructions"
    (kept / "1" / "status.json").unlink()  # killed between the two files
    work.begin()
    assert work.status.id.endswith(".2") and work.roster.runners
    work.drop()
    shutil.rmtree(kept)  # killed before
    work.begin()
    assert work.status.id == work.reconstruction and work.roster.runners


def test_a_scan_on_which_nothing_was_to_run_is_left_alone_later(work: Work) -> None:
    shutil.rmtree(work.folder / "reconstructions")
    (work.folder / "reconstructions").mkdir()
    work.begin()
    assert not work.roster.runners


def test_a_reconstruction_that_cannot_go_on_is_said_to_have_failed(work: Work) -> None:
    work.record(range(10))
    work.iterate(3)
    config = work.folder / "reconstructions" / "1" / "config.json"
    config.write_text(config.read_text().replace("rpie", "gone"))
    work.begin()
    assert work.status.state == "failed" and "'gone'" in work.status.message
    assert [status.state for status in read_statuses(work.folder)] == ["failed"]


def test_memory_that_is_used_up_at_the_start_is_told(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.drop()
    monkeypatch.setattr(GrowingDataset, "__init__", no_memory)
    work.begin()
    assert work.status.state == "failed" and "out of memory" in work.status.message


def test_memory_that_is_used_up_while_frames_arrive_is_told(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.record(range(10))
    work.iterate(1)
    monkeypatch.setattr(GrowingDataset, "append", no_memory)
    work.record(range(10, 20))
    assert work.iterate(1).state == "failed" and "out of memory" in work.status.message


def test_a_scan_that_is_deleted_while_it_runs_is_over(work: Work) -> None:
    work.record(range(FRAMES))
    work.iterate(1)
    shutil.rmtree(work.folder)
    work.roster.discover()
    assert all(session.over for session in work.roster.sessions)


def test_an_old_state_that_cannot_be_read_does_not_keep_new_reconstructions_from_starting(work: Work) -> None:
    old = work.data / "20250101-000000-old-0000"
    (old / "reconstructions" / "1").mkdir(parents=True)
    (old / "reconstructions" / "1" / "status.json").touch()  # as power loss leaves it
    (old / "scan.json").write_text((work.folder / "scan.json").read_text().replace(work.folder.name, old.name))
    work.drop()
    shutil.rmtree(work.folder / "reconstructions")
    (work.folder / "start.npz").unlink()  # without a probe of its own the last good one is looked for
    work.begin()
    assert [runner.status.id for runner in work.roster.runners] == [work.reconstruction], "and the old is left alone"


def test_damaged_arrays_are_told_and_stop_nobody(work: Work) -> None:
    work.drop()
    shutil.rmtree(work.folder / "reconstructions")
    arrays = work.folder / "start.npz"
    arrays.write_bytes(arrays.read_bytes()[:100])
    work.begin()
    assert work.status.state == "refused" and "start.npz" in work.status.message


def test_a_reconstruction_whose_failure_cannot_even_be_told_does_not_stop_the_others(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "STATUS_S", 0.0)  # each iteration is told, however fast they are
    work.record(range(10))
    other = work.roster.start(work.folder.name, {})["id"]

    def refuse(status: ReconstructionStatus) -> None:
        if status.id == work.reconstruction:
            raise OverflowError("int too big to send")

    work.runner._publisher.status = refuse
    for _ in range(3):
        for each in work.roster.runners:
            advance(each)
    assert [each.status.id for each in work.roster.runners] == [other]
    assert work.roster.runners[0].status.iteration == 2, "as many as the policy allows on ten frames"
