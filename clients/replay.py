"""Replay of a scan over the wire as if it were measured now, with faults on purpose where a test wants them."""

from __future__ import annotations

import functools
import importlib
import os
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clients.schedule import NO_FAULTS, Faults, Planned, Stream, plan
from clients.sender import CONNECT_TIMEOUT_S, Sender, SendError
from service.descriptions import Metadata, ReconstructionSpec
from service.formats import ScanFile
from service.wire import End, Frames, Positions, Start

BITSHUFFLE_BLOCK_BYTES = 8192
MAX_KEY = 128
"""Characters of a scan's key, see `service.wire.Header`."""

Progress = Callable[[int, int], None]
"""Called with the frames sent so far and those there are."""


@dataclass(frozen=True)
class ReplayOptions:
    """How a scan is replayed."""

    to: str = "tcp://127.0.0.1:5555"
    """Where ingest listens."""
    frame_delay_s: float = 0.0
    """Seconds from frame to frame, kept whatever happened before; 0 is as fast as ingest takes them."""
    scan: str = ""
    """Key of the scan; default: the file's title."""
    reconstruction: ReconstructionSpec | None = None
    """What is to run on it; default: what the service is configured for."""
    chunk: int | None = None
    """Frames that the live reconstruction takes in together."""
    probe: NDArray[np.complex64] | None = None
    """Initial probe (mode, y, x); default: the file's, unless `reconstruction` describes another."""
    compress: bool = False
    """Send frames as bslz4."""
    faults: Faults = NO_FAULTS
    metadata: Metadata = field(default_factory=dict)
    """Added to the file's."""
    connect_timeout_s: float = CONNECT_TIMEOUT_S

    def __post_init__(self) -> None:
        if not 0 <= self.frame_delay_s < 3600:
            raise ValueError(f"frame_delay_s: expected 0 to 3600 seconds, got {self.frame_delay_s}")
        if self.chunk is not None and self.chunk < 1:
            raise ValueError(f"chunk: expected at least 1 frame, got {self.chunk}")


@dataclass(frozen=True)
class StreamSummary:
    """What became of one stream."""

    planned: int
    """Rows of the scan, as `end` says."""
    sent: int
    """Rows that went out, duplicates included."""
    dropped: tuple[int, ...]
    """Indices left out on purpose."""
    duplicated: tuple[int, ...]
    """Indices sent twice on purpose."""


@dataclass(frozen=True)
class ReplaySummary:
    """What a replay did."""

    scan: str
    frames: StreamSummary
    positions: StreamSummary
    seconds: float
    """From the first frame until the last was taken by ingest or the network."""
    frame_bytes: int
    """Bytes of frames that went out, once each."""
    repeated: int
    """Messages sent again because ingest was restarted."""
    confirmed: bool
    """Ingest said that everything, the ends included, is recorded."""

    @property
    def frames_per_s(self) -> float:
        """Frames sent a second."""
        return self.frames.sent / self.seconds if self.seconds else 0.0


def replay(
    scan: ScanFile, options: ReplayOptions | None = None, progress: Progress = lambda sent, total: None
) -> ReplaySummary:
    """Send a scan to ingest and wait until it is recorded; raises `SendError` if nothing listens there.

    If it is interrupted, or a frame cannot be read, the scan is aborted on the wire before the error goes on.
    """
    options = options or ReplayOptions()
    messages = plan(scan.n, int(np.prod(scan.frame_shape)) * scan.dtype.itemsize, options.frame_delay_s, options.faults)
    with Sender(options.to, connect_timeout_s=options.connect_timeout_s) as sender:
        try:
            start, arrays = start_of(scan, options)
            sender.start(start, **arrays)
            began = time.monotonic()
            frame_bytes = _send_all(_Rows(scan, start.scan, options), messages, sender, progress)
            seconds = time.monotonic() - began
            sender.end(End(scan=start.scan, stream="positions", count=scan.n))
            sender.end(End(scan=start.scan, stream="frames", count=scan.n))
            confirmed = sender.drain()
        except SendError:
            raise
        except BaseException as error:
            sender.abort(f"the replay ended early: {type(error).__name__} {error}")
            raise
        return ReplaySummary(
            scan=start.scan,
            frames=_summary("frames", scan.n, messages),
            positions=_summary("positions", scan.n, messages),
            seconds=seconds,
            frame_bytes=frame_bytes,
            repeated=sender.repeated,
            confirmed=confirmed,
        )


def start_of(scan: ScanFile, options: ReplayOptions) -> tuple[Start, dict[str, NDArray[Any]]]:
    """The `start` of a replay and the arrays that go with it."""
    spec = options.reconstruction
    if options.chunk is not None:
        spec = spec or ReconstructionSpec()
        spec = spec.model_copy(update={"live": spec.live | {"chunk": options.chunk}})
    wanted = spec is None or spec.probe in (None, "given")
    probe = options.probe if options.probe is not None else scan.probe_guess if wanted else None
    if spec is not None and spec.probe is None and probe is not None:
        spec = spec.model_copy(update={"probe": "given"})
    start = Start(
        scan=options.scan or _key_of(scan),
        frame_shape=scan.frame_shape,
        dtype=scan.dtype.str,
        geometry=scan.geometry,
        orientation=scan.orientation,
        motion=scan.motion,
        planned=scan.n,
        valid_max=scan.valid_max,
        centre=scan.centre,
        metadata=scan.metadata | options.metadata,
        reconstruction=spec,
        ts_ns=time.time_ns(),
    )
    arrays: Mapping[str, NDArray[Any] | None] = {"plan": scan.positions_m, "mask": scan.mask, "probe": probe}
    return start, {name: array for name, array in arrays.items() if array is not None}


def _key_of(scan: ScanFile) -> str:
    """The file's title, or its name, as far as a key may be so: printable, and not too long."""
    title = "".join(each if each.isprintable() else " " for each in scan.title or scan.path.stem).strip()
    return title[:MAX_KEY] or "scan"


class _Rows:
    """Makes the messages of both streams from the scan, each with its number."""

    def __init__(self, scan: ScanFile, key: str, options: ReplayOptions) -> None:
        self._scan, self._key, self._compress = scan, key, options.compress
        self._delay_s, self._t0_ns = options.frame_delay_s, time.time_ns()
        self._seq = {"frames": 0, "positions": 0}
        self.t0 = time.monotonic()

    def due(self, planned: Planned) -> float:
        """When a message is due, by `time.monotonic`."""
        return self.t0 + planned.slot * self._delay_s

    def message(self, planned: Planned) -> tuple[Frames | Positions, bytes | NDArray[Any]]:
        """Header and buffer of a planned message."""
        seq, rows = self._seq[planned.stream], slice(planned.i0, planned.i0 + planned.n)
        self._seq[planned.stream] += 1
        # a detector's clock does not wait for the network: what is sent late is that much older
        ts_ns = self._t0_ns + int(planned.slot * self._delay_s * 1e9) if self._delay_s else time.time_ns()
        if planned.stream == "positions":
            positions = Positions(scan=self._key, seq=seq, i0=planned.i0, n=planned.n, ts_ns=ts_ns)
            return positions, np.ascontiguousarray(self._scan.positions_m[rows], "<f8")
        frames = np.ascontiguousarray(self._scan.frames(planned.i0, planned.n))
        compressed = [compress_bslz4(each) for each in frames] if self._compress else []
        header = Frames(
            scan=self._key,
            seq=seq,
            i0=planned.i0,
            n=planned.n,
            ts_ns=ts_ns,
            shape=self._scan.frame_shape,
            dtype=self._scan.dtype.str,
            enc="bslz4" if compressed else "raw",
            sizes=tuple(map(len, compressed)),
        )
        return header, b"".join(compressed) if compressed else frames


def compress_bslz4(frame: NDArray[Any]) -> bytes:
    """A frame in the framing of HDF5 filter 32008: size and block size, big-endian, then bitshuffled LZ4."""
    block = BITSHUFFLE_BLOCK_BYTES // frame.itemsize
    compressed: NDArray[np.uint8] = _bitshuffle().compress_lz4(frame, block)
    return struct.pack(">QI", frame.nbytes, block * frame.itemsize) + compressed.tobytes()


@functools.cache
def _bitshuffle() -> Any:
    """The compressor, loaded when it is first needed: its OpenMP threads would spin for a core between frames."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    return importlib.import_module("bitshuffle")


def _send_all(rows: _Rows, messages: list[Planned], sender: Sender, progress: Progress) -> int:
    """Send what was planned, each when it is due; returns the bytes of frames."""
    total = sum(each.n for each in messages if each.stream == "frames")
    sent = size = 0
    for planned in messages:
        sender.wait(rows.due(planned))
        header, buffer = rows.message(planned)
        sender.send(header, buffer)
        if planned.stream == "frames":
            sent += planned.n
            size += len(buffer) if isinstance(buffer, bytes) else buffer.nbytes
            progress(sent, total)
    return size


def _summary(stream: Stream, n: int, messages: list[Planned]) -> StreamSummary:
    times = np.zeros(n, dtype=np.int64)
    for each in messages:
        if each.stream == stream:
            times[each.i0 : each.i0 + each.n] += 1
    dropped, duplicated = (tuple(np.flatnonzero(which).tolist()) for which in (times == 0, times > 1))
    return StreamSummary(n, int(times.sum()), dropped, duplicated)
