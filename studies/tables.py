"""Tables of a study, for people, for spreadsheets and for scripts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from studies.rules import Rule

Row = dict[str, Any]

COLUMNS = {
    "step": ("step_px", "{:g} px"),
    "overlap": ("overlap", "{:.1%}"),
    "photons": ("photons", "{:.0e}"),
    "seed": ("seed", "{}"),
    "compared": ("compared", "{}"),
    "iterations": ("iterations", "{}"),
    "OD difference": ("od", "{}"),
    "phase difference / rad": ("phase", "{}"),
    "NMSE": ("nmse", "{:.2e}"),
    "NMSE, fitted ramp": ("nmse_relative_ramp", "{:.2e}"),
    "noise floor": ("noise_floor", "{:.2e}"),
    "resolution / nm": ("resolution_nm", "{:.1f}"),
}


def cells(row: Row) -> list[str]:
    """A row of figures as a person reads it."""
    shown = row | {
        "compared": f"{row['first']} - {row['second']}",
        "od": f"{row['od_difference']:.2e} ± {row['od_standard_error']:.1e}",
        "phase": f"{row['phase_difference_rad']:.2e} ± {row['phase_standard_error_rad']:.1e}",
        "iterations": row["iterations"] or "",
    }
    return [form.format(shown[key]) for key, form in COLUMNS.values()]


def rule_cells(rule: Rule) -> list[str]:
    """A rule as a person reads it."""
    verdict = {None: "", True: "holds", False: "MISSED"}[rule.holds]
    bound = "" if rule.bound is None else f"{rule.bound:.3g}"
    return [
        str(rule.number),
        rule.what,
        f"{rule.step_px:g} px",
        f"{rule.figure:.3g}",
        bound,
        verdict,
        str(rule.seeds),
        rule.note,
    ]


RULE_COLUMNS = ("rule", "what", "step", "worst", "bound", "", "seeds", "note")


def as_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under each other."""
    widths = [max(len(str(line[i])) for line in (header, *rows)) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def as_csv(rows: Sequence[Row]) -> str:
    """All figures, one row a pair."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json(rules: Sequence[Rule], rows: Sequence[Row], about: Row) -> str:
    """Rules and figures for scripts."""
    told = [asdict(rule) | {"holds": rule.holds} for rule in rules]
    return json.dumps({**about, "rules": told, "figures": list(rows)}, indent=1)
