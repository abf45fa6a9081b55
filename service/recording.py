"""The recording of a scan: frames and positions as received, in order of arrival; the queue that readers follow.

    SCAN/segments/000001.h5       closed and on the disk
    SCAN/segments/000002.open.h5  being written, or left by a killed writer
    SCAN/master.h5                virtual datasets over the closed segments, for other programs

One process writes (`Recording`), any number read (`RecordingFollower`), from any point, while it grows.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.logs import get_log
from service.master import SEGMENT_FOLDER, write_master
from service.segments import (
    HDF5_ERRORS,
    Extent,
    Layout,
    SegmentReader,
    SegmentWriter,
    UnreadableFrameError,
    copy_segment,
)

RETRY_SECONDS = 1.0
"""After a failed write nothing is tried for so long: a full disk would else fill with the beginnings of files."""
OPENING_SECONDS = 2.0
"""A segment that is still being written may be unreadable for a moment; after so long it counts as damaged."""
RESERVE_BYTES = 8_000_000
"""Disk that is left free, so that what is open can be closed: HDF5 crashes the process where a disk is full to the last
byte as it closes a file."""
MAX_HANDLES = 16
"""Closed segments that a follower keeps open for reading frames."""

REF = np.dtype([("segment", "<i4"), ("row", "<i8"), ("index", "<i8"), ("received_ns", "<i8")])
"""Where a recorded frame lies, its frame index, and the service's clock when it came."""


class RecordingError(OSError):
    """Something could not be recorded; says what and why."""


def closed_name(number: int) -> str:
    """File name of a segment that is closed."""
    return f"{number:06d}.h5"


def open_name(number: int) -> str:
    """File name of a segment that is being written, or whose writer was killed."""
    return f"{number:06d}.open.h5"


def segment_files(folder: Path) -> dict[int, Path]:
    """The segments of a scan by number, in order; the closed one where there are two."""
    segments = folder / SEGMENT_FOLDER
    found: dict[int, Path] = {}
    for path in sorted(segments.glob("[0-9]*.h5"), reverse=True):
        digits = path.name.partition(".")[0]
        number = int(digits) if digits.isdecimal() else 0
        if path.name in (open_name(number), closed_name(number)):  # not what a person copied there
            found[number] = path
    for number in set(range(1, max(found, default=0))) - set(found):
        # a listing may miss a file that is renamed meanwhile; its rows would then come after those of the next
        for path in (segments / open_name(number), segments / closed_name(number)):
            if path.exists():
                found[number] = path
    return dict(sorted(found.items()))


def _segment_file(folder: Path, number: int) -> Path | None:
    """The segment of this number, the closed one where there are two; it may be renamed meanwhile."""
    names = closed_name(number), open_name(number), closed_name(number)
    paths = (folder / SEGMENT_FOLDER / name for name in names)
    return next((path for path in paths if path.exists()), None)


# ---- writing


class Recording:
    """Writes a scan's recording. Appending returns once the data are with the operating system; one thread appends."""

    def __init__(self, folder: Path, layout: Layout, *, segment_frames: int, segment_seconds: float) -> None:
        """Go on where the recording in `folder` ends; what a killed writer left is copied into closed segments."""
        self.folder = folder
        self.layout = layout
        self.segment_frames = segment_frames
        self.segment_seconds = segment_seconds
        self._log = get_log(scan=folder.name)
        self._segment: SegmentWriter | None = None
        self._opened = 0.0
        self._failed: tuple[float, str] | None = None
        self._closer = ThreadPoolExecutor(1, thread_name_prefix="closer")
        (folder / SEGMENT_FOLDER).mkdir(parents=True, exist_ok=True)
        self._closed = recover(folder)
        self._number = max(segment_files(folder), default=0)
        if self._closed:
            try:
                write_master(folder, self._closed)
            except HDF5_ERRORS as error:  # a full disk: what comes is refused until there is room, and then recorded
                self._log.error("master not written; it comes with the next segment", error=str(error))

    def append_frames(
        self, indices: NDArray[np.int64], frames: Sequence[Any], layout: Layout, received_ns: int, sent_ns: int
    ) -> None:
        """Record frames, each the bytes of one chunk in the layout's encoding; raises `RecordingError`."""
        self.layout = layout
        size = sum(len(frame) for frame in frames)
        self._append(size, lambda segment: segment.append_frames(indices, frames, received_ns, sent_ns))

    def append_positions(self, indices: NDArray[np.int64], positions_m: NDArray[np.float64], received_ns: int) -> None:
        """Record positions (m, 2) in metres; raises `RecordingError`."""
        self._append(positions_m.nbytes, lambda segment: segment.append_positions(indices, positions_m, received_ns))

    def close_if_due(self) -> None:
        """Close the open segment once it is full or old; to be called now and then, so that silence closes it too."""
        segment = self._segment
        if segment is None:
            return
        old = time.monotonic() - self._opened >= self.segment_seconds
        if old or segment.frames >= self.segment_frames or segment.layout != self.layout:
            self._hand_over()

    def close(self, *, wait: bool = True) -> None:
        """Close the open segment; `wait` for it to be on the disk and listed in the master."""
        self._hand_over()
        self._closer.shutdown(wait=wait)

    def _append(self, size: int, write: Callable[[SegmentWriter], None]) -> None:
        self.close_if_due()
        if self._failed and time.monotonic() - self._failed[0] < RETRY_SECONDS:
            raise RecordingError(self._failed[1])
        try:
            need_room(self.folder, size)
            write(self._current())
            self._failed = None
        except HDF5_ERRORS as error:
            message = f"recording: expected to write under {self.folder.name}, got: {error}"
            self._failed = (time.monotonic(), message)
            self._hand_over()
            raise RecordingError(message) from error

    def _current(self) -> SegmentWriter:
        if self._segment is None:
            segments = self.folder / SEGMENT_FOLDER
            temporary = segments / f".{self._number + 1:06d}.new"
            try:
                segment = SegmentWriter(temporary, self.layout)
            except HDF5_ERRORS:
                temporary.unlink(missing_ok=True)
                raise
            self._number += 1
            segment.rename(segments / open_name(self._number))
            self._segment, self._opened = segment, time.monotonic()
        return self._segment

    def _hand_over(self) -> None:
        if self._segment is not None:
            self._closer.submit(self._finish, self._segment, self._number)
            self._segment = None

    def _finish(self, segment: SegmentWriter, number: int) -> None:
        """On the closing thread: fsync may take seconds."""
        try:
            extent = segment.close(self.folder / SEGMENT_FOLDER / closed_name(number))
            self._closed.append(extent)
            write_master(self.folder, self._closed)
        except HDF5_ERRORS as error:
            self._log.error("segment not closed; it stays readable for followers", segment=number, error=str(error))


def need_room(folder: Path, size: int) -> None:
    """Raise OSError where the disk has no room for so many bytes and `RESERVE_BYTES` more."""
    free = shutil.disk_usage(folder).free
    if free < size + RESERVE_BYTES:
        needed = f"{size / 1e6:.3g} MB and {RESERVE_BYTES / 1e6:.3g} MB in reserve"
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {needed} are needed, {free / 1e6:.3g} MB are free")


def recover(folder: Path) -> list[Extent]:
    """Copy what killed writers left into closed segments; returns all closed segments that can be read."""
    log = get_log(scan=folder.name)
    for leftover in (folder / SEGMENT_FOLDER).glob(".*.new"):
        leftover.unlink()
    extents = []
    for number, path in segment_files(folder).items():
        try:
            extents.append(_recovered(folder / SEGMENT_FOLDER, number, path))
        except HDF5_ERRORS as error:
            log.error("segment cannot be read; it is left as it is", segment=path.name, error=str(error))
    return extents


def _recovered(segments: Path, number: int, path: Path) -> Extent:
    orphan = segments / open_name(number)
    if path != orphan:
        orphan.unlink(missing_ok=True)  # its copy was finished just before the last writer was killed
        reader = SegmentReader.open(path)
        frames, positions = len(reader.frame_rows(0)["frame_index"]), len(reader.position_rows(0)["position_index"])
        reader.close()
        return Extent(path, reader.layout, frames, positions)
    need_room(segments, orphan.stat().st_size)
    reader = SegmentReader.open(orphan)
    copy = SegmentWriter(segments / f".{number:06d}.new", reader.layout)
    problems = copy_segment(reader, copy)
    reader.close()
    extent = copy.close(segments / closed_name(number))
    orphan.unlink()
    log = get_log(scan=segments.parent.name)
    log.warning("copied what a killed writer left", segment=orphan.name, frames=extent.frames, unreadable=problems)
    return extent


# ---- reading


@dataclass(frozen=True)
class Arrivals:
    """What became visible since the last poll, in order of arrival."""

    frames: NDArray[Any]
    """Of dtype `REF`; `RecordingFollower.read` takes any selection of it, in any order."""
    position_indices: NDArray[np.int64]
    positions_m: NDArray[np.float64]
    """(n, 2) as sent."""
    problems: tuple[str, ...] = ()
    """Segments that turned out to be damaged; each is told once, the others are read all the same."""


class _Followed:
    """How far a segment was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reader: SegmentReader | None = None
        self.frames = 0
        self.positions = 0
        self.done = False
        self.failing_since: float | None = None

    def reopen(self, path: Path) -> SegmentReader:
        if self.reader is None or path != self.path:
            self.release()
            try:
                self.reader = SegmentReader.open(path)
            except FileNotFoundError:  # it was closed and renamed since the folder was listed
                path = path.with_name(path.name.replace(".open.", "."))
                self.reader = SegmentReader.open(path)
            self.path = path
        return self.reader

    def release(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None


class RecordingFollower:
    """Reads a scan's recording from its beginning, then follows it. It may start before anything is recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._followed: dict[int, _Followed] = {}
        self._handles: OrderedDict[int, _Followed] = OrderedDict()
        self._settled = 0
        """Up to this number all segments are closed and read."""
        self._listed: dict[int, Path] = {}
        self._changed_ns = 0

    def poll(self) -> Arrivals:
        """What became visible since the last poll; never waits."""
        frames, indices, positions, problems = [np.zeros(0, REF)], [_NO_ROWS], [np.zeros((0, 2))], []
        for number, path in self._unsettled().items():
            followed = self._followed.setdefault(number, _Followed(path))
            if followed.done and path == followed.path:
                continue
            try:
                new_frames, new_indices, new_positions = self._advance(number, followed, path)
            except HDF5_ERRORS as error:
                problems += self._damaged(followed, path, error)
                if followed.done:
                    continue
                break  # it may have just begun; what follows waits for it
            frames.append(new_frames)
            indices.append(new_indices)
            positions.append(new_positions)
        return Arrivals(np.concatenate(frames), np.concatenate(indices), np.concatenate(positions), tuple(problems))

    def read(self, refs: NDArray[Any]) -> NDArray[Any]:
        """The frames (n, h, w) that `refs` point to, decompressed, in that order; at least one.

        Raises `UnreadableFrameError`, naming the frame, for one that is damaged or gone.
        """
        layout = self._reader(refs[0]).layout
        frames = np.empty((len(refs), *layout.shape), layout.dtype)
        for ref, frame in zip(refs, frames, strict=True):
            reader = self._reader(ref)
            if (reader.layout.shape, reader.layout.dtype) != (layout.shape, layout.dtype):
                raise UnreadableFrameError(f"frame {ref['index']}: expected {layout}, got {reader.layout}")
            try:
                reader.read_into(int(ref["row"]), frame)
            except UnreadableFrameError as error:
                raise UnreadableFrameError(f"frame {ref['index']}: {error}") from error
        return frames

    def close(self) -> None:
        """Let all files go."""
        for followed in self._followed.values():
            followed.release()

    def _unsettled(self) -> dict[int, Path]:
        """The segments that may hold more, in order.

        A long scan has thousands that do not: the folder is only listed where those that follow by number are read.
        """
        while self._is_done(self._settled + 1, closed_name(self._settled + 1)):
            self._settled += 1
        number, found = self._settled + 1, dict[int, Path]()
        while (path := _segment_file(self.folder, number)) is not None:
            found[number] = path
            number += 1
        if not all(self._is_done(number, path.name) for number, path in found.items()):
            return found
        return {number: path for number, path in self._list().items() if number > self._settled}

    def _list(self) -> dict[int, Path]:
        """The segments as the folder lists them, read anew where it changed."""
        try:
            changed_ns = (self.folder / SEGMENT_FOLDER).stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if changed_ns != self._changed_ns:
            self._changed_ns = changed_ns
            files = segment_files(self.folder).items()
            self._listed = {number: path for number, path in files if number > self._settled}
        return self._listed

    def _is_done(self, number: int, name: str) -> bool:
        followed = self._followed.get(number)
        return followed is not None and followed.done and followed.path.name == name

    def _advance(
        self, number: int, followed: _Followed, path: Path
    ) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
        reader = followed.reopen(path)
        rows = reader.frame_rows(followed.frames)
        places = reader.position_rows(followed.positions)
        refs = np.zeros(len(rows["frame_index"]), REF)
        refs["segment"], refs["row"] = number, np.arange(followed.frames, followed.frames + len(refs))
        refs["index"], refs["received_ns"] = rows["frame_index"], rows["frame_received_ns"]
        followed.frames += len(refs)
        followed.positions += len(places["position_index"])
        followed.failing_since = None
        followed.done = followed.path.name == closed_name(number)
        if followed.done:
            self._keep(number, followed)
        return refs, places["position_index"], places["positions"]

    def _damaged(self, followed: _Followed, path: Path, error: Exception) -> list[str]:
        now = time.monotonic()
        followed.failing_since = followed.failing_since or now
        closed = ".open." not in path.name
        if not closed and now - followed.failing_since < OPENING_SECONDS:
            return []
        followed.release()
        followed.path, followed.done = path, True
        return [f"segment {path.name}: expected to read it, got: {error}"]

    def _reader(self, ref: Any) -> SegmentReader:
        number = int(ref["segment"])
        followed = self._followed.setdefault(number, _Followed(self.folder / SEGMENT_FOLDER / closed_name(number)))
        if followed.reader is not None:
            if number in self._handles:
                self._handles.move_to_end(number)
            return followed.reader
        try:
            reader = followed.reopen(followed.path)
        except HDF5_ERRORS as error:
            raise UnreadableFrameError(f"frame {ref['index']}: segment {followed.path.name}: {error}") from error
        self._keep(number, followed)
        return reader

    def _keep(self, number: int, followed: _Followed) -> None:
        """Hold a closed segment open for `read`, and let the one go that was not used for longest."""
        self._handles[number] = followed
        self._handles.move_to_end(number)
        if len(self._handles) > MAX_HANDLES:
            self._handles.popitem(last=False)[1].release()


_NO_ROWS = np.zeros(0, np.int64)
