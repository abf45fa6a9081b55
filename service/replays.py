"""Replays asked for over REST: each a process of its own, of files under the configured folders only."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Lt
from pydantic import BaseModel, ConfigDict, field_validator

from service.config import Settings
from service.logs import get_log

SUFFIXES = {".h5", ".hdf5", ".cxi", ".nxs"}
MAX_LISTED = 1000


class ReplayRequest(BaseModel):
    """A recorded scan to be sent as if it were measured now."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    file: str
    """One of the files that GET /replays lists."""
    frame_delay_s: Annotated[float, Ge(0), Lt(3600)] = 0.1
    """Seconds between two frames; 0 is as fast as it goes."""
    chunk: Annotated[int, Gt(0)] = 25
    """Frames that the live reconstruction takes in together."""
    probe: str | None = None
    """Initial probe: a specification such as ``round:50nm,defocus=980um``."""
    engine: str | None = None
    """Engine by name; default: the service's."""

    @field_validator("probe")
    @classmethod
    def _no_file(cls, value: str | None) -> str | None:
        if value is not None and ":/" in value:  # FILE:/dataset of the command line: any file of this machine
            raise ValueError("expected a specification such as round:50nm,defocus=980um; files are not read for REST")
        return value


class ReplayStatus(BaseModel):
    """A replay that was started here."""

    id: str
    pid: int
    file: str
    running: bool
    exit_code: int | None = None
    message: str = ""
    """Its last line on standard error, where it failed."""


class Replays:
    """Starts, lists and stops replay processes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes: dict[str, tuple[asyncio.subprocess.Process, str]] = {}
        self._messages: dict[str, str] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self._ids = itertools.count(1)

    def files(self) -> list[str]:
        """Files that may be replayed, relative to their folder's parent; what the service itself wrote is left out."""
        own = self._settings.data.resolve()
        found = [
            f"{root.resolve().name}/{path.relative_to(root)}"
            for root in self._settings.files
            for path in sorted(root.rglob("*"))
            if path.suffix in SUFFIXES and path.is_file() and not path.resolve().is_relative_to(own)
        ]
        return found[:MAX_LISTED]

    def resolve(self, file: str) -> Path:
        """Path of a listed file; raises LookupError for anything outside the configured folders."""
        for root in self._settings.files:
            path = (root.resolve().parent / file).resolve()
            if path.is_relative_to(root.resolve()) and path.suffix in SUFFIXES and path.is_file():
                return path
        raise LookupError(f"file: expected one of those that GET /api/v1/replays lists, got {file!r}")

    async def start(self, request: ReplayRequest) -> ReplayStatus:
        """Start a replay process; raises LookupError for a file that is not offered."""
        path = self.resolve(request.file)
        arguments = ["replay", str(path), "--to", self._settings.ingest, "--chunk", str(request.chunk)]
        arguments += ["--frame-delay", str(request.frame_delay_s)]
        arguments += [f"--probe={request.probe}"] if request.probe else []
        arguments += [f"--engine={request.engine}"] if request.engine else []
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        name = str(next(self._ids))
        self._processes[name] = (process, request.file)
        watching = asyncio.create_task(self._watch(name, process))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)
        return self.status(name)

    async def _watch(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            if text := line.decode(errors="replace").strip():
                self._messages[name] = text[-500:]
        get_log().info("replay over", replay=name, exit_code=await process.wait())

    def status(self, name: str) -> ReplayStatus:
        """State of a replay; raises LookupError if there is none of this id."""
        if name not in self._processes:
            raise LookupError(f"no replay {name!r}")
        process, file = self._processes[name]
        failed = process.returncode not in (None, 0)
        return ReplayStatus(
            id=name,
            pid=process.pid,
            file=file,
            running=process.returncode is None,
            exit_code=process.returncode,
            message=self._messages.get(name, "") if failed else "",
        )

    def statuses(self) -> list[ReplayStatus]:
        """Every replay since this process began."""
        return [self.status(name) for name in self._processes]

    def stop(self, name: str) -> ReplayStatus:
        """Ask a replay to end; it aborts its scan."""
        status = self.status(name)
        if status.running:
            self._processes[name][0].terminate()
        return status

    async def close(self) -> None:
        """End all replays."""
        for process, _ in self._processes.values():
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*self._watching, return_exceptions=True)
