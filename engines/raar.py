"""Relaxed averaged alternating reflections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Le
from torch import view_as_real

from engines.arrays import Waves
from engines.overlap import OverlapEngine
from engines.projections import FourierConstraint


@dataclass(frozen=True, kw_only=True)
class RAAR(OverlapEngine):
    """Relaxed averaged alternating reflections (Luke, Inverse Problems 21 (2005) 37, eq. 2.2; for ptychography
    Marchesini et al., J. Appl. Cryst. 49 (2016) 1245), in the order that reflects at the overlap constraint first
    and at the magnitudes last, ``psi <- beta/2 (R_M R_O + 1) psi + (1 - beta) P_O psi``; with P_O psi = P O::

        psi <- beta (psi + F^-1[ Pi_M F[2 P O - psi] ]) + (1 - 2 beta) P O

    Pi_M is the magnitude projection. beta = 1 is the difference map; the smaller, the more it settles.
    """

    purpose: ClassVar[str] = "like DM, but settles; beta says how soon"
    citation: ClassVar[str] = "Luke, Inverse Problems 21 (2005) 37"

    beta: Annotated[float, Gt(0.5), Le(1)] = 0.9
    """Relaxation."""

    def update_waves_(self, waves: Waves, overlapped: Waves, measured: FourierConstraint) -> None:
        """One Fourier constraint, as the class says."""
        measured.compare(overlapped)
        reflected = torch.lerp(view_as_real(waves), view_as_real(overlapped), 2)
        projected = measured.projected(torch.view_as_complex(reflected))
        waves.add_(projected).mul_(self.beta).add_(overlapped, alpha=1 - 2 * self.beta)
