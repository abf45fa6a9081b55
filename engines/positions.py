"""Position refinement: where each frame's window really was, found while data still arrive, beside any algorithm.

Between two iterations of whatever algorithm runs, one pass over the frames asks how each window would have to move.
With the wave's residual ``d = F^-1[ Pi_M F[P O] ] - P O``, the view v = O(r + p) and its slopes v_a = dv / da, the
least-squares step of a frame solves (a Gauss-Newton step, as Odstrcil et al., Opt. Express 26 (2018) 3108, eq. 31,
for both axes at once; sums over pixels and modes)::

    A s = b,   A_ab = Re sum |P|^2 conj(v_a) v_b,   b_a = Re sum conj(v_a) conj(P) d

Frames over featureless areas have a small curvature A, and are damped by a share of the median one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Float
from torch import Tensor, view_as_real

from engines import kernels, parallel
from engines.arrays import Object, Positions, Probe, Views, Waves
from engines.beam import beam_of
from engines.optics import exit_waves, intensity, over_modes, views
from engines.projections import magnitude_projection_
from engines.registration import phase_correlation
from engines.search import search
from engines.state import Data, Offsets, State
from engines.subpixel import visits

Steps = Float[Tensor, "frame 2"]
DAMPING = 0.3
"""Of the median curvature."""
READINGS = 40
"""Numbers held for each frame while a step is made."""


class Readings(NamedTuple):
    """What a pass over the frames found."""

    pull: Steps
    """b: curvature times the step that a frame asks for."""
    curvature: Float[Tensor, "frame 2 2"]
    """A: how sharply the model would notice a step."""
    misfit: Float[Tensor, frame]
    """sum (|f| - sqrt I)^2 over trusted pixels."""


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """How positions are refined."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "use_attribute_docstrings": True}

    method: Literal["gradient", "correlation"] = "gradient"
    """gradient: Gauss-Newton steps on the model with momentum. correlation: Adam on the sub-pixel phase correlation of
    the view and its correction (Guzzi et al., PeerJ Comput. Sci. 8 (2022), Algorithm 1, XCORR_A)."""
    start: Annotated[int, Ge(1)] = 10
    """Iteration after which the first step is taken, counted from 1: before, the object has nothing to hold on to."""
    every: Annotated[int, Ge(1)] = 3
    """Iterations from step to step."""
    step_limit_px: Annotated[float, Gt(0), Le(4)] = 0.5
    """Longest step, along each axis, in pixels of the object."""
    limit_px: Annotated[float, Gt(0)] = 12.0
    """Farthest from the nominal position, along each axis, in pixels of the object."""
    search_every: Annotated[int, Ge(0)] = 5
    """Steps after which the frames that fit worst are searched for on a grid; 0 for never."""

    def due(self, iteration: int) -> bool:
        """Whether a step follows this iteration."""
        return iteration >= self.start and (iteration - self.start) % self.every == 0

    def working_bytes(self, probe_shape: tuple[int, int, int], frames: int, threads: int) -> int:
        """Bytes allocated for the duration of a step, roughly, as threads keep what they freed: in each thread the
        waves of a block with what is made of them, and for the correlation their views; for each frame, readings and
        steps.
        """
        modes, window = probe_shape[0], math.prod(probe_shape[1:])
        frame = 7 * modes + 1 if self.method == "gradient" else 7 * modes + 8
        block = frame * parallel.FRAMES_PER_BLOCK + modes
        return 8 * window * block * threads + 8 * READINGS * frames

    def step(self, state: State, data: Data) -> State:
        """One step of all windows; `data` has them where the state says."""
        offsets = (state.offsets or Offsets.none()).extended(data.count)
        readings = read(state, data, _METHODS[self.method])
        moved = _METHODS[self.method].control(offsets, readings)
        steps = moved.steps.clamp(-self.step_limit_px, self.step_limit_px)
        steps = steps - steps.mean(dim=0)  # all windows together move nothing but the picture
        offsets = replace(moved.offsets, pixels=offsets.pixels + steps)
        taken = int(offsets.age.max())
        if self.search_every and taken % self.search_every == 0:
            offsets = offsets.restarted(search(state, data, readings.misfit))
        limited = offsets.pixels.clamp(-self.limit_px, self.limit_px)
        return replace(state, offsets=replace(offsets, pixels=limited))


class Equations(NamedTuple):
    """Of some frames, on the device."""

    pull: Float[Tensor, "frame 2"]
    """b."""
    curvature: Float[Tensor, "frame 2 2"]
    """A."""


class Moved(NamedTuple):
    """What a method makes of its readings."""

    steps: Steps
    offsets: Offsets


class Method(ABC):
    """From residuals to readings, and from readings to steps."""

    @abstractmethod
    def equations(self, object: Object, corners: Positions, probe: Probe, difference: Waves) -> Equations:
        """The equations b and A of some frames, given d."""

    @abstractmethod
    def control(self, offsets: Offsets, readings: Readings) -> Moved:
        """Steps of all frames and the memory with which the next ones are made."""


class Gradient(Method):
    """Gauss-Newton steps, a frame's own and the one it shares with its neighbours along the scan; see the top of this
    file.

    The residual keeps the phases of the model and so shows about half of what is wrong: the own gain is 2. A slow
    drift moves whole regions of the object with it, which resist: what is shared gets more gain and more momentum.
    """

    own = 2.0, 0.5
    """Gain and momentum of a frame's own step."""
    together = 8.0, 0.8
    """Gain and momentum of the step that neighbours share."""
    settling = 20
    """Steps after which half of the gain is gone: of the own one down to 1, of the shared one down to 0, which would
    go on to bend the picture where nothing holds it.
    """

    def equations(self, object: Object, corners: Positions, probe: Probe, difference: Waves) -> Equations:
        """b_a = Re sum conj(v_a) conj(P) d, and A."""
        if not kernels.suit(object, probe, difference):
            return _equations(object, corners, _asked(probe, difference), _power(probe))
        lattice, modes, frames = object.numpy(), probe.numpy(), zip(corners.tolist(), difference.numpy(), strict=True)
        each = np.stack([kernels.equations(lattice, row, col, modes, wave) for (row, col), wave in frames])
        sums = torch.from_numpy(each)
        return Equations(sums[:, :2], sums[:, [2, 3, 3, 4]].reshape(-1, 2, 2))

    def control(self, offsets: Offsets, readings: Readings) -> Moved:
        """Running means of both steps, added up."""
        (own, own_momentum), (together, momentum) = self.own, self.together
        ease = 1 / (1 + offsets.age[:, None] / self.settling)  # (frame, 1)
        first = _running(offsets.first, damped(readings) * (1 + (own - 1) * ease), own_momentum)
        second = _running(offsets.second, shared(readings) * (together * ease), momentum)
        return Moved(first + second, replace(offsets, first=first, second=second, age=offsets.age + 1))


class Correlation(Method):
    """Adam, with the shift between view and corrected view as its gradient, and Adam's usual decays."""

    rate_px = 0.1
    decays = 0.9, 0.999

    def equations(self, object: Object, corners: Positions, probe: Probe, difference: Waves) -> Equations:
        """Here b is the registered shift, times the curvature. View and correction are weighted by the light |P|^2, and
        the mean is taken out, or else the light's own outline would hold every shift at 0.
        """
        correction, power = _asked(probe, difference), _power(probe)
        view = views(object, corners, (power.shape[0], power.shape[1]))
        curvature = _equations(object, corners, correction, power).curvature
        light = power / power.sum()
        varying = (view - (view * light).sum(dim=(1, 2), keepdim=True)) * light
        apart = phase_correlation(varying + correction / power.sum(), varying)
        return Equations(torch.matmul(curvature, -apart[..., None])[..., 0], curvature)

    def control(self, offsets: Offsets, readings: Readings) -> Moved:
        """Adam's step (Kingma & Ba 2015, Alg. 1), damped as the readings are."""
        found, age = damped(readings), offsets.age + 1
        first = _running(offsets.first, found, self.decays[0])
        second = _running(offsets.second, found**2, self.decays[1])
        mean, square = (m / (1 - d ** age[:, None]) for m, d in zip((first, second), self.decays, strict=True))
        steps = self.rate_px * mean / (square.sqrt() + 1e-3)
        return Moved(steps, replace(offsets, first=first, second=second, age=age))


_METHODS: dict[str, Method] = {"gradient": Gradient(), "correlation": Correlation()}


def damped(readings: Readings) -> Steps:
    """(A + c I)^-1 b, c being `DAMPING` of the median curvature."""
    mean = readings.curvature.diagonal(dim1=1, dim2=2).mean(dim=1)
    damping = DAMPING * mean.median().clamp(min=1e-12) * torch.eye(2, dtype=torch.float64)
    steps: Steps = torch.linalg.solve(readings.curvature + damping, readings.pull)
    return steps


def _running(mean: Steps, now: Steps, momentum: float) -> Steps:
    return momentum * mean + (1 - momentum) * now


NEIGHBOURS = 40
"""Frames along the scan that a slow drift moves alike."""


def shared(readings: Readings) -> Steps:
    """The one step that fits a frame and its neighbours in time: the same with A and b summed over them."""
    return damped(Readings(_along(readings.pull), _along(readings.curvature), readings.misfit))


def _along(values: Tensor) -> Tensor:
    """Sums over the `NEIGHBOURS` frames around each."""
    total = torch.cat([torch.zeros_like(values[:1]), values.cumsum(dim=0)])
    place = torch.arange(len(values))
    return total[(place + NEIGHBOURS // 2).clamp(max=len(values))] - total[(place - NEIGHBOURS // 2).clamp(min=0)]


def read(state: State, data: Data, method: Method) -> Readings:
    """One pass over all frames, on all threads, that changes nothing."""
    fractions = data.fractions
    order = np.arange(data.count) if fractions is None else np.lexsort(fractions.numpy().T)
    found = torch.zeros(data.count, 7, dtype=torch.float64)

    def work(spans: list[parallel.Span]) -> None:
        probe, n = state.probe.clone(), parallel.FRAMES_PER_BLOCK
        waves = torch.empty((n, *probe.shape), dtype=probe.dtype, device=probe.device)
        magnitudes = torch.empty((n, *data.window), device=probe.device)
        mine = order[spans[0][0] : spans[-1][1]]
        for frames, propagator in visits(mine, fractions, probe, n, data.propagator):
            corners = data.positions[torch.from_numpy(frames)]
            model = exit_waves(probe, state.object, corners, waves[: len(frames)])
            measured = data.magnitudes(frames.tolist(), magnitudes)
            beam = beam_of(state.beam, frames.tolist())
            projected = propagator.adjoint(magnitude_projection_(propagator.forward(model), measured, beam=beam))
            difference = projected.sub_(model)
            flat = view_as_real(difference).flatten(1)
            misfit = torch.linalg.vecdot(flat, flat)
            pull, curvature = method.equations(state.object, corners, probe, difference)
            found[torch.from_numpy(frames)] = (
                torch.cat([pull, curvature.flatten(1), misfit[:, None]], dim=1).double().cpu()
            )

    spans = [(a, min(a + 16, data.count)) for a in range(0, data.count, 16)]
    parallel.over_spans(work, spans, state.probe.device)
    return Readings(found[:, :2], found[:, 2:6].reshape(-1, 2, 2), found[:, 6])


def _asked(probe: Probe, difference: Waves) -> Views:
    """Over the modes: sum conj(P) d."""
    return over_modes((difference * probe.conj()).unbind(dim=1))


def _power(probe: Probe) -> Float[Tensor, "y x"]:
    return over_modes(intensity(probe))


def _equations(object: Object, corners: Positions, asked: Views, power: Float[Tensor, "y x"]) -> Equations:
    """In torch, with central differences inside the window; real and imaginary parts side by side."""
    view = views(object, corners, (power.shape[0], power.shape[1]))
    along_rows = view[:, 2:, 1:-1] - view[:, :-2, 1:-1]
    along_cols = view[:, 1:-1, 2:] - view[:, 1:-1, :-2]
    slopes = view_as_real(torch.stack([along_rows, along_cols], dim=1)).mul_(0.5).flatten(2)
    inner = view_as_real(asked[:, 1:-1, 1:-1].contiguous()).flatten(1)
    light = power[1:-1, 1:-1].repeat_interleave(2, dim=1).flatten()
    return Equations(torch.matmul(slopes, inner[..., None])[..., 0], (slopes * light) @ slopes.transpose(1, 2))
