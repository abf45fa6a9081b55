"""A study's table as text, CSV, JSON and a page with its figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from service.version import VERSION
from studies import page, tables

Row = Mapping[str, Any]


def write_sheet(
    folder: Path,
    title: str,
    about: Sequence[str],
    rows: Sequence[Row],
    preset: Mapping[str, Any],
    pictures: Mapping[str, tuple[bytes, str]],
) -> None:
    """Write results.txt, .csv, .json and index.html, and each picture (PNG, caption) under its name."""
    header = list(rows[0]) if rows else []
    shown = [[_cell(value) for value in row.values()] for row in rows]
    (folder / "results.txt").write_text("\n\n".join([title, *about, tables.as_text(header, shown)]) + "\n")
    (folder / "results.csv").write_text(tables.as_csv([dict(row) for row in rows]))
    told = {"study": title, "version": VERSION, "preset": preset, "rows": [dict(row) for row in rows]}
    (folder / "results.json").write_text(json.dumps(told, indent=1))
    for name, (png, _) in pictures.items():
        (folder / f"{name}.png").write_bytes(png)
    figures = [page.picture(png, caption) for png, caption in pictures.values()]
    (folder / "index.html").write_text(
        page.page(
            title,
            page.paragraphs(*about),
            page.section("Table", page.table(header, shown)),
            page.section("Figures", *figures) if figures else "",
        )
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
