"""The folder of a reconstruction: what the worker keeps and the API reads.

DATA/<scan>/reconstructions/<n>/config.json    what was asked for (ReconstructionSpec, resolved), and changed since
                                status.json    ReconstructionStatus, as of its last change of state
                                metrics.f64    rows of METRIC_COLUMNS (tables.py)
                                positions.f64  rows of POSITION_COLUMNS
                                checkpoint.h5  latest Snapshot
                                survey.h5      latest Survey: scan map and diffraction patterns
                                snapshots/     earlier Snapshots, about every 15 % more iterations, by iteration
                                result.cxi     when it is over
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from service.descriptions import ReconstructionSpec
from service.logs import get_log
from service.scans import find_scan, scan_folders, write_json
from service.statuses import ReconstructionStatus

RECONSTRUCTIONS_FOLDER = "reconstructions"


class UnknownReconstructionError(LookupError):
    """No reconstruction has this id."""


def reconstruction_id(scan: str, number: int) -> str:
    """Id of a scan's `number`-th reconstruction, counted from 1."""
    return f"{scan}.{number}"


def find_reconstruction(data: Path, reconstruction: str) -> Path:
    """Folder of a reconstruction; raises `UnknownReconstructionError`."""
    scan, _, number = reconstruction.rpartition(".")
    if scan and number.isdigit():
        folder = find_scan(data, scan) / RECONSTRUCTIONS_FOLDER / number
        if (folder / "status.json").is_file():
            return folder
    raise UnknownReconstructionError(f"no reconstruction {reconstruction!r}; an id reads <scan>.<number>")


def next_number(scan_folder: Path) -> int:
    """Number of the scan's next reconstruction."""
    return 1 + max((int(each.name) for each in reconstruction_folders(scan_folder)), default=0)


def reconstruction_folders(scan_folder: Path) -> Iterator[Path]:
    """Folders of a scan's reconstructions, oldest first."""
    folders = [each for each in (scan_folder / RECONSTRUCTIONS_FOLDER).glob("*") if each.name.isdigit()]
    yield from sorted(folders, key=lambda each: int(each.name))


def write_config(folder: Path, spec: ReconstructionSpec) -> None:
    """Write config.json."""
    write_json(folder / "config.json", spec.model_dump_json(indent=1, exclude_defaults=True))


def read_config(folder: Path) -> ReconstructionSpec:
    """Read config.json."""
    return ReconstructionSpec.model_validate_json((folder / "config.json").read_bytes())


def write_status(folder: Path, status: ReconstructionStatus) -> None:
    """Write status.json."""
    write_json(folder / "status.json", status.model_dump_json(indent=1))


def read_status(folder: Path) -> ReconstructionStatus:
    """Read status.json."""
    return ReconstructionStatus.model_validate_json((folder / "status.json").read_bytes())


def read_statuses(scan_folder: Path) -> list[ReconstructionStatus]:
    """Every reconstruction of a scan, oldest first; one whose state cannot be read is passed over, and logged."""
    statuses = []
    for folder in reconstruction_folders(scan_folder):
        try:
            statuses.append(read_status(folder))
        except FileNotFoundError:  # it has only just begun
            continue
        except (OSError, ValueError) as error:
            get_log(scan=scan_folder.name).error("status.json unreadable", reconstruction=folder.name, error=str(error))
    return statuses


def moment_files(folder: Path) -> dict[int, Path]:
    """The snapshots that are kept as history, by iteration, in order."""
    files = sorted((folder / "snapshots").glob("*.h5"))
    return {int(path.stem): path for path in files if path.stem.isdigit()}


def last_good(data: Path, probe_shape: tuple[int, int, int], pixel_m: float) -> Path | None:
    """Folder of the newest finished reconstruction whose probe has this shape and these pixels, if there is one."""
    for folder in reversed(scan_folders(data).values()):
        for status in reversed(read_statuses(folder)):
            known = status.state == "finished" and status.error is not None and status.pixel_m is not None
            if known and status.probe_shape == probe_shape and math.isclose(status.pixel_m or 0, pixel_m, rel_tol=1e-6):
                return find_reconstruction(data, status.id)
    return None
