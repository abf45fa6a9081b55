"""One file of a recording: what it holds, how it is written while others read it, and how it is read.

A segment is HDF5 in SWMR mode. Every dataset is chunked and extendible: one contiguous dataset would make the whole
file unreadable to a follower. The file of a killed writer opens only with ``swmr=True`` and never again for writing.

    frames             (n, h, w)  one chunk a frame, in the compression in which it came
    frame_index        (n,)       written last: a reader that sees a row here finds its frame
    frame_received_ns  (n,)       clock of this service when it came
    frame_sent_ns      (n,)       the sender's clock, as its message said
    positions          (m, 2)     metres, as sent
    position_index     (m,)       written last
    position_received_ns (m,)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import h5py
import hdf5plugin
import numpy as np
from dectris.compression import decompress
from numpy.typing import NDArray

from service.wire import Encoding

HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError)
"""What h5py raises for a file that is damaged, or that cannot be written."""
FRAME_TABLES = ("frame_received_ns", "frame_sent_ns", "frame_index")
POSITION_TABLES = ("position_received_ns", "position_index")
_FILTERS: dict[Encoding, Any] = {"raw": {}, "bslz4": hdf5plugin.Bitshuffle(), "lz4": hdf5plugin.LZ4()}
_TABLE_ROWS = 1024
_ABSENT = -1
"""An index that was never written."""


class UnreadableFrameError(OSError):
    """A frame that is recorded but cannot be read; says which, and what is wrong with it."""


@dataclass(frozen=True)
class Layout:
    """What the frames of one segment have in common."""

    shape: tuple[int, int]
    """(rows, cols)"""
    dtype: str
    """NumPy name with byte order."""
    encoding: Encoding = "raw"


@dataclass(frozen=True)
class Extent:
    """What a closed segment holds."""

    path: Path
    layout: Layout
    frames: int
    positions: int


class SegmentWriter:
    """A segment while it is written. After an exception it takes nothing more and can only be closed."""

    _unclosed: ClassVar[list[SegmentWriter]] = []
    """What could not be closed is held for ever: HDF5 crashes the process when such a file is let go."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.layout = layout
        self.frames = 0
        self.positions = 0
        h, w = layout.shape
        self._file = h5py.File(path, "w", libver=("v110", "v110"), locking=False)
        self._data = self._file.create_dataset(
            "frames", (0, h, w), layout.dtype, maxshape=(None, h, w), chunks=(1, h, w), **_FILTERS[layout.encoding]
        )
        self._data.attrs["encoding"] = layout.encoding
        self._places = self._create("positions", "<f8", (2,), np.nan)
        self._tables = {name: self._create(name, "<i8", (), _ABSENT) for name in FRAME_TABLES + POSITION_TABLES}
        self._file.swmr_mode = True

    def _create(self, name: str, dtype: str, row: tuple[int, ...], fill: float) -> h5py.Dataset:
        return self._file.create_dataset(
            name, (0, *row), dtype, maxshape=(None, *row), chunks=(_TABLE_ROWS, *row), fillvalue=fill
        )

    def append_frames(
        self, indices: NDArray[np.int64], frames: Sequence[Any], received_ns: int | NDArray[np.int64], sent_ns: Any
    ) -> None:
        """Write frames, each the bytes of one chunk; once this returns, followers see them."""
        first, stop = self.frames, self.frames + len(frames)
        self._data.id.set_extent((stop, *self.layout.shape))
        for row, frame in enumerate(frames, first):
            self._data.id.write_direct_chunk((row, 0, 0), frame)
        self._data.flush()
        for name, values in zip(FRAME_TABLES, (received_ns, sent_ns, indices), strict=True):
            _extend(self._tables[name], first, stop, values)
        self.frames = stop

    def append_positions(
        self, indices: NDArray[np.int64], positions_m: NDArray[np.float64], received_ns: int | NDArray[np.int64]
    ) -> None:
        """Write positions (m, 2) in metres; once this returns, followers see them."""
        first, stop = self.positions, self.positions + len(indices)
        _extend(self._places, first, stop, positions_m)
        for name, values in zip(POSITION_TABLES, (received_ns, indices), strict=True):
            _extend(self._tables[name], first, stop, values)
        self.positions = stop

    def rename(self, path: Path) -> None:
        """Go on under another name."""
        self.path = self.path.rename(path)

    def close(self, path: Path) -> Extent:
        """Close, hand to the disk, and take the final name; may take seconds.

        An empty one is kept: were its number used again, followers would go on reading the file that is gone.
        """
        try:
            self._file.close()
        except HDF5_ERRORS:
            self._unclosed.append(self)
            raise
        sync(self.path)
        self.rename(path)
        sync(path.parent)
        return Extent(path, self.layout, self.frames, self.positions)


class SegmentReader:
    """A segment while it is read; it may grow meanwhile. Its handle outlives a change of the file's name.

    `open` shares one reader among all of a process that read the same file: HDF5 2.0 silently returns the first frame
    for every row once a dataset that is open twice in a process was refreshed.
    """

    _shared: ClassVar[dict[tuple[int, int], SegmentReader]] = {}
    _sharing: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> SegmentReader:
        """A reader of this file, to be closed as often as it was opened."""
        with cls._sharing:
            status = path.stat()
            key = (status.st_dev, status.st_ino)
            reader = cls._shared.get(key) or cls(path, key)
            cls._shared[key] = reader
            reader.users += 1
            return reader

    def __init__(self, path: Path, key: tuple[int, int]) -> None:
        self.path = path
        self._key = key
        self.users = 0
        """How often it was opened and not yet closed."""
        self._file = h5py.File(path, "r", swmr=True, locking=False)
        self._data = self._file["frames"]
        self._tables = {name: self._file[name] for name in ("positions", *FRAME_TABLES, *POSITION_TABLES)}
        self.layout = Layout(
            tuple(self._data.shape[1:]), self._data.dtype.str, cast(Encoding, self._data.attrs["encoding"])
        )

    def close(self) -> None:
        """Let the file go, unless others in this process still read it."""
        with self._sharing:
            self.users -= 1
            if not self.users:
                del self._shared[self._key]
                self._file.close()

    def frame_rows(self, first: int) -> dict[str, NDArray[np.int64]]:
        """Tables of the frames from row `first` on, by name."""
        stop = self._written("frame_index", ("frame_received_ns", "frame_sent_ns"), first, self._data)
        return {name: self._tables[name][first:stop] for name in FRAME_TABLES}

    def position_rows(self, first: int) -> dict[str, NDArray[Any]]:
        """Tables of the positions from row `first` on, by name."""
        stop = self._written("position_index", ("position_received_ns",), first, self._tables["positions"])
        return {name: self._tables[name][first:stop] for name in ("positions", *POSITION_TABLES)}

    def _written(self, index: str, others: tuple[str, ...], first: int, data: h5py.Dataset) -> int:
        """Rows that are whole: the index is looked up before the rest, as it is written after the rest."""
        table = self._tables[index]
        table.refresh()
        if table.shape[0] <= first:
            return first
        for name in others:
            self._tables[name].refresh()
        data.refresh()
        stop = min(table.shape[0], data.shape[0], *(self._tables[name].shape[0] for name in others))
        absent = np.flatnonzero(table[first:stop] == _ABSENT)
        return first + int(absent[0]) if absent.size else stop

    def chunk(self, row: int) -> bytes:
        """A frame's bytes as they came; raises `UnreadableFrameError`."""
        try:
            return bytes(self._data.id.read_direct_chunk((row, 0, 0))[1])
        except HDF5_ERRORS as error:
            raise self._unreadable(row, str(error)) from error

    def read_into(self, row: int, frame: NDArray[Any]) -> None:
        """Decompress a frame into a contiguous array of its shape and dtype; raises `UnreadableFrameError`."""
        flat = frame.reshape(-1).view(np.uint8)
        try:
            if self.layout.encoding == "raw":
                self._data.id.read_direct_chunk((row, 0, 0), out=flat)
                return
            data = self._data.id.read_direct_chunk((row, 0, 0))[1]
            plain = decompress(data, self.layout.encoding, elem_size=frame.itemsize)
        except (*HDF5_ERRORS, TypeError) as error:
            raise self._unreadable(row, str(error)) from error
        if len(plain) != flat.size:
            raise self._unreadable(row, f"expected {flat.size} bytes once decompressed, got {len(plain)}")
        flat[:] = np.frombuffer(plain, np.uint8)

    def _unreadable(self, row: int, why: str) -> UnreadableFrameError:
        return UnreadableFrameError(f"frame in row {row} of {self.path.name}: expected to read it, got: {why}")


def copy_segment(source: SegmentReader, target: SegmentWriter) -> list[str]:
    """Copy whatever can be read, in order; returns what could not be."""
    problems = []
    tables = source.frame_rows(0)
    for row, (received, sent, index) in enumerate(zip(*(tables[name] for name in FRAME_TABLES), strict=True)):
        try:
            target.append_frames(np.array([index]), [source.chunk(row)], received, sent)
        except UnreadableFrameError as error:
            problems.append(f"frame {index}: {error}")
    places = source.position_rows(0)
    if len(places["position_index"]):
        target.append_positions(places["position_index"], places["positions"], places["position_received_ns"])
    return problems


def sync(path: Path) -> None:
    """Hand a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _extend(table: h5py.Dataset, first: int, stop: int, values: Any) -> None:
    """Append rows. h5py's own indexing would cost more than the frames that the rows belong to."""
    row = table.shape[1:]
    table.id.set_extent((stop, *row))
    target = h5py.h5s.create_simple((stop, *row))
    target.select_hyperslab((first, *(0 for _ in row)), (stop - first, *row))
    rows = np.ascontiguousarray(np.broadcast_to(values, (stop - first, *row)), table.dtype)
    table.id.write(h5py.h5s.create_simple(rows.shape), target, rows)
    table.flush()
