"""Many observers of one reconstruction in one process, all fast or all behind slow networks:
``python -m benchmarks.observers URL RECONSTRUCTION SECONDS fast|slow``.

They stand for other machines, so here they go last: the service and its reconstruction do not wait for their work.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgpack
from websockets.asyncio.client import connect

COUNT, SLOW, SLOW_BYTES_S = 50, 5, 10_000
HEAD_BYTES = 200
LAST_ROWS_S, QUIET_S = 120.0, 12.0
"""How long they may take for what was sent last; after so long without a row nothing more comes."""


@dataclass
class Observer:
    """What one of them got."""

    rows: int = 0
    gaps: int = 0
    images: int = 0
    size: int = 0


async def observe(url: str, reconstruction: str, observer: Observer, enough: asyncio.Event) -> None:
    """Watch as the dashboard does: take rows, credit images at once."""
    # Like a browser it does not ping, as behind a slow network what it asks for may be on its way for long.
    async with connect(url, max_size=None, compression=None, ping_interval=None) as stream:
        images = [{"name": "object", "quantities": ["phase"]}, {"name": "probe", "quantities": ["phase", "amplitude"]}]
        wish = {"t": "subscribe", "reconstruction": reconstruction, "images": images}
        await stream.send(msgpack.packb(wish))
        while not enough.is_set():
            try:
                data = await asyncio.wait_for(stream.recv(), 1)
            except TimeoutError:
                continue
            await take(stream, data, reconstruction, observer)


async def take(stream: Any, data: Any, reconstruction: str, observer: Observer) -> None:
    observer.size += len(data)
    message = peek(data)
    if message["t"] == "metrics":
        observer.gaps += message["start"] != observer.rows
        observer.rows = message["start"] + len(message["data"]) // (8 * len(message["columns"]))
    elif message["t"] == "image":
        if message["name"] == "object":
            observer.images += 1
        credit = {"t": "credit", "reconstruction": reconstruction, "name": message["name"]}
        await stream.send(msgpack.packb(credit))
    elif message["t"] == "service":
        await stream.send(msgpack.packb({"t": "beat"}))


def peek(data: bytes) -> dict[str, Any]:
    """A message; of an image only what it is, as its pixels must not cost an observer anything."""
    unpacker = msgpack.Unpacker()
    unpacker.feed(data[:HEAD_BYTES])
    unpacker.read_map_header()
    if {unpacker.unpack(): unpacker.unpack()} != {"t": "image"}:
        return dict(msgpack.unpackb(data))
    return {"t": "image"} | {unpacker.unpack(): unpacker.unpack() for _ in range(2)}


async def slow_network(host: str, port: int, bytes_s: float) -> int:
    """A port that leads to the service at so many bytes a second; the way back is free."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (host, port))
        up_reader, up_writer = await asyncio.open_connection(sock=raw, limit=2048)
        await asyncio.gather(trickle(up_reader, writer, bytes_s), trickle(reader, up_writer, 1e9))

    server = await asyncio.start_server(carry, "127.0.0.1", 0, limit=2048)
    found: int = server.sockets[0].getsockname()[1]
    return found


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bytes_s: float) -> None:
    try:
        while data := await reader.read(1024):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(len(data) / bytes_s if bytes_s < 1e8 else 0)
    except (ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


async def main(url: str, reconstruction: str, seconds: float, kind: str) -> None:
    """Watch, and print as JSON what each observer got."""
    os.nice(19)
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 0
    count = SLOW if kind == "slow" else COUNT - SLOW
    enough, observers = asyncio.Event(), [Observer() for _ in range(count)]
    ports = [await slow_network(host, port, SLOW_BYTES_S) if kind == "slow" else port for _ in observers]
    tasks = [
        asyncio.create_task(observe(f"ws://127.0.0.1:{each}/api/v1/live", reconstruction, observer, enough))
        for each, observer in zip(ports, observers, strict=True)
    ]
    await asyncio.sleep(seconds)
    until, sizes = time.monotonic() + LAST_ROWS_S, [-1]
    while time.monotonic() < until and sizes != (sizes := [observer.rows for observer in observers]):
        await asyncio.sleep(QUIET_S)  # the reconstruction was stopped: what is still under way arrives
    enough.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    told = [{"rows": o.rows, "gaps": o.gaps, "images": o.images, "kB": o.size // 1000} for o in observers]
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]))
