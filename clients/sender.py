"""The sending end of the wire protocol: nothing that was handed over is lost while ingest is away.

Every message is kept until ingest has said that it is recorded. When ingest was restarted (the connection was
made anew), all that is kept goes out again in its old order; ingest drops what it had by index.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import zmq
from numpy.typing import NDArray
from zmq.utils.monitor import recv_monitor_message

from service.wire import (
    HIGH_WATER_MARK,
    MAX_HEADER_BYTES,
    Abort,
    End,
    Frames,
    Header,
    Positions,
    Recorded,
    Start,
    WireError,
    acknowledge_endpoint,
    decode_recorded,
    encode,
    pack_start,
)

KEEP_BYTES = 256_000_000
"""Messages kept for sending again take so much memory at most; then sending waits for acknowledgements."""
CONNECT_TIMEOUT_S = 5.0
REPEAT_S = 3.0
"""While the sender waits, what is still not acknowledged goes out again after so many quiet seconds."""
PATIENCE_S = 60.0
"""Waiting without any sign of ingest for so long, the sender gives up."""
LINGER_MS = 2000
TICK_MS = 100

RUN_BYTES = 4
"""Random bytes of a run id."""

M = TypeVar("M", bound=Header)
Key = tuple[str, int]
Buffer = bytes | NDArray[Any]


class SendError(ConnectionError):
    """Ingest cannot be reached; says where it was looked for and what to start."""


class RefusedError(SendError):
    """Ingest takes nothing more of this run: its scan was aborted, or another sender began one of the same key."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it went out."""

    key: Key
    """("start", 0), (stream, seq) or ("end frames", 0)."""
    header: bytes
    buffer: Buffer

    @property
    def size(self) -> int:
        """Bytes of the buffer."""
        return self.buffer.nbytes if isinstance(self.buffer, np.ndarray) else len(self.buffer)


class Sender:
    """Sends one scan to ingest; a context manager. Raises `SendError` if nothing listens there, and `RefusedError` from
    any of its methods but `abort` once ingest said that it takes nothing more.

    Not for several threads: acknowledgements and reconnections are looked after whenever it is called.
    """

    def __init__(
        self, ingest: str, *, connect_timeout_s: float = CONNECT_TIMEOUT_S, keep_bytes: int = KEEP_BYTES
    ) -> None:
        self._ingest = ingest
        self._keep_bytes = keep_bytes
        self._scan, self._run = "", ""
        self._kept: dict[Key, Kept] = {}
        self._pending: deque[Kept] = deque()
        self._progress = time.monotonic()  # of the newest message or acknowledgement
        self._connected = False
        self.kept_bytes = 0
        """Bytes of what is not acknowledged yet."""
        self.repeated = 0
        """Messages that went out again."""
        self._context = zmq.Context()
        self._push = self._context.socket(zmq.PUSH)
        self._push.sndhwm = HIGH_WATER_MARK
        self._push.immediate = True  # queue for a living ingest only; while it is away, what is kept is enough
        self._push.linger = LINGER_MS
        self._acknowledgements = self._context.socket(zmq.SUB)
        self._acknowledgements.subscribe(b"")
        self._events = self._push.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._poller = zmq.Poller()
        for each in (self._acknowledgements, self._events):
            self._poller.register(each, zmq.POLLIN)
        try:
            self._connect(connect_timeout_s)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets; what ingest has not taken within two seconds is dropped."""
        self._push.disable_monitor()
        for each in (self._push, self._acknowledgements, self._events):
            each.close()
        self._context.term()

    def start(self, start: Start, **arrays: NDArray[Any]) -> None:
        """Begin the scan, under a run id of its own unless it has one; arrays by the names of `ArraySpec`.

        Raises ValueError for metadata that are too long to be sent.
        """
        run = start.run or secrets.token_hex(RUN_BYTES)
        header, buffer = pack_start(start.model_copy(update={"run": run}), **arrays)
        if len(header) > MAX_HEADER_BYTES:
            raise ValueError(f"start: expected at most {MAX_HEADER_BYTES} bytes with its metadata, got {len(header)}")
        self._scan, self._run = start.scan, run
        self._post(Kept(("start", 0), header, buffer))

    def send(self, message: Frames | Positions, buffer: Buffer) -> None:
        """Send rows; waits while ingest takes no more. An array must stay as it is until it is acknowledged."""
        self._post(Kept((message.t, message.seq), encode(self._of_run(message)), buffer))

    def end(self, end: End) -> None:
        """Say that one stream is over."""
        self._post(Kept((f"end {end.stream}", 0), encode(self._of_run(end)), b""))

    def abort(self, reason: str) -> None:
        """Give the scan up, if it began and ingest is there to hear it; nothing is sent again afterwards."""
        self._pending.clear()
        self._kept.clear()
        if not self._scan:
            return
        message = Abort(scan=self._scan, run=self._run, reason=reason[:500])
        if self._push.poll(TICK_MS, zmq.POLLOUT):
            self._push.send_multipart([encode(message), b""])

    def wait(self, until: float) -> None:
        """Look after acknowledgements and reconnections until a time of `time.monotonic`."""
        while (left := until - time.monotonic()) > 0:
            if left < 0.002:  # finer than a poll can wait
                time.sleep(left)
            else:
                self._step(int(min(left * 1e3 - 1, TICK_MS)))

    def drain(self) -> bool:
        """Wait until all is recorded; False if ingest did not confirm the ends, though it did everything else."""
        self._wait_while(lambda: any(name in ("start", "frames", "positions") for name, _ in self._kept))
        deadline = time.monotonic() + REPEAT_S
        while self._kept and time.monotonic() < deadline:
            self._step(TICK_MS)
        return not self._kept

    def _of_run(self, message: M) -> M:
        return message.model_copy(update={"run": self._run})

    def _connect(self, timeout_s: float) -> None:
        with self._acknowledgements.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED) as heard:
            self._acknowledgements.connect(acknowledge_endpoint(self._ingest))
            self._push.connect(self._ingest)
            deadline = time.monotonic() + timeout_s
            for socket, what in ((self._events, self._ingest), (heard, acknowledge_endpoint(self._ingest))):
                waited_ms = max(0, int((deadline - time.monotonic()) * 1e3))
                if not socket.poll(waited_ms) or recv_monitor_message(socket)["event"] == zmq.EVENT_DISCONNECTED:
                    raise SendError(
                        f"nothing listens at {what} (waited {timeout_s:g} s); start `ptycholive serve` there first, "
                        "or say where ingest is"
                    )
            self._connected = True
            self._acknowledgements.disable_monitor()

    def _post(self, message: Kept) -> None:
        self._kept[message.key] = message
        self.kept_bytes += message.size
        self._pending.append(message)
        self._progress = time.monotonic()
        self._step(0)
        self._wait_while(lambda: bool(self._pending) or self.kept_bytes > self._keep_bytes)

    def _wait_while(self, waiting: Callable[[], bool]) -> None:
        """Take turns; what stays unacknowledged goes out again, since an acknowledgement may have been missed."""
        repeated = time.monotonic()
        while waiting():
            self._step(TICK_MS)
            now = time.monotonic()
            if now - self._progress > PATIENCE_S:
                raise SendError(
                    f"ingest at {self._ingest} acknowledged nothing for {PATIENCE_S:g} s; "
                    f"{len(self._kept)} messages may not be recorded"
                )
            if not self._pending and now - max(self._progress, repeated) > REPEAT_S:
                self._repeat()
                repeated = now

    def _step(self, timeout_ms: int) -> None:
        """One turn: reconnections first, so that nothing new overtakes what is to be sent again."""
        if self._pending:
            self._poller.register(self._push, zmq.POLLOUT)
        elif self._push in self._poller:
            self._poller.unregister(self._push)
        ready = dict(self._poller.poll(timeout_ms))
        if self._events in ready:
            self._look_at_connection()
        if self._acknowledgements in ready:
            while self._acknowledgements.poll(0):
                self._acknowledged(self._acknowledgements.recv())
        if self._push in ready and self._connected:
            self._push_pending()

    def _look_at_connection(self) -> None:
        """A new connection can be written to a little before it is told of: until then nothing goes out."""
        while self._events.poll(0):
            self._connected = recv_monitor_message(self._events)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if self._connected:
                self._repeat()

    def _push_pending(self) -> None:
        while self._pending:
            message = self._pending[0]
            parts: list[Any] = [message.header, message.buffer]  # an array goes out without a copy
            try:
                self._push.send_multipart(parts, zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._pending.popleft()

    def _repeat(self) -> None:
        self.repeated += len(self._kept) - len(self._pending)
        self._pending = deque(self._kept.values())

    def _acknowledged(self, data: bytes) -> None:
        try:
            recorded = decode_recorded(data)
        except WireError:
            return  # not for us to judge: without it the message is merely kept longer
        if (recorded.scan, recorded.run) == (self._scan, self._run):
            if recorded.refused:
                raise RefusedError(f"ingest takes nothing more of {self._scan!r}: {recorded.refused}")
            for key in [key for key in self._kept if _covers(recorded, key)]:
                self.kept_bytes -= self._kept.pop(key).size
                self._progress = time.monotonic()


def _covers(recorded: Recorded, key: Key) -> bool:
    name, seq = key
    if name == "start":
        return True
    if name == recorded.stream:
        return any(first <= seq <= last for first, last in recorded.ranges)
    return recorded.ended and name == f"end {recorded.stream}"
