"""One browser on the WebSocket: sends what it has not seen yet, as fast as it takes it, and never more.

Nothing is queued: a slow browser only gets fewer images and coarser steps of state; series are read from disk
from where that browser stands.
"""

from __future__ import annotations

import asyncio
import secrets
import time

from fastapi import WebSocket, WebSocketDisconnect

from service import browser
from service.control import public_id
from service.following import STATE_SHARE, Following, Pace
from service.guard import Guard
from service.hub import Hub
from service.statuses import Alarm, ServiceStatus
from service.tails import SeriesName

BEAT_S = 1.0
"""Something is said at least so often, so that a browser notices a network that was cut."""
HELLO_SCANS = 200
"""Newest scans that a browser is told of when it comes; REST lists the others."""


class Viewer:
    """Serves one WebSocket."""

    def __init__(self, socket: WebSocket, hub: Hub, guard: Guard, version: str) -> None:
        self._socket = socket
        self._hub = hub
        self._guard = guard
        self._version = version
        self._id = public_id(socket.query_params.get("viewer") or secrets.token_hex(8))
        self._told: tuple[ServiceStatus, tuple[Alarm, ...]] | None = None
        self._beat_at = 0.0
        self._watch: browser.Watch | None = None
        self._events = 0
        self._wake = asyncio.Event()
        self._following: dict[str, Following] = {}
        self._pace = Pace()
        self._heard = 0
        self._news_at = 0.0

    async def run(self) -> None:
        """Talk until the browser is gone."""
        await self._socket.accept()
        self._hear()
        self._guard.viewers.append(self._id)
        forget = self._hub.listen(self._wake.set)
        self._guard.refresh()
        sending = asyncio.create_task(self._send_all())
        receiving = asyncio.create_task(self._receive_all())
        try:
            done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forget()
            self._guard.viewers.remove(self._id)
            self._guard.refresh()
            sending.cancel()
            receiving.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
        for task in done:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError | OSError):
                raise error

    async def _receive_all(self) -> None:
        while True:
            data = await self._socket.receive_bytes()
            try:
                message = browser.decode_client(data)
            except browser.BrowserError as error:
                await self._send(browser.Problem(message=str(error)))
                continue
            match message:
                case browser.Subscribe():
                    before = self._following.get(message.reconstruction)
                    self._following[message.reconstruction] = Following.of(message, self._pace, before)
                case browser.Unsubscribe():
                    self._following.pop(message.reconstruction, None)
                case browser.Credit():
                    if message.reconstruction in self._following:
                        self._following[message.reconstruction].credited(message.name, time.monotonic())
                case browser.Introduce():
                    self._hear(message.name)
                    self._guard.refresh()
                case browser.Watch():
                    self._watch, self._events = message, message.events_from
                case browser.Beat():
                    self._hear()
                    continue
            self._wake.set()

    async def _send_all(self) -> None:
        await self._hello()
        while True:
            self._wake.clear()
            await self._beat()
            waits = [await self._news()]
            await self._new_events()
            waits += [await self._follow(each) for each in list(self._following.values())]
            beat = max(0.0, self._beat_at - time.monotonic())
            due = min([beat, *(wait for wait in waits if wait is not None)])
            try:
                async with asyncio.timeout(due):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _hello(self) -> None:
        self._heard = self._hub.news.number
        newest = sorted(self._hub.scans.values(), key=lambda scan: scan.created_ns)[-HELLO_SCANS:]
        listed = {scan.id for scan in newest}
        hello = browser.Hello(
            version=self._version,
            now_ns=time.time_ns(),
            scans=tuple(newest),
            reconstructions=tuple(each for each in self._hub.reconstructions.values() if each.scan in listed),
            viewer=self._id,
            service=self._guard.service,
            alarms=self._guard.alarms,
        )
        await self._send(hello)

    def _hear(self, name: str | None = None) -> None:
        self._guard.baton.hear(self._id, time.monotonic(), name)

    async def _beat(self) -> None:
        """The service and its alarms: what is news, and a sign of life."""
        now = self._guard.service, self._guard.alarms
        if now == self._told and time.monotonic() < self._beat_at:
            return
        self._told, self._beat_at = now, time.monotonic() + BEAT_S
        await self._send(browser.ServiceUpdate(now_ns=time.time_ns(), service=now[0], alarms=now[1]))

    async def _new_events(self) -> None:
        if self._watch is None:
            return
        scan = self._watch.scan
        new = self._hub.events.events(scan)[self._events :]
        if new:
            start, self._events = self._events, self._events + len(new)
            await self._send(browser.Events(scan=scan, start=start, events=new))

    async def _news(self) -> float | None:
        """What changed of scans and reconstructions; returns the seconds to wait where it must not go yet."""
        new = self._hub.news.since(self._heard)
        if not new:
            return None
        if (wait := self._news_at - time.monotonic()) > 0:
            return wait
        for item in new:
            self._heard = item.number
            await self._socket.send_bytes(item.data)
        size = sum(len(item.data) for item in new)
        self._news_at = time.monotonic() + self._pace.pause(size, STATE_SHARE)
        return None

    async def _follow(self, following: Following) -> float | None:
        """Send what is new; returns the seconds until something that is held back may go."""
        reconstruction = following.request.reconstruction
        held_back = []
        try:
            await self._series(following, "metrics")
            await self._series(following, "positions")
            for name in following.wanted():
                wait = following.not_before.get(name, 0.0) - time.monotonic()
                if wait > 0:
                    held_back.append(wait)
                elif name == "points":
                    await self._points(following)
                else:
                    await self._image(following, name)
        except LookupError as error:
            self._following.pop(reconstruction, None)
            await self._send(browser.Problem(message=str(error)))
        return min(held_back, default=None)

    async def _image(self, following: Following, name: str) -> None:
        """The latest image, as fine as this browser can take it; a finer one of the same when it turns out it can."""
        reconstruction, asked, show = following.request.reconstruction, following.image(name), self._hub.show
        best = await show.image(reconstruction, asked)
        if best is None:
            return
        edge = self._pace.edge(len(best.data), best.edge_px)
        number, shown_edge = following.shown.get(name, (-1, 0))
        if number == best.number and edge <= shown_edge:
            return
        coarser = asked.model_copy(update={"max_px": edge})
        image = best if edge == best.edge_px else await show.image(reconstruction, coarser)
        if image is not None:
            following.sent(name, image.number, edge, len(image.data), time.monotonic())
            self._hub.show.sent += 1
            await self._socket.send_bytes(image.data)

    async def _points(self, following: Following) -> None:
        """The latest scan map, unless the browser has it."""
        latest = await self._hub.show.points(following.request.reconstruction)
        if latest is not None and following.shown.get("points", (-1, 0))[0] != latest.number:
            following.sent("points", latest.number, 0, len(latest.data), time.monotonic())
            self._hub.show.sent += 1
            await self._socket.send_bytes(latest.data)

    async def _series(self, following: Following, name: SeriesName) -> None:
        reconstruction = following.request.reconstruction
        while tail := self._hub.tails.after(reconstruction, name, following.rows[name]):
            following.rows[name] = tail.end
            await self._socket.send_bytes(tail.data)

    async def _send(self, message: browser.ServerMessage) -> None:
        await self._socket.send_bytes(browser.encode(message))
