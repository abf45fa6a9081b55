"""The ptychographic iterative engine and its regularised form."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from engines import kernels
from engines.arrays import Object, Probe, Waves
from engines.stochastic import Shares, StochasticEngine, View, apply_, object_sums, probe_sums


@dataclass(frozen=True, kw_only=True)
class PIE(StochasticEngine):
    """One sweep over the frames in random order, each correcting object and probe on its own::

        psi' = F^-1[ Pi_M F[P O] ],   d = psi' - P O
        O <- O + object_step conj(P) d / ((1 - alpha) |P|^2 + alpha max |P|^2)
        P <- P + probe_step  conj(O) d / ((1 - beta) |O|^2 + beta max |O|^2)

    With several modes |P|^2 and conj(P) d are their sums (M-rPIE: Guzzi et al., arXiv:2205.04295 (2022), eqs. 4-7,
    whose gamma is alpha here). Numerators and denominators of the frames of a batch are summed.
    """

    object_step: Annotated[float, Gt(0), Le(2)] = 0.5
    """Fraction of the object's correction that is applied."""
    probe_step: Annotated[float, Gt(0), Le(2)] = 0.5
    """Fraction of the probe's correction that is applied."""

    @property
    @abstractmethod
    def regularisation(self) -> tuple[float, float]:
        """The pair alpha, beta."""

    def correct_(self, object: Object, probe: Probe, difference: Waves, views: list[View], shares: Shares) -> None:
        """The update lines, as the class says."""
        alpha, beta = self.regularisation
        if len(views) == 1 and kernels.suit(probe, difference):
            steps = shares.object * self.object_step, shares.probe * self.probe_step
            kernels.correct_(*kernels.rows_of(object), probe.numpy(), difference[0].numpy(), alpha, beta, *steps)
            return
        sums = object_sums(object, probe, difference, views)
        if shares.probe:
            apply_(probe, *probe_sums(object, difference, views), beta, shares.probe * self.probe_step)
        apply_(object, *sums, alpha, shares.object * self.object_step)


@dataclass(frozen=True, kw_only=True)
class RPIE(PIE):
    """Regularised PIE (Maiden, Johnson & Li, Optica 4 (2017) 736, eqs. 19-20); the update lines are in `PIE`.

    With a good probe it reaches a given error many times sooner than DM: the default for the first live image.
    """

    purpose: ClassVar[str] = "the first live image, and weakly lit borders"
    citation: ClassVar[str] = "Maiden, Johnson & Li, Optica 4 (2017) 736"

    object_regularisation: Annotated[float, Gt(0), Le(1)] = 0.5
    """alpha: smaller trusts weakly lit pixels more."""
    probe_regularisation: Annotated[float, Gt(0), Le(1)] = 1.0
    """beta."""

    @property
    def regularisation(self) -> tuple[float, float]:
        """The pair alpha, beta."""
        return self.object_regularisation, self.probe_regularisation


@dataclass(frozen=True, kw_only=True)
class EPIE(PIE):
    """Extended PIE (Maiden & Rodenburg, Ultramicroscopy 109 (2009) 1256, eqs. 6-7): rPIE with alpha = beta = 1."""

    purpose: ClassVar[str] = "to compare with what others have"
    citation: ClassVar[str] = "Maiden & Rodenburg, Ultramicroscopy 109 (2009) 1256"

    @property
    def regularisation(self) -> tuple[float, float]:
        """The pair alpha, beta."""
        return 1.0, 1.0
