"""Figures of the studies of subsets and of the grid. Need matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.figures import as_png, canvas
from studies.store import Record


def error_curves(title: str, records: Mapping[str, Record]) -> bytes:
    """Error against the truth in each tenth iteration, one line a scheme, as PNG."""
    figure = canvas(8.0, 4.5)
    axes = figure.add_subplot()
    for name, record in records.items():
        errors = record.column("nmse")
        known = np.isfinite(errors)
        axes.loglog(record.column("iteration")[known], errors[known], label=name, linewidth=1)
    axes.set(xlabel="iteration", ylabel="NMSE against the truth", title=title)
    axes.legend(fontsize="x-small", ncols=2)
    return as_png(figure)


def ratios(rows: Sequence[Mapping[str, Any]], varied: str) -> bytes:
    """Live over offline against what is varied, one line an overlap, as PNG."""
    figure = canvas(5.5, 3.6)
    axes = figure.add_subplot()
    steps = sorted({row["step_px"] for row in rows})
    labels = list(dict.fromkeys(str(row[varied]) for row in rows))
    for step in steps:
        mine = [row for row in rows if row["step_px"] == step]
        places = [labels.index(str(row[varied])) for row in mine]
        label = f"step {step:g} px, overlap {mine[0]['overlap']}"
        axes.semilogy(places, [row["live / offline"] for row in mine], "o-", label=label, linewidth=1)
    axes.axhline(1.0, color="grey", linestyle=":")
    axes.set_xticks(range(len(labels)), labels)
    axes.set(xlabel=varied.replace("_", " "), ylabel="error against the truth, live / offline")
    axes.legend(fontsize="x-small")
    return as_png(figure)
