"""The studies as commands: choose, work, report."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from studies.presets import Kind, RealtimePreset
from studies.realtime import RealtimeCase
from studies.report import outcomes_of, write_report
from studies.rules import Rule
from studies.sockets import SocketRuns, serving
from studies.store import Store
from studies.work import Stage, Task, work_through

HOW = (
    "{frames} frames of {size} x {size}, chunks of {chunk}; iterations a chunk: {each}, and {final} after the last; DM "
    "with alpha {alpha:g}. The worst of the noise seeds counts. "
)
IN_PROCESS = "The live policy of the service ran in one process on simulated frames."
BY_SERVICE = "The live runs went through the sockets and processes of the service, the offline one is the command's."


@dataclass(frozen=True)
class Selection:
    """The part of a study that is wanted; None is all."""

    steps_px: tuple[float, ...] | None = None
    seeds: tuple[int, ...] | None = None
    kinds: tuple[Kind, ...] | None = None

    @classmethod
    def parse(cls, steps: str | None, seeds: str | None, kinds: str | None) -> Selection:
        """From words with commas between them."""
        try:
            steps_px = None if steps is None else tuple(float(each) for each in steps.split(","))
            numbers = None if seeds is None else tuple(int(each) for each in seeds.split(","))
        except ValueError as error:
            raise ValueError(f"study: expected numbers with commas between them, got {steps or seeds!r}") from error
        words = None if kinds is None else tuple(each.strip() for each in kinds.split(","))
        if wrong := set(words or ()) - set(get_args(Kind)):
            raise ValueError(f"--only: expected some of {', '.join(get_args(Kind))}, got {sorted(wrong)[0]!r}")
        return cls(steps_px, numbers, words)  # type: ignore[arg-type]

    def runs(self, preset: RealtimePreset) -> list[tuple[RealtimeCase, list[Kind]]]:
        """The cases that are wanted, in order, and the runs of each."""
        found = []
        for case in preset.cases:
            if self.steps_px is not None and case.step_px not in self.steps_px:
                continue
            if self.seeds is not None and case.seed not in self.seeds:
                continue
            kinds = [kind for kind in preset.kinds(case) if self.kinds is None or kind in self.kinds]
            found.append((RealtimeCase(preset, case), kinds))
        if not found:
            steps = ", ".join(f"{step:g}" for step in preset.steps_px)
            seeds = ", ".join(map(str, preset.seeds))
            raise ValueError(f"study: expected steps of {steps} px and seeds {seeds}, the selection has none of them")
        return found


def run_realtime(
    folder: Path,
    preset: RealtimePreset,
    selection: Selection,
    stage: Stage,
    *,
    by_service: bool,
    threads: int,
    with_figures: bool,
    work: bool = True,
) -> tuple[list[Rule], list[str]]:
    """Do what is wanted and not done, in this process or through the service, and report on all that is done; without
    `work` only that.
    """
    runs = selection.runs(preset)
    store = Store(folder, preset.model_dump(mode="json"))
    with serving(folder / "service", threads) if by_service and work else nullcontext() as service:
        tasks: list[Task] = []
        for case, kinds in runs if work else ():
            tasks += case.tasks(store, kinds) if service is None else SocketRuns(case, service).tasks(store, kinds)
        elsewhere = work_through(tasks, store, stage)
    how = HOW.format(
        frames=preset.frames,
        size=preset.size,
        chunk=preset.chunk,
        each=_iterations(preset),
        final=preset.final_iterations,
        alpha=preset.alpha,
    )
    how += BY_SERVICE if by_service else IN_PROCESS
    return write_report(folder, outcomes_of(store, preset), preset, how, with_figures), elsewhere


def _iterations(preset: RealtimePreset) -> str:
    if preset.iterations_per_chunk is None:
        return f"as many as fit at {preset.frame_delay_s:g} s a frame"
    more = (f"{each} at {step:g} px" for step, each in preset.more_iterations_per_chunk.items())
    return ", ".join((str(preset.iterations_per_chunk), *more))
