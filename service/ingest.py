"""The ingest process: receives what detectors and replays send, and records it. It never touches the GPU.

Only ingest binds. Messages come on PULL; beside it a PUB socket says what is recorded, so that senders can forget it.
Within the service it publishes ``[b"recorded", scan]``, a wake-up for readers of a recording, and
``[b"status", msgpack]``, and answers commands.
"""

from __future__ import annotations

import fcntl
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

import msgpack
import zmq

from service.commands import answer
from service.config import ConfigError, Settings
from service.logs import configure_logs, get_log
from service.pairing import StreamName
from service.reception import STREAMS, Reception
from service.receptions import Receptions
from service.scan_commands import ScanCommands
from service.statuses import ScanStatus
from service.wire import (
    HIGH_WATER_MARK,
    MAX_BUFFER_BYTES,
    MAX_HEADER_BYTES,
    Message,
    WireError,
    buffer_bytes,
    decode,
    encode,
)

BUSY_POLL_MS = 5
IDLE_POLL_MS = 50
TURN_S = 0.01
"""After so long of receiving without a pause, readers, senders and commands get their turn."""
WAKE_S = 0.005
"""Readers are woken at most so often for each scan."""
STATUS_S = 0.2
"""While data come a scan's status is published so often."""
ACKNOWLEDGE_MESSAGES = 8
ACKNOWLEDGE_S = 0.05
"""Acknowledgements leave after so many messages or seconds, whichever is first."""
REPEAT_S = 1.0
REPEAT_FOR_S = 30.0
"""An acknowledgement that nobody heard is repeated so often, for so long after the scan's last message."""


class Receiver:
    """Takes messages off the PULL socket; the buffer of each is received into the same memory."""

    def __init__(self, pull: zmq.Socket[bytes]) -> None:
        self._pull = pull
        self._header = bytearray(MAX_HEADER_BYTES)
        self._slot = bytearray(1 << 20)

    def receive(self, receptions: Receptions) -> bool:
        """Bring one waiting message to its scan; False if none waits."""
        try:
            size = self._pull.recv_into(self._header, flags=zmq.NOBLOCK)
        except zmq.Again:
            return False
        message: Message | None = None
        try:
            if size > MAX_HEADER_BYTES:
                raise WireError(f"header: expected at most {MAX_HEADER_BYTES} bytes, got {size}")
            message = decode(memoryview(self._header)[:size])
            buffer = self._buffer(buffer_bytes(message))
        except WireError as error:
            self._drain()
            receptions.refuse(message, str(error))
        else:
            receptions.take(message, buffer)
        return True

    def _buffer(self, expected: int) -> memoryview:
        if not self._pull.rcvmore:
            raise WireError("message: expected 2 parts, got 1")
        if expected > len(self._slot):
            self._slot = bytearray(expected)
        size = self._pull.recv_into(self._slot)  # what does not fit is cut off without a word: hence the length
        if size != expected:
            raise WireError(f"buffer: expected {expected} bytes by its header, got {size}")
        if self._pull.rcvmore:
            raise WireError(f"message: expected 2 parts, got {2 + self._drain()}")
        return memoryview(self._slot)[:size]

    def _drain(self) -> int:
        """Pass over the rest of a message; returns how many parts that were."""
        parts = 0
        while self._pull.rcvmore:
            self._pull.recv_into(self._slot)
            parts += 1
        return parts


@dataclass
class Told:
    """What was published of a scan, and when (`time.monotonic`)."""

    rows: int = -1
    woken: float = 0.0
    status: ScanStatus | None = None
    status_at: float = 0.0
    acknowledged: dict[StreamName, float] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0.0))


class Herald:
    """Publishes what readers, clients and senders are to know, no oftener than they need."""

    def __init__(self, events: zmq.Socket[bytes], acknowledge: zmq.Socket[bytes]) -> None:
        self._events = events
        self._acknowledge = acknowledge
        self._told: dict[str, Told] = {}

    def tell(self, receptions: Receptions) -> bool:
        """Publish what is due; True if there was anything."""
        for status in receptions.statuses:
            self._publish(status)
        receptions.statuses.clear()
        for refusal in receptions.refusals.values():
            self._acknowledge.send(encode(refusal))
        receptions.refusals.clear()
        known = self._told
        self._told = {scan: known.get(scan) or Told() for scan in receptions.runs.by_id}
        busy = [self._tell(each, self._told[scan]) for scan, each in receptions.runs.by_id.items()]
        return any(busy)

    def _tell(self, reception: Reception, told: Told) -> bool:
        now = time.monotonic()
        rows = reception.pairing.received + reception.pairing.positions
        if rows != told.rows and now - told.woken >= WAKE_S:
            self._events.send_multipart([b"recorded", reception.record.id.encode()])
            told.rows, told.woken = rows, now
        for stream in STREAMS:
            if _acknowledgement_due(reception, stream, now - told.acknowledged[stream], now - reception.active):
                self._acknowledge.send(encode(reception.recorded(stream)))
                told.acknowledged[stream] = now
        if reception.news or (now - told.status_at >= STATUS_S and not reception.over):
            status = reception.status()
            if reception.news or status != told.status:
                self._publish(status)
            reception.news = False
            told.status, told.status_at = status, now
        return rows != told.rows or now - reception.active < STATUS_S

    def _publish(self, status: ScanStatus) -> None:
        self._events.send_multipart([b"status", msgpack.packb(status.model_dump())])


def _acknowledgement_due(reception: Reception, stream: StreamName, since_s: float, quiet_s: float) -> bool:
    unsaid = reception.unsaid[stream]
    if unsaid >= ACKNOWLEDGE_MESSAGES or (unsaid and since_s >= ACKNOWLEDGE_S):
        return True
    return since_s >= REPEAT_S and quiet_s < REPEAT_FOR_S


def run_ingest(settings: Settings) -> None:
    """Receive and record until SIGTERM or SIGINT; raises `ConfigError` if it cannot begin."""
    configure_logs(settings.log_level, "ingest")
    log = get_log()
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with _only_one(settings), zmq.Context() as context:
        pull = _bound(context, zmq.PULL, settings.ingest)
        acknowledge = _bound(context, zmq.PUB, settings.acknowledge)
        events = _bound(context, zmq.PUB, settings.socket("ingest-events"))
        commands = _bound(context, zmq.REP, settings.socket("ingest-commands"))
        log.info("ingest listens", endpoint=settings.ingest, data=str(settings.data))
        receptions, herald = Receptions(settings), Herald(events, acknowledge)
        _serve(pull, commands, receptions, herald, lambda: stopping)
        receptions.close()
        herald.tell(receptions)
        for socket in (pull, acknowledge, events, commands):
            socket.close(linger=100)
    log.info("ingest stopped")


def _serve(
    pull: zmq.Socket[bytes],
    commands: zmq.Socket[bytes],
    receptions: Receptions,
    herald: Herald,
    stopping: Callable[[], bool],
) -> None:
    receiver, handlers = Receiver(pull), ScanCommands(receptions).handlers
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    poller.register(commands, zmq.POLLIN)
    busy = True
    while not stopping():
        ready = dict(poller.poll(BUSY_POLL_MS if busy else IDLE_POLL_MS))
        turn_ends = time.monotonic() + TURN_S
        while pull in ready and receiver.receive(receptions) and time.monotonic() < turn_ends:
            pass
        if commands in ready:
            answer(commands, handlers)
        receptions.tick()
        busy = herald.tell(receptions)


def _bound(context: zmq.Context[zmq.Socket[bytes]], kind: int, endpoint: str) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    if kind == zmq.PULL:
        socket.rcvhwm = HIGH_WATER_MARK
        socket.maxmsgsize = MAX_BUFFER_BYTES
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        context.destroy(linger=0)
        raise ConfigError(f"ingest: expected to listen at {endpoint}, got: {error}") from error
    return socket


@contextmanager
def _only_one(settings: Settings) -> Iterator[IO[str]]:
    """Hold this folder of scans for one ingest: two would take up each other's."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        file = (settings.data / ".ingest.lock").open("w")
    except OSError as error:
        raise ConfigError(f"data: expected a folder that can be written, got: {error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"data: another ingest process works in {settings.data.resolve()}") from error
        yield file
