"""Event logs as browsers follow them: read again only when they have grown, once for all who look."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from service.scans import UnknownScanError, find_scan, read_events
from service.statuses import ScanEvent

KEPT = 16
LOOK_AGAIN_S = 2.0
"""A scan that has no folder yet is looked for again after so long."""
COMMON = ("ts_ns", "author", "event")


@dataclass
class _Known:
    folder: Path
    size: int
    events: tuple[ScanEvent, ...]


class EventLogs:
    """The latest event logs that were asked for."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._absent: dict[str, float] = {}

    def events(self, scan: str) -> tuple[ScanEvent, ...]:
        """A scan's events, oldest first; none of one that has no folder, because it is only armed."""
        known = self._known.get(scan)
        if known is None:
            if time.monotonic() < self._absent.get(scan, 0.0):
                return ()
            try:
                folder = find_scan(self._data, scan)
            except UnknownScanError:
                self._absent = {scan: time.monotonic() + LOOK_AGAIN_S}
                return ()
            known = self._known[scan] = _Known(folder, -1, ())
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        path = known.folder / "events.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if size != known.size:
            known.size, known.events = size, tuple(_event(line) for line in read_events(known.folder))
        return known.events


def _event(line: dict[str, object]) -> ScanEvent:
    details = {name: value for name, value in line.items() if name not in COMMON}
    return ScanEvent.model_validate({name: line[name] for name in COMMON} | {"details": details})
