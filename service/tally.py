"""What ingest counts: problems, and the numbers of messages that are recorded."""

from __future__ import annotations

import time

import structlog

MAX_RANGES = 200
"""Ranges in one acknowledgement; a sender that skips message numbers gets the newest ones."""


class Problems:
    """What was refused or failed: counted all, remembered the last, logged at most once a second."""

    def __init__(self, log: structlog.typing.FilteringBoundLogger) -> None:
        self.count = 0
        self.last = ""
        self._log = log
        self._unsaid = 0
        self._said = -1.0

    def add(self, text: str, count: int = 1) -> None:
        """Note a problem; `count` is 0 where the rows it concerns are counted elsewhere."""
        self.count += count
        self.last = text
        self._unsaid += 1
        if time.monotonic() - self._said >= 1:
            self._log.warning("refused", why=text, problems=self._unsaid)
            self._unsaid, self._said = 0, time.monotonic()


class Ranges:
    """Whole numbers as sorted ranges (first, last)."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def add(self, number: int) -> None:
        """Put a number in; at the end, where most go, this costs next to nothing."""
        ranges = self._ranges
        at = len(ranges)
        while at and ranges[at - 1][0] > number:
            at -= 1
        if at and number <= ranges[at - 1][1]:
            return
        first = last = number
        if at < len(ranges) and ranges[at][0] == number + 1:
            last = ranges.pop(at)[1]
        if at and ranges[at - 1][1] == number - 1:
            at -= 1
            first = ranges.pop(at)[0]
        ranges.insert(at, (first, last))

    def newest(self) -> tuple[tuple[int, int], ...]:
        """The ranges, of the highest numbers if there are too many."""
        return tuple(self._ranges[-MAX_RANGES:])
