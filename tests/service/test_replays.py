"""Replays that REST may ask for."""

import asyncio
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


def test_ingest_that_listens_everywhere_is_sent_to_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    async def refuse(*command: str, **_: object) -> None:
        called.extend(command)
        raise OSError("enough")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    (tmp_path / "a.h5").touch()
    replays = Replays(Settings(files=(tmp_path,), ingest="tcp://*:5555"))
    with pytest.raises(OSError, match="enough"):
        asyncio.run(replays.start(ReplayRequest(file=f"{tmp_path.name}/a.h5")))
    assert called[called.index("--to") + 1] == "tcp://127.0.0.1:5555"
