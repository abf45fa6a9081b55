"""How far a model is from the measurement; trusted pixels only."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from engines.arrays import Magnitudes


class Misfit:
    """Sums over frames that give the two metrics; private to a thread, and added up with ``+``."""

    def __init__(self) -> None:
        self.sums = torch.zeros(4, dtype=torch.float64)
        """(sum (|f| - m)^2, sum ||f| - m|, sum m^2, sum m), with m = sqrt I."""

    def __add__(self, other: Misfit) -> Misfit:
        total = Misfit()
        total.sums = self.sums + other.sums
        return total

    def add(self, model: Float[Tensor, "frame y x"], magnitudes: Magnitudes) -> None:
        """Count frames in: `model` holds their |f| and is overwritten."""
        trusted = magnitudes.clamp(-1, 0).add_(1)
        difference = model.sub_(magnitudes).mul_(trusted).flatten()
        measured = magnitudes.relu().flatten()
        sums = [difference.dot(difference), difference.abs_().sum(), measured.dot(measured), measured.sum()]
        self.sums += torch.stack(sums).cpu()

    @property
    def error(self) -> float:
        """Relative amplitude error, sqrt(sum (|f| - sqrt I)^2 / sum I); NaN before any frame was counted in."""
        squares, _, counts, _ = self.sums.tolist()
        return math.sqrt(squares / counts) if counts > 0 else math.nan

    @property
    def r_factor(self) -> float:
        """The sum of ||f| - sqrt I| over that of sqrt I; NaN before any frame was counted in."""
        _, distance, _, magnitude = self.sums.tolist()
        return distance / magnitude if magnitude > 0 else math.nan
