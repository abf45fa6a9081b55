"""The states of a scan and of a reconstruction, and which may follow which."""

from __future__ import annotations

from typing import Literal, get_args

ScanState = Literal["armed", "receiving", "stalled", "ended", "aborted"]
ReconstructionState = Literal["waiting", "running", "paused", "finishing", "finished", "stopped", "failed", "refused"]

SCAN_TRANSITIONS: dict[ScanState, frozenset[ScanState]] = {
    "armed": frozenset({"receiving", "aborted"}),
    "receiving": frozenset({"stalled", "ended", "aborted"}),
    "stalled": frozenset({"receiving", "ended", "aborted"}),
    "ended": frozenset(),
    "aborted": frozenset(),
}
"""armed by REST, receiving after `start`, stalled when nothing came for the time-out."""

RECONSTRUCTION_TRANSITIONS: dict[ReconstructionState, frozenset[ReconstructionState]] = {
    "waiting": frozenset({"running", "paused", "finishing", "stopped", "failed", "refused"}),
    "running": frozenset({"waiting", "paused", "finishing", "finished", "stopped", "failed"}),
    "paused": frozenset({"waiting", "running", "finishing", "stopped", "failed"}),
    "finishing": frozenset({"running", "paused", "finished", "stopped", "failed"}),
    "finished": frozenset(),
    "stopped": frozenset(),
    "failed": frozenset(),
    "refused": frozenset(),
}
"""waiting for the first frames, running on them and between chunks, finishing the iterations after the scan's end;
refused for want of memory or of overlap."""

SCAN_OVER: frozenset[ScanState] = frozenset(s for s in get_args(ScanState) if not SCAN_TRANSITIONS[s])
RECONSTRUCTION_OVER: frozenset[ReconstructionState] = frozenset(
    s for s in get_args(ReconstructionState) if not RECONSTRUCTION_TRANSITIONS[s]
)


class TransitionError(ValueError):
    """A step between two states that the tables do not allow."""


def next_scan_state(now: ScanState, wanted: ScanState) -> ScanState:
    """`wanted`, if it may follow `now`."""
    if wanted != now and wanted not in SCAN_TRANSITIONS[now]:
        raise TransitionError(_refusal("scan", now, wanted, SCAN_TRANSITIONS[now]))
    return wanted


def next_reconstruction_state(now: ReconstructionState, wanted: ReconstructionState) -> ReconstructionState:
    """`wanted`, if it may follow `now`."""
    if wanted != now and wanted not in RECONSTRUCTION_TRANSITIONS[now]:
        raise TransitionError(_refusal("reconstruction", now, wanted, RECONSTRUCTION_TRANSITIONS[now]))
    return wanted


def _refusal(what: str, now: str, wanted: str, allowed: frozenset[str]) -> str:
    return (
        f"a {what} that is {now} cannot become {wanted}; allowed: {', '.join(sorted(allowed)) or 'nothing, it is over'}"
    )
