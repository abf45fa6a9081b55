"""Real time against offline: the runs of each simulated scan, in this process."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from engines.chain import Chain, Stage
from engines.dm import DM
from engines.evaluation import Box, centred_box
from engines.live import LiveRun, Progress
from engines.offline import drive
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.simulate import Scan, spiral
from engines.state import Engine
from studies.pace import paced
from studies.presets import Case, Kind, RealtimePreset
from studies.reconstruction import Early, Start, centre_px, feed_of, reconstruct, run_of
from studies.sample import initial_probe_words, paper_scan
from studies.store import Record, Store
from studies.work import Task, Tell

GROWING: tuple[Kind, ...] = ("live", "small-chunks")
TWICE = 2.0
"""The faster run ends where its error is this many times DM's final one."""


@dataclass(frozen=True)
class RealtimeCase:
    """A case of a preset: its scan, where it is judged, and its runs."""

    preset: RealtimePreset
    case: Case

    def scan(self) -> Scan:
        """Simulated anew each time: it takes seconds, and nothing has to be kept."""
        preset, case = self.preset, self.case
        return paper_scan(spiral(preset.frames, case.step_px), size=preset.size, photons=case.photons, seed=case.seed)

    def box(self, scan: Scan) -> Box:
        """The central square that is compared."""
        return centred_box(centre_px(scan), self.preset.crop_px)

    def name(self, kind: Kind) -> str:
        """Of a run's file."""
        return f"{self.case.name}-{kind}"

    def start(self, another: bool = False) -> Start:
        """The paper's start, or another one: probe x 0.8, object x 0.9."""
        words = initial_probe_words(self.preset.size)
        return Start(probe=words, probe_factor=0.8, object_factor=0.9) if another else Start(probe=words)

    def policy(self, chunk: int, total: int | None = None) -> LivePolicy:
        """So many iterations a frame, however many frames come at a time; or as many as fit."""
        preset, each = self.preset, self.preset.iterations_of(self.case)
        return LivePolicy(
            chunk=chunk,
            iterations_per_chunk=None if each is None else max(1, round(each * chunk / preset.chunk)),
            max_iterations_per_chunk=None,
            final_iterations=preset.final_iterations,
            total_iterations=total,
        )

    @property
    def planned(self) -> int:
        """Iterations in all, where they do not go by the clock."""
        chunks = -(-self.preset.frames // self.preset.chunk)
        return (chunks - 1) * (self.preset.iterations_of(self.case) or 60) + self.preset.final_iterations

    def live_work(self) -> float:
        """Sum of frames over all iterations of the live run."""
        preset, each = self.preset, self.preset.iterations_of(self.case) or 60
        sizes = range(preset.chunk, preset.frames, preset.chunk)
        return float(each * sum(sizes) + preset.final_iterations * preset.frames)

    def tasks(self, store: Store, kinds: Iterable[Kind]) -> Iterator[Task]:
        """The runs; those that are measured by another come after it."""
        whole = float(self.planned * self.preset.frames)
        work: dict[Kind, float] = {
            "live": self.live_work(),
            "offline": whole,
            "control": whole,
            "small-chunks": self.live_work(),
            "rpie-then-dm": 0.5 * whole,
        }
        needs: dict[Kind, Kind] = {
            "offline": "live",
            "control": "live",
            "small-chunks": "live",
            "rpie-then-dm": "offline",
        }
        for kind in kinds:
            needed = self.name(needs[kind]) if kind in needs else None
            yield Task(self.name(kind), work[kind], partial(self._perform, kind, store, work[kind]), needed)

    def _perform(self, kind: Kind, store: Store, work: float, tell: Tell) -> Record:
        scan = self.scan()
        live = store.load(self.name("live"))
        total = self.planned if live is None else len(live.curve)
        run, steps = self._live(kind, scan, total) if kind in GROWING else self._whole(kind, scan, total)
        aim = self._aim(store) if kind == "rpie-then-dm" else -math.inf
        return reconstruct(
            scan,
            run,
            steps,
            self.box(scan),
            frame_iterations=work,
            tell=tell,
            early=Early(self.preset.early_frames, centred_box(centre_px(scan), self.preset.early_crop_px)),
            until=lambda error: error <= aim,
        )

    def _live(self, kind: Kind, scan: Scan, total: int) -> tuple[LiveRun, Iterator[Progress]]:
        """Frames come in chunks; small ones to as many iterations in all as the others."""
        small = kind == "small-chunks"
        chunk = self.preset.small_chunk if small else self.preset.chunk
        policy = self.policy(chunk, total if small else None)
        feed = feed_of(scan, chunk)
        first = -(-policy.start_after // chunk)
        run = run_of(scan, self._dm, policy, self.start(), feed[:first])
        if self.preset.iterations_per_chunk is None:
            return run, paced(run, feed[first:], self.preset.frame_delay_s)
        return run, drive(run, feed[first:])

    def _whole(self, kind: Kind, scan: Scan, total: int) -> tuple[LiveRun, Iterator[Progress]]:
        """All frames at once."""
        engine: Engine | Chain = self._dm
        if kind == "rpie-then-dm":
            engine = Chain((Stage(RPIE(), self.preset.rpie_iterations), Stage(self._dm, None)))
        policy = LivePolicy(start_after=1, chunk=1, final_iterations=total)
        start = self.start(another=kind == "control")
        run = run_of(scan, engine, policy, start, feed_of(scan, self.preset.chunk))
        return run, drive(run)

    @property
    def _dm(self) -> DM:
        return DM(alpha=self.preset.alpha)

    def _aim(self, store: Store) -> float:
        offline = store.load(self.name("offline"))
        assert offline is not None, "work_through waits for what a task needs"
        return TWICE * float(offline.column("nmse")[-1])
