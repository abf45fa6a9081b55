"""The same runs by the real service: frames are replayed through sockets into processes, as at a beamline."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from engines.evaluation import nmse
from engines.simulate import Scan
from service.demo import command, fetch, free_port, running, wait_until
from service.formats.result import Result, read_result
from service.simulated import write_simulated
from service.states import RECONSTRUCTION_OVER
from service.tables import METRIC_COLUMNS
from studies.presets import Kind
from studies.realtime import GROWING, RealtimeCase
from studies.reconstruction import COLUMNS
from studies.sample import initial_probe_words
from studies.store import Record, Store
from studies.work import Task, Tell

FRAME_DELAY_S = 0.005
POLL_S = 0.2


class ServiceRunError(OSError):
    """A run of the service that did not end well; says how it ended."""


@dataclass(frozen=True)
class Service:
    """`ptycholive serve`, running."""

    data: Path
    url: str
    endpoint: str
    threads: int
    process: subprocess.Popen[bytes]


@contextmanager
def serving(folder: Path, threads: int) -> Iterator[Service]:
    """A service with its recordings in `folder`, ended when the block is left; it says what it has to say in a log."""
    http, wire = free_port(18000), free_port(15555)
    data, endpoint = folder / "data", f"tcp://127.0.0.1:{wire}"
    options = [f"--port={http}", f"--ingest={endpoint}", f"--data={data}", f"--files={folder}", f"--threads={threads}"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "service.log").open("wb") as log, running(command("serve", *options), log) as process:
        url = f"http://127.0.0.1:{http}"
        with httpx.Client(base_url=url, timeout=5) as client:
            wait_until("service", lambda: (fetch(client, "health") or {}).get("status") == "ok", process)
        yield Service(data, url, endpoint, threads, process)


@dataclass(frozen=True)
class SocketRuns:
    """The runs of a case by a running service: the live ones through its sockets, the offline one by the command line.
    Another start has no name on the command line: the control stays in this process. The run that is to be faster is
    left out, as the service keeps no errors against a truth.
    """

    of: RealtimeCase
    service: Service

    def tasks(self, store: Store, kinds: list[Kind]) -> Iterator[Task]:
        """As those in one process, done otherwise."""
        kinds = [kind for kind in kinds if kind != "rpie-then-dm"]
        for kind, task in zip(kinds, self.of.tasks(store, kinds), strict=True):
            by_service = Task(task.name, task.weight, partial(self._perform, kind, store.folder), task.needs)
            yield task if kind == "control" else by_service

    def _perform(self, kind: Kind, folder: Path, tell: Tell) -> Record:
        scan = self.of.scan()
        file = folder / "scans" / f"{self.of.case.name}.h5"
        if not file.exists():
            write_simulated(file, scan, {"title": self.of.case.name})
        result = self._live(kind, file, tell) if kind in GROWING else self._offline(file)
        return _record(result, scan, self.of)

    def _live(self, kind: Kind, file: Path, tell: Tell) -> Result:
        """Send the scan, and wait for the result."""
        with httpx.Client(base_url=self.service.url, timeout=30) as client:
            known = {scan["id"] for scan in fetch(client, "scans") or []}
            options = [f"--to={self.service.endpoint}", f"--frame-delay={FRAME_DELAY_S}s", *self._engine()]
            subprocess.run(command("replay", str(file), *options, *self._policy(kind)), check=True, capture_output=True)
            while (status := _newest(client, known)) is None or status["state"] not in RECONSTRUCTION_OVER:
                if self.service.process.poll() is not None:
                    raise ServiceRunError(f"service: expected it to run, it ended: see {self.service.data.parent}")
                if status is not None:
                    tell(min(1.0, status["iteration"] / self.of.planned))
                time.sleep(POLL_S)
        if status["state"] != "finished":
            raise ServiceRunError(
                f"{status['id']}: expected it to finish, it is {status['state']}: {status['message']}"
            )
        return read_result(self.service.data / status["result"])

    def _offline(self, file: Path) -> Result:
        out = file.with_suffix(".offline.cxi")
        options = [f"--iterations={self.of.planned}", f"--threads={self.service.threads}", f"--out={out}"]
        subprocess.run(command("reconstruct", str(file), *self._engine(), *options), check=True, capture_output=True)
        return read_result(out)

    def _engine(self) -> list[str]:
        preset = self.of.preset
        return ["--engine=dm", f"--set=dm.alpha={preset.alpha}", f"--probe={initial_probe_words(preset.size)}"]

    def _policy(self, kind: Kind) -> list[str]:
        """Options of the replay; small chunks get as many iterations in all as the others."""
        preset = self.of.preset
        chunk = preset.small_chunk if kind == "small-chunks" else preset.chunk
        policy = self.of.policy(chunk)
        growing = math.ceil((preset.frames - max(chunk, policy.start_after)) / chunk)
        before = growing * (policy.iterations_per_chunk or 0)
        return [
            f"--chunk={chunk}",
            f"--iterations-per-chunk={policy.iterations_per_chunk}",
            f"--final-iterations={self.of.planned - before}",
        ]


def _newest(client: httpx.Client, known: set[str]) -> dict[str, Any] | None:
    """The reconstruction of the scan that was not known, once it is there."""
    for scan in fetch(client, "scans") or []:
        if scan["id"] not in known and scan["reconstructions"]:
            status: dict[str, Any] | None = fetch(client, f"reconstructions/{scan['reconstructions'][-1]}")
            return status
    return None


def _record(result: Result, scan: Scan, of: RealtimeCase) -> Record:
    """A result file as a record: the service does not know the truth, so only the last error is against it."""
    curve = np.full((len(result.metrics), len(COLUMNS)), math.nan)
    for name in ("iteration", "frames", "seconds", "error"):
        curve[:, COLUMNS.index(name)] = result.metrics[:, METRIC_COLUMNS.index(name)]
    object = result.object[0]
    curve[-1, COLUMNS.index("nmse")] = nmse(object, scan.object.numpy(), of.box(scan))
    return Record(object=object, probe=result.probe, curve=curve, columns=COLUMNS)
