"""The studies of growing subsets and of the grid as commands: work, then tell."""

from __future__ import annotations

from pathlib import Path

from studies.curves import error_curves, floors
from studies.grid import GridStudy
from studies.growing import GrowingStudy
from studies.presets import GridPreset, GrowingPreset
from studies.sheet import Row, write_sheet
from studies.store import Store
from studies.work import Stage, work_through

GROWING = "Growing subsets, odd orders, early over-optimisation"
GROWING_ABOUT = (
    "The schemes of Weber et al. (Microsc. Microanal. 30 (2024) 103) on a simulated raster: subsets grow by some "
    "patterns and some iterations a step, in various orders, then all frames are iterated on up to the total. "
    "Over-optimised: the total on each subset. Four disjoint subsets are iterated on by themselves and averaged now "
    "and then, which is known not to end at the same result. Sums in shares is how this software splits work: sums "
    "over all frames in every iteration, in so many shares. The plain difference is |object - reference| / "
    "|reference|, with nothing removed.",
)
GRID = "Where real time stops being as good as offline"
GRID_ABOUT = (
    "One thing is varied at a time, at several overlaps; the rest stays as it is in the first rows. Live and offline "
    "have the same iterations in all. Over 1 in 'live / offline' is the price of having been live.",
)
GRID_CAPTION = "Error against the truth over the shot-noise floor, live and offline; one thing is varied in each panel."


def run_growing(
    folder: Path, preset: GrowingPreset, stage: Stage, with_figures: bool, work: bool = True
) -> tuple[list[Row], list[str]]:
    """Do what is not done, and report on all that is; without `work` only that."""
    store, study = Store(folder, preset.model_dump(mode="json")), GrowingStudy(preset)
    tasks = list(study.tasks(preset.engines))
    elsewhere = work_through(tasks if work else [], store, stage)
    rows: list[Row] = [*study.rows(store, preset.engines)]
    pictures = {}
    for engine in preset.engines if with_figures else ():
        mine = [task.name for task in tasks if task.name.startswith(f"{engine}-")]
        records = {name: record for name in mine if (record := store.load(name)) is not None}
        caption = f"Error against the truth, {engine}."
        pictures[f"errors-{engine}"] = (error_curves(engine, records), caption)
    write_sheet(folder, GROWING, GROWING_ABOUT, rows, preset.model_dump(mode="json"), pictures)
    return rows, elsewhere


def run_grid(
    folder: Path,
    preset: GridPreset,
    varied: tuple[str, ...] | None,
    stage: Stage,
    with_figures: bool,
    work: bool = True,
) -> tuple[list[Row], list[str]]:
    """Do what is wanted and not done, and report on all that is; without `work` only that."""
    known = tuple(dict.fromkeys(what for what, _ in preset.points))
    if wrong := set(varied or ()) - set(known):
        raise ValueError(f"--only: expected some of {', '.join(known)}, got {sorted(wrong)[0]!r}")
    store, study = Store(folder, preset.model_dump(mode="json")), GridStudy(preset)
    elsewhere = work_through(list(study.tasks(varied)) if work else [], store, stage)
    rows: list[Row] = [*study.rows(store)]
    groups = {what.replace("-", "_"): [row for row in rows if row["varied"] == what] for what in known}
    groups = {varied: mine for varied, mine in groups.items() if mine}
    pictures = {"where-it-stops": (floors(groups), GRID_CAPTION)} if groups and with_figures else {}
    write_sheet(folder, GRID, GRID_ABOUT, rows, preset.model_dump(mode="json"), pictures)
    return rows, elsewhere
