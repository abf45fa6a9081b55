"""Algorithms that visit the frames in random order, some at a time: base of the PIE family and of LSQ-ML."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Le
from jaxtyping import Complex
from torch import Tensor

from engines import parallel
from engines.arrays import Object, Probe, Waves
from engines.beam import beam_of
from engines.kernels import DARKEST
from engines.metrics import Misfit
from engines.optics import bounding_box, exit_waves, over_modes
from engines.projections import ProjectingEngine
from engines.state import Data, State
from engines.subpixel import visits

Sums = tuple[Tensor, Tensor]
View = tuple[slice, slice]
TWICE = 1 + 1j
"""Makes of a real number a complex one that holds it twice."""


class Shares(NamedTuple):
    """How much of their steps object and probe are to take, from 0 (none) to 1."""

    object: float
    probe: float


@dataclass(frozen=True, kw_only=True)
class StochasticEngine(ProjectingEngine):
    """One sweep over the frames in random order; those of a batch see the same object and probe, and correct them
    together from ``d = F^-1[ Pi_M F[P O] ] - P O``, the difference that the measurement asks for.

    The metrics are those that each frame had when its turn came, and cost no transform.
    """

    batch: Annotated[int, Ge(1), Le(256)] = 1
    """Frames that are corrected at a time."""
    seed: Annotated[int, Ge(0)] = 0
    """Of the order of the frames, which is another one in each iteration."""
    metrics_every: Annotated[int, Ge(0)] = 1
    """Compute the metrics in the first and each so-manieth iteration; 0 for never."""

    annealing: Annotated[float, Ge(0)] = 40.0
    """Iterations on the same frames after which the steps are halved; they go as 1 / (1 + (iterations / this)^2),
    because at constant steps the last frames' noise is followed instead of averaged. Frames that arrive make them
    whole again. 0: constant steps.
    """
    least_step: Annotated[float, Ge(0), Le(1)] = 0.05
    """Fraction of the steps below which they do not fall."""

    @abstractmethod
    def correct_(self, object: Object, probe: Probe, difference: Waves, views: list[View], shares: Shares) -> None:
        """Correct in place the probe and the box of the object that holds the views of a batch, both from the old
        ones; the difference may be overwritten.
        """

    def moving(self, state: State) -> Complex[Tensor, "all y x"]:
        """What moves with the probe where positions lie between the pixels, in one tensor with it."""
        return state.probe

    def probe_of(self, state: State, frames: list[int]) -> Probe:
        """The probe of a batch, which `correct_` corrects in place."""
        return state.probe

    def learn_(self, state: State, frames: list[int], probe: Probe) -> None:
        """Take in what became of the probe of a batch, where it is not the state's own."""

    def step_share(self, since: int) -> float:
        """How much of a step is left after so many iterations on the same frames."""
        return max(self.least_step, 1 / (1 + (since / self.annealing) ** 2)) if self.annealing else 1.0

    def step(self, state: State, data: Data) -> State:
        """One sweep; object and probe are changed in place."""
        iteration = state.iteration + 1
        order = np.random.default_rng((self.seed, iteration)).permutation(data.count)
        misfit = Misfit(data)
        measured = bool(self.metrics_every) and (iteration == 1 or iteration % self.metrics_every == 0)
        share = self.step_share(state.since)
        shares = Shares(share, share if iteration >= self.probe_start else 0.0)
        n = min(self.batch, data.count)
        waves, difference = (
            torch.empty((n, *state.probe.shape), dtype=state.probe.dtype, device=state.probe.device) for _ in range(2)
        )
        magnitudes = torch.empty((n, *data.window), device=state.probe.device)
        for frames, propagator in visits(order, data.fractions, self.moving(state), n, data.propagator):
            chosen, corners = frames.tolist(), data.positions[torch.from_numpy(frames)]
            probe = self.probe_of(state, chosen)
            for a in range(0, len(chosen), parallel.FRAMES_PER_BLOCK):
                block = slice(a, a + parallel.FRAMES_PER_BLOCK)
                measurement = data.magnitudes(chosen[block], magnitudes)
                model = exit_waves(probe, state.object, corners[block], waves[: len(chosen[block])])
                beam = beam_of(state.beam, chosen[block])
                asked = self.constraint(measurement, propagator, misfit if measured else None, beam)
                projected = asked.projected(model, are_model=True)
                torch.sub(projected, model, out=difference[: len(chosen)][block])
            box, views = boxed(corners.tolist(), data.window)
            self.correct_(state.object[box], probe, difference[: len(chosen)], views, shares)
            self.learn_(state, chosen, probe)
        return replace(state, iteration=iteration, error=misfit.error, r_factor=misfit.r_factor)

    def working_bytes(self, probe_shape: tuple[int, int, int], object_shape: tuple[int, int], threads: int) -> int:
        """Four waves a frame of a batch; two boxes as large as the object, or one window where the batch is 1."""
        box = math.prod(object_shape if self.batch > 1 else probe_shape[1:])
        return 4 * self.batch * 8 * math.prod(probe_shape) + 3 * 8 * box + 2 * 8 * math.prod(probe_shape)


def boxed(corners: list[list[int]], window: tuple[int, int]) -> tuple[View, list[View]]:
    """The box of the object that holds the windows at these corners, and each window within it."""
    y, x = window
    box = bounding_box([(row, col) for row, col in corners], window)
    top, left = box[0].start, box[1].start
    return box, [(slice(row - top, row - top + y), slice(col - left, col - left + x)) for row, col in corners]


def object_sums(object: Object, probe: Probe, difference: Waves, views: list[View]) -> Sums:
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


def probe_sums(object: Object, difference: Waves, views: list[View]) -> Sums:
    """Add up conj(O) d, which overwrites d, and `TWICE` |O|^2 over a window."""
    conjugate = object.conj().resolve_conj()
    transmission = conjugate.mul(TWICE).mul_(object)
    for view, wave in zip(views, difference, strict=True):
        wave.mul_(conjugate[view])
    if len(views) == 1:
        return difference[0], transmission
    return difference.sum(dim=0), over_modes(transmission[view] for view in views)


def apply_(target: Tensor, numerator: Tensor, denominator: Tensor, regularisation: float, step: float) -> None:
    """Add to the target: step * numerator / ((1 - r) denominator + r max denominator).

    The denominator comes twice, as real and as imaginary part, and so lies in memory as the numerator does.
    """
    both = torch.view_as_real(denominator)
    most = both.amax().clamp(min=DARKEST**2)
    regularised = most if regularisation == 1 else torch.lerp(both, most, regularisation)
    torch.view_as_real(target).addcdiv_(torch.view_as_real(numerator), regularised, value=step)
