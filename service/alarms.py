"""Alarms: pure functions from how things stand to what an operator must know. alarmbook.py keeps them over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.finding import Finding, counted
from service.reconstruction_alarms import RULES, curve_findings
from service.states import SCAN_OVER
from service.statuses import ReconstructionStatus, ScanStatus, ServiceStatus

SILENT_PERIODS = 10.0
"""No frame for so many times the usual time between two is worth a word ..."""
SILENT_LEAST_S = 5.0
"""... but never before so long."""
LOST_SHARE, LOST_FEW = 0.01, 3
"""Losing more than this share of the frames, and more than so many, is an alarm; less is a warning."""
STEP_S = 5.0
"""Silence is told in steps of this, so that a screen reader does not say it anew every second."""
LATE_S = 3.0
"""Frames that are sent again, or overtaken, still come within so long."""
UNPAIRED_SHARE = 0.05
UNPAIRED_LEAST = 25
"""Frames may be ahead of their positions by this share of the scan, or by so many."""
DISK_LOW_BYTES, DISK_SHORT_BYTES = 20_000_000_000, 2_000_000_000
DISK_LOW_S, DISK_SHORT_S = 3600.0, 600.0
MEMORY_LOW_SHARE = 0.05


@dataclass(frozen=True)
class Situation:
    """What alarms are computed from, at one moment."""

    now_ns: int
    service: ServiceStatus
    scan: ScanStatus | None = None
    """None: alarms of the service itself."""
    reconstruction: ReconstructionStatus | None = None
    """None: alarms of the scan itself."""
    metrics: NDArray[np.float64] | None = None
    """Latest rows of its METRIC_COLUMNS."""
    first_error: float | None = None
    """Error of its first iterations."""


def find(situation: Situation) -> list[Finding]:
    """Everything that is wrong with the service, the scan or the reconstruction, as far as they are given."""
    if situation.scan is None:
        return [*_service(situation.service)]
    if situation.reconstruction is None:
        return [*_scan(situation.scan, situation.now_ns)]
    found: list[Finding] = []
    for rule in RULES:
        found += rule(situation.scan, situation.reconstruction)
    if situation.metrics is not None and situation.reconstruction.state == "running":
        found += curve_findings(situation.metrics, situation.first_error)
    return found


# ---- the service


def _service(service: ServiceStatus) -> Iterator[Finding]:
    if not service.ingest:
        yield Finding(
            "ingest-down",
            "alarm",
            "The receiving process does not answer",
            "Frames may not be recorded at present.",
            "It is started again by itself; if this stays, look at the service's log. Senders keep what they can.",
            5.0,
        )
    if not service.worker:
        yield Finding(
            "worker-down",
            "alarm",
            "The reconstructing process does not answer",
            "The scan is recorded, but nothing is reconstructed.",
            "It is started again by itself and goes on from its last checkpoint; else look at the service's log.",
            10.0,
        )
    yield from _disk(service)
    if service.memory_bytes and service.memory_free_bytes < MEMORY_LOW_SHARE * service.memory_bytes:
        free, total = _gigabytes(service.memory_free_bytes), _gigabytes(service.memory_bytes)
        yield Finding(
            "memory",
            "warning",
            f"Memory of {service.device} is short: {free} of {total} free",
            "The next reconstruction, or a growing canvas, may not fit.",
            "Stop reconstructions that are not needed, or use a smaller crop.",
            5.0,
        )


def _disk(service: ServiceStatus) -> Iterator[Finding]:
    if not service.disk_bytes:
        return
    left_s = float("inf") if service.disk_left_s is None else service.disk_left_s
    free = service.disk_free_bytes
    if free >= DISK_LOW_BYTES and left_s >= DISK_LOW_S:
        return
    short = free < DISK_SHORT_BYTES or left_s < DISK_SHORT_S
    until = "" if service.disk_left_s is None else f", full in {left_s / 60:.0f} min at this rate"
    yield Finding(
        "disk",
        "alarm" if short else "warning",
        f"Disk is short: {_gigabytes(free)} free{until}",
        "When it is full, frames are refused; senders keep and repeat them only as long as they can.",
        "Delete or move old scans from the data folder.",
        2.0,
    )


# ---- the scan


def _scan(scan: ScanStatus, now_ns: int) -> Iterator[Finding]:
    yield from _silence(scan, now_ns)
    if scan.state == "aborted":
        yield Finding(
            "aborted",
            "warning",
            "Scan aborted",
            scan.message or "No frame is accepted any more.",
            "What arrived until then is kept and reconstructed.",
        )
    if scan.lost:
        share = scan.lost / max(1, scan.lost + scan.received)
        yield Finding(
            "lost",
            "alarm" if share > LOST_SHARE and scan.lost > LOST_FEW else "warning",
            f"{counted(scan.lost, 'frame')} lost ({100 * share:.2g} %)",
            "They never came, though later ones did; the rest is reconstructed without them.",
            "Look at the detector's own counter, its network and the sender.",
            0.0 if scan.state in SCAN_OVER else LATE_S,
        )
    yield from _unpaired(scan)
    if scan.refused:
        yield Finding(
            "refused-rows",
            "warning",
            f"{counted(scan.refused, 'row')} or messages refused",
            scan.message or "Wrong shape, beyond the scan's count, or a position that is not a number.",
            "Look at the sender; the service's log names each kind.",
        )


def _silence(scan: ScanStatus, now_ns: int) -> Iterator[Finding]:
    if scan.state == "stalled":
        yield Finding(
            "no-frames",
            "alarm",
            "Scan stalled: no frames arrive",
            scan.message or "Nothing came for a long time.",
            "Check the detector, its sender and the shutter; the scan goes on by itself when frames come.",
        )
    if scan.state != "receiving" or (scan.planned is not None and scan.received >= scan.planned):
        return
    since_s = (now_ns - (scan.newest_ns or scan.created_ns)) / 1e9
    lasted_s = (scan.newest_ns - scan.created_ns) / 1e9
    period_s = lasted_s / scan.received if scan.received and lasted_s > 0 else 0.0
    if since_s > max(SILENT_LEAST_S, SILENT_PERIODS * period_s):
        usual = f"; usually one comes every {period_s:.2g} s" if period_s else ""
        yield Finding(
            "no-frames",
            "alarm",
            f"No frames for {since_s // STEP_S * STEP_S:.0f} s",
            f"The scan should be running{usual}.",
            "Check the detector, its sender and the shutter.",
        )


def _unpaired(scan: ScanStatus) -> Iterator[Finding]:
    frames = scan.received - scan.paired
    over = scan.state in SCAN_OVER
    if frames > (0 if over else max(UNPAIRED_LEAST, UNPAIRED_SHARE * scan.received)):
        yield Finding(
            "positions-missing",
            "warning" if scan.paired > scan.received / 2 else "alarm",
            f"{counted(frames, 'frame')} without a position",
            "A frame cannot be used before its position is known.",
            "Is the positions' sender running, and does it count from the same index as the detector?",
            0.0 if over else 10.0,
        )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB"
