"""How far positions lie apart where the scan is now; overlap_measure.py asks of the whole scan before the start."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.overlap_measure import SAME_PX

LEAST_POSITIONS = 10
NEWEST = 200
LOWER_PERCENTILE = 10
"""Nine of ten positions overlap at least as much as is told."""


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
