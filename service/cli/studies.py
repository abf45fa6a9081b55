"""study: published studies of live ptychography, repeated."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.cli.options import err, out

app = typer.Typer()
study = typer.Typer(help="Published studies of live ptychography, repeated: simulated, run, evaluated, told.")
app.add_typer(study, name="study")

Folder = Annotated[Path, typer.Option("--out", help="folder of the study; an interrupted one goes on there")]
PresetFile = Annotated[Path | None, typer.Option("--preset", help="YAML file, see configs/studies", dir_okay=False)]
Steps = Annotated[str | None, typer.Option(help="only these steps in pixels, for example 10,27")]
Seeds = Annotated[str | None, typer.Option(help="only these noise seeds, for example 0,1")]
Only = Annotated[str | None, typer.Option(help="only these runs: live, offline, control, small-chunks, rpie-then-dm")]
OneThread = Annotated[int, typer.Option(min=1, help="threads of the reconstruction")]
Report = Annotated[bool, typer.Option("--report", help="only tell what is done so far")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="tables alone, without matplotlib")]


class Bar:
    """Where a study shows how far it is: on a terminal as a bar, in a log file as a line for each run."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        self.progress = Progress(
            *columns,
            TimeRemainingColumn(),
            console=err,
            speed_estimate_period=300,
            disable=not err.is_terminal,
        )
        self._task = self.progress.add_task("study", total=None)
        self._name = ""

    def begin(self, total: float) -> None:
        """So much work in all."""
        self.progress.update(self._task, total=total)

    def show(self, name: str, done: float) -> None:
        """What is being done, and how much work is done in all."""
        self.progress.update(self._task, description=name, completed=done)
        if self.progress.disable and name != self._name:
            share = self.progress.tasks[self._task].percentage
            err.print(f"{datetime.now():%H:%M:%S} {share:3.0f} % {name}", soft_wrap=True, highlight=False)
        self._name = name


@study.command("realtime-vs-offline")
def realtime_vs_offline(
    folder: Folder = Path("study-realtime-vs-offline"),
    quick: Annotated[bool, typer.Option("--quick", help="small frames, minutes, through the real service")] = False,
    preset_file: PresetFile = None,
    steps: Steps = None,
    seeds: Seeds = None,
    only: Only = None,
    threads: OneThread = 1,
    no_figures: NoFigures = False,
    report: Report = False,
) -> None:
    """Whether a live reconstruction ends as good as an offline one (Lexelius, Kahnt & Maia 2025); exit code 1 if not.

    Several may run at once over one --out: each takes what no other is at.

    Example: ptycholive study realtime-vs-offline --steps 10,27 --seeds 0 --threads 1 --out study
    """
    from engines import parallel
    from studies.command import Selection, run_realtime
    from studies.presets import QUICK, RealtimePreset, read_preset

    parallel.set_threads(threads)
    preset = QUICK if quick else RealtimePreset()
    if preset_file is not None:
        preset = read_preset(preset_file, RealtimePreset)
    selection = Selection.parse(steps, seeds, only)
    with (bar := Bar()).progress:
        found, elsewhere = run_realtime(
            folder,
            preset,
            selection,
            bar,
            by_service=quick,
            threads=threads,
            with_figures=not no_figures,
            work=not report,
        )
    _tell(folder, elsewhere)
    if any(rule.holds is False for rule in found):
        raise typer.Exit(1)


@study.command("growing-subsets")
def growing_subsets(
    folder: Folder = Path("study-growing-subsets"),
    preset_file: PresetFile = None,
    threads: OneThread = 1,
    no_figures: NoFigures = False,
    report: Report = False,
) -> None:
    """Whether growing subsets, odd scan orders and early over-optimisation do harm (Weber et al. 2024).

    Example: ptycholive study growing-subsets --out study-growing-subsets
    """
    from engines import parallel
    from studies.others import run_growing
    from studies.presets import GrowingPreset, read_preset

    parallel.set_threads(threads)
    preset = GrowingPreset() if preset_file is None else read_preset(preset_file, GrowingPreset)
    with (bar := Bar()).progress:
        _, elsewhere = run_growing(folder, preset, bar, not no_figures, work=not report)
    _tell(folder, elsewhere)


@study.command("where-it-stops")
def where_it_stops(
    folder: Folder = Path("study-where-it-stops"),
    preset_file: PresetFile = None,
    only: Annotated[
        str | None,
        typer.Option(help="only these: overlap, chunk, start-after, iterations_per_chunk, photons, alpha, engine"),
    ] = None,
    threads: OneThread = 1,
    no_figures: NoFigures = False,
    report: Report = False,
) -> None:
    """Where a live reconstruction stops being as good as an offline one: chunks, overlap, photons, engines.

    Several may run at once over one --out: each takes what no other is at.

    Example: ptycholive study where-it-stops --only overlap,chunk --out study-where-it-stops
    """
    from engines import parallel
    from studies.others import run_grid
    from studies.presets import GridPreset, read_preset

    parallel.set_threads(threads)
    preset = GridPreset() if preset_file is None else read_preset(preset_file, GridPreset)
    varied = None if only is None else tuple(each.strip() for each in only.split(","))
    with (bar := Bar()).progress:
        _, elsewhere = run_grid(folder, preset, varied, bar, not no_figures, work=not report)
    _tell(folder, elsewhere)


def _tell(folder: Path, elsewhere: list[str]) -> None:
    out.print((folder / "results.txt").read_text(), soft_wrap=True, markup=False, highlight=False)
    for name in elsewhere:
        err.print(f"{name}: left to another process; run this again when that has ended")
    out.print(f"written to {folder}", soft_wrap=True)
