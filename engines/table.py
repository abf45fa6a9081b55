"""The table of algorithms in docs/engines.md, made from the registry."""

from __future__ import annotations

from engines.registry import ENGINES

PIXEL_BYTES = (1, 1, 1)
"""A probe of one mode and one pixel."""


def engine_table() -> str:
    """Markdown: name, when to use it, cost and citation of each algorithm."""
    lines = [
        "| engine | when to use it | transforms a mode, frame and iteration | stored a mode and pixel of a frame "
        "| published in |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, kind in ENGINES.items():
        stored = f"{kind().exit_wave_bytes(PIXEL_BYTES)} bytes"
        lines.append(f"| `{name}` | {kind.purpose} | {kind.transforms} | {stored} | {kind.citation} |")
    return "\n".join(lines)
