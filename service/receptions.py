"""All scans that are being received, by the sender's key and by id; what is armed; and the commands on them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from service.browser import ScanStatus
from service.commands import CommandError, Handler
from service.config import Settings
from service.logs import get_log
from service.reception import STREAMS, Reception, read_pairing
from service.recording import recover
from service.scans import (
    ScanRecord,
    armed_path,
    armed_scans,
    find_scan,
    log_event,
    mint_id,
    read_scan,
    scan_folders,
    scan_path,
    status_of,
    write_json,
    write_scan,
    write_start_arrays,
)
from service.states import SCAN_OVER, next_scan_state
from service.tally import Problems
from service.wire import Abort, Header, Message, Metadata, ReconstructionSpec, Start, WireError, explain, start_arrays

KEPT_OVER = 32
"""Scans that are over and still known, so that what is sent again is told from what is new."""


class Receptions:
    """Brings each message to its scan. Nothing that a message holds, and no full disk, raises from here."""

    def __init__(self, settings: Settings) -> None:
        """Take up the scans on disk that were being received when ingest stopped."""
        self.settings = settings
        self.by_id: dict[str, Reception] = {}
        self.statuses: list[ScanStatus] = []
        """News of scans that are not received: armed and disarmed ones. Whoever publishes them empties the list."""
        self._by_key: dict[str, Reception] = {}
        self._log = get_log()
        self.problems = Problems(self._log)
        """Of messages that belong to no scan."""
        self._resume()

    def _resume(self) -> None:
        folders = scan_folders(self.settings.data)
        over = []
        for folder in folders.values():
            try:
                record = read_scan(folder)
                if record.state in SCAN_OVER:
                    over.append((folder, record))
                    if any(folder.glob("segments/*.open.h5")):
                        recover(folder)  # ingest was killed while it closed the last segment
                elif record.start is not None:
                    self._keep(Reception(folder, record, self.settings))
                    self._log.info("scan taken up", scan=record.id, state=record.state, **record.totals)
            except (OSError, ValueError) as error:
                self._log.error("scan cannot be taken up", scan=folder.name, error=str(error))
        for folder, record in over[-KEPT_OVER:]:
            if record.start is not None and record.key not in self._by_key:
                self._keep(Reception(folder, record, self.settings))

    def _keep(self, reception: Reception) -> None:
        self.by_id[reception.record.id] = reception
        self._by_key[reception.record.key] = reception
        over = [each for each in self.by_id.values() if each.over and not each.news]
        for each in over[: max(0, len(over) - KEPT_OVER)]:
            del self.by_id[each.record.id]
            if self._by_key[each.record.key] is each:
                del self._by_key[each.record.key]

    # ---- messages

    def take(self, message: Message, buffer: memoryview) -> None:
        """Bring a message to its scan."""
        try:
            if isinstance(message, Start):
                self._start(message, buffer)
            else:
                self._deliver(message, buffer)
        except WireError as error:
            self.refuse(message, str(error))
        except OSError as error:
            self._fail(message, str(error))
        except Exception as error:  # the same message would come again and stop the next process too
            self._log.exception("message not understood", scan=message.scan)
            self.refuse(message, f"{message.t}: {error!r}")

    def refuse(self, message: Message | None, why: str) -> None:
        """Count a message that does not fit; without a scan, if it does not say which it belongs to."""
        reception = None if message is None else self._by_key.get(message.scan)
        if reception is None or message is None or isinstance(message, Start | Abort):
            self.problems.add(why if message is None else f"{message.scan}: {why}")
        else:
            reception.refuse(message, why)

    def _fail(self, message: Message, why: str) -> None:
        reception = self._by_key.get(message.scan)
        if reception is None or isinstance(message, Start | Abort):
            self.problems.add(f"{message.scan}: {message.t}: {why}")
        else:
            reception.fail(message, why)

    def _deliver(self, message: Any, buffer: memoryview) -> None:
        reception = self._by_key.get(message.scan)
        if reception is None:
            raise WireError(f"{message.t}: expected a start of this scan before, got none")
        if not isinstance(message, Abort):
            reception.take(message, buffer)
        elif not reception.over:
            reception.abort(f"aborted by the sender: {message.reason}", "sender")

    def _start(self, start: Start, buffer: memoryview) -> None:
        before = self._by_key.get(start.scan)
        if before is not None and start.ts_ns and before.start.ts_ns == start.ts_ns:
            before.resume()
            return
        arrays = start_arrays(start, buffer)
        record = self._record(start)
        if before is not None and not before.over:
            before.abort(f"a new start with the same key came: scan {record.id}")
        try:
            folder = scan_path(self.settings.data, self.settings.scan_directory, record.id, record.key, record.metadata)
        except ValueError as error:
            raise WireError(str(error)) from error
        folder.mkdir(parents=True, exist_ok=True)
        write_start_arrays(folder, arrays)
        write_scan(folder, record)  # last, so that a scan that is seen has all that it needs
        log_event(folder, "sender", "start", key=record.key)
        armed_path(self.settings.data, record.key).unlink(missing_ok=True)
        self._keep(Reception(folder, record, self.settings))
        self._log.info("scan begins", scan=record.id, key=record.key, planned=start.planned)

    def _record(self, start: Start) -> ScanRecord:
        """What is armed for this key, if anything, with the start in it."""
        armed = self._armed(start.scan)
        record = armed or ScanRecord(id=mint_id(start.scan), key=start.scan, state="armed", created_ns=time.time_ns())
        return record.model_copy(
            update={
                "start": start,
                "state": next_scan_state(record.state, "receiving"),
                "metadata": start.metadata | record.metadata,
                "created_ns": time.time_ns(),
            }
        )

    def _armed(self, key: str) -> ScanRecord | None:
        path = armed_path(self.settings.data, key)
        if not path.exists():
            return None
        try:
            record = ScanRecord.model_validate_json(path.read_bytes())
        except ValueError as error:
            self.problems.add(f"{path.name}: expected an armed scan, got: {error}")
            return None
        return record if record.key == key else None

    # ---- time

    def tick(self) -> None:
        """To be called now and then."""
        for reception in self.by_id.values():
            reception.tick()

    def close(self) -> None:
        """Close all recordings, to be gone on with."""
        for reception in self.by_id.values():
            reception.close()

    # ---- commands

    def handlers(self) -> Mapping[str, Handler]:
        """Commands by name."""
        return {
            "ping": self.ping,
            "arm": self.arm,
            "disarm": self.disarm,
            "abort": self.abort,
            "status": self.status,
            "missing": self.missing,
        }

    def ping(self) -> dict[str, Any]:
        """That ingest is there; messages refused that belong to no scan, and why the last one was."""
        return {"refused": self.problems.count, "problem": self.problems.last}

    def arm(self, key: str, reconstruction: dict[str, Any] | None = None, metadata: Metadata | None = None) -> Any:
        """Say what is to run on the next scan of this key."""
        try:
            Header(scan=key)
            spec = None if reconstruction is None else ReconstructionSpec.model_validate(reconstruction)
            record = ScanRecord(
                id=mint_id(key),
                key=key,
                state="armed",
                created_ns=time.time_ns(),
                reconstruction=spec,
                metadata=metadata or {},
            )
        except ValidationError as error:
            raise CommandError(explain(error), 422) from error
        path = armed_path(self.settings.data, key)
        if path.exists() and (before := self._armed(key)) is None:
            raise CommandError(f"key: {key!r} cannot be armed beside another one that is also kept in {path.name}")
        elif path.exists() and before is not None:
            record.id = before.id
        write_json(path, record.model_dump_json(indent=1))
        return self._told(record)

    def disarm(self, key: str) -> Any:
        """Forget what was armed for this key."""
        record = self._armed(key)
        if record is None:
            raise LookupError(f"no scan of key {key!r} is armed")
        armed_path(self.settings.data, key).unlink(missing_ok=True)
        record.state = next_scan_state(record.state, "aborted")
        return self._told(record)

    def abort(self, scan: str, reason: str = "", author: str = "operator") -> Any:
        """Take nothing more of a scan; an armed one is disarmed."""
        for record in armed_scans(self.settings.data):
            if record.id == scan:
                return self.disarm(record.key)
        reception = self.by_id.get(scan)
        if reception is None or reception.over:
            state = read_scan(find_scan(self.settings.data, scan)).state
            raise CommandError(f"scan {scan} is {state} and cannot be aborted")
        reception.abort(f"aborted by {author}" + (f": {reason}" if reason else ""), author)
        return reception.status().model_dump()

    def status(self) -> list[Any]:
        """The scans that are received or armed."""
        live = [each.status() for each in self.by_id.values() if not each.over]
        return [each.model_dump() for each in live + [status_of(record) for record in armed_scans(self.settings.data)]]

    def missing(self, scan: str) -> dict[str, list[tuple[int, int]]]:
        """Ranges (first, last) of the indices that have not come, by stream."""
        reception = self.by_id.get(scan)
        if reception is not None and not reception.over:
            pairing = reception.pairing
        else:
            folder = find_scan(self.settings.data, scan)
            pairing, _ = read_pairing(folder, read_scan(folder))
        return {stream: pairing.missing(stream) for stream in STREAMS}

    def _told(self, record: ScanRecord) -> Any:
        status = status_of(record)
        self.statuses.append(status)
        return status.model_dump()
