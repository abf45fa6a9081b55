"""A small stand-in for ingest: a PULL socket that decodes, and a PUB socket that acknowledges."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from types import TracebackType
from typing import Any, Self

import numpy as np
import zmq
from dectris.compression import decompress

from service.wire import (
    Abort,
    End,
    Frames,
    Message,
    Positions,
    Recorded,
    Start,
    acknowledge_endpoint,
    buffer_bytes,
    decode,
    encode,
    frame_dtype,
    positions_array,
    split_frames,
    start_arrays,
)


def free_endpoint() -> str:
    """A tcp endpoint whose port and the next one are free."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return f"tcp://127.0.0.1:{port}"


class Receiver:
    """Receives in a thread until it is closed; what came is there to be looked at."""

    def __init__(
        self, endpoint: str, *, acknowledge: bool = True, ends: bool = True, refuse_from: int | None = None
    ) -> None:
        self.endpoint, self.acknowledge, self.ends = endpoint, acknowledge, ends
        self.refuse_from = refuse_from
        self.messages: list[Message] = []
        self.times: list[int] = []
        self.starts: list[tuple[Start, dict[str, np.ndarray]]] = []
        self.frames: dict[int, list[np.ndarray]] = defaultdict(list)
        self.positions: dict[int, list[np.ndarray]] = defaultdict(list)
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        assert not self.errors, self.errors

    def all(self, kind: type) -> list[Any]:
        return [each for each in self.messages if isinstance(each, kind)]

    def _run(self) -> None:
        context = zmq.Context()
        pull, publish = context.socket(zmq.PULL), context.socket(zmq.PUB)
        pull.rcvhwm, pull.linger, publish.linger = 8, 0, 0
        pull.bind(self.endpoint)
        publish.bind(acknowledge_endpoint(self.endpoint))
        self._up.set()
        try:
            while not self._stop.is_set():
                if pull.poll(20):
                    header, buffer = pull.recv_multipart()
                    self._take(header, buffer, publish)
        except Exception as error:  # shown by the test that closes us
            self.errors.append(error)
        finally:
            pull.close()
            publish.close()
            context.term()

    def _take(self, header: bytes, buffer: bytes, publish: zmq.Socket[bytes]) -> None:
        message = decode(header)
        assert buffer_bytes(message) == len(buffer)
        self.messages.append(message)
        match message:
            case Start():
                self.starts.append((message, start_arrays(message, buffer)))
            case Frames():
                self._take_frames(message, buffer)
            case Positions():
                for index, row in enumerate(positions_array(message, buffer), message.i0):
                    self.positions[index].append(row)
            case End() if self.acknowledge and self.ends:
                self._say(publish, scan=message.scan, stream=message.stream, ranges=(), ended=True)
            case Abort():
                pass
        if isinstance(message, Frames) and self.refuse_from is not None and message.i0 >= self.refuse_from:
            self._say(publish, scan=message.scan, stream=message.t, ranges=(), refused="the scan is aborted")
        if isinstance(message, Frames | Positions) and self.acknowledge:
            publish.send(b"\xc1 is no acknowledgement")  # a sender passes over what it does not understand
            ranges = ((message.seq, message.seq),)
            self._say(publish, scan=message.scan, stream=message.t, ranges=ranges)

    def _say(self, publish: zmq.Socket[bytes], **fields: Any) -> None:
        run = self.starts[-1][0].run
        everything = fields | {"ranges": ((0, 10**6),), "ended": True, "refused": "over"}
        publish.send(encode(Recorded(run=f"not {run}", **everything)))  # of another sender of the same key
        publish.send(encode(Recorded(run=run, **fields)))

    def _take_frames(self, message: Frames, buffer: bytes) -> None:
        dtype = frame_dtype(message.dtype)
        for index, body in enumerate(split_frames(message, memoryview(buffer)), message.i0):
            raw = body if message.enc == "raw" else decompress(bytes(body), message.enc, elem_size=dtype.itemsize)
            self.frames[index].append(np.frombuffer(raw, dtype).reshape(message.shape))
