"""What a case came to: each run against the truth and against the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.evaluation import Box, Evaluation, evaluate
from engines.simulate import Scan
from studies.presets import Case, Kind
from studies.reconstruction import noise_floor
from studies.sample import overlap
from studies.store import Record

TRUTH = "truth"


@dataclass(frozen=True)
class CaseOutcome:
    """Figures of one simulated scan; runs that are not done yet are left out."""

    case: Case
    bounded: bool
    """Whether the bounds are for it."""
    overlap: float
    """Huang's measure, 0 to 1."""
    floor: float
    """NMSE of shot noise alone."""
    pixel_m: float
    records: dict[Kind, Record]
    pairs: dict[tuple[str, str], Evaluation] = field(default_factory=dict)
    """What was compared with what."""

    def nmse(self, image: str, reference: str) -> float | None:
        """With a least-squares ramp; None where one of the two is not done."""
        pair = self.pairs.get((image, reference))
        return None if pair is None else pair.nmse_relative

    def rows(self) -> list[dict[str, Any]]:
        """One row of a table for each pair."""
        return [self._row(first, second, pair) for (first, second), pair in self.pairs.items()]

    def _row(self, first: str, second: str, pair: Evaluation) -> dict[str, Any]:
        iterations = {kind: len(record.curve) for kind, record in self.records.items()}
        return {
            "step_px": self.case.step_px,
            "overlap": round(self.overlap, 4),
            "photons": self.case.photons,
            "seed": self.case.seed,
            "first": first,
            "second": second,
            "iterations": iterations.get(first),  # type: ignore[call-overload]
            "od_difference": pair.optical_density.mean,
            "od_standard_error": pair.optical_density.error,
            "phase_difference_rad": pair.phase.mean,
            "phase_standard_error_rad": pair.phase.error,
            "nmse": pair.nmse,
            "nmse_relative_ramp": pair.nmse_relative,
            "noise_floor": self.floor,
            "resolution_nm": pair.rings.resolution_m(self.pixel_m) * 1e9,
            "shift_px": max(map(abs, pair.shift_px)),
        }


def judge(case: Case, bounded: bool, scan: Scan, box: Box, records: dict[Kind, Record]) -> CaseOutcome:
    """Compare what there is of a case: each full run with the truth, live and control with offline."""
    objects = {kind: record.object.astype(np.complex128) for kind, record in records.items() if kind != "rpie-then-dm"}
    truth = scan.object.numpy().astype(np.complex128)
    pairs: dict[tuple[str, str], Evaluation] = {
        (kind, TRUTH): evaluate(object, truth, box) for kind, object in objects.items()
    }
    if "offline" in objects:
        for kind in ("live", "small-chunks", "control"):
            if kind in objects:
                pairs[kind, "offline"] = evaluate(objects[kind], objects["offline"], box)
    return CaseOutcome(
        case=case,
        bounded=bounded,
        overlap=overlap(scan.probe, case.step_px),
        floor=noise_floor(scan, box),
        pixel_m=scan.geometry.pixel_m,
        records=records,
        pairs=pairs,
    )
