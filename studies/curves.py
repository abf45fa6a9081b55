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


def floors(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """Live and offline error over the shot-noise floor, a panel for each thing that is varied, as PNG.

    `groups` holds the rows by the name of the column that is varied in them.
    """
    figure = canvas(14.0, 6.4)
    places = figure.subplots(2, -(-len(groups) // 2), sharey=True, squeeze=False).ravel()
    for axes in places[len(groups) :]:
        axes.set_axis_off()
    for axes, (varied, rows) in zip(places, groups.items(), strict=False):
        labels = list(dict.fromkeys(_words(row[varied]) for row in rows))
        for overlap in [None] if varied == "overlap" else dict.fromkeys(row["overlap"] for row in rows):
            mine = [row for row in rows if overlap in (None, row["overlap"])]
            at = [labels.index(_words(row[varied])) for row in mine]
            (line,) = axes.semilogy(at, [row["live / floor"] for row in mine], "o-", label=f"live {overlap or ''}")
            hollow = {"color": line.get_color(), "markerfacecolor": "none", "label": f"offline {overlap or ''}"}
            axes.semilogy(at, [row["offline / floor"] for row in mine], "s--", markersize=9, **hollow)
        axes.axhline(1.0, color="grey", linestyle=":")
        axes.set_xticks(range(len(labels)), labels)
        axes.set(xlabel=varied.replace("_", " "))
    for axes in places[:2]:  # the other panels have the colours of the second
        axes.legend(fontsize="small", loc="upper left")
    figure.supylabel("error against the truth over the shot-noise floor")
    return as_png(figure)


def _words(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"
