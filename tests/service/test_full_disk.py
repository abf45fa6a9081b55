"""A disk that is full to the last byte: HDF5 crashes a process that lets a file go which it could not close."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from service import recording
from service.recording import RESERVE_BYTES, Recording, RecordingError, RecordingFollower, open_name, recover
from service.segments import Layout
from tests.service.harness import SHAPE, frame

LAYOUT = Layout(SHAPE, "<u2")
CLOSES = f"""
import gc, os, resource, sys
from pathlib import Path
import numpy as np
from service.segments import Layout, SegmentWriter
folder = Path(sys.argv[1])
writer = SegmentWriter(folder / ".000001.new", Layout({SHAPE}, "<u2"))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
acts = lambda: writer.append_frames(np.zeros(1, int), [bytes(768)], 1, 1), lambda: writer.close(folder / "000001.h5")
for act in acts:
    try:
        act()
    except (OSError, RuntimeError):
        print("refused")
del writer
gc.collect()
print("lives", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("limit", [12_000, 18_000, 24_000])
def test_a_segment_that_cannot_be_closed_does_not_take_the_process_with_it(tmp_path: Path, limit: int) -> None:
    command = [sys.executable, "-c", CLOSES, str(tmp_path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["refused", "refused", "lives"])


def disk_full(*_: object) -> None:
    raise RuntimeError("Can't decrement id ref count (No space left on device)")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Says how many bytes of the disk are free."""

    def say(count: int) -> None:
        monkeypatch.setattr(recording.shutil, "disk_usage", lambda _: SimpleNamespace(free=count))

    return say


def test_some_disk_is_left_to_close_what_is_open(
    tmp_path: Path, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "RETRY_SECONDS", 0.0)
    writing = Recording(tmp_path, LAYOUT, segment_frames=100, segment_seconds=100.0)
    size = frame(0).nbytes

    def append(index: int) -> None:
        writing.append_frames(np.array([index]), [memoryview(frame(index).tobytes())], LAYOUT, 1, 1)

    free(RESERVE_BYTES + size)
    append(0)
    free(RESERVE_BYTES + size - 1)
    with pytest.raises(RecordingError, match=r"No space left on device: .* are needed, 8 MB are free"):
        append(1)
    free(RESERVE_BYTES + size)
    append(2)
    writing.close()
    follower = RecordingFollower(tmp_path)
    assert follower.poll().frames["index"].tolist() == [0, 2]
    follower.close()


def test_a_recording_goes_on_though_the_disk_was_full_when_its_process_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Recording(tmp_path, LAYOUT, segment_frames=100, segment_seconds=100.0)
    before.append_positions(np.arange(3), np.zeros((3, 2)), 1)
    before.close()
    with monkeypatch.context() as full:
        full.setattr(recording, "write_master", disk_full)
        after = Recording(tmp_path, LAYOUT, segment_frames=100, segment_seconds=100.0)
    after.append_positions(np.arange(3, 5), np.zeros((2, 2)), 1)
    after.close()
    with h5py.File(tmp_path / "master.h5") as master:
        assert master["position_index"][()].tolist() == [0, 1, 2, 3, 4]


def test_what_a_killed_writer_left_is_copied_once_there_is_room(tmp_path: Path, free: Callable[[int], None]) -> None:
    writing = Recording(tmp_path, LAYOUT, segment_frames=100, segment_seconds=100.0)
    writing.append_positions(np.arange(3), np.zeros((3, 2)), 1)
    writing.close()
    (closed,) = (tmp_path / "segments").glob("*.h5")
    closed.rename(closed.with_name(open_name(1)))
    free(RESERVE_BYTES)
    assert recover(tmp_path) == [] and closed.with_name(open_name(1)).exists()
    free(2 * RESERVE_BYTES)
    assert [extent.positions for extent in recover(tmp_path)] == [3]
