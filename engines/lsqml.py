"""Iterative least-squares maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Float
from torch import Tensor

from engines.arrays import Object, Probe, Views, Waves
from engines.optics import intensity, over_modes
from engines.projections import DARKEST, scale_
from engines.stochastic import StochasticEngine, View

SINGULAR = 1e-3
"""Added to the diagonal of each frame's two equations, as a share of it."""


@dataclass(frozen=True, kw_only=True)
class LSQML(StochasticEngine):
    """LSQ-ML (Odstrcil, Menzel & Guizar-Sicairos, Opt. Express 26 (2018) 3108): a batch gives one direction for the
    object and one for the probe (eqs. 17-21, damped by delta), and each frame the steps along both that explain its
    own difference d best (eqs. 22-24); the steps are averaged, the object's by the light of each frame (eq. 25)::

        dO = sum_j conj(P) d_j / (sum_j |P|^2 + delta max),   dP = sum_j conj(O_j) d_j / (sum_j |O_j|^2 + delta max)
        a_j, b_j = argmin || d_j - a_j dO_j P - b_j dP O_j ||^2
        O <- O + relaxation dO (sum_j a_j |P|^2) / (sum_j |P|^2),   P <- P + relaxation dP mean_j b_j

    Batches of frames that hardly overlap converge like single ones, without a step that is chosen by hand.
    """

    purpose: ClassVar[str] = "like rPIE, in batches and with steps found by itself"
    citation: ClassVar[str] = "Odstrcil, Menzel & Guizar-Sicairos, Opt. Express 26 (2018) 3108"

    batch: Annotated[int, Ge(1), Le(256)] = 16
    """Frames that are corrected at a time."""
    relaxation: Annotated[float, Gt(0), Le(1)] = 0.8
    """Fraction of the best steps that is taken."""
    damping: Annotated[float, Gt(0), Le(1)] = 0.1
    """delta: damps the object where little light falls, and the probe where the object is dark."""

    def correct_(self, object: Object, probe: Probe, difference: Waves, views: list[View], probe_too: bool) -> None:
        """The update lines, as the class says."""
        power = over_modes(intensity(probe))
        patches = over_modes(difference.mul(probe.conj()).unbind(dim=1))  # (frame, y, x)
        light, along_object = torch.zeros(object.shape, device=object.device), torch.zeros_like(object)
        for view, patch in zip(views, patches, strict=True):
            light[view].add_(power)
            along_object[view].add_(patch)
        scale_(along_object, self._inverse(light))
        along_probe = torch.zeros_like(probe)
        if probe_too:
            transmission = intensity(object)
            for view, wave in zip(views, difference, strict=True):
                wave.mul_(object[view].conj())
            lit = over_modes(transmission[view] for view in views)
            along_probe = scale_(difference.sum(dim=0), self._inverse(lit))
        steps = _best_steps(object, along_object, probe, along_probe, patches, difference, views)
        weight = torch.zeros_like(light)
        for view, step in zip(views, steps[:, 0].tolist(), strict=True):
            weight[view].add_(power, alpha=step)
        object.add_(scale_(along_object, weight.div_(light.clamp_(min=DARKEST**2))), alpha=self.relaxation)
        probe.add_(along_probe, alpha=self.relaxation * float(steps[:, 1].mean()))

    def _inverse(self, total: Float[Tensor, "y x"]) -> Float[Tensor, "y x"]:
        return torch.add(total, self.damping * total.max().clamp(min=DARKEST**2)).reciprocal_()


def _best_steps(
    object: Object,
    along_object: Object,
    probe: Probe,
    along_probe: Probe,
    patches: Views,
    probe_patches: Waves,
    views: list[View],
) -> Float[Tensor, "frame 2"]:
    """Each frame's pair of steps, none below 0: two normal equations, whose patches are conj(P) d and conj(O) d."""
    power, cross = over_modes(intensity(probe)), over_modes(probe.conj() * along_probe)
    aa = _cut(intensity(along_object), views) @ power.flatten()
    ab = (_cut(along_object.conj() * object, views) @ cross.flatten()).real
    bb = _cut(intensity(object), views) @ over_modes(intensity(along_probe)).flatten()
    ad = _inner(_cut(along_object, views), patches)
    bd = _inner(along_probe[None].expand_as(probe_patches), probe_patches)
    aa, bb = (square * (1 + SINGULAR) + DARKEST**2 for square in (aa, bb))
    determinant = aa * bb - ab * ab
    return torch.stack([(ad * bb - bd * ab) / determinant, (bd * aa - ad * ab) / determinant], dim=1).clamp_(min=0)


def _cut(field: Tensor, views: list[View]) -> Tensor:
    """The views of a field, each as one row."""
    return torch.stack([field[view].flatten() for view in views])


def _inner(a: Tensor, b: Tensor) -> Float[Tensor, frame]:
    """The real part of sum conj(a) b, frame by frame."""
    n = len(b)
    real: Tensor = (torch.view_as_real(a.reshape(n, -1)) * torch.view_as_real(b.reshape(n, -1))).sum(dim=(1, 2))
    return real
