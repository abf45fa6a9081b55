"""What the API asks of ingest: arm and disarm, abort, and how the scans stand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from service.commands import CommandError, Handler
from service.descriptions import Metadata, ReconstructionSpec, explain
from service.reception import STREAMS, read_pairing
from service.receptions import Receptions
from service.scans import ScanRecord, armed_path, armed_scans, find_scan, mint_id, read_scan, status_of, write_json
from service.states import next_scan_state
from service.wire import Header


class ScanCommands:
    """Commands on the scans that are received or armed."""

    def __init__(self, receptions: Receptions) -> None:
        self._receptions = receptions
        self._data = receptions.settings.data

    @property
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
        return {"refused": self._receptions.problems.count, "problem": self._receptions.problems.last}

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
        path, before = armed_path(self._data, key), self._receptions.armed(key)
        if before is not None:
            record.id = before.id
        elif path.exists():
            raise CommandError(f"key: {key!r} cannot be armed beside another one that is also kept in {path.name}")
        write_json(path, record.model_dump_json(indent=1))
        return self._told(record)

    def disarm(self, key: str) -> Any:
        """Forget what was armed for this key."""
        record = self._receptions.armed(key)
        if record is None:
            raise LookupError(f"no scan of key {key!r} is armed")
        armed_path(self._data, key).unlink(missing_ok=True)
        record.state = next_scan_state(record.state, "aborted")
        return self._told(record)

    def abort(self, scan: str, reason: str = "", author: str = "operator") -> Any:
        """Take nothing more of a scan; an armed one is disarmed."""
        for record in armed_scans(self._data):
            if record.id == scan:
                return self.disarm(record.key)
        reception = self._receptions.runs.by_id.get(scan)
        if reception is None or reception.over:
            state = read_scan(find_scan(self._data, scan)).state
            raise CommandError(f"scan {scan} is {state} and cannot be aborted")
        reception.abort(f"aborted by {author}" + (f": {reason}" if reason else ""), author)
        return reception.status().model_dump()

    def status(self) -> list[Any]:
        """The scans that are received or armed."""
        live = [each.status() for each in self._receptions.runs.by_id.values() if not each.over]
        return [each.model_dump() for each in live + [status_of(record) for record in armed_scans(self._data)]]

    def missing(self, scan: str) -> dict[str, list[tuple[int, int]]]:
        """Ranges (first, last) of the indices that have not come, by stream."""
        reception = self._receptions.runs.by_id.get(scan)
        if reception is not None and not reception.over:
            pairing = reception.pairing
        else:
            folder = find_scan(self._data, scan)
            pairing, _ = read_pairing(folder, read_scan(folder))
        return {stream: pairing.missing(stream) for stream in STREAMS}

    def _told(self, record: ScanRecord) -> Any:
        status = status_of(record)
        self._receptions.statuses.append(status)
        return status.model_dump()
