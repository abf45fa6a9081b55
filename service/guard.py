"""What the API watches over, once a second: the machine, who has control, and alarms.

Alarms go into the event log of the scan that they concern, those of the service into that of every scan that runs.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.alarmbook import AlarmBook, AlarmEvent, Subject
from service.alarms import Situation, find
from service.commands import CommandError
from service.control import Baton
from service.finding import Finding
from service.hub import Hub
from service.logs import get_log
from service.scans import find_scan, log_event
from service.states import RECONSTRUCTION_OVER, SCAN_OVER
from service.statuses import Alarm, ReconstructionStatus, ScanStatus, ServiceStatus
from service.tables import METRIC_COLUMNS

LOOK_S = 1.0
MACHINE_S = 2.0
DISK_MEMORY_S = 120.0
"""How fast the disk fills is told from so many last seconds."""
CURVE_ROWS = 200
KEPT_ACTS = 1000
FIRST_ROWS = 5


class Guard:
    """Alarms, control and the machine, for REST, Prometheus and browsers."""

    def __init__(self, hub: Hub) -> None:
        self.service = ServiceStatus()
        self.alarms: tuple[Alarm, ...] = ()
        self.viewers: list[str] = []
        """Public ids of the browsers that are connected."""
        self.baton = Baton()
        self._hub = hub
        self._book = AlarmBook()
        self._machine: dict[str, Any] = {}
        self._disk: deque[tuple[float, int]] = deque()
        self._live: set[str] = set()
        self._began_ns = time.time_ns()
        self._acts: deque[str] = deque(maxlen=KEPT_ACTS)
        self._first_errors: dict[str, float] = {}
        self._log = get_log()

    async def run(self) -> None:
        """Look after everything until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_machine())
            group.create_task(self._follow_alarms())

    async def _follow_machine(self) -> None:
        while True:
            with suppress(CommandError):
                self._machine = await self._hub.command("worker", "machine", timeout_s=MACHINE_S)
            await asyncio.sleep(MACHINE_S)

    async def _follow_alarms(self) -> None:
        await asyncio.sleep(LOOK_S)  # the others have not been asked yet whether they are there
        while True:
            try:
                await self.look()
            except Exception:  # without alarms nobody would notice that there are none any more
                self._log.exception("alarms not computed")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One turn: the machine, the baton, the alarms."""
        self.baton.tick(time.monotonic(), time.time_ns())
        used = await asyncio.to_thread(self._disk_usage)
        self.refresh(**used, **self._machine, **self._hub.alive)
        found = await asyncio.to_thread(self._find_all)
        events = self._book.update(found, time.time_ns())
        await asyncio.to_thread(self._write, events)
        self._publish()

    def refresh(self, **changes: Any) -> None:
        """Tell browsers what changed of the service."""
        now = {"viewers": len(set(self.viewers)), "control": self.baton.control}
        self.service = self.service.model_copy(update=now | changes)
        self._hub.tell()

    # ---- what people do

    def act(self, viewer: str) -> str:
        """Name of who acts from a browser; raises `CommandError` if another one has control."""
        before = self.baton.control.holder
        name = self.baton.act(viewer, time.monotonic(), time.time_ns())
        if before != viewer:
            self.control_changed(name)
        return name

    def once(self, act: str) -> None:
        """Refuse an act that was asked for before."""
        if act in self._acts:
            raise CommandError("this was asked for before, and its answer was lost; see what came of it", 409)
        self._acts.append(act)

    def control_changed(self, author: str) -> None:
        """Write down who has control now, and tell browsers."""
        details = {"holder": self.baton.control.name, "asking": [each.name for each in self.baton.control.asking]}
        self._write([AlarmEvent("", author, "control", details)])
        self.refresh()

    def acknowledge(self, alarm: str, author: str) -> Alarm:
        """A person has seen an alarm; raises LookupError if there is none of this id."""
        self._write([self._book.acknowledge(alarm, author, time.time_ns())])
        self._publish()
        return self._book.alarms[alarm]

    # ---- alarms

    def _publish(self) -> None:
        self.alarms = self._book.listed()
        self._hub.tell()

    def _find_all(self) -> dict[Subject, list[Finding]]:
        """Everything that is wrong with the service, and with each scan and reconstruction that is of interest."""
        now_ns, found = time.time_ns(), {Subject(): find(Situation(time.time_ns(), self.service))}
        for scan in self._scans():
            found[Subject(scan.id)] = find(Situation(now_ns, self.service, scan))
            for status in self._reconstructions(scan):
                rows, first = self._curve(status)
                situation = Situation(now_ns, self.service, scan, status, rows, first)
                found[Subject(scan.id, status.id)] = find(situation)
        return found

    def _scans(self) -> list[ScanStatus]:
        """Scans that run, and those that ended while this process watched, until another one begins."""
        known = list(self._hub.scans.values())  # at once: this is not the thread that adds new ones
        scans = [scan for scan in known if scan.state != "armed"]
        running = {scan.id for scan in scans if scan.state not in SCAN_OVER or self._iterates(scan)}
        newest = max(scans, key=lambda scan: scan.created_ns, default=None)
        watched = newest is not None and (newest.id in self._live or newest.created_ns > self._began_ns)
        kept = {newest.id} if newest and watched else set()
        self._live = running | kept
        return [scan for scan in scans if scan.id in self._live]

    def _iterates(self, scan: ScanStatus) -> bool:
        known = self._hub.reconstructions
        return any(known[each].state not in RECONSTRUCTION_OVER for each in scan.reconstructions if each in known)

    def _reconstructions(self, scan: ScanStatus) -> list[ReconstructionStatus]:
        """Those that run, and the newest one, even if it failed."""
        own = [self._hub.reconstructions[each] for each in scan.reconstructions if each in self._hub.reconstructions]
        newest = max(own, key=lambda status: status.created_ns, default=None)
        return [status for status in own if status is newest or status.state not in RECONSTRUCTION_OVER]

    def _curve(self, status: ReconstructionStatus) -> tuple[NDArray[np.float64] | None, float | None]:
        """Latest rows of the metrics, and the error of the first ones."""
        if status.state != "running" or not status.metrics:
            return None, None
        with suppress(LookupError):
            rows = self._hub.table(status.id, "metrics", max(0, status.metrics - CURVE_ROWS))
            if status.id not in self._first_errors and status.metrics >= FIRST_ROWS:
                errors = self._hub.table(status.id, "metrics", 0)[:FIRST_ROWS, METRIC_COLUMNS.index("error")]
                if np.isfinite(errors).any():
                    self._first_errors[status.id] = float(np.nanmax(errors))
            return rows, self._first_errors.get(status.id)
        return None, None

    def _disk_usage(self) -> dict[str, Any]:
        """Disk of the data folder, and how long it lasts."""
        try:
            usage = shutil.disk_usage(self._hub.settings.data)
        except OSError:
            return {}
        now = time.monotonic()
        self._disk.append((now, usage.free))
        while now - self._disk[0][0] > DISK_MEMORY_S:
            self._disk.popleft()
        since, before = self._disk[0]
        rate = (before - usage.free) / (now - since) if now - since > DISK_MEMORY_S / 2 else 0.0
        left_s = usage.free / rate if rate > 0 else None
        return {"disk_bytes": usage.total, "disk_free_bytes": usage.free, "disk_left_s": left_s}

    def _write(self, events: list[AlarmEvent]) -> None:
        """Into the event logs; a full disk must not stop the telling."""
        for event in events:
            self._log.info(event.event, scan=event.scan, author=event.author, **event.details)
            for scan in [event.scan] if event.scan else self._live:
                with suppress(OSError, LookupError):
                    log_event(find_scan(self._hub.settings.data, scan), event.author, event.event, **event.details)
