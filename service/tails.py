"""The ends of series: looked at when a reconstruction's state is news, and read and encoded once for all who lack the
same rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from service.browser import Series, encode
from service.tables import METRIC_COLUMNS, POSITION_COLUMNS, count_rows, read_table

SeriesName = Literal["metrics", "positions"]
TABLES: dict[SeriesName, tuple[str, tuple[str, ...]]] = {
    "metrics": ("metrics.f64", METRIC_COLUMNS),
    "positions": ("positions.f64", POSITION_COLUMNS),
}
MESSAGE_ROWS = 20_000
"""Rows in one message, so that a long history does not hold up what follows."""
KEPT_MESSAGES = 16
KEPT_ENDS = 64


class Tail(NamedTuple):
    """Rows as a message, ready to be sent."""

    end: int
    """The row after its last."""
    data: bytes


class Tails:
    """Series of all reconstructions, from any row on."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder = folder
        self._ends: OrderedDict[tuple[str, SeriesName], int] = OrderedDict()
        self._messages: OrderedDict[tuple[str, SeriesName, int, int], bytes] = OrderedDict()

    def look_again(self, reconstruction: str) -> None:
        """There may be more rows now."""
        for name in TABLES:
            self._ends.pop((reconstruction, name), None)

    def after(self, reconstruction: str, name: SeriesName, start: int) -> Tail | None:
        """The rows from `start` on, as many as go into one message; None where there are none yet.

        Raises `UnknownReconstructionError`.
        """
        end = min(self._end(reconstruction, name), start + MESSAGE_ROWS)
        if end <= start:
            return None
        key = (reconstruction, name, start, end)
        data = self._messages.get(key)
        if data is None:
            data = self._messages[key] = self._read(*key)
            while len(self._messages) > KEPT_MESSAGES:
                self._messages.popitem(last=False)
        return Tail(end, data)

    def _read(self, reconstruction: str, name: SeriesName, start: int, end: int) -> bytes:
        filename, columns = TABLES[name]
        rows = read_table(self._folder(reconstruction) / filename, len(columns), start)[: end - start]
        return encode(Series(t=name, reconstruction=reconstruction, start=start, columns=columns, data=rows.tobytes()))

    def _end(self, reconstruction: str, name: SeriesName) -> int:
        key = (reconstruction, name)
        if key not in self._ends:
            filename, columns = TABLES[name]
            self._ends[key] = count_rows(self._folder(reconstruction) / filename, len(columns))
            while len(self._ends) > KEPT_ENDS:
                self._ends.popitem(last=False)
        return self._ends[key]
