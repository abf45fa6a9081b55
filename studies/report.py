"""Everything that the study of real time against offline writes: tables, figures, and the page that holds both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.simulate import Scan
from service.version import VERSION
from studies import figures, page, tables
from studies.outcome import CaseOutcome, judge
from studies.presets import RealtimePreset
from studies.realtime import RealtimeCase
from studies.rules import Rule, rules
from studies.store import Store

TITLE = "Ptychography in real time equals offline"
CLAIM = (
    "A scan is simulated, and reconstructed twice by the difference map: offline, with all frames from the first "
    "iteration on, and live, while its frames arrive in chunks. Both end after the same number of iterations. The "
    "question of Lexelius, Kahnt and Maia (Sci. Rep. 15 (2025) 14674) is whether the live result is worse. A control "
    "that their paper lacks is added: offline once more, from another start (probe x 0.8, object x 0.9). The "
    "difference between live and offline means something only beside the difference between two offline runs.",
    "NMSE is sum |a - g b|² / sum |a|² over the central square (Maiden & Rodenburg 2009), in one column with the ramp "
    "of each object taken off as in the paper, in the other with the relative ramp fitted by least squares. OD is "
    "-ln |object|²; its differences, and those of the phase, are means of absolute values with their standard errors. "
    "The shot-noise floor is sum(1 / dose) / sum |O|². Resolution is the period at which the Fourier ring correlation "
    "crosses the half-bit threshold; two pixels where it never does.",
)


def outcomes_of(store: Store, preset: RealtimePreset) -> list[tuple[CaseOutcome, Scan]]:
    """What the cases came to of which something is done, with their scans."""
    found = []
    for case in preset.cases:
        each = RealtimeCase(preset, case)
        kinds = preset.kinds(case)
        records = {kind: record for kind in kinds if (record := store.load(each.name(kind))) is not None}
        if records:
            scan = each.scan()
            found.append((judge(case, case not in preset.further, scan, each.box(scan), records), scan))
    return found


def write_report(
    folder: Path, judged: Sequence[tuple[CaseOutcome, Scan]], preset: RealtimePreset, how: str, with_figures: bool
) -> list[Rule]:
    """Write results.txt, .csv, .json, and with figures the PNGs and index.html; returns the rules."""
    outcomes = [outcome for outcome, _ in judged]
    found = rules(outcomes, preset)
    rows = [row for outcome in outcomes for row in outcome.rows()]
    about = {"study": "realtime-vs-offline", "version": VERSION, "how": how, "preset": preset.model_dump(mode="json")}
    (folder / "results.txt").write_text(_text(found, rows, how))
    (folder / "results.csv").write_text(tables.as_csv(rows))
    (folder / "results.json").write_text(tables.as_json(found, rows, about))
    if with_figures:
        pictures = _pictures(judged, preset)
        for name, (png, _) in pictures.items():
            (folder / f"{name}.png").write_bytes(png)
        shown = [page.picture(png, caption) for png, caption in pictures.values()]
        (folder / "index.html").write_text(_page(found, rows, how, shown))
    return found


def _text(found: Sequence[Rule], rows: Sequence[dict[str, Any]], how: str) -> str:
    table = tables.as_text(tables.RULE_COLUMNS, [tables.rule_cells(rule) for rule in found])
    figures_table = tables.as_text(list(tables.COLUMNS), [tables.cells(row) for row in rows])
    return f"{TITLE}\n\n{how}\n\n{table}\n\n{figures_table}\n"


def _page(found: Sequence[Rule], rows: Sequence[dict[str, Any]], how: str, shown: Sequence[str]) -> str:
    return page.page(
        TITLE,
        page.paragraphs(*CLAIM, how),
        page.section(
            "What was to be reached", page.table(tables.RULE_COLUMNS, [tables.rule_cells(rule) for rule in found])
        ),
        page.section("Figures", *shown),
        page.section("All numbers", page.table(list(tables.COLUMNS), [tables.cells(row) for row in rows])),
    )


def _pictures(judged: Sequence[tuple[CaseOutcome, Scan]], preset: RealtimePreset) -> dict[str, tuple[bytes, str]]:
    """PNG and caption by name; of each step the first seed."""
    first: dict[float, tuple[CaseOutcome, Scan]] = {}
    for outcome, scan in judged:
        if outcome.bounded:
            first.setdefault(outcome.case.step_px, (outcome, scan))
    shown = [outcome for outcome, _ in first.values()]
    found = {
        "frames": (figures.frames_figure(shown), "Frames that the live reconstruction saw at each iteration."),
        "errors": (figures.error_figure(shown), "Error against the truth in each tenth iteration."),
        "rings": (figures.rings_figure(shown), "Fourier ring correlation, and the half-bit threshold."),
    }
    for step, (outcome, scan) in first.items():
        box = RealtimeCase(preset, outcome.case).box(scan)
        truth = scan.object.numpy().astype(np.complex128)
        found[f"objects-{step:g}px"] = (
            figures.objects_figure(outcome, truth, box),
            f"Object and probe at a step of {step:g} px.",
        )
        found[f"differences-{step:g}px"] = (
            figures.differences_figure(outcome),
            f"Differences at a step of {step:g} px: to the truth, between live and offline, and the control.",
        )
    return {name: (figures.as_png(figure), caption) for name, (figure, caption) in found.items()}
