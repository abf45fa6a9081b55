"""The ptychographic iterative engine and its regularised form."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from engines.arrays import Object, Probe, Waves
from engines.metrics import Misfit
from engines.optics import bounding_box, exit_waves, over_modes
from engines.projections import DARKEST, magnitude_projection_
from engines.state import Data, Engine, State
from engines.subpixel import visits


@dataclass(frozen=True, kw_only=True)
class PIE(Engine):
    """One sweep over the frames in random order, each correcting object and probe on its own::

        psi' = F^-1[ Pi_M F[P O] ],   d = psi' - P O
        O <- O + object_step conj(P) d / ((1 - alpha) |P|^2 + alpha max |P|^2)
        P <- P + probe_step  conj(O) d / ((1 - beta) |O|^2 + beta max |O|^2)

    With several modes |P|^2 is their sum (Thibault & Menzel, Nature 494 (2013) 68). Frames of a batch see the same
    object and probe; their numerators and denominators are summed. The metrics are those that each frame had
    when its turn came.
    """

    object_step: Annotated[float, Gt(0), Le(2)] = 0.5
    """Fraction of the object's correction that is applied."""
    probe_step: Annotated[float, Gt(0), Le(2)] = 0.5
    """Fraction of the probe's correction that is applied."""
    batch: Annotated[int, Ge(1), Le(256)] = 1
    """Frames that are corrected at a time."""
    seed: Annotated[int, Ge(0)] = 0
    """Of the order of the frames, which is another one in each iteration."""
    metrics_every: Annotated[int, Ge(0)] = 1
    """Compute the metrics in the first and each so-manieth iteration; 0 for never."""

    @property
    @abstractmethod
    def regularisation(self) -> tuple[float, float]:
        """The pair alpha, beta."""

    def step(self, state: State, data: Data) -> State:
        """One sweep; object and probe are changed in place."""
        iteration = state.iteration + 1
        order = np.random.default_rng((self.seed, iteration)).permutation(data.count)
        misfit = Misfit(data)
        measured = bool(self.metrics_every) and (iteration == 1 or iteration % self.metrics_every == 0)
        n = min(self.batch, data.count)
        waves = torch.empty((n, *state.probe.shape), dtype=state.probe.dtype, device=state.probe.device)
        magnitudes = torch.empty((n, *data.window), device=state.probe.device)
        for frames, propagator in visits(order, data.fractions, state.probe, n, data.propagator):
            corners = data.positions[torch.from_numpy(frames)]
            measurement = data.magnitudes(frames.tolist(), magnitudes)
            model = exit_waves(state.probe, state.object, corners, waves[: len(corners)])
            on_detector = propagator.forward(model)
            projected = propagator.adjoint(
                magnitude_projection_(on_detector, measurement, misfit if measured else None)
            )
            self._correct_(state, projected.sub_(model), corners.tolist(), iteration >= self.probe_start)
        return replace(state, iteration=iteration, error=misfit.error, r_factor=misfit.r_factor)

    def working_bytes(self, probe_shape: tuple[int, int, int], object_shape: tuple[int, int], threads: int) -> int:
        """Four waves a frame of a batch; two boxes as large as the object, or one window where the batch is 1."""
        box = math.prod(object_shape if self.batch > 1 else probe_shape[1:])
        return 4 * self.batch * 8 * math.prod(probe_shape) + 3 * 8 * box + 2 * 8 * math.prod(probe_shape)

    def _correct_(self, state: State, difference: Waves, corners: list[list[int]], probe_too: bool) -> None:
        """Apply the correction of a batch to object and probe, both computed from the old ones."""
        y, x = difference.shape[-2:]
        alpha, beta = self.regularisation
        box = bounding_box([(row, col) for row, col in corners], (y, x))
        views = [
            (slice(row - box[0].start, row - box[0].start + y), slice(col - box[1].start, col - box[1].start + x))
            for row, col in corners
        ]
        object, probe = state.object[box], state.probe
        object_sums = _object_sums(object, probe, difference, views)
        if probe_too:
            numerator, denominator = _probe_sums(object, difference, views)
            _apply_(probe, numerator, denominator, beta, self.probe_step)
        _apply_(object, *object_sums, alpha, self.object_step)


TWICE = 1 + 1j
"""Makes of a real number a complex one that holds it twice."""
Sums = tuple[Tensor, Tensor]
View = tuple[slice, slice]


def _object_sums(object: Object, probe: Probe, difference: Waves, views: list[View]) -> Sums:
    """Add up conj(P) d and `TWICE` |P|^2 over a box that holds the views."""
    conjugate = probe.conj().resolve_conj()
    power = over_modes(conjugate.mul(TWICE).mul_(probe))
    patches = over_modes(difference.mul(conjugate).unbind(dim=1))
    if len(views) == 1:
        return patches[0], power
    numerator, denominator = torch.zeros_like(object), torch.zeros_like(object)
    for view, patch in zip(views, patches, strict=True):
        numerator[view].add_(patch)
        denominator[view].add_(power)
    return numerator, denominator


def _probe_sums(object: Object, difference: Waves, views: list[View]) -> Sums:
    """Add up conj(O) d, which overwrites d, and `TWICE` |O|^2 over a window."""
    conjugate = object.conj().resolve_conj()
    transmission = conjugate.mul(TWICE).mul_(object)
    for view, wave in zip(views, difference, strict=True):
        wave.mul_(conjugate[view])
    if len(views) == 1:
        return difference[0], transmission
    return difference.sum(dim=0), over_modes(transmission[view] for view in views)


def _apply_(target: Tensor, numerator: Tensor, denominator: Tensor, regularisation: float, step: float) -> None:
    """Add to the target: step * numerator / ((1 - r) denominator + r max denominator).

    The denominator comes twice, as real and as imaginary part, and so lies in memory as the numerator does.
    """
    both = torch.view_as_real(denominator)
    weight = torch.lerp(both, both.max().clamp(min=DARKEST**2), regularisation).reciprocal_()
    torch.view_as_real(numerator).mul_(weight)
    target.add_(numerator, alpha=step)


@dataclass(frozen=True, kw_only=True)
class RPIE(PIE):
    """Regularised PIE (Maiden, Johnson & Li, Optica 4 (2017) 736, eqs. 19-20); the update lines are in `PIE`.

    With a good probe it reaches a given error many times sooner than DM: the default for the first live image.
    """

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

    @property
    def regularisation(self) -> tuple[float, float]:
        """The pair alpha, beta."""
        return 1.0, 1.0
