"""What the figures say: medians, the time to an error, the table and the bounds. Nothing here measures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

ROUNDS = 7
"""Iterations that each method does at least, in turn with all others."""


@dataclass
class Curve:
    """What one method of one program did."""

    version: str
    """The program and its version."""
    method: str
    """As its adapter calls it."""
    wall_s: list[float] = field(default_factory=list)
    """Of each iteration."""
    cpu_s: list[float] = field(default_factory=list)
    """The same, as processor time, which other processes disturb less."""
    nmse: list[float] = field(default_factory=list)
    """After each iteration."""

    def iteration_s(self) -> tuple[float, float]:
        """Median processor and wall time of an iteration, over the rounds that all curves share; the first one, which
        sets up, is left out.
        """
        return statistics.median(self.cpu_s[1:ROUNDS]), statistics.median(self.wall_s[1:ROUNDS])

    def mean_s(self, first: int) -> float:
        """Mean processor time of the iterations after so many."""
        return statistics.fmean(self.cpu_s[first:])


def time_to(limit: float, nmse: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Seconds until the NMSE first was at the limit or below it; None where it never was."""
    for number, value in enumerate(nmse, start=1):
        if value <= limit:
            return sum(seconds[:number])
    return None


def table(curves: Sequence[Curve], limit: float) -> str:
    """A line a curve, in Markdown."""
    lines = [
        f"| program | method | CPU s an iteration | wall s an iteration | iterations to {limit:g} | CPU s | wall s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for curve in curves:
        cells = [curve.version, curve.method, *(f"{seconds:.3f}" for seconds in curve.iteration_s())]
        cpu_s, wall_s = (time_to(limit, curve.nmse, seconds) for seconds in (curve.cpu_s, curve.wall_s))
        if cpu_s is None or wall_s is None:
            cells += [f"not in {len(curve.nmse)} ({curve.nmse[-1]:.1e})", "", ""]
        else:
            number = next(n for n, value in enumerate(curve.nmse, start=1) if value <= limit)
            cells += [str(number), f"{cpu_s:.2f}", f"{wall_s:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Bound:
    """A ratio that is promised."""

    what: str
    """In words."""
    value: float
    """As measured."""
    least: float | None = None
    """It must not be smaller."""
    below: float | None = None
    """It must be smaller."""

    @property
    def holds(self) -> bool:
        """Whether it is kept."""
        return (self.least is None or self.value >= self.least) and (self.below is None or self.value < self.below)

    def __str__(self) -> str:
        asked = f"at least {self.least:g}" if self.below is None else f"below {self.below:g}"
        return f"{'kept  ' if self.holds else 'MISSED'} {self.what}: {self.value:.2f} ({asked})"
