"""The founding study as CI keeps it: through the real service, with bounds of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import command


@pytest.mark.timeout(900)  # a minute or two where the machine is free
def test_live_equals_offline_through_real_sockets(tmp_path: Path) -> None:
    out = tmp_path / "study"
    study = command("study", "realtime-vs-offline", "--quick", "--no-figures", "--out", out)
    ended = subprocess.run(study, capture_output=True, text=True, timeout=850)
    told = json.loads((out / "results.json").read_text())
    missed = [rule for rule in told["rules"] if rule["holds"] is False]
    assert ended.returncode == 0, missed or ended.stderr
    assert {rule["number"] for rule in told["rules"] if rule["holds"]} == {1, 2, 3, 5}
    assert (out / "service" / "data").is_dir(), "the live runs were recorded by the service"
