"""What the API knows: the latest state of every scan and reconstruction, and the latest snapshots.

Filled from disk at the start, then by what ingest and the worker publish; asking both every few seconds heals
whatever was missed, and tells whether they are alive. The API can die and come back: nothing here is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import zmq
import zmq.asyncio

from service.commands import ask
from service.config import Settings
from service.eventlog import EventLogs
from service.logs import get_log
from service.news import News
from service.reconstructions import UnknownReconstructionError, find_reconstruction, read_statuses
from service.scans import UnknownScanError, read_scan, scan_folders, status_of
from service.showroom import Showroom
from service.snapshot import Snapshot
from service.statuses import ReconstructionStatus, ScanStatus
from service.survey import Survey
from service.tables import read_table
from service.tails import TABLES, SeriesName, Tails

HEARTBEAT_S = 2.0


class Hub:
    """The API's view of the service."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.scans: dict[str, ScanStatus] = {}
        self.reconstructions: dict[str, ReconstructionStatus] = {}
        self.events = EventLogs(settings.data)
        self.alive = {"ingest": False, "worker": False}
        self.show = Showroom(settings.data)
        self.tails = Tails(self.folder)
        self.news = News()
        self._listeners: set[Callable[[], None]] = set()
        self._context = zmq.asyncio.Context()
        self._log = get_log()

    # ---- life

    async def run(self) -> None:
        """Follow ingest and worker until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen("ingest-events"))
                group.create_task(self._listen("worker-events"))
                group.create_task(self._heartbeat())
        finally:
            self._context.destroy(linger=0)

    def load(self) -> None:
        """Read what is on disk."""
        for folder in scan_folders(self.settings.data).values():
            try:
                record = read_scan(folder)
                self.scans[record.id] = status_of(record)
                for status in read_statuses(folder):
                    self._keep_reconstruction(status)
            except (OSError, ValueError) as error:
                self._log.warning("scan unreadable", scan=folder.name, error=str(error))

    async def _listen(self, name: Any) -> None:
        with self._context.socket(zmq.SUB) as socket:
            socket.rcvhwm = 100
            socket.subscribe(b"")
            socket.connect(self.settings.socket(name))
            while True:
                parts = await socket.recv_multipart()
                try:
                    self._take(parts)
                except (ValueError, KeyError, IndexError, TypeError) as error:
                    self._log.warning("event not understood", topic=parts[0][:40], error=str(error))

    def _take(self, parts: list[bytes]) -> None:
        match parts[0]:
            case b"status":
                self._keep_scan(ScanStatus.model_validate(msgpack.unpackb(parts[1])))
            case b"reconstruction":
                self._keep_reconstruction(ReconstructionStatus.model_validate(msgpack.unpackb(parts[1])))
            case b"snapshot":
                self.show.snapshots.keep(parts[1].decode(), Snapshot.from_parts(parts[2:]))
            case b"survey":
                self.show.surveys.keep(parts[1].decode(), Survey.from_parts(parts[2:]))
            case _:
                return
        self.tell()

    async def _heartbeat(self) -> None:
        while True:
            for process in ("ingest", "worker"):
                before = self.alive[process]
                try:
                    for fields in await self.command(process, "status", timeout_s=HEARTBEAT_S):
                        if process == "ingest":
                            self._keep_scan(ScanStatus.model_validate(fields))
                        else:
                            self._keep_reconstruction(ReconstructionStatus.model_validate(fields))
                    self.alive[process] = True
                except ValueError as error:  # a `CommandError`, or an answer of another version
                    self._log.debug("no answer that is understood", which=process, error=str(error))
                    self.alive[process] = False
                if before != self.alive[process]:
                    self._log.info("process reachable" if not before else "process not reachable", which=process)
            self.tell()
            await asyncio.sleep(HEARTBEAT_S)

    # ---- state

    def _keep_scan(self, status: ScanStatus) -> None:
        known = self.scans.get(status.id)
        if known is not None:
            status = status.model_copy(update={"reconstructions": known.reconstructions})
        if status != known:
            self._set_scan(status)

    def _keep_reconstruction(self, status: ReconstructionStatus) -> None:
        if status == self.reconstructions.get(status.id):
            return
        self.reconstructions[status.id] = status
        self.tails.look_again(status.id)
        self.news.reconstruction(status)
        scan = self.scans.get(status.scan)
        if scan is not None and status.id not in scan.reconstructions:
            ids = (*scan.reconstructions, status.id)
            self._set_scan(scan.model_copy(update={"reconstructions": ids}))

    def _set_scan(self, status: ScanStatus) -> None:
        self.scans[status.id] = status
        self.news.scan(status)

    def scan(self, scan: str) -> ScanStatus:
        """State of a scan; raises `UnknownScanError`."""
        if scan not in self.scans:
            raise UnknownScanError(f"no scan {scan!r}")
        return self.scans[scan]

    def reconstruction(self, reconstruction: str) -> ReconstructionStatus:
        """State of a reconstruction; raises `UnknownReconstructionError`."""
        if reconstruction not in self.reconstructions:
            raise UnknownReconstructionError(f"no reconstruction {reconstruction!r}; an id reads <scan>.<number>")
        return self.reconstructions[reconstruction]

    def folder(self, reconstruction: str) -> Path:
        """Folder of a reconstruction; raises LookupError."""
        return find_reconstruction(self.settings.data, reconstruction)

    def latest(self, reconstruction: str) -> Snapshot | None:
        """The latest snapshot if it is at hand, without a look at the disk."""
        return self.show.snapshots.held(reconstruction)

    def snapshot(self, reconstruction: str) -> Snapshot | None:
        """The latest snapshot, from the worker or from disk; None before the first."""
        return self.show.snapshots.get(reconstruction)

    def table(self, reconstruction: str, name: SeriesName, start: int) -> Any:
        """Rows of a table from `start` on, (n, columns) float64."""
        filename, columns = TABLES[name]
        return read_table(self.folder(reconstruction) / filename, len(columns), start)

    # ---- talk

    async def command(self, process: str, command: str, timeout_s: float = 10.0, **fields: Any) -> Any:
        """Ask ingest or the worker; raises `CommandError`."""
        name: Any = f"{process}-commands"
        return await ask(self._context, self.settings.socket(name), command, timeout_s, **fields)

    async def reconstruct(self, command: str, **fields: Any) -> ReconstructionStatus:
        """A command to the worker that answers with a reconstruction's state."""
        status = ReconstructionStatus.model_validate(await self.command("worker", command, **fields))
        self._keep_reconstruction(status)
        self.tell()
        return status

    async def control_scan(self, command: str, **fields: Any) -> ScanStatus:
        """A command to ingest that answers with a scan's state."""
        status = ScanStatus.model_validate(await self.command("ingest", command, **fields))
        self._keep_scan(status)
        self.tell()
        return self.scans[status.id]

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; the returned function ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def tell(self) -> None:
        """Wake all listeners."""
        for listener in self._listeners:
            listener()
