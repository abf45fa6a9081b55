"""The folder of scans: where each thing lies, how it is written, who may write it.

DATA/<scan>/scan.json             written by ingest alone, whole, by rename
            start.npz             arrays that came with `start`
            segments/*.h5         the recording (recording.py)
            events.jsonl          appended by all, a line an event
            reconstructions/<n>/  written by the worker alone (results.py)
DATA/armed/<key's slug>.json      what REST wants to run on the next scan of that key; ingest takes it up
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from service.descriptions import Metadata, ReconstructionSpec
from service.states import ScanState
from service.statuses import ScanStatus
from service.wire import Start

SCAN_FILE = "scan.json"
ARMED_FOLDER = "armed"
MAX_DEPTH = 5
"""Folders below the data folder in which scans are looked for."""
MAX_NAME = 100
"""Characters of metadata in a folder's name; no file system takes more than 255."""


TOTALS = ("received", "positions", "paired", "lost", "duplicated", "refused")
"""Counters that are kept with a scan; statuses.ScanStatus says what they mean."""


class ScanRecord(BaseModel):
    """scan.json: everything about a scan that is not in its recording."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    id: str
    key: str
    state: ScanState
    message: str = ""
    """Why it is in this state, where there is something to say."""
    created_ns: int
    start: Start | None = None
    """None while it is only armed."""
    reconstruction: ReconstructionSpec | None = None
    """What REST armed for it."""
    metadata: Metadata = {}
    """From `start` and from REST, which wins."""
    counts: dict[str, int] = {}
    """Rows sent, by stream, once that stream's `end` came."""
    totals: dict[str, int] = {}
    """received, positions, paired, lost, duplicated, refused: as they stood at the last change of state."""


class UnknownScanError(LookupError):
    """No scan has this id."""


def mint_id(key: str) -> str:
    """A new scan's id: time, the key as far as it can stand in a path, and four random letters."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{slug(key)[:40]}-{secrets.token_hex(2)}"


def slug(text: str) -> str:
    """Text that can stand in a path or URL as one part."""
    return re.sub(r"[^A-Za-z0-9_+-]+", "-", text).strip("-") or "scan"


def scan_path(data: Path, template: str, scan: str, key: str, metadata: Mapping[str, Any]) -> Path:
    """Folder of a new scan by the site's template; a name that the metadata lacks reads "unknown"."""
    names = {"scan": scan, "key": slug(key), "date": scan[:8]}
    known = {name: slug(str(value))[:MAX_NAME] for name, value in metadata.items()} | names
    relative = re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], "unknown"), template)
    path = (data / relative).resolve()
    if not path.is_relative_to(data.resolve()):
        raise ValueError(f"scan_directory: expected a folder under {data}, got {relative!r}")
    return path


def write_json(path: Path, content: str) -> None:
    """Replace a file as a whole, so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(content)
    temporary.replace(path)


def write_scan(folder: Path, record: ScanRecord) -> None:
    """Write scan.json."""
    write_json(folder / SCAN_FILE, record.model_dump_json(indent=1, exclude_defaults=True))


def read_scan(folder: Path) -> ScanRecord:
    """Read scan.json."""
    return ScanRecord.model_validate_json((folder / SCAN_FILE).read_bytes())


def status_of(record: ScanRecord) -> ScanStatus:
    """A scan's state as clients see it, as far as scan.json knows it."""
    start = record.start
    return ScanStatus(
        id=record.id,
        key=record.key,
        state=record.state,
        message=record.message,
        created_ns=record.created_ns,
        planned=start.planned if start else None,
        frame_shape=start.frame_shape if start else None,
        metadata=record.metadata,
        **{name: record.totals.get(name, 0) for name in TOTALS},
    )


def scan_folders(data: Path) -> dict[str, Path]:
    """Every scan's folder by its id, newest last; the template may have put it some folders deep."""
    found = _scans_below(data, MAX_DEPTH)
    return {folder.name: folder for folder in sorted(found, key=lambda each: each.name)}


def _scans_below(folder: Path, depth: int) -> Iterator[Path]:
    """Folders with a scan.json; what is below one is its own affair and not looked at."""
    try:
        children = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
    except (FileNotFoundError, PermissionError):  # a disk of its own has a lost+found that only root may look into
        return
    for child in children:
        if os.path.isfile(child / SCAN_FILE):
            yield child
        elif depth > 1:
            yield from _scans_below(child, depth - 1)


def find_scan(data: Path, scan: str) -> Path:
    """Folder of a scan; raises `UnknownScanError`."""
    folder = data / scan
    if slug(scan) == scan and (folder / SCAN_FILE).is_file():
        return folder
    try:
        return scan_folders(data)[scan]
    except KeyError:
        raise UnknownScanError(f"no scan {scan!r} under {data}") from None


def armed_path(data: Path, key: str) -> Path:
    """Where the next scan of this key lies while it is only armed."""
    return data / ARMED_FOLDER / f"{slug(key)}.json"


def armed_scans(data: Path) -> list[ScanRecord]:
    """What is armed, oldest first; a file that cannot be understood is passed over."""
    records = []
    for path in (data / ARMED_FOLDER).glob("*.json"):
        with suppress(ValueError):  # told of when it is asked for by its key
            records.append(ScanRecord.model_validate_json(path.read_bytes()))
    return sorted(records, key=lambda record: record.created_ns)


def write_start_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep the arrays that came with `start`."""
    if arrays:
        np.savez(folder / "start.npz", allow_pickle=False, **arrays)


def read_start_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays that came with `start`: plan, probe, mask, background, as far as there are any.

    Raises ValueError for a file that is damaged.
    """
    path = folder / "start.npz"
    if not path.exists():
        return {}
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (BadZipFile, EOFError) as error:
        raise ValueError(f"{path.name}: expected the arrays of the scan's start, it is damaged: {error}") from error


def log_event(folder: Path, author: str, event: str, **details: Any) -> None:
    """Append a line to the scan's event log."""
    line = json.dumps({"ts_ns": time.time_ns(), "author": author, "event": event} | details, default=str)
    with (folder / "events.jsonl").open("a") as file:
        file.write(line + "\n")


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """The scan's event log, oldest first; a line cut off by a crash is passed over."""
    path = folder / "events.jsonl"
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
