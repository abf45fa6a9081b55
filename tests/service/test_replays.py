"""Replays that REST may ask for."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.config import Settings
from service.replays import ReplayRequest, Replays


def test_a_probe_from_a_file_is_refused() -> None:
    assert ReplayRequest(file="scan.cxi", probe="round:50nm,defocus=980um").probe
    with pytest.raises(ValidationError, match="files are not read"):
        ReplayRequest(file="scan.cxi", probe="/etc/secret.h5:/probe")


@pytest.mark.parametrize("file", ["a\x00b.h5", "\ud800.h5", "../../etc/passwd", ""])
def test_a_name_that_no_file_has_is_not_found(tmp_path: Path, file: str) -> None:
    with pytest.raises(LookupError, match="expected one of those"):
        Replays(Settings(files=(tmp_path,))).resolve(file)
