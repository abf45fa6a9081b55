"""Difference map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Le
from torch import view_as_real

from engines.arrays import Waves
from engines.overlap import OverlapEngine
from engines.projections import FourierConstraint


@dataclass(frozen=True, kw_only=True)
class DM(OverlapEngine):
    """Difference map (Thibault et al., Ultramicroscopy 109 (2009) 338, eq. 10), with mixing as in PtyPy
    (Enders & Thibault, Proc. R. Soc. A 472 (2016))::

        psi <- alpha (psi - P O) + F^-1[ Pi_M F[(1 + alpha) P O - alpha psi] ]

    Pi_M is the magnitude projection. The founding paper's "80 % DM, 20 % ER" is alpha = 0.8.
    """

    purpose: ClassVar[str] = "escapes wrong starts; the default where live must equal offline"
    citation: ClassVar[str] = "Thibault et al., Ultramicroscopy 109 (2009) 338"

    alpha: Annotated[float, Ge(0), Le(1)] = 0.8
    """Mixing: 1 is the difference map, 0 is error reduction."""

    def update_waves_(self, waves: Waves, overlapped: Waves, measured: FourierConstraint) -> None:
        """One Fourier constraint, as the class says."""
        measured.compare(overlapped)
        reflected = torch.lerp(view_as_real(overlapped), view_as_real(waves), -self.alpha)
        projected = measured.projected(torch.view_as_complex(reflected))
        torch.add(projected, waves.sub_(overlapped), alpha=self.alpha, out=waves)
