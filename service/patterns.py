"""Diffraction patterns for the eye: the newest one, what is saturated in it, and the sum over all frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.dataset import GrowingDataset
from engines.preparation import Preparation
from service.saturation import too_many

FRAMES_A_TURN = 256
"""Frames added up at a time, so that nobody waits for it; the others follow at the next turn."""
FRAMES_A_BLOCK = 16


class PatternSum:
    """Trusted counts of a growing dataset, added up over its frames, each once."""

    def __init__(self, dataset: GrowingDataset) -> None:
        self.frames = 0
        """Frames added up so far."""
        self._dataset = dataset
        shape, device = (dataset.size, dataset.size), dataset.magnitudes.device
        self._total = torch.zeros(shape, device=device)
        self._trusted = torch.zeros(shape, dtype=torch.bool, device=device)

    def catch_up(self, most: int) -> None:
        """Add frames that came since, so many at most."""
        stop = min(self._dataset.count, self.frames + most)
        for first, last in self._dataset.magnitudes.spans(self.frames, stop, FRAMES_A_BLOCK):
            magnitudes = self._dataset.magnitudes.rows(first, last)
            self._trusted |= (magnitudes >= 0).any(dim=0)
            self._total += magnitudes.relu().float().square_().sum(dim=0)
        self.frames = stop

    def total(self) -> NDArray[np.float32]:
        """Counts (y, x) as the dataset has them; NaN where no frame was trusted."""
        counts: NDArray[np.float32] = torch.where(self._trusted, self._total, torch.nan).cpu().numpy()
        return counts


def newest_pattern(
    preparation: Preparation, frame: NDArray[Any], mask: NDArray[Any] | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A frame's counts (y, x) as the dataset has them, NaN where not trusted, and where it has too many to trust."""
    magnitudes = preparation(frame[None], mask).magnitudes[0]
    counts = torch.where(magnitudes >= 0, magnitudes.square(), torch.nan).numpy()
    fine = np.zeros_like(frame) + frame.dtype.type(preparation.valid_min or 0)
    flagged = np.where(too_many(frame, preparation.valid_max), _untrusted(frame.dtype), fine)
    usable = preparation(fine[None], mask).magnitudes[0] >= 0
    bright = preparation(flagged[None]).magnitudes[0] < 0
    return counts, (usable & bright).numpy()


def centred(preparation: Preparation, pattern: NDArray[Any]) -> NDArray[Any]:
    """A pattern with its zero frequency at [n // 2, n // 2], as one looks at it."""
    return np.fft.fftshift(pattern) if preparation.corner else pattern


def _untrusted(dtype: np.dtype[Any]) -> Any:
    return dtype.type(np.nan) if dtype.kind == "f" else np.iinfo(dtype).max
