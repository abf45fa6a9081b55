"""Folders, states and tables: what is kept, and what may follow what."""

import errno
import os
import resource
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config import ConfigError, Settings, load_settings
from service.reconstructions import UnknownReconstructionError, find_reconstruction
from service.scans import UnknownScanError, find_scan, mint_id, scan_folders, scan_path, slug
from service.states import (
    RECONSTRUCTION_TRANSITIONS,
    SCAN_TRANSITIONS,
    ReconstructionState,
    ScanState,
    TransitionError,
    next_reconstruction_state,
    next_scan_state,
)
from service.tables import TableWriter, read_table


@given(st.text(min_size=1, max_size=200), st.dictionaries(st.sampled_from(["proposal", "user"]), st.text(max_size=50)))
def test_no_key_and_no_metadata_lead_out_of_the_data_folder(key: str, metadata: dict[str, str]) -> None:
    scan = mint_id(key)
    path = scan_path(Path("/data"), "{proposal}/{user}/{key}/{missing}/{scan}", scan, key, metadata)
    assert path.is_relative_to("/data") and path.name == scan and len(path.parts) == 7


def test_template_must_end_in_the_scan() -> None:
    with pytest.raises(ConfigError, match="must end in"):
        load_settings(scan_directory="{proposal}")


@pytest.mark.parametrize("name", ["nothing", "../secret", "a/b", "", "."])
def test_unknown_scans_and_reconstructions(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownScanError):
        find_scan(tmp_path, name)
    with pytest.raises((UnknownScanError, UnknownReconstructionError)):
        find_reconstruction(tmp_path, f"{name}.1")


def test_a_long_name_in_the_metadata_makes_no_folder_that_cannot_be(tmp_path: Path) -> None:
    path = scan_path(tmp_path, "{sample}/{scan}", "a-scan", "key", {"sample": "x" * 300})
    path.mkdir(parents=True)
    assert path.is_dir() and path.parent.name == "x" * 100


def test_folders_that_nobody_may_look_into_hold_no_scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lost+found").mkdir()  # as on every disk of its own; root, who may, runs these tests too
    scandir, stat = os.scandir, os.stat

    def denied(path: Any, inside: str) -> None:
        if inside in os.fspath(path):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))

    monkeypatch.setattr(os, "scandir", lambda path: denied(path, "lost+found") or scandir(path))
    monkeypatch.setattr(os, "stat", lambda path, **how: denied(path, "lost+found/") or stat(path, **how))
    assert scan_folders(tmp_path) == {}


def test_slug_is_one_part_of_a_path() -> None:
    assert slug("../../a b:c") == "a-b-c" and slug("...") == "scan"


def test_every_state_is_in_its_table_and_the_ends_are_ends() -> None:
    assert set(SCAN_TRANSITIONS) == set(get_args(ScanState))
    assert set(RECONSTRUCTION_TRANSITIONS) == set(get_args(ReconstructionState))
    assert next_scan_state("stalled", "receiving") == "receiving"
    with pytest.raises(TransitionError, match="scan that is ended cannot become receiving; allowed: nothing"):
        next_scan_state("ended", "receiving")
    with pytest.raises(TransitionError, match=r"allowed: .*paused"):
        next_reconstruction_state("running", "refused")


def test_table_grows_by_whole_rows_and_heals_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.f64"
    writer = TableWriter(path, 3)
    writer.append((1, 2, 3))
    writer.append([(4, 5, 6), (7, 8, float("nan"))])
    with pytest.raises(ValueError, match="expected rows of 3 numbers, got 2"):
        writer.append((1, 2))
    writer.close()
    with path.open("ab") as file:
        file.write(b"torn")
    assert read_table(path, 3, start=1).shape == (2, 3)
    again = TableWriter(path, 3)
    assert again.rows == 3
    again.close()
    assert path.stat().st_size == 3 * 24
    assert np.array_equal(read_table(path, 3)[0], (1, 2, 3))
    assert read_table(tmp_path / "none", 3).shape == (0, 3)


def test_a_row_that_the_disk_takes_only_half_is_not_there(tmp_path: Path) -> None:
    writer = TableWriter(tmp_path / "metrics.f64", 3)
    writer.append((1, 2, 3))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (24 + 8, before[1]))  # a disk that fills up within the second row
        with pytest.raises(OSError, match="No space left"):
            writer.append((4, 5, 6))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.append((7, 8, 9))
    writer.close()
    assert read_table(tmp_path / "metrics.f64", 3).tolist() == [[1, 2, 3], [7, 8, 9]]


def test_sockets_lie_in_one_place_and_long_paths_are_refused(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, runtime=tmp_path / "run")
    assert settings.socket("worker-events") == f"ipc://{tmp_path}/run/worker-events"
    with pytest.raises(ConfigError, match="at most 100 characters"):
        Settings(data=tmp_path, runtime=tmp_path / ("x" * 100)).socket("worker-events")
