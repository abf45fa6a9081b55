"""Which scan a message belongs to: that of its sender's key and run, as far as it is still known."""

from __future__ import annotations

from service.reception import Reception
from service.wire import Message

KEPT_OVER = 32
"""Scans that are over and still known, so that what is sent again is told from what is new."""


class Runs:
    """The scans that are received, and the latest that were."""

    def __init__(self) -> None:
        self.by_id: dict[str, Reception] = {}
        self._by_run: dict[tuple[str, str], Reception] = {}
        self._newest: dict[str, Reception] = {}

    def add(self, reception: Reception) -> None:
        """The newest scan of its key; of those that are over the oldest is forgotten."""
        self.by_id[reception.record.id] = reception
        self._by_run[reception.start.scan, reception.start.run] = reception
        self._newest[reception.start.scan] = reception
        over = [each for each in self.by_id.values() if each.over and not each.news]
        for each in over[: max(0, len(over) - KEPT_OVER)]:
            self._forget(each)

    def of(self, message: Message) -> Reception | None:
        """The scan that a message belongs to, if its start came."""
        return self._by_run.get((message.scan, message.run))

    def newest(self, key: str) -> Reception | None:
        """The latest scan of this key, whoever sends it."""
        return self._newest.get(key)

    def _forget(self, reception: Reception) -> None:
        start = reception.start
        del self.by_id[reception.record.id]
        if self._by_run.get((start.scan, start.run)) is reception:
            del self._by_run[start.scan, start.run]
        if self._newest.get(start.scan) is reception:
            del self._newest[start.scan]
