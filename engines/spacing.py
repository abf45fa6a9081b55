"""How far a scan's positions lie apart, compared with the beam: the linear overlap of neighbouring views."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.arrays import Probe

LEAST_POSITIONS = 10
NEWEST = 200
LOWER_PERCENTILE = 10
"""Nine of ten positions overlap at least as much as is told."""
SAME_PX = 0.5
"""Positions nearer than this are one, visited again."""


def beam_diameter_px(probe: Probe) -> float:
    """Diameter of the disc of even light with the same effective area (sum I)^2 / sum I^2 as the probe."""
    intensity = torch.view_as_real(probe).square().sum(dim=(0, -1)).double()
    area = float(intensity.sum() ** 2 / intensity.square().sum().clamp(min=1e-300))
    return 2 * float(np.sqrt(area / np.pi))


def linear_overlap(positions_px: NDArray[Any], diameter_px: float, newest: int = NEWEST) -> float | None:
    """1 - gap / diameter that nine of ten of the newest positions (n, 2) reach, in [0, 1]; None for too few of them.

    The gap of a position is that to its neighbours up, down, left and right, the farthest but one of them: so that a
    raster of fine lines far apart is found out, and the rim of the scan, where neighbours are lacking, is not.
    """
    if len(positions_px) < LEAST_POSITIONS or not diameter_px > 0:
        return None
    gaps = neighbour_gaps(positions_px[-newest:], positions_px)
    gaps = gaps[np.isfinite(gaps)]
    if not gaps.size:
        return None
    return float(np.percentile(np.clip(1 - gaps / diameter_px, 0, 1), LOWER_PERCENTILE))


def neighbour_gaps(of: NDArray[Any], among: NDArray[Any]) -> NDArray[np.float64]:
    """The farthest but one of each position's nearest neighbours in four directions; inf where there are none."""
    rows = among[None, :, 0].astype(np.float64) - of[:, None, 0]
    cols = among[None, :, 1].astype(np.float64) - of[:, None, 1]
    distances = np.hypot(rows, cols)
    distances[distances < SAME_PX] = np.inf
    upright = np.abs(rows) > np.abs(cols)
    sectors = (upright & (rows < 0), upright & (rows > 0), ~upright & (cols < 0), ~upright & (cols > 0))
    nearest = np.stack([np.where(sector, distances, np.inf).min(axis=1) for sector in sectors], axis=1)
    ordered = np.sort(nearest, axis=1)
    found = np.isfinite(ordered).sum(axis=1)
    gaps: NDArray[np.float64] = ordered[np.arange(len(of)), np.clip(found - 2, 0, None)]
    return gaps
