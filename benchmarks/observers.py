"""Many observers of one reconstruction in one process, some behind a slow network:
``python -m benchmarks.observers URL RECONSTRUCTION SECONDS``.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgpack
from websockets.asyncio.client import connect

COUNT, SLOW, SLOW_BYTES_S = 50, 5, 10_000
LAST_ROWS_S = 90.0
"""How long the slow ones may take for what was sent last."""


@dataclass
class Observer:
    """What one of them got."""

    rows: int = 0
    gaps: int = 0
    images: int = 0
    numbers: set[int] = field(default_factory=set)
    size: int = 0


async def observe(url: str, reconstruction: str, observer: Observer, enough: asyncio.Event) -> None:
    """Watch as the dashboard does: take rows, credit images at once."""
    async with connect(url, max_size=None, compression=None) as stream:
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
    message = msgpack.unpackb(data)
    if message["t"] == "metrics":
        observer.gaps += message["start"] != observer.rows
        observer.rows = message["start"] + len(message["data"]) // (8 * len(message["columns"]))
    elif message["t"] == "image":
        if message["name"] == "object":
            observer.images += 1
            observer.numbers.add(message["snapshot"])
        credit = {"t": "credit", "reconstruction": reconstruction, "name": message["name"]}
        await stream.send(msgpack.packb(credit))
    elif message["t"] == "service":
        await stream.send(msgpack.packb({"t": "beat"}))


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


async def main(url: str, reconstruction: str, seconds: float) -> None:
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 0
    enough, observers = asyncio.Event(), [Observer() for _ in range(COUNT)]
    ports = [await slow_network(host, port, SLOW_BYTES_S) if i < SLOW else port for i in range(COUNT)]
    tasks = [
        asyncio.create_task(observe(f"ws://127.0.0.1:{each}/api/v1/live", reconstruction, observer, enough))
        for each, observer in zip(ports, observers, strict=True)
    ]
    await asyncio.sleep(seconds)
    until = time.monotonic() + LAST_ROWS_S
    most = 0
    while time.monotonic() < until:  # the reconstruction was stopped: what is still under way arrives
        most = max(observer.rows for observer in observers)
        await asyncio.sleep(2)
        if all(observer.rows == most == max(o.rows for o in observers) for observer in observers):
            break
    enough.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    slow, fast = observers[:SLOW], observers[SLOW:]
    lacking = sum(most - observer.rows for observer in observers)
    snapshots = set().union(*(observer.numbers for observer in fast))
    print(
        f"lacking {lacking} of {COUNT * most}, {sum(o.gaps for o in observers)} gaps; pictures of {len(snapshots)} ",
        end="",
    )
    print(f"snapshots, a fast one got {min(o.images for o in fast)} to {max(o.images for o in fast)}, ", end="")
    print(f"a slow one {min(o.images for o in slow)} to {max(o.images for o in slow)} ", end="")
    print(f"with {max(o.size for o in slow) / 1e3:.0f} kB in all")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
