"""Append-only tables of float64: a reconstruction's metrics and positions, on disk as they are sent.

A row is appended with one unbuffered write, so that readers in other processes see whole rows only, and what
a killed writer left is cut to whole rows when it is opened again.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

METRIC_COLUMNS = ("iteration", "frames", "error", "r_factor", "seconds")
"""iteration number; frames admitted; relative amplitude error; R-factor (NaN where not computed); seconds of
wall time since the reconstruction started."""
POSITION_COLUMNS = ("index", "row", "col")
"""frame index; position of the probe window's centre on the object, in pixels of the full object."""


class TableWriter:
    """Appends rows to a table; `rows` counts them, those of earlier runs included."""

    def __init__(self, path: Path, columns: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._columns = columns
        self.rows = path.stat().st_size // (8 * columns)
        self._file.truncate(self.rows * 8 * columns)

    def append(self, rows: ArrayLike) -> None:
        """Add rows, (n, columns), all or none of them; raises OSError where the disk is full."""
        values = np.atleast_2d(np.asarray(rows, "<f8"))
        if values.shape[1] != self._columns:
            raise ValueError(f"table: expected rows of {self._columns} numbers, got {values.shape[1]}")
        data = values.tobytes()
        if self._file.write(data) != len(data):  # the disk filled up within a row; half of it would shift all others
            self._file.truncate(self.rows * 8 * self._columns)
            raise OSError(errno.ENOSPC, f"{self._file.name}: {os.strerror(errno.ENOSPC)}")
        self.rows += len(values)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def count_rows(path: Path, columns: int) -> int:
    """Whole rows of a table; none if there is no table yet."""
    return path.stat().st_size // (columns * 8) if path.exists() else 0


def read_table(path: Path, columns: int, start: int = 0) -> NDArray[np.float64]:
    """Whole rows from `start` on, (n, columns); none if there is no table yet."""
    if not path.exists():
        return np.empty((0, columns))
    with path.open("rb") as file:
        file.seek(start * columns * 8)
        data = file.read()
    whole = len(data) // (columns * 8) * columns * 8
    return np.frombuffer(data[:whole], "<f8").reshape(-1, columns)
