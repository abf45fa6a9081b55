"""Error reduction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from engines.arrays import Waves
from engines.overlap import OverlapEngine
from engines.projections import FourierConstraint


@dataclass(frozen=True, kw_only=True)
class ER(OverlapEngine):
    """Error reduction, alternating projections: the difference map with alpha = 0 (Fienup, Appl. Opt. 21 (1982) 2758;
    for ptychography Thibault & Guizar-Sicairos, New J. Phys. 14 (2012) 063004)::

        psi <- F^-1[ Pi_M F[P O] ]

    The metrics cost no transform here.
    """

    purpose: ClassVar[str] = "to polish: descends and stays, one mode or many"
    citation: ClassVar[str] = "Fienup, Appl. Opt. 21 (1982) 2758"

    metrics_every: Annotated[int, Ge(0)] = 1
    """Compute the metrics in the first and each so-manieth iteration; 0 for never."""

    def update_waves_(self, waves: Waves, overlapped: Waves, measured: FourierConstraint) -> None:
        """One Fourier constraint, as the class says."""
        waves.copy_(measured.projected(overlapped, are_model=True))
