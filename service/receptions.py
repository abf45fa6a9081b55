"""All scans that are being received: each message is brought to its scan, and what belongs to none is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from service.config import Settings
from service.logs import get_log
from service.reception import Reception
from service.recording import recover
from service.runs import KEPT_OVER, Runs
from service.scans import (
    ScanRecord,
    armed_path,
    log_event,
    mint_id,
    read_scan,
    scan_folders,
    scan_path,
    write_scan,
    write_start_arrays,
)
from service.states import SCAN_OVER, next_scan_state
from service.statuses import ScanStatus
from service.tally import Problems
from service.wire import Abort, Frames, Message, Positions, Recorded, Start, WireError, start_arrays


class Receptions:
    """Brings each message to its scan. Nothing that a message holds, and no full disk, raises from here."""

    def __init__(self, settings: Settings) -> None:
        """Take up the scans on disk that were being received when ingest stopped."""
        self.settings = settings
        self.runs = Runs()
        self.statuses: list[ScanStatus] = []
        """News of scans that are not received: armed and disarmed ones. Whoever publishes them empties the list."""
        self.refusals: dict[tuple[str, str], Recorded] = {}
        """What senders are to be told that belong to no scan, by key and run; to be emptied like `statuses`."""
        self._log = get_log()
        self.problems = Problems(self._log)
        """Of messages that belong to no scan."""
        self._resume()

    def _resume(self) -> None:
        live: list[tuple[Path, ScanRecord]] = []
        over: list[tuple[Path, ScanRecord]] = []
        for folder in scan_folders(self.settings.data).values():
            try:
                record = read_scan(folder)
                if record.state in SCAN_OVER and any(folder.glob("segments/*.open.h5")):
                    recover(folder)  # ingest was killed while it closed the last segment
                if record.start is not None:
                    (over if record.state in SCAN_OVER else live).append((folder, record))
            except (OSError, ValueError) as error:
                self._log.error("scan cannot be taken up", scan=folder.name, error=str(error))
        for folder, record in [*over[-KEPT_OVER:], *live]:  # those that go on last: they are their key's newest
            try:
                self.runs.add(Reception(folder, record, self.settings))
                self._log.info("scan taken up", scan=record.id, state=record.state, **record.totals)
            except (OSError, ValueError) as error:
                self._log.error("scan cannot be taken up", scan=folder.name, error=str(error))

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
        newest = None if message is None else self.runs.newest(message.scan)
        if newest is None or message is None or isinstance(message, Start | Abort):
            self.problems.add(why if message is None else f"{message.scan}: {why}")
            return
        reception = self.runs.of(message)
        if reception is not None:
            reception.refuse(message, why)
        else:
            newest.problems.add(why)
            newest.news = True
            self._tell_stranger(message, why)
        if reception is not newest:
            newest.note_other(message.run, why)

    def _tell_stranger(self, message: Message, why: str) -> None:
        """Its sender hears at the next turn that nothing of its run is taken."""
        if isinstance(message, Frames | Positions):
            refusal = Recorded(scan=message.scan, stream=message.t, ranges=(), run=message.run, refused=why)
            self.refusals[message.scan, message.run] = refusal

    def _fail(self, message: Message, why: str) -> None:
        reception = self.runs.of(message)
        if reception is None or isinstance(message, Start | Abort):
            self.problems.add(f"{message.scan}: {message.t}: {why}")
        else:
            reception.fail(message, why)

    def _deliver(self, message: Any, buffer: memoryview) -> None:
        reception = self.runs.of(message)
        if reception is None:
            raise WireError(f"{message.t}: {self._expected(message)}")
        if not isinstance(message, Abort):
            reception.take(message, buffer)
        elif not reception.over:
            reception.abort(f"aborted by the sender: {message.reason}", "sender")

    def _expected(self, message: Message) -> str:
        newest = self.runs.newest(message.scan)
        if newest is None:
            return "expected a start of this scan before, got none"
        return f"expected run {newest.start.run!r} as in the start of scan {newest.record.id}, got {message.run!r}"

    def _start(self, start: Start, buffer: memoryview) -> None:
        again = self.runs.of(start)
        if again is not None and (start.run or start.ts_ns) and again.start.ts_ns == start.ts_ns:
            again.resume()
            return
        before = self.runs.newest(start.scan)
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
        self.runs.add(Reception(folder, record, self.settings))
        self._log.info("scan begins", scan=record.id, key=record.key, planned=start.planned)

    def _record(self, start: Start) -> ScanRecord:
        """What is armed for this key, if anything, with the start in it."""
        armed = self.armed(start.scan)
        record = armed or ScanRecord(id=mint_id(start.scan), key=start.scan, state="armed", created_ns=time.time_ns())
        return record.model_copy(
            update={
                "start": start,
                "state": next_scan_state(record.state, "receiving"),
                "metadata": start.metadata | record.metadata,
                "created_ns": time.time_ns(),
            }
        )

    def armed(self, key: str) -> ScanRecord | None:
        """What is armed for this key; what cannot be understood is thrown away."""
        path = armed_path(self.settings.data, key)
        if not path.exists():
            return None
        try:
            record = ScanRecord.model_validate_json(path.read_bytes())
        except ValueError as error:
            self.problems.add(f"{path.name}: expected an armed scan, got: {error}")
            path.unlink(missing_ok=True)  # the key can be armed anew
            return None
        return record if record.key == key else None

    # ---- time

    def tick(self) -> None:
        """To be called now and then."""
        for reception in self.runs.by_id.values():
            reception.tick()

    def close(self) -> None:
        """Close all recordings, to be gone on with."""
        for reception in self.runs.by_id.values():
            reception.close()
