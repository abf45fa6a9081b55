"""Replays that REST may ask for."""

import pytest
from pydantic import ValidationError

from service.replays import ReplayRequest


def test_a_probe_from_a_file_is_refused() -> None:
    assert ReplayRequest(file="scan.cxi", probe="round:50nm,defocus=980um").probe
    with pytest.raises(ValidationError, match="files are not read"):
        ReplayRequest(file="scan.cxi", probe="/etc/secret.h5:/probe")
