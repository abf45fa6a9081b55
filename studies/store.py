"""What a study has done so far, on disk: one file a run, so that an interrupted study goes on where it was."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studies.sample import SAMPLE

PRESET = "preset.json"


class StoreError(ValueError):
    """A folder that cannot be used for this study; says why."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one run leaves behind."""

    object: NDArray[np.complex64]
    """(row, col)."""
    probe: NDArray[np.complex64]
    """(mode, y, x)."""
    curve: NDArray[np.float64]
    """(iteration, column); see `columns`."""
    columns: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)
    """Anything else, as JSON can hold it."""

    def column(self, name: str) -> NDArray[np.float64]:
        """One column of the curve."""
        values: NDArray[np.float64] = self.curve[:, self.columns.index(name)]
        return values


class Store:
    """A folder of records under names. Several processes may work on one folder: each claims what it does."""

    def __init__(self, folder: Path, preset: dict[str, Any]) -> None:
        """Open or make the folder; refused where it holds what another preset, or another sample, gave."""
        self.folder = folder
        self.runs = folder / "runs"
        self.runs.mkdir(parents=True, exist_ok=True)
        path, text = folder / PRESET, json.dumps(preset | {"sample": SAMPLE}, indent=1, sort_keys=True)
        if path.exists() and path.read_text() != text:
            raise StoreError(f"{folder}: expected an empty folder or one of this preset, it holds another: see {path}")
        _write(path, text.encode())

    def has(self, name: str) -> bool:
        """Whether the run is done."""
        return self._path(name).exists()

    def load(self, name: str) -> Record | None:
        """A run that is done, or None."""
        if not self.has(name):
            return None
        with np.load(self._path(name), allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            return Record(
                object=file["object"],
                probe=file["probe"],
                curve=file["curve"],
                columns=tuple(about.pop("columns")),
                about=about,
            )

    def keep(self, name: str, record: Record) -> None:
        """Keep a run; it appears once it is complete."""
        partial = self.runs / f".{name}.{os.getpid()}.npz"
        about = json.dumps(record.about | {"columns": record.columns})
        np.savez(partial, object=record.object, probe=record.probe, curve=record.curve, about=np.array(about))
        partial.replace(self._path(name))

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Whether this process may do the run: false where another one is at it. The claim ends with the block, or with
        the process, however that ends.
        """
        path = self.runs / f".{name}.lock"
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            try:
                yield True
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _path(self, name: str) -> Path:
        return self.runs / f"{name}.npz"


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
