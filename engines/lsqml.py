"""Iterative least-squares maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Float
from torch import Tensor

from engines.arrays import Object, Probe, Waves
from engines.kernels import DARKEST
from engines.optics import intensity, over_modes
from engines.projections import scale_
from engines.stochastic import Shares, StochasticEngine, View

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

    def correct_(self, object: Object, probe: Probe, difference: Waves, views: list[View], shares: Shares) -> None:
        """The update lines, as the class says."""
        conjugate, power = probe.conj().resolve_conj(), over_modes(intensity(probe)).contiguous()
        conjugate_object, transmission = object.conj().resolve_conj(), intensity(object).contiguous()
        light, along_object = torch.zeros_like(transmission), torch.zeros_like(object)
        passed, along_probe, scratch = torch.zeros_like(power), torch.zeros_like(probe), torch.empty_like(difference)
        patches = []
        for view, wave, product in zip(views, difference, scratch, strict=True):
            patches.append(over_modes(torch.mul(wave, conjugate, out=product)))
            along_object[view].add_(patches[-1])
            light[view].add_(power)
            if shares.probe:
                along_probe.add_(wave.mul_(conjugate_object[view]))
                passed.add_(transmission[view])
        scale_(along_object, self._inverse(light))
        scale_(along_probe, self._inverse(passed))
        steps = _best_steps(
            (along_object, intensity(along_object).contiguous(), along_object.mul(conjugate_object), transmission),
            (along_probe, over_modes(conjugate * along_probe), power, over_modes(intensity(along_probe)).contiguous()),
            list(zip(views, patches, difference, strict=True)),
        )
        weight = torch.zeros_like(light)
        for view, step in zip(views, steps[:, 0].tolist(), strict=True):
            weight[view].add_(power, alpha=step)
        object.add_(
            scale_(along_object, weight.div_(light.clamp_(min=DARKEST**2))), alpha=shares.object * self.relaxation
        )
        probe.add_(along_probe, alpha=shares.probe * self.relaxation * float(steps[:, 1].mean()))

    def _inverse(self, total: Float[Tensor, "y x"]) -> Float[Tensor, "y x"]:
        return torch.add(total, self.damping * total.max().clamp(min=DARKEST**2)).reciprocal_()


def _best_steps(
    over_object: tuple[Object, Tensor, Object, Tensor],
    over_probe: tuple[Probe, Tensor, Tensor, Tensor],
    frames: list[tuple[View, Tensor, Probe]],
) -> Float[Tensor, "frame 2"]:
    """Each frame's pair of steps, none below 0, from its two normal equations.

    Over the object: dO, |dO|^2, dO conj(O), |O|^2. Over the probe: dP, conj(P) dP, |P|^2, |dP|^2, summed over the modes
    but for dP. Of each frame: its view, conj(P) d and conj(O) d.
    """
    along_object, object_power, object_cross, transmission = over_object
    along_probe, probe_cross, power, probe_power = over_probe
    sums = []
    for view, patch, probe_patch in frames:
        aa = torch.dot(object_power[view].flatten(), power.flatten())
        ab = torch.vdot(object_cross[view].flatten(), probe_cross.flatten()).real
        bb = torch.dot(transmission[view].flatten(), probe_power.flatten())
        ad = torch.vdot(along_object[view].flatten(), patch.flatten()).real
        bd = torch.vdot(along_probe.flatten(), probe_patch.flatten()).real
        sums.append(torch.stack([aa, ab, bb, ad, bd]))
    aa, ab, bb, ad, bd = torch.stack(sums).unbind(dim=1)
    aa, bb = (square * (1 + SINGULAR) + DARKEST**2 for square in (aa, bb))
    determinant = aa * bb - ab * ab
    return torch.stack([(ad * bb - bd * ab) / determinant, (bd * aa - ad * ab) / determinant], dim=1).clamp_(min=0)
