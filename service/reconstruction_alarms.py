"""Alarms of one reconstruction: its state, what it sees of the scan, and its error curve. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from service.finding import Finding, counted
from service.states import SCAN_OVER
from service.statuses import ReconstructionStatus, ScanStatus
from service.tables import METRIC_COLUMNS

DROPPED, LOST_BEAM = 0.5, 0.1
"""Counts of the newest frames, as a share of the usual ones."""
SATURATED_PX = 4
"""So many saturated pixels in a frame may be cosmic rays or hot pixels."""
OVERLAP_LOW, OVERLAP_POOR = 0.2, 0.4
"""Linear overlap below which the object falls apart, and below which it suffers; 0.6 and more is good practice."""
LAG_S = 10.0
LAG_CHUNKS = 3.0
"""Frames of so many seconds, or so many chunks, may wait before the reconstruction is called slow."""
CURVE_ROWS = 20
RISING = 1.5
"""The error rises if it is so many times the least one on the same frames, and still climbs."""
STUCK_AFTER, STUCK_ABOVE = 50, 0.7
"""The error is stuck if after so many iterations it is still above this share of the first ones."""


def _state(_: ScanStatus, recon: ReconstructionStatus) -> Iterator[Finding]:
    if recon.state == "failed":
        yield Finding(
            "failed",
            "alarm",
            f"Reconstruction {recon.id} failed",
            recon.message or "It ended with an error.",
            "Restart it; the recording has everything. The service's log has the details.",
        )
    if recon.state == "refused":
        yield Finding(
            "refused",
            "alarm",
            f"Reconstruction {recon.id} refused",
            recon.message or "It would not fit the memory.",
            "Use a smaller crop or fewer modes, or stop another one. The scan is recorded all the same.",
        )
    if not recon.finite:
        yield Finding(
            "non-finite",
            "alarm",
            "The reconstruction is no longer a number",
            recon.message,
            "It is paused at the last good state: use smaller steps, then resume; or restart it.",
        )


def _canvas(_: ScanStatus, recon: ReconstructionStatus) -> Iterator[Finding]:
    if recon.outside:
        yield Finding(
            "outside",
            "alarm" if recon.outside > recon.frames else "warning",
            f"{counted(recon.outside, 'frame')} outside the canvas",
            "Their positions lie beyond the plan; they are recorded but left out.",
            "Does the plan fit the scan: units, motion and orientation? Restart with another orientation if not.",
        )


def _overlap(_: ScanStatus, recon: ReconstructionStatus) -> Iterator[Finding]:
    if recon.overlap is not None and recon.overlap < OVERLAP_POOR:
        yield Finding(
            "overlap",
            "alarm" if recon.overlap < OVERLAP_LOW else "warning",
            f"Overlap is small where the scan is now: {100 * recon.overlap:.0f} %",
            "With less than about 40 % (linear) the object breaks up into single views; 60 % and more is good.",
            "Use a smaller step or a larger beam; check that positions are in metres.",
            3.0,
        )


def _intensity(scan: ScanStatus, recon: ReconstructionStatus) -> Iterator[Finding]:
    newest, usual = recon.counts_newest, recon.counts_usual
    if scan.state in SCAN_OVER or newest is None or not usual:
        return
    share = newest / usual
    if share < LOST_BEAM:
        yield Finding(
            "beam",
            "alarm",
            f"Beam lost: {100 * share:.0f} % of the usual counts",
            "The newest frames are nearly empty; they add nothing but noise.",
            "Check shutter, ring and beam position; repeat the scan if it goes on.",
            1.0,
        )
    elif share < DROPPED:
        yield Finding(
            "beam",
            "warning",
            f"Intensity dropped to {100 * share:.0f} % of the usual counts",
            "The beam is weaker, or the sample absorbs much here.",
            "Check the beam; an engine with flicker in its model follows slow changes.",
            3.0,
        )


def _saturation(scan: ScanStatus, recon: ReconstructionStatus) -> Iterator[Finding]:
    if scan.state not in SCAN_OVER and recon.saturated_px > SATURATED_PX:
        yield Finding(
            "saturation",
            "warning",
            f"{counted(recon.saturated_px, 'detector pixel')} saturated",
            "They are not trusted and stay free, which costs contrast and the low frequencies.",
            "Use a shorter exposure, an attenuator or a beamstop.",
            1.0,
        )


def _lag(scan: ScanStatus, recon: ReconstructionStatus) -> Iterator[Finding]:
    chunk = recon.live.get("chunk", 1)
    if recon.state not in ("running", "waiting") or scan.state != "receiving" or not recon.frames:
        return
    if recon.lag > max(LAG_CHUNKS * chunk, LAG_S * scan.frame_rate_hz):
        yield Finding(
            "behind",
            "warning",
            f"Reconstruction falls behind: {recon.lag:,} frames wait",
            "Frames come faster than they are taken in, so the picture is late. Nothing is lost.",
            "Use a larger chunk, fewer iterations a chunk, a crop or fewer modes; or stop another reconstruction.",
            5.0,
        )


RULES: tuple[Callable[[ScanStatus, ReconstructionStatus], Iterator[Finding]], ...] = (
    _state,
    _canvas,
    _overlap,
    _intensity,
    _saturation,
    _lag,
)


def curve_findings(rows: NDArray[np.float64], first_error: float | None) -> Iterator[Finding]:
    """Error rising on the same frames, or no better than at the start."""
    iteration, frames, errors = (rows[:, METRIC_COLUMNS.index(name)] for name in ("iteration", "frames", "error"))
    known = np.isfinite(errors)
    same = errors[known & (frames == frames[-1])] if len(rows) else errors
    if len(same) >= CURVE_ROWS and same[-1] > RISING * same.min() and _climbs(same[-CURVE_ROWS:]):
        yield Finding(
            "error-rising",
            "alarm",
            f"Error rises: {same[-1]:.3g}, it was {same.min():.3g} on the same frames",
            "The iterations drive the picture away from the data.",
            "Use smaller steps (alpha or beta, object and probe step), or restart with another engine or probe.",
            2.0,
        )
    elif first_error and known.any() and iteration[-1] >= STUCK_AFTER and errors[known][-1] > STUCK_ABOVE * first_error:
        yield Finding(
            "error-stuck",
            "warning",
            f"Error is stuck: {errors[known][-1]:.3g}, it began with {first_error:.3g}",
            "The model does not come near the data: initial probe, geometry or orientation may be wrong.",
            "Restart with the probe auto, found from the frames; check distance, energy, pixel and orientation.",
            5.0,
        )


def _climbs(errors: NDArray[np.float64]) -> bool:
    half = len(errors) // 2
    return bool(np.median(errors[half:]) > np.median(errors[:half]))
