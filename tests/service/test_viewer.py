"""What one browser is sent: every row, whatever its network; states as often as that carries them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack
import numpy as np
import pytest

from service.browser import Credit, Subscribe, encode
from service.news import News
from service.statuses import ReconstructionStatus, ServiceStatus
from service.tables import TableWriter
from service.tails import Tails
from service.viewer import Viewer

STATES = 20
PICTURE_BYTES = 2_000


class Socket:
    """A browser whose pictures take so long to arrive."""

    def __init__(self, delay_s: float) -> None:
        self.query_params: dict[str, str] = {}
        self.came: list[Any] = []
        self._delay_s = delay_s
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    async def accept(self) -> None:
        await self._said.put(encode(Subscribe(reconstruction="s.1", images=({"name": "object"},))))  # type: ignore[arg-type]

    async def receive_bytes(self) -> bytes:
        return await self._said.get()

    async def send_bytes(self, data: bytes) -> None:
        self.came.append(msgpack.unpackb(data))
        if self.came[-1]["t"] == "image":
            credit = encode(Credit(reconstruction="s.1", name="object"))
            asyncio.get_running_loop().call_later(self._delay_s, self._said.put_nowait, credit)

    def of(self, kind: str) -> list[Any]:
        return [message for message in self.came if message["t"] == kind]


class Hub:
    """A reconstruction that gets on."""

    def __init__(self, folder: Path) -> None:
        self.scans: dict[str, Any] = {}
        self.reconstructions: dict[str, Any] = {}
        self.news, self.tails = News(), Tails(lambda _: folder)
        self.events = SimpleNamespace(events=lambda _: ())
        self.show = SimpleNamespace(image=self.image, sent=0)
        self._wake = lambda: None

    def listen(self, wake: Any) -> Any:
        self._wake = wake
        return lambda: None

    async def image(self, *_: Any) -> Any:
        return SimpleNamespace(number=self.news.number, data=encode_image(), edge_px=64)

    def go_on(self, iteration: int) -> None:
        status = ReconstructionStatus(id="s.1", scan="s", state="running", created_ns=1, engine="rpie")
        self.tails.look_again("s.1")
        self.news.reconstruction(status.model_copy(update={"iteration": iteration}))
        self._wake()


def encode_image() -> bytes:
    return bytes(msgpack.packb({"t": "image", "data": bytes(PICTURE_BYTES)}))


async def watch(folder: Path, delay_s: float) -> Socket:
    """What came in a second with some twenty states and rows."""
    hub, socket = Hub(folder), Socket(delay_s)
    baton = SimpleNamespace(hear=lambda *_: None)
    guard = SimpleNamespace(viewers=[], refresh=lambda: None, service=ServiceStatus(), alarms=(), baton=baton)
    viewer = asyncio.create_task(Viewer(socket, hub, guard, "1").run())  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    table = TableWriter(folder / "metrics.f64", 5)
    for iteration in range(STATES):
        table.append(np.full(5, float(iteration)))
        hub.go_on(iteration)
        await asyncio.sleep(0.05)
    table.close()
    viewer.cancel()
    await asyncio.gather(viewer, return_exceptions=True)
    return socket


@pytest.mark.parametrize(("delay_s", "fast"), [(0.001, True), (0.3, False)], ids=["fast", "slow"])
def test_a_slow_browser_gets_every_row_and_states_less_often(tmp_path: Path, delay_s: float, fast: bool) -> None:
    socket = asyncio.run(watch(tmp_path, delay_s))
    rows = [row for message in socket.of("metrics") for row in np.frombuffer(message["data"]).reshape(-1, 5)[:, 0]]
    assert rows == list(range(STATES))
    states = len(socket.of("reconstruction"))
    assert (states > 0.7 * STATES) == fast and states > 0
