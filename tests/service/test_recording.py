import errno
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bitshuffle
import h5py
import hdf5plugin
import numpy as np
import pytest
from numpy.typing import NDArray

from service import recording
from service.master import MASTER_FILE, SEGMENT_FOLDER
from service.recording import (
    Recording,
    RecordingError,
    RecordingFollower,
    closed_name,
    open_name,
    segment_files,
)
from service.segments import Layout, SegmentWriter, UnreadableFrameError
from service.wire import Encoding

SHAPE = (8, 12)
RAW = Layout(SHAPE, "<u2")


def frame(index: int, shape: tuple[int, int] = SHAPE, dtype: str = "<u2") -> NDArray[Any]:
    """A frame that tells its index."""
    return (np.arange(shape[0] * shape[1]).reshape(shape) + 7 * index).astype(dtype)


def bslz4(data: NDArray[Any]) -> bytes:
    """A frame as a detector compresses it: HDF5 filter framing, then bitshuffle and lz4."""
    block = 8192 // data.itemsize
    return struct.pack(">QI", data.nbytes, block * data.itemsize) + bitshuffle.compress_lz4(data, block).tobytes()


def lz4(data: NDArray[Any], path: Path) -> bytes:
    """A frame compressed by HDF5's own lz4 filter."""
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("frames", data=data[None], chunks=(1, *data.shape), **hdf5plugin.LZ4())
        return bytes(dataset.id.read_direct_chunk((0, 0, 0))[1])


def start_recording(folder: Path, **options: Any) -> Recording:
    return Recording(folder, RAW, **({"segment_frames": 1000, "segment_seconds": 1000.0} | options))


def append(recording: Recording, indices: range, layout: Layout = RAW) -> None:
    frames = [memoryview(frame(index, layout.shape, layout.dtype).tobytes()) for index in indices]
    recording.append_frames(np.array(indices), frames, layout, received_ns=1000 + indices[0], sent_ns=2000)


def append_positions(recording: Recording, indices: range) -> None:
    recording.append_positions(np.array(indices), places(indices), received_ns=5)


def places(indices: range) -> NDArray[np.float64]:
    return np.array([(index * 1e-6, -index * 1e-6) for index in indices])


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[RecordingFollower]:
    follower = RecordingFollower(tmp_path)
    yield follower
    follower.close()


def poll_until(
    follower: RecordingFollower, enough: Callable[[NDArray[Any]], bool], seconds: float = 30
) -> NDArray[Any]:
    """Refs as they become visible, until there are enough of them."""
    found = follower.poll().frames
    deadline = time.monotonic() + seconds
    while not enough(found):
        assert time.monotonic() < deadline, f"only {len(found)} frames became visible"
        time.sleep(0.005)
        found = np.concatenate([found, follower.poll().frames])
    return found


def check_frames(follower: RecordingFollower, refs: NDArray[Any]) -> None:
    expected = np.stack([frame(index) for index in refs["index"]])
    np.testing.assert_array_equal(follower.read(refs), expected)


def test_what_is_appended_is_seen_at_once_and_once(tmp_path: Path, follower: RecordingFollower) -> None:
    assert len(follower.poll().frames) == 0
    recording = start_recording(tmp_path)
    append(recording, range(5))
    append_positions(recording, range(3, 6))
    arrivals = follower.poll()
    assert arrivals.frames["index"].tolist() == [0, 1, 2, 3, 4]
    assert set(arrivals.frames["received_ns"].tolist()) == {1000}
    assert arrivals.position_indices.tolist() == [3, 4, 5]
    np.testing.assert_array_equal(arrivals.positions_m, places(range(3, 6)))
    check_frames(follower, arrivals.frames)
    check_frames(follower, arrivals.frames[[3, 0, 0]])
    append(recording, range(9, 11))
    more = follower.poll()
    assert more.frames["index"].tolist() == [9, 10]
    assert more.position_indices.size == 0
    recording.close()
    assert len(follower.poll().frames) == 0
    check_frames(follower, np.concatenate([more.frames, arrivals.frames]))


def test_positions_alone_are_recorded(tmp_path: Path, follower: RecordingFollower) -> None:
    recording = start_recording(tmp_path)
    append_positions(recording, range(4))
    recording.close()
    assert follower.poll().position_indices.tolist() == [0, 1, 2, 3]
    with h5py.File(tmp_path / MASTER_FILE, locking=False) as master:
        assert master["frames"].shape == (0, *SHAPE)
        np.testing.assert_array_equal(master["positions"][()], places(range(4)))


def test_segments_change_unnoticed_by_early_and_late_followers(tmp_path: Path, follower: RecordingFollower) -> None:
    recording = start_recording(tmp_path, segment_frames=4)
    seen = follower.poll().frames
    for first in range(0, 30, 3):
        append(recording, range(first, first + 3))
        seen = np.concatenate([seen, follower.poll().frames])
    recording.close()
    assert seen["index"].tolist() == list(range(30))
    check_frames(follower, seen)
    late = RecordingFollower(tmp_path)
    np.testing.assert_array_equal(late.poll().frames, seen)
    check_frames(late, seen[::-1])  # two followers in one process share their files: see SegmentReader
    check_frames(follower, seen)
    late.close()
    check_frames(follower, seen)
    assert [path.name for path in segment_files(tmp_path).values()] == [closed_name(n) for n in range(1, 6)]


def test_a_quiet_segment_is_closed_in_time(tmp_path: Path) -> None:
    recording = start_recording(tmp_path, segment_seconds=0.01)
    append(recording, range(2))
    time.sleep(0.02)
    recording.close_if_due()
    recording.close()
    assert [path.name for path in segment_files(tmp_path).values()] == [closed_name(1)]


def test_master_is_read_by_plain_h5py_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recording = start_recording(tmp_path, segment_frames=4)
    for first in range(0, 10, 2):
        append(recording, range(first, first + 2))
        append_positions(recording, range(first, first + 2))
    recording.close()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with h5py.File(tmp_path / MASTER_FILE, locking=False) as master:
        np.testing.assert_array_equal(master["frames"][()], np.stack([frame(i) for i in range(10)]))
        assert master["frame_index"][()].tolist() == list(range(10))
        assert set(master["frame_sent_ns"][()].tolist()) == {2000}
        np.testing.assert_array_equal(master["positions"][()], places(range(10)))
        assert master["position_index"][()].tolist() == list(range(10))


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<u4", "|u1", "<i4", "<f4"])
@pytest.mark.parametrize("encoding", ["raw", "bslz4", "lz4"])
def test_compressed_frames_go_through_untouched(
    tmp_path: Path, follower: RecordingFollower, encoding: Encoding, dtype: str
) -> None:
    shape = (100, 90)
    data = np.stack([frame(index, shape, dtype) for index in range(3)]).astype(dtype)  # stack makes it native
    compress: dict[str, Callable[[NDArray[Any]], bytes]] = {
        "raw": lambda each: each.tobytes(),
        "bslz4": bslz4,
        "lz4": lambda each: lz4(each, tmp_path / "one.h5"),
    }
    recording = start_recording(tmp_path)
    recording.append_frames(np.arange(3), [compress[encoding](e) for e in data], Layout(shape, dtype, encoding), 1, 2)
    np.testing.assert_array_equal(follower.read(follower.poll().frames), data)
    recording.close()
    np.testing.assert_array_equal(follower.read(all_refs(tmp_path)), data)
    with h5py.File(tmp_path / MASTER_FILE, locking=False) as master:
        np.testing.assert_array_equal(master["frames"][()], data)


def all_refs(folder: Path) -> NDArray[Any]:
    follower = RecordingFollower(folder)
    refs = follower.poll().frames
    follower.close()
    return refs


def test_each_encoding_gets_its_segment(tmp_path: Path, follower: RecordingFollower) -> None:
    recording = start_recording(tmp_path)
    append(recording, range(2))
    layout = Layout(SHAPE, "<u2", "bslz4")
    recording.append_frames(np.array([2, 3]), [bslz4(frame(2)), bslz4(frame(3))], layout, 1, 2)
    append(recording, range(4, 6))
    refs = follower.poll().frames
    assert refs["segment"].tolist() == [1, 1, 2, 2, 3, 3]
    check_frames(follower, refs)
    recording.close()
    check_frames(follower, refs)


def test_a_torn_frame_is_named_and_the_others_are_read(tmp_path: Path, follower: RecordingFollower) -> None:
    recording = start_recording(tmp_path)
    layout = Layout(SHAPE, "<u2", "bslz4")
    whole = bslz4(frame(0))
    torn = whole[:12] + bytes(len(whole) - 12)
    recording.append_frames(np.array([40, 41, 42]), [whole, torn, whole[:11]], layout, 1, 2)
    refs = follower.poll().frames
    np.testing.assert_array_equal(follower.read(refs[:1])[0], frame(0))
    for bad in (1, 2):
        with pytest.raises(UnreadableFrameError, match=f"frame {40 + bad}: .*row {bad} of 000001"):
            follower.read(refs[bad : bad + 1])
    recording.close()


@pytest.mark.parametrize("damage", [b"", b"this is no HDF5 file" * 100])
def test_a_damaged_segment_is_told_once_and_stops_no_other(
    tmp_path: Path, follower: RecordingFollower, damage: bytes
) -> None:
    recording = start_recording(tmp_path, segment_frames=2)
    for first in range(0, 6, 2):
        append(recording, range(first, first + 2))
    recording.close()
    refs = all_refs(tmp_path)
    (tmp_path / SEGMENT_FOLDER / closed_name(2)).write_bytes(damage)
    arrivals = follower.poll()
    assert arrivals.frames["index"].tolist() == [0, 1, 4, 5]
    assert len(arrivals.problems) == 1
    assert "000002.h5" in arrivals.problems[0]
    assert follower.poll().problems == ()
    with pytest.raises(UnreadableFrameError, match="frame 2"):
        follower.read(refs[2:3])
    again = start_recording(tmp_path)
    append(again, range(6, 8))
    again.close()
    check_frames(follower, follower.poll().frames)


def test_a_missing_segment_is_an_error_not_zeros(tmp_path: Path) -> None:
    recording = start_recording(tmp_path, segment_frames=2)
    append(recording, range(2))
    append(recording, range(2, 4))
    recording.close()
    refs = all_refs(tmp_path)
    (tmp_path / SEGMENT_FOLDER / closed_name(1)).unlink()
    late = RecordingFollower(tmp_path)
    with pytest.raises(UnreadableFrameError, match="frame 0"):
        late.read(refs)
    late.close()


def test_an_orphan_is_copied_and_nothing_is_lost(tmp_path: Path, follower: RecordingFollower) -> None:
    killed = orphan(tmp_path, 3)
    assert killed.name == open_name(1)
    early = follower.poll().frames
    recording = start_recording(tmp_path)
    append(recording, range(3, 5))
    refs = np.concatenate([early, follower.poll().frames])
    assert refs["index"].tolist() == [0, 1, 2, 3, 4]
    check_frames(follower, refs)
    assert [path.name for path in segment_files(tmp_path).values()] == [closed_name(1), open_name(2)]
    recording.close()
    with h5py.File(tmp_path / MASTER_FILE, locking=False) as master:
        assert master["frame_index"][()].tolist() == [0, 1, 2, 3, 4]


def orphan(folder: Path, frames: int) -> Path:
    """What a writer leaves that is killed after so many frames."""
    code = f"""
import os
from pathlib import Path
import numpy as np
from service.recording import Recording
from service.segments import Layout
recording = Recording(Path({str(folder)!r}), Layout({SHAPE}, "<u2"), segment_frames=1000, segment_seconds=1000)
recording._current()
for index in range({frames}):
    frame = (np.arange({SHAPE[0] * SHAPE[1]}) + 7 * index).astype("<u2")
    recording.append_frames(np.array([index]), [frame.tobytes()], recording.layout, 1, 2)
    recording.append_positions(np.array([index]), np.full((1, 2), index * 1e-6), 3)
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    (path,) = (folder / SEGMENT_FOLDER).glob("*.h5")
    return path


def test_the_number_of_an_empty_orphan_is_not_used_again(tmp_path: Path, follower: RecordingFollower) -> None:
    orphan(tmp_path, 0)
    assert len(follower.poll().frames) == 0
    recording = start_recording(tmp_path)
    append(recording, range(2))
    assert follower.poll().frames["segment"].tolist() == [2, 2]
    recording.close()
    with h5py.File(tmp_path / MASTER_FILE, locking=False) as master:
        assert master["frame_index"][()].tolist() == [0, 1]


def test_an_unfinished_copy_is_made_again(tmp_path: Path, follower: RecordingFollower) -> None:
    orphan(tmp_path, 3)
    (tmp_path / SEGMENT_FOLDER / ".000001.new").write_bytes(b"half a copy")
    start_recording(tmp_path).close()
    check_frames(follower, follower.poll().frames)
    assert [path.name for path in sorted((tmp_path / SEGMENT_FOLDER).iterdir())] == [closed_name(1)]


GROW = f"""
import itertools, sys
from pathlib import Path
import numpy as np
from service.logs import configure_logs
from service.recording import Recording
from service.segments import Layout
configure_logs("error", "writer")
recording = Recording(Path(sys.argv[1]), Layout({SHAPE}, "<u2"), segment_frames=50, segment_seconds=1000)
for index in itertools.count(int(sys.argv[2])):
    frame = (np.arange({SHAPE[0] * SHAPE[1]}) + 7 * index).astype("<u2")
    recording.append_frames(np.array([index]), [frame.tobytes()], recording.layout, 1, 2)
    recording.append_positions(np.array([index]), np.full((1, 2), index * 1e-6), 3)
    print(index, flush=True)
"""


@pytest.mark.parametrize("wanted", [7, 49, 50, 230])
def test_followed_while_another_process_writes_is_killed_and_goes_on(
    tmp_path: Path, follower: RecordingFollower, wanted: int
) -> None:
    refs, said = follower.poll().frames, list[int]()
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", GROW, str(tmp_path), str(refs["index"][-1] + 1 if len(refs) else 0)],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            refs = np.concatenate([refs, poll_until(follower, lambda found: len(found) >= wanted)])
            writer.kill()
            said += [int(line) for line in writer.communicate()[0].splitlines()]
        refs = np.concatenate([refs, follower.poll().frames])
    assert refs["index"].tolist() == list(range(len(refs)))
    assert len(refs) > said[-1]
    check_frames(follower, refs)
    start_recording(tmp_path).close()
    assert follower.poll().problems == ()
    late = RecordingFollower(tmp_path)
    arrivals = late.poll()
    np.testing.assert_array_equal(arrivals.frames, refs)
    check_frames(late, arrivals.frames)
    assert set(said) <= set(arrivals.position_indices.tolist())
    late.close()


def test_a_full_disk_is_an_error_and_recording_goes_on_when_there_is_room(
    tmp_path: Path, follower: RecordingFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = start_recording(tmp_path)
    append(recording, range(3))
    write, full = SegmentWriter.append_frames, [True]

    def no_room(self: SegmentWriter, *args: Any) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, *args)

    monkeypatch.setattr(SegmentWriter, "append_frames", no_room)
    for _ in range(3):
        with pytest.raises(RecordingError, match="No space left"):
            append(recording, range(3, 4))
    full[0] = False
    monkeypatch.setattr("service.recording.RETRY_SECONDS", 0.0)
    append(recording, range(4, 6))
    recording.close()
    refs = follower.poll().frames
    assert refs["index"].tolist() == [0, 1, 2, 4, 5]
    check_frames(follower, refs)


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
import service.recording
from service.logs import configure_logs
from service.recording import Recording, RecordingError
from service.segments import Layout
configure_logs("error", "writer")
service.recording.RETRY_SECONDS = 0.0
recording = Recording(Path(sys.argv[1]), Layout((64, 64), "<u2"), segment_frames=1000, segment_seconds=1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
for index in range(60):
    try:
        recording.append_frames(np.array([index]), [bytes([index]) * 8192], recording.layout, 1, 2)
        print(index)
    except RecordingError as error:
        print("refused", file=sys.stderr)
recording.close()
"""


def test_writes_that_the_system_refuses_lose_only_what_was_refused(tmp_path: Path, follower: RecordingFollower) -> None:
    run = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "refused" in run.stderr
    recorded = [int(line) for line in run.stdout.splitlines()]
    assert len(recorded) > 40
    refs = follower.poll().frames
    assert set(recorded) <= set(refs["index"].tolist())
    wanted = refs[np.isin(refs["index"], recorded)]
    frames = follower.read(wanted)
    assert (frames.view(np.uint8) == wanted["index"].astype(np.uint8)[:, None, None]).all()


def test_segments_that_are_read_to_their_end_are_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Recording(tmp_path, Layout((2, 3), "<u2"), segment_frames=1, segment_seconds=100.0)
    follower = RecordingFollower(tmp_path)

    def append(index: int) -> None:
        writing.append_frames(np.array([index]), [bytes(12)], writing.layout, 1, 1)

    for index in range(20):
        append(index)
    writing._closer.submit(int).result()  # what was handed to the closing thread before is closed
    assert follower.poll().frames["index"].tolist() == list(range(20))
    append(20)
    writing._closer.submit(int).result()
    follower.poll()
    assert not follower.poll().frames.size, "and the folder as it is now is known"
    looked_at: list[int] = []
    monkeypatch.setattr(recording, "segment_files", lambda _: pytest.fail("the folder is listed"))
    find = recording._segment_file
    monkeypatch.setattr(recording, "_segment_file", lambda folder, n: looked_at.append(n) or find(folder, n))
    for _ in range(3):
        assert not follower.poll().frames.size
    append(21)
    assert follower.poll().frames["index"].tolist() == [21] and min(looked_at) >= 21
    writing.close()
    follower.close()


def test_what_follows_a_segment_that_somebody_deleted_is_read(tmp_path: Path) -> None:
    writing = Recording(tmp_path, Layout((2, 3), "<u2"), segment_frames=1, segment_seconds=100.0)
    for index in range(4):
        writing.append_frames(np.array([index]), [bytes(12)], writing.layout, 1, 1)
    writing.close()
    (tmp_path / "segments" / "000002.h5").unlink()
    follower = RecordingFollower(tmp_path)
    seen = [index for _ in range(3) for index in follower.poll().frames["index"].tolist()]
    follower.close()
    assert seen == [0, 2, 3]


def test_what_a_person_puts_beside_the_segments_is_no_segment(tmp_path: Path) -> None:
    writing = Recording(tmp_path, Layout((2, 3), "<u2"), segment_frames=9, segment_seconds=100.0)
    writing.append_frames(np.array([4]), [bytes(12)], writing.layout, 1, 1)
    writing.close()
    segments = tmp_path / "segments"
    for name in ("000001 (copy).h5", "1st.h5", "000001.old.h5", "000009-backup.h5"):
        (segments / name).write_bytes((segments / "000001.h5").read_bytes())
    assert segment_files(tmp_path) == {1: segments / "000001.h5"}
