"""What lies between the model and the counts: the intensity of each frame, and a background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from engines.arrays import Counts, Positions, Rows
from engines.kernels import LOST

NEIGHBOURS = 25
"""Frames that tell what the object does to the counts at a place."""
BRIGHT = 0.9
"""Share of them that are no brighter than one that had beam."""
LEAST_COUNTS = 0.1
"""Variance that is assumed of the darkest pixels when the background is fitted."""


class BeamOfFrames(NamedTuple):
    """A beam as seen by some frames."""

    scales: Float[Tensor, "frame 1 1"]
    background: Float[Tensor, "y x"]


@dataclass(frozen=True, kw_only=True)
class Beam:
    """Counts are ``I_j = s_j |f_j|^2 + b``, where f is the model in Fourier space."""

    scales: Counts
    """s, in the order in which frames were taken in, relative to those about each."""
    background: Float[Tensor, "y x"]
    """b in counts, zero frequency at the corner."""

    @classmethod
    def even(cls, frames: int, background: Float[Tensor, "y x"]) -> Beam:
        """Every frame alike, over this background."""
        return cls(scales=torch.ones(frames, device=background.device), background=background)

    def of(self, frames: list[int] | range) -> BeamOfFrames:
        """Its part in some frames; those that were not fitted yet count as 1."""
        wanted = torch.as_tensor(list(frames))
        known = wanted.clamp(max=len(self.scales) - 1)
        scales = torch.where(wanted < len(self.scales), self.scales.cpu()[known], 1.0).to(self.background.device)
        return BeamOfFrames(scales[:, None, None], self.background)

    @property
    def lost(self) -> Rows:
        """Frames without beam, in the order in which they were taken in."""
        return (self.scales.cpu() < LOST).nonzero().flatten().numpy()


def beam_of(beam: Beam | None, frames: list[int] | range) -> BeamOfFrames | None:
    """A beam's part in some frames; none where the model is the counts."""
    return None if beam is None else beam.of(frames)


class BeamFit:
    """Sums over frames from which a better beam follows."""

    def __init__(self, beam: Beam, frames: int, mode: str, intensities: bool) -> None:
        self._beam, self._mode, self._intensities = beam, mode, intensities
        self._counts, self._model = torch.zeros(frames), torch.zeros(frames)
        self._residual, self._weight = torch.zeros_like(beam.background), torch.zeros_like(beam.background)

    def add(self, frames: list[int], model: Float[Tensor, "frame y x"], magnitudes: Float[Tensor, "frame y x"]) -> None:
        """Count frames in: the model's |f|^2, and the measurement."""
        seen, trusted = self._beam.of(frames), magnitudes >= 0
        beyond = torch.where(trusted, magnitudes.square() - seen.background, 0.0)
        self._counts[frames] = beyond.sum(dim=(1, 2)).cpu()
        self._model[frames] = torch.where(trusted, model, 0.0).sum(dim=(1, 2)).cpu()
        scaled = seen.scales * model
        weight = trusted / (scaled + seen.background + LEAST_COUNTS).square()
        self._weight += weight.sum(dim=0)
        self._residual += ((beyond - scaled) * weight).sum(dim=0)

    def result(self, positions: Positions) -> Beam:
        """s_j is the ratio of the counts beyond the background to the model's, over the median of this ratio in the
        frames about: what neighbours share is the object's, which the ratio alone could not tell from the source.
        b moves by the mean of what the model leaves, weighted by the inverse square of the model, so that errors
        of bright pixels do not count: over all pixels (constant), or
        each by itself (pattern).
        """
        beam = self._beam
        scales, background = beam.scales, beam.background
        if self._intensities:
            ratio = self._counts.clamp(min=0) / self._model.clamp(min=1e-6)
            scales = (ratio / _about(ratio, positions).clamp(min=1e-6)).to(background.device)
        if self._mode == "constant":
            background = background + self._residual.sum() / self._weight.sum().clamp(min=1e-6)
        elif self._mode == "pattern":
            background = background + self._residual / self._weight.clamp(min=1e-6)
        return Beam(scales=scales, background=background.clamp(min=0))


def _about(values: Counts, positions: Positions) -> Counts:
    """The median of each frame's nearest neighbours, itself included, but for those without beam: where the beam was
    off for most of them, the median would be theirs.
    """
    places, most = positions.float(), min(NEIGHBOURS, len(positions))
    medians = []
    for a in range(0, len(places), 1024):
        own = values[a : a + 1024, None]
        near = values[torch.cdist(places[a : a + 1024], places).topk(most, largest=False).indices]
        lit = torch.maximum(near.quantile(BRIGHT, dim=1, keepdim=True), LOST * own)
        medians.append(torch.where(near < LOST * lit, torch.nan, near).nanmedian(dim=1).values)
    return torch.cat(medians)
