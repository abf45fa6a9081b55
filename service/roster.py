"""The scans and reconstructions that this worker works on: taken up, started, steered, let go."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.probes import probe_from_array
from service.checks import memory_refusal
from service.commands import CommandError
from service.config import Settings
from service.descriptions import EngineSpec, ReconstructionSpec
from service.logs import get_log
from service.reconstructions import (
    RECONSTRUCTIONS_FOLDER,
    last_good,
    next_number,
    read_config,
    read_statuses,
    reconstruction_id,
    write_config,
    write_status,
)
from service.runner import TARGETS, Action, Publisher, Runner
from service.scans import ScanRecord, find_scan, log_event, read_scan, scan_folders
from service.session import ScanSession
from service.setup import Setup, free_bytes, total_bytes
from service.snapshot import Snapshot
from service.specs import GIVEN, chain_text, check_spec, merge_specs
from service.states import RECONSTRUCTION_OVER
from service.statuses import ReconstructionStatus

FALLBACK = ReconstructionSpec(engine=EngineSpec(name="rpie"))
"""What a specification that names no engine gets, where the configuration names none either."""


class Roster:
    """Sessions and runners by id. Commands come from one thread, filling and computing from two others."""

    def __init__(self, settings: Settings, device: torch.device, publisher: Publisher) -> None:
        self.settings = settings
        self.device = device
        self._publisher = publisher
        self._sessions: dict[str, ScanSession] = {}
        self._runners: dict[str, Runner] = {}
        self._seen: set[str] = set()
        self._lock = threading.RLock()
        self._log = get_log()

    @property
    def sessions(self) -> list[ScanSession]:
        """Scans that are open."""
        return list(self._sessions.values())

    @property
    def runners(self) -> list[Runner]:
        """Reconstructions that are not over, those of running scans first."""
        runners = [runner for runner in list(self._runners.values()) if not runner.over]
        return sorted(runners, key=lambda runner: runner.session.over)

    # ---- scans

    def knows(self, scan: str, state: str) -> bool:
        """Whether a scan's state is no news here."""
        session = self._sessions.get(scan)
        return session.record.state == state if session else scan in self._seen

    def discover(self) -> None:
        """Open scans that are new, go on with reconstructions that were cut off, close what is over."""
        for session in self.sessions:
            if not session.over:
                self._refresh(session)
        for scan, folder in scan_folders(self.settings.data).items():
            if scan in self._seen:
                continue
            try:
                record = read_scan(folder)
                if record.start is not None:
                    self._seen.add(scan)
                    self._take_up(record)
            except Exception as error:  # one scan's trouble must not stop the others
                self._seen.add(scan)
                self._log.error("scan cannot be taken up", scan=scan, error=repr(error))
        self._close_idle()

    def _refresh(self, session: ScanSession) -> None:
        try:
            session.refresh()
        except (OSError, ValueError) as error:
            self._log.error("scan.json cannot be read", scan=session.record.id, error=str(error))

    def _take_up(self, record: ScanRecord) -> None:
        folder = find_scan(self.settings.data, record.id)
        for status in read_statuses(folder):
            if status.state not in RECONSTRUCTION_OVER:
                self._resume(status)
        kept = folder / RECONSTRUCTIONS_FOLDER
        if any(kept.glob("*/status.json")) or (kept.exists() and not any(kept.iterdir())):
            return
        asked = merge_specs(record.start.reconstruction if record.start else None, record.reconstruction)
        if self.settings.default_reconstruction is None and asked.engine is None:
            kept.mkdir(exist_ok=True)  # an empty one says that nothing was to run; a worker killed here leaves none
            return
        try:
            self.start(record.id, {}, author="worker")
        except ValueError as error:
            self._log.error("reconstruction cannot start", scan=record.id, error=str(error))
            log_event(folder, "worker", "cannot start", message=str(error))
            self._refuse(record, folder, asked, str(error))

    def _refuse(self, record: ScanRecord, scan_folder: Path, asked: ReconstructionSpec, why: str) -> None:
        """Keep a reconstruction that could not even be set up, so that everybody is told and it can be restarted."""
        number = next_number(scan_folder)
        folder = scan_folder / RECONSTRUCTIONS_FOLDER / str(number)
        write_config(folder, asked)
        status = ReconstructionStatus(
            id=reconstruction_id(record.id, number),
            scan=record.id,
            label=asked.label,
            state="refused",
            message=why,
            created_ns=time.time_ns(),
            engine=asked.engine.name if asked.engine else "",
            chain=chain_text(asked),
        )
        write_status(folder, status)
        self._publisher.status(status)

    def _session(self, scan: str) -> ScanSession:
        with self._lock:
            if scan not in self._sessions:
                self._sessions[scan] = ScanSession(find_scan(self.settings.data, scan), self.device)
            return self._sessions[scan]

    def _close_idle(self) -> None:
        """Let go of scans that are over and have no reconstruction running, with their frames."""
        with self._lock:
            for name, runner in list(self._runners.items()):
                if runner.over:
                    del self._runners[name]
            busy = {runner.session.record.id for runner in self._runners.values()}
            for scan in [scan for scan, session in self._sessions.items() if session.over and scan not in busy]:
                self._sessions.pop(scan).close()

    # ---- reconstructions

    def validate(self, spec: dict[str, Any]) -> None:
        """Refuse a specification that no scan could use; raises ValueError."""
        asked = ReconstructionSpec.model_validate(spec)
        check_spec(merge_specs(FALLBACK, self.settings.default_reconstruction, asked))

    def start(
        self, scan: str, spec: dict[str, Any], author: str = "rest", restarted_from: str | None = None
    ) -> dict[str, Any]:
        """Start a reconstruction; answers with its state. Raises ValueError for what cannot be."""
        with self._lock:
            session = self._session(scan)
            setup = self._setup(session, ReconstructionSpec.model_validate(spec))
            number = next_number(session.folder)
            folder = session.folder / RECONSTRUCTIONS_FOLDER / str(number)
            write_config(folder, setup.spec)
            status = self._new_status(reconstruction_id(scan, number), session, setup, restarted_from)
            write_status(folder, status)
            log_event(session.folder, author, "started", id=status.id, engine=status.engine, message=status.message)
            if status.state == "refused":
                self._log.error("reconstruction refused", scan=scan, reconstruction=status.id, message=status.message)
                self._publisher.status(status)
            else:
                status = self._launch(status, session, setup)
            return status.model_dump()

    def _setup(self, session: ScanSession, request: ReconstructionSpec) -> Setup:
        """All layers merged. The probe: REST, else `start`, else configuration, else the last good one, else data."""
        start, arrays, default = session.start, session.arrays, self.settings.default_reconstruction
        asked = merge_specs(start.reconstruction, session.record.reconstruction, request)
        if asked.probe is None and "probe" in arrays:
            asked = merge_specs(asked, ReconstructionSpec(probe=GIVEN))
        return self._with_last_probe(Setup.of(start, arrays, merge_specs(FALLBACK, default, asked)))

    def _with_last_probe(self, setup: Setup) -> Setup:
        """The same with the last good probe, where nothing else was said."""
        earlier = self._last_probe(setup) if setup.spec.probe is None and "probe" not in setup.arrays else None
        return setup if earlier is None else replace(setup, arrays={**setup.arrays, "probe": earlier})

    def _last_probe(self, setup: Setup) -> NDArray[np.complex64] | None:
        """The probe of the newest finished reconstruction with these pixels and this shape."""
        folder = last_good(self.settings.data, setup.probe_shape, setup.optics.pixel_m)
        if folder is None:
            return None
        with suppress(OSError, KeyError, ValueError):
            probe = Snapshot.load(folder / "checkpoint.h5").probe
            probe_from_array(probe, setup.preparation.size, 1.0)
            return probe
        return None

    def _new_status(
        self, name: str, session: ScanSession, setup: Setup, restarted_from: str | None
    ) -> ReconstructionStatus:
        frames = session.record.totals.get("received", 0)
        allowed = round(free_bytes(self.device) * self.settings.memory_fraction)
        refusal = memory_refusal(setup, frames, self.device, allowed)
        return ReconstructionStatus(
            id=name,
            scan=session.record.id,
            label=setup.spec.label,
            state="refused" if refusal else "waiting",
            message=refusal,
            created_ns=time.time_ns(),
            engine=setup.engines[0].name,
            chain=chain_text(setup.spec),
            parameters=setup.parameters(),
            live=setup.live,
            modes=setup.modes,
            probe=setup.probe_source,
            restarted_from=restarted_from,
            memory_bytes=setup.memory_bytes(frames),
            device=str(self.device),
            pixel_m=setup.optics.pixel_m,
            probe_shape=setup.probe_shape,
        )

    def _resume(self, status: ReconstructionStatus) -> None:
        """Go on with a reconstruction that another worker was killed in."""
        session = self._session(status.scan)
        folder = session.folder / RECONSTRUCTIONS_FOLDER / status.id.rpartition(".")[2]
        try:
            setup = self._with_last_probe(Setup.of(session.start, session.arrays, read_config(folder)))
        except (OSError, ValueError) as error:
            self._fail(status, session, error)
            return
        state = "paused" if status.state == "paused" else "waiting"
        self._log.info("going on with a reconstruction", scan=status.scan, reconstruction=status.id)
        self._launch(status.model_copy(update={"state": state}), session, setup)

    def _launch(self, status: ReconstructionStatus, session: ScanSession, setup: Setup) -> ReconstructionStatus:
        folder = session.folder / RECONSTRUCTIONS_FOLDER / status.id.rpartition(".")[2]
        try:
            self._runners[status.id] = Runner(status, folder, session, setup, self.settings, self._publisher)
        except (OSError, RuntimeError, MemoryError) as error:  # torch says RuntimeError where memory is used up
            return self._fail(status, session, error)
        self._publisher.status(status)
        return status

    def _fail(self, status: ReconstructionStatus, session: ScanSession, error: Exception) -> ReconstructionStatus:
        """One that cannot run: everybody is told, and the next worker does not try it again."""
        failed = status.model_copy(update={"state": "failed", "message": f"{type(error).__name__}: {error}"})
        self._log.error("reconstruction cannot run", reconstruction=status.id, error=failed.message)
        self._publisher.status(failed)
        write_status(session.folder / RECONSTRUCTIONS_FOLDER / status.id.rpartition(".")[2], failed)
        log_event(session.folder, "worker", "failed", id=status.id, message=failed.message)
        return failed

    def _runner(self, reconstruction: str) -> Runner:
        if reconstruction not in self._runners:
            raise CommandError(f"reconstruction {reconstruction} is not running; it may be over")
        return self._runners[reconstruction]

    def wish(self, reconstruction: str, action: Action, author: str = "rest") -> dict[str, Any]:
        """Pause, resume or stop; the state follows at the end of the running iteration."""
        runner = self._runner(reconstruction)
        runner.wish(action)
        log_event(runner.session.folder, author, action, id=reconstruction)
        return runner.status.model_dump() | {"message": f"{TARGETS[action]} after this iteration"}

    def change(
        self,
        reconstruction: str,
        parameters: dict[str, Any],
        live: dict[str, Any],
        engine: str | None = None,
        author: str = "rest",
    ) -> dict[str, Any]:
        """Other parameters from the next iteration on: of the engine whose turn it is, or of the named one."""
        runner = self._runner(reconstruction)
        runner.change(parameters, live, engine, author)
        return runner.status.model_dump()

    def restart(self, reconstruction: str, spec: dict[str, Any], author: str = "rest") -> dict[str, Any]:
        """Stop one and start another with what it had, changed by `spec`, whose engines are the whole chain if any."""
        scan, _, number = reconstruction.rpartition(".")
        folder = find_scan(self.settings.data, scan) / RECONSTRUCTIONS_FOLDER / number
        asked = ReconstructionSpec.model_validate(spec)
        wanted = merge_specs(read_config(folder), asked)
        if asked.engine is not None and wanted.engine is not None:
            engine = wanted.engine.model_copy(update={"iterations": asked.engine.iterations})
            wanted = wanted.model_copy(update={"engine": engine, "then": asked.then})
        started = self.start(scan, wanted.model_dump(exclude_defaults=True), author, restarted_from=reconstruction)
        with suppress(CommandError, ValueError):
            self.wish(reconstruction, "stop", author)
        return started

    def machine(self) -> dict[str, Any]:
        """The device and its memory."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        return {
            "device": name,
            "memory_bytes": total_bytes(self.device),
            "memory_free_bytes": free_bytes(self.device),
        }

    def statuses(self) -> list[dict[str, Any]]:
        """States of all reconstructions that are not over."""
        return [runner.status.model_dump() for runner in self.runners]

    def suspend(self) -> None:
        """The worker ends: every reconstruction keeps its state."""
        for runner in self.runners:
            runner.suspend()
