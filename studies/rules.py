"""The rules that the study holds: each with its bound and the worst figure of all noise seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studies.outcome import TRUTH, CaseOutcome
from studies.presets import Bounds, RealtimePreset

Figure = Callable[[CaseOutcome], float | None]


@dataclass(frozen=True)
class Rule:
    """One line of the table."""

    number: int
    what: str
    step_px: float
    figure: float
    """The worst of the seeds."""
    bound: float | None
    """At most this much; None where it is only told."""
    seeds: int
    """How many noise seeds stand behind it."""
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """None where nothing is asked."""
        return None if self.bound is None else bool(self.figure <= self.bound)


def rules(outcomes: Sequence[CaseOutcome], preset: RealtimePreset) -> list[Rule]:
    """All rules for which there are figures yet."""
    found: list[Rule] = []
    for step in preset.steps_px:
        cases = [each for each in outcomes if each.bounded and each.case.step_px == step]
        found += _rules_of(cases, step, preset)
    return sorted(found, key=lambda rule: (rule.number, preset.steps_px.index(rule.step_px)))


def _rules_of(cases: list[CaseOutcome], step: float, preset: RealtimePreset) -> Iterable[Rule]:
    bounds = preset.bounds
    yield from _live_rules(cases, step, bounds, "live", (1, 2, 3, 3))
    yield from _worst(cases, 4, _early_text(preset), step, _early, bounds.early.get(step), needed=step in bounds.early)
    yield from _live_rules(
        cases, step, bounds, "small-chunks", (5, 5, 5, 5), f"{preset.small_chunk} frames at a time: "
    )
    for case in cases:
        yield from _faster(case, step)


def _live_rules(
    cases: list[CaseOutcome],
    step: float,
    bounds: Bounds,
    kind: str,
    numbers: tuple[int, int, int, int],
    prefix: str = "",
) -> Iterable[Rule]:
    def floor(case: CaseOutcome) -> float | None:
        return _ratio(case.nmse(kind, TRUTH), case.floor)

    def penalty(case: CaseOutcome) -> float | None:
        return _ratio(case.nmse(kind, TRUTH), case.nmse("offline", TRUTH))

    def between(case: CaseOutcome) -> float | None:
        return case.nmse(kind, "offline")

    def control(case: CaseOutcome) -> float | None:
        return _ratio(case.nmse(kind, "offline"), case.nmse("control", "offline"))

    first, second, third, fourth = numbers
    yield from _worst(cases, first, f"{prefix}error against the truth / shot-noise floor", step, floor, bounds.floor)
    text = f"{prefix}error against the truth, live / offline"
    yield from _worst(cases, second, text, step, penalty, bounds.penalty.get(step))
    yield from _worst(cases, third, f"{prefix}live against offline, NMSE", step, between, bounds.between.get(step))
    text = f"{prefix}live against offline / offline from another start"
    yield from _worst(cases, fourth, text, step, control, bounds.control)


def _worst(
    cases: list[CaseOutcome],
    number: int,
    what: str,
    step: float,
    figure: Figure,
    bound: float | None,
    needed: bool = True,
) -> Iterable[Rule]:
    figures = [value for case in cases if (value := figure(case)) is not None]
    if figures and needed:
        yield Rule(number, what, step, max(figures), bound, len(figures))


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def _early_text(preset: RealtimePreset) -> str:
    return f"first image of {preset.early_frames} frames, NMSE in the central {preset.early_crop_px} px"


def _early(case: CaseOutcome) -> float | None:
    """The error of the last iteration on the first frames."""
    if "live" not in case.records:
        return None
    first = case.records["live"].column("nmse_early")
    first = first[np.isfinite(first)]
    return float(first[-1]) if len(first) else None


def _faster(case: CaseOutcome, step: float) -> Iterable[Rule]:
    """Time of rPIE then DM over DM's alone, to twice DM's final error."""
    alone, chain = case.records.get("offline"), case.records.get("rpie-then-dm")
    if alone is None or chain is None:
        return
    aim = 2 * alone.column("nmse")[-1]
    texts, seconds = [], []
    for name, record in (("rPIE then DM", chain), ("DM alone", alone)):
        reached = np.flatnonzero(record.column("nmse") <= aim)
        if not reached.size:
            texts.append(f"{name}: not within {len(record.curve)} iterations")
            seconds.append(float("inf"))
            continue
        at = reached[0]
        seconds.append(float(record.column("seconds")[at]))
        texts.append(f"{name}: {seconds[-1]:.1f} s, {int(record.column('iteration')[at])} iterations")
    what = f"time to twice the final error, rPIE then DM / DM alone (seed {case.case.seed})"
    yield Rule(6, what, step, seconds[0] / seconds[1], None, 1, "; ".join(texts))
