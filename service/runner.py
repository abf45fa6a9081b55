"""One reconstruction: set up from its specification, iterated between commands, told and kept as it goes.

Commands come from the worker's main thread and only leave a wish or change the engine; everything that touches
arrays or files happens in `advance`, on the compute thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engines.arrays import Probe
from engines.canvas import Canvas
from engines.live import LiveRun, NonFiniteError, Progress
from engines.propagation import propagator
from service.beamless import WithoutBeam
from service.checks import check_overlap, overlap_warning
from service.config import Settings
from service.keeper import Keeper
from service.logs import get_log
from service.reconstructions import write_config, write_status
from service.scans import log_event
from service.session import ScanSession
from service.setup import Setup
from service.sight import Spacing, light
from service.snapshot import Snapshot
from service.specs import SpecError
from service.states import (
    RECONSTRUCTION_OVER,
    ReconstructionState,
    TransitionError,
    next_reconstruction_state,
)
from service.statuses import ReconstructionStatus
from service.survey import Survey
from service.surveyor import Surveyor
from service.turns import next_turn
from service.version import VERSION

STATUS_S = 0.2
"""Least seconds between two publications of a state that only counts up, unless a snapshot goes with it."""

Action = Literal["pause", "resume", "stop"]
TARGETS: dict[Action, ReconstructionState] = {"pause": "paused", "resume": "running", "stop": "stopped"}


@dataclass
class Publisher:
    """How a runner tells the world; the worker provides it."""

    status: Callable[[ReconstructionStatus], None]
    snapshot: Callable[[str, Snapshot], None]
    survey: Callable[[str, Survey], None]


class Runner:
    """A reconstruction of a scan."""

    def __init__(
        self,
        status: ReconstructionStatus,
        folder: Path,
        session: ScanSession,
        setup: Setup,
        settings: Settings,
        publisher: Publisher,
    ) -> None:
        self.status = status
        self.session = session
        self.setup = setup
        self._feed = session.feed(setup)
        self._keeper = Keeper(folder, setup.optics.wavelength_m)
        self._settings = settings
        self._publisher = publisher
        self._surveyor = Surveyor(session, self._feed, setup)
        self._run: LiveRun | None = None
        self._wishes: list[Action] = []
        self._spacing = Spacing()
        self._beamless = WithoutBeam()
        self._telling = threading.Lock()
        self._log = get_log(scan=session.record.id, reconstruction=status.id)
        self._next_status = self._next_snapshot = self._next_checkpoint = 0.0

    @property
    def over(self) -> bool:
        """Nothing more will happen."""
        return self.status.state in RECONSTRUCTION_OVER

    # ---- what the main thread calls

    def wish(self, action: Action) -> None:
        """Ask for a change of state at the next iteration; raises `TransitionError` if it is not allowed now."""
        if action == "resume" and self.status.state != "paused":
            raise TransitionError(f"a reconstruction that is {self.status.state} cannot be resumed; it is not paused")
        next_reconstruction_state(self.status.state, TARGETS[action])
        self._wishes.append(action)

    def change(
        self, parameters: dict[str, Any], live: dict[str, Any], engine: str | None = None, author: str = "rest"
    ) -> None:
        """Use other parameters from the next iteration on: of the engine whose turn it is, or of the one of this name.

        Raises `SpecError` if they are out of bounds, or no engine has the name.
        """
        if self.over:
            raise TransitionError(f"a reconstruction that is {self.status.state} cannot be changed; restart it")
        turn = self._turn_of(engine)
        self.setup = self.setup.changed(parameters, live, turn)
        write_config(self._keeper.folder, self.setup.spec)
        if self._run is not None:
            self._run.engine, self._run.policy = self.setup.engine, self.setup.policy
        self._tell(**self._engine(), live=self.setup.live)
        about = {"engine": self.setup.engines[turn].name, "parameters": parameters, "live": live}
        log_event(self.session.folder, author, "changed", id=self.status.id, **about)
        self._log.info("parameters changed", **about)

    def _turn_of(self, engine: str | None) -> int:
        """Which engine of a chain a name means: the one whose turn it is, else the first that is called so."""
        names, turn = [each.name for each in self.setup.engines], self._turn
        if engine is None or names[turn] == engine:
            return turn
        if engine not in names:
            raise SpecError(f"engine: expected one of this reconstruction, {', '.join(names)}, got {engine!r}")
        return names.index(engine)

    @property
    def _turn(self) -> int:
        return self._run.turn if self._run is not None else 0

    def _engine(self) -> dict[str, Any]:
        """Name and parameters of the engine whose turn it is."""
        return {"engine": self.setup.engines[self._turn].name, "parameters": self.setup.parameters(self._turn)}

    # ---- what the compute thread calls

    def advance(self) -> bool:
        """One iteration, or whatever else is due; True if there was anything to do."""
        try:
            self._obey()
            if not self.over and self._surveyor.due:
                self._survey()
            return not self.over and self.status.state != "paused" and self._iterate()
        except SpecError as error:
            self._move("refused", str(error))
            self._release()
        except NonFiniteError as error:
            self._log.error("state not finite, paused", error=str(error))
            self._show()
            self._move("paused", str(error), finite=False)
        except Exception as error:  # the scan and the other reconstructions go on, whatever this one did
            self._log.exception("reconstruction failed")
            self._move("failed", f"{type(error).__name__}: {error}")
            self._release()
        return True

    def suspend(self) -> None:
        """The worker ends: keep everything, so that the next worker goes on from here."""
        if not self.over:
            try:
                self._checkpoint()
            except (OSError, RuntimeError) as error:  # HDF5 says either of a full disk
                self._log.error("checkpoint not written, the one before counts", error=str(error))
            self._release()

    def _obey(self) -> None:
        while self._wishes and not self.over:
            match self._wishes.pop(0):
                case "pause":
                    self._checkpoint()
                    self._move("paused")
                case "resume":
                    self._move("running" if self._run is not None else "waiting", finite=True)
                case "stop":
                    self._end("stopped", "stopped on request")

    def _iterate(self) -> bool:
        if self._feed.failed is not None:
            raise self._feed.failed
        run = self._run or self._begin()
        if run is None:
            return self.over
        run.ended = self.session.ended(self._feed)
        progress = run.advance()
        self._keeper.note_admitted(run)
        self._spacing.look(run)
        if progress is not None:
            self._note(progress)
        elif run.finished:
            self._end("finished", "" if run.frames else "no frame had counts and a position on the canvas")
        else:
            self._tell_if_due()
            return False
        return True

    def _begin(self) -> LiveRun | None:
        """Set the run up once there are frames enough for its first iteration."""
        dataset, ended = self._feed.dataset, self.session.ended(self._feed)
        lit = np.flatnonzero(dataset.lit())  # there is nothing to start from in the others
        if not lit.size and ended:
            self._end("finished", "the scan had no frame with counts and a position")
        if not lit.size or (lit.size < self.setup.policy.start_after and not ended):
            self._tell_if_due()
            return None
        canvas = self.setup.canvas(dataset.positions_m()[lit])
        checkpoint = self._keeper.resume(canvas, self.session.device)
        probe = checkpoint.probe if checkpoint else self._first_probe(canvas, ended)
        if checkpoint is not None:
            canvas = checkpoint.canvas
            self._log.info("resumed", iteration=checkpoint.iteration)
        self._run = LiveRun(
            self.setup.engine,
            self.setup.policy,
            dataset,
            canvas,
            probe,
            checkpoint,
            propagator(self.setup.optics, self.session.device),
            self.setup.refinement,
            self.setup.background(self.session.device),
        )
        return self._run

    def _first_probe(self, canvas: Canvas, ended: bool) -> Probe:
        """The initial probe; raises `SpecError` where neighbours share nothing, as soon as all of them are known."""
        dataset, setup = self._feed.dataset, self.setup
        positions_m = dataset.positions_m() if setup.plan_m is None else setup.plan_m
        known = ended or setup.plan_m is not None
        if known:
            check_overlap(setup, positions_m)
        probe = setup.probe(dataset, canvas, self.session.device)
        if known and (warning := overlap_warning(setup, positions_m, probe)):
            self._log.warning("little overlap", message=warning)
            log_event(self.session.folder, "worker", "little overlap", id=self.status.id, message=warning)
        return probe

    def _note(self, progress: Progress) -> None:
        """Keep and publish an iteration."""
        self._keeper.note(progress)
        if self._run is not None and (new := self._beamless.look(self._run)):
            self._log.warning("frames without beam", frames=new)
            log_event(self.session.folder, "worker", "frames without beam", id=self.status.id, frames=new)
        if self.status.engine != self.setup.engines[self._turn].name:
            self._tell(**self._engine())
        self._move("finishing" if progress.phase in ("finishing", "finished") else "running")
        now = time.monotonic()
        if now >= self._next_checkpoint:
            self._checkpoint()
        if now >= self._next_snapshot:
            self._next_snapshot = next_turn(self._next_snapshot, now, 1 / self._settings.snapshot_hz)
            self._tell()  # just before, so that a page gets numbers and picture for one and the same rendering
            self._show()
        else:
            self._tell_if_due()

    # ---- what is told and kept

    def _move(self, state: ReconstructionState, message: str = "", **changes: Any) -> None:
        if state == self.status.state:
            return
        self._tell(state=next_reconstruction_state(self.status.state, state), message=message, **changes)
        self._log.info(f"reconstruction {state}", message=message, iteration=self.status.iteration)
        try:
            write_status(self._keeper.folder, self.status)
            log_event(self.session.folder, "worker", state, id=self.status.id, message=message)
        except OSError as error:  # a full disk, most likely, which must not stop the other reconstructions too
            self._log.error("state not written", state=state, error=str(error))

    def _tell_if_due(self) -> None:
        if time.monotonic() >= self._next_status:
            self._tell()

    def _tell(self, **changes: Any) -> None:
        with self._telling:  # the main thread tells of changed parameters
            self.status = self.status.model_copy(update=self._numbers() | changes)
            self._publisher.status(self.status)
        self._next_status = time.monotonic() + STATUS_S

    def _numbers(self) -> dict[str, Any]:
        run, keeper = self._run, self._keeper
        seen = light(self._feed.dataset.counts()) | {"saturated_px": self.session.saturation.pixels}
        if run is None:
            return seen | {"lag": len(self.session.pairs)}
        return seen | {
            "iteration": run.progress.iteration,
            "total_iterations": run.progress.total_iterations,
            "frames": run.frames,
            "lag": len(self.session.pairs) - run.taken,
            "outside": run.outside,
            "without_beam": self._beamless.count,
            "without_beam_at": self._beamless.listed,
            "iteration_rate_hz": keeper.clock.iteration_rate_hz,
            "frame_rate_hz": keeper.clock.frame_rate_hz,
            "error": keeper.error,
            "metrics": keeper.metrics.rows,
            "snapshot": keeper.snapshots,
            "moments": keeper.moments,
            "object_shape": run.canvas.shape,
            "overlap": self._spacing.overlap,
        }

    def _show(self) -> None:
        if self._run is not None and self._run.frames:
            snapshot = self._keeper.snapshot(self._run)
            self._publisher.snapshot(self.status.id, snapshot)
            self._keeper.remember(snapshot)

    def _survey(self, *, whole: bool = False) -> None:
        survey = self._surveyor.survey(self._run, whole=whole)
        if survey is not None:
            self._keeper.survey = survey
            self._publisher.survey(self.status.id, survey)

    def _checkpoint(self) -> None:
        if self._run is not None and self._run.frames:
            self._keeper.checkpoint(self._run)
        write_status(self._keeper.folder, self.status)
        self._next_checkpoint = time.monotonic() + self._settings.checkpoint_s

    def _end(self, state: ReconstructionState, message: str) -> None:
        """The last act: the result is written before anybody hears that it is over."""
        if self._run is not None and self._run.frames:
            path = self._keeper.folder / "result.cxi"
            self._keeper.write_result(path, self._run, **self._about())
            self._survey(whole=True)
            self._tell(result=str(path.resolve().relative_to(self._settings.data.resolve())))
            self._checkpoint()
            self._show()
        if state == "finished":
            self._move("finishing")
        self._move(state, message)
        self._release()

    def _about(self) -> dict[str, Any]:
        return {
            "geometry": self.setup.geometry,
            "configuration": self.setup.configuration,
            "version": VERSION,
            "started_ns": self.status.created_ns,
            "ended_ns": time.time_ns(),
            "metadata": self.session.record.metadata | {"scan": self.status.scan, "reconstruction": self.status.id},
        }

    def _release(self) -> None:
        self._keeper.close()
        self.session.release(self._feed)
        self._run = None
