"""How far a model is from the measurement; trusted pixels only."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from engines.arrays import Magnitudes
from engines.state import Data


class Misfit:
    """Sums over frames that give the two metrics; private to a thread, and added up with ``+``."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._counted = False
        # one tensor from the start: small ones that live on between large ones would tear holes into the heap
        self._sums = torch.zeros(2, dtype=torch.float64, device=data.storage.device)

    def __add__(self, other: Misfit) -> Misfit:
        total = Misfit(self._data)
        total._sums = self._sums + other._sums
        total._counted = self._counted or other._counted
        return total

    def add(self, model: Float[Tensor, "frame y x"], magnitudes: Magnitudes, free: Magnitudes) -> None:
        """Count frames in: `model` holds their |f| and is overwritten, `free` is -1 where a pixel is not trusted."""
        difference = model.sub_(magnitudes)
        difference.addcmul_(difference, free)
        flat = difference.flatten()
        self._sums += torch.stack([flat.dot(flat), flat.abs_().sum()])
        self._counted = True

    def clear_(self) -> None:
        """Forget all frames, in place."""
        self._sums.zero_()

    def add_sums(self, squares: float, sizes: float) -> None:
        """Count frames in by their sums of (|f| - sqrt I)^2 and of ||f| - sqrt I|."""
        self._sums += torch.tensor([squares, sizes], dtype=torch.float64, device=self._sums.device)
        self._counted = True

    @property
    def error(self) -> float:
        """Relative amplitude error, sqrt(sum (|f| - sqrt I)^2 / sum I); NaN before any frame was counted in."""
        return math.sqrt(self._total(0) / self._data.counts) if self._data.counts > 0 else math.nan

    @property
    def r_factor(self) -> float:
        """The sum of ||f| - sqrt I| over that of sqrt I; NaN before any frame was counted in."""
        return self._total(1) / self._data.magnitude_sum if self._data.magnitude_sum > 0 else math.nan

    def _total(self, which: int) -> float:
        return float(self._sums[which]) if self._counted else math.nan
