"""How much neighbouring frames share, known before the first iteration: without it nothing holds a picture together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from engines.arrays import ExactCorners, Probe
from engines.optics import intensity

LIT = 0.95
"""The probe is as wide as the disc about its centre that holds this share of its light."""
ENOUGH = 0.4
"""Linear overlap below which a reconstruction is in doubt."""
SAME_PX = 0.5
"""Positions nearer than this are one place visited more than once."""
MOST = 1000
"""Positions whose neighbours are looked for; of more than that, so many spread over the scan."""


@dataclass(frozen=True)
class Overlap:
    """Neighbours of a scan beside what lights them."""

    step_px: float
    """Distance from a position to its nearest neighbour, the median over the scan, in pixels of the object."""
    width_px: float
    """Of the probe, or of the whole window."""

    @property
    def linear(self) -> float:
        """Share of the width that neighbours have in common, from 0 to 1."""
        return max(0.0, 1 - self.step_px / self.width_px)

    def __str__(self) -> str:
        return (
            f"neighbouring positions are {self.step_px:.0f} px apart, the light is {self.width_px:.0f} px wide: "
            f"overlap {self.linear * 100:.0f} %"
        )


def step_px(positions_px: ExactCorners) -> float:
    """Median distance from a place to the nearest other one; 0 where there are not two."""
    finite = positions_px[np.isfinite(positions_px).all(axis=1)]
    places = np.unique(np.round(finite / SAME_PX), axis=0) * SAME_PX
    if len(places) < 2:
        return 0.0
    every = torch.from_numpy(places)
    chosen = every[torch.linspace(0, len(every) - 1, min(MOST, len(every))).long()]
    exactly = "donot_use_mm_for_euclid_dist"  # a product would lose pixels where one position is far off
    distances = [torch.cdist(block, every, compute_mode=exactly) for block in torch.split(chosen, 100)]
    return float(torch.cat([block.topk(2, largest=False).values[:, 1] for block in distances]).median())


def width_px(probe: Probe) -> float:
    """Diameter of the disc about the probe's centre of light that holds `LIT` of it."""
    light = intensity(probe).sum(dim=0).double().cpu()
    light /= light.sum()
    rows, cols = (torch.arange(length, dtype=torch.float64) for length in light.shape)
    centre = (light.sum(dim=1) * rows).sum(), (light.sum(dim=0) * cols).sum()
    radius = torch.hypot((rows - centre[0])[:, None], (cols - centre[1])[None, :]).flatten()
    order = radius.argsort()
    inside = int(torch.searchsorted(light.flatten()[order].cumsum(dim=0), LIT))
    return 2 * float(radius[order][min(inside, len(order) - 1)]) + 1
