"""Maximum-likelihood refinement by conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Gt
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from engines import parallel
from engines.arrays import Magnitudes, Object, Probe, Waves
from engines.beam import BeamOfFrames, beam_of
from engines.metrics import Misfit
from engines.optics import add_patches_, exit_waves, intensity, over_modes
from engines.patches import windows
from engines.projections import scale_
from engines.propagation import Propagator
from engines.state import Data, Engine, State
from engines.subpixel import visits

WEAK = 1e-3
"""Where less light than this share of the most falls, the preconditioner trusts no pixel more."""


class Pair(NamedTuple):
    """A gradient, or a direction, in the space of object and probe."""

    object: Object
    probe: Probe

    def dot(self, other: Pair) -> float:
        """Real inner product."""
        return sum(float(torch.vdot(a.flatten(), b.flatten()).real) for a, b in zip(self, other, strict=True))

    def along(self, step: float, other: Pair) -> Pair:
        """``self + step * other``."""
        return Pair(*(torch.add(a, b, alpha=step) for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, kw_only=True)
class MLState(State):
    """Conjugate gradients remember where they came from."""

    gradient: Pair
    """Of the last iteration."""
    direction: Pair
    """In which it went."""


@dataclass(frozen=True, kw_only=True)
class ML(Engine):
    """Maximum likelihood (Thibault & Guizar-Sicairos, New J. Phys. 14 (2012) 063004, sections 2 and 3): conjugate
    gradients (Polak-Ribiere, their eq. 21) on the negative log-likelihood of all counts n, given the model's m = |f|^2
    with f = F[P O], summed over the modes::

        poisson:   L = sum m' - n' log m',        dL/dm = 1 - n'/m',      w = 1/m'
        gaussian:  L = sum (m - n)^2 / 2 n',      dL/dm = (m - n) / n',   w = 1/n'
        gO = sum_j conj(P) F^-1[dL/dm f_j],   gP = sum_j conj(O_j) F^-1[dL/dm f_j]
        D <- -g/h + D max(0, <g/h, g - g_before> / <g_before/h, g_before>)
        (O, P) <- (O, P) - D 2<g, D> / sum w (2 Re[conj(f) F[P dO + O dP]])^2

    m' and n' are m and n plus the detector's read-out variance (Snyder et al., J. Opt. Soc. Am. A 12 (1995) 272); h
    preconditions by the light that fell, sum |P|^2 and sum |O|^2. The step is Newton's with the Fisher information as
    curvature. To end with, when another engine has found the object: it descends, and leaves no local minimum.
    """

    purpose: ClassVar[str] = "to end with: few counts, known noise"
    citation: ClassVar[str] = "Thibault & Guizar-Sicairos, New J. Phys. 14 (2012) 063004"
    transforms: ClassVar[int] = 4

    noise: Literal["poisson", "gaussian"] = "poisson"
    """Which likelihood."""
    readout_variance: Annotated[float, Gt(0)] = 0.5
    """In counts squared; also what keeps dark pixels from outweighing the others."""
    metrics_every: Annotated[int, Ge(0)] = 1
    """Compute the metrics in the first and each so-manieth iteration, which costs no transform; 0 for never."""

    def admit(self, state: State, data: Data) -> State:
        """Other frames are another likelihood: the next direction is steepest descent."""
        return State(
            object=state.object,
            probe=state.probe,
            iteration=state.iteration,
            admitted=data.count,
            beam=state.beam,
            offsets=state.offsets,
        )

    def step(self, state: State, data: Data) -> State:
        """One step along one direction."""
        iteration = state.iteration + 1
        measured = bool(self.metrics_every) and (iteration == 1 or iteration % self.metrics_every == 0)
        likelihood = _Likelihood(self, state, data)
        gradient, misfit = likelihood.gradient(measured)
        if iteration < self.probe_start:
            gradient.probe.zero_()
        downhill = likelihood.preconditioned(gradient)
        direction = Pair(-downhill.object, -downhill.probe)
        before = state.gradient.dot(likelihood.preconditioned(state.gradient)) if isinstance(state, MLState) else 0.0
        if isinstance(state, MLState) and before > 0:
            change = gradient.along(-1, state.gradient)
            turned = direction.along(max(0.0, downhill.dot(change) / before), state.direction)
            direction = turned if turned.dot(gradient) < 0 else direction
        slope, curvature = 2 * direction.dot(gradient), likelihood.curvature(direction)
        moved = Pair(state.object, state.probe).along(-slope / curvature if curvature > 0 else 0.0, direction)
        return MLState(
            object=moved.object,
            probe=moved.probe,
            iteration=iteration,
            admitted=state.admitted,
            beam=state.beam,
            offsets=state.offsets,
            error=misfit.error,
            r_factor=misfit.r_factor,
            gradient=gradient,
            direction=direction,
        )

    def factors(self, model: Float[Tensor, "frame y x"], magnitudes: Magnitudes) -> tuple[Tensor, Tensor]:
        """dL/dm and w of each pixel, 0 where it is not trusted."""
        trusted, counts = magnitudes >= 0, magnitudes.square()
        weight = torch.add(model if self.noise == "poisson" else counts, self.readout_variance).reciprocal_()
        weight.mul_(trusted)
        return torch.sub(model, counts).mul_(weight), weight

    def working_bytes(self, probe_shape: tuple[int, int, int], object_shape: tuple[int, int], threads: int) -> int:
        """Gradients, directions and what is made of them; a sum and six blocks of waves a thread."""
        blocks = 6 * parallel.FRAMES_PER_BLOCK * 8 * math.prod(probe_shape)
        pair = 8 * (math.prod(object_shape) + math.prod(probe_shape))
        return threads * (blocks + pair) + 7 * pair


class _Likelihood:
    """What all frames say about one object and probe, in blocks that stay in the cache."""

    def __init__(self, engine: ML, state: State, data: Data) -> None:
        self.engine, self.object, self.probe, self.data = engine, state.object, state.probe, data
        self.beam = state.beam
        n = parallel.FRAMES_PER_BLOCK
        self.spans = [(a, min(a + n, data.count)) for a in range(0, data.count, n)]
        shape = state.object.shape[0], state.object.shape[1]
        counts = data.count_map(shape)
        light = counts.spread(over_modes(intensity(state.probe)))
        passed = counts.gather(intensity(state.object), data.window)
        self._light, self._passed = ((each + WEAK * each.max()).reciprocal_() for each in (light, passed))

    def preconditioned(self, gradient: Pair) -> Pair:
        """The gradient over the light that fell."""
        return Pair(gradient.object * self._light, gradient.probe * self._passed)

    def gradient(self, measured: bool) -> tuple[Pair, Misfit]:
        """dL/dO* and dL/dP*, and how far the model is from the data."""

        def work(spans: list[parallel.Span]) -> tuple[Pair, Misfit]:
            total = torch.zeros_like(self.object)
            misfit, (waves, scratch) = Misfit(self.data), self._buffers()
            both = torch.cat([self.probe, torch.zeros_like(self.probe)])
            probe, probe_total = both.chunk(2)
            for frames, propagator in self._visits(spans, both):
                positions, chosen = self.data.positions[torch.from_numpy(frames)], frames.tolist()
                magnitudes = self.data.magnitudes(chosen, scratch)
                model = propagator.forward(exit_waves(probe, self.object, positions, waves[: len(chosen)]))
                beam = beam_of(self.beam, chosen)
                counts = _counts(model, beam)
                slope, _ = self.engine.factors(counts, magnitudes)
                if beam is not None:
                    slope.mul_(beam.scales)
                if measured:
                    misfit.add(counts.sqrt_(), magnitudes, magnitudes.clamp(-1, 0))
                back = propagator.adjoint(scale_(model, slope.unsqueeze(1)))
                for window, wave in zip(windows(positions, self.data.window), back, strict=True):
                    probe_total.addcmul_(wave, self.object[window].conj())
                add_patches_(total, positions, over_modes(back.mul_(probe.conj()).unbind(dim=1)))
            return Pair(total, probe_total), misfit

        parts = parallel.over_spans(work, self.spans, self.probe.device)
        total = parts[0][0]
        for part, _ in parts[1:]:
            total = total.along(1, part)
        return total, sum((misfit for _, misfit in parts), Misfit(self.data))

    def curvature(self, direction: Pair) -> float:
        """Fisher information along a direction: the sum of w (dm/dstep)^2."""

        def work(spans: list[parallel.Span]) -> float:
            total, (waves, scratch) = 0.0, self._buffers()
            change = torch.empty_like(waves)
            both = torch.cat([self.probe, direction.probe])
            probe, probe_change = both.chunk(2)
            for frames, propagator in self._visits(spans, both):
                positions, chosen = self.data.positions[torch.from_numpy(frames)], frames.tolist()
                model = propagator.forward(exit_waves(probe, self.object, positions, waves[: len(chosen)]))
                for window, wave in zip(windows(positions, self.data.window), change, strict=False):
                    torch.mul(probe, direction.object[window], out=wave)
                    wave.addcmul_(probe_change, self.object[window])
                slope = over_modes(propagator.forward(change[: len(chosen)]).mul_(model.conj()).unbind(dim=1)).real
                beam = beam_of(self.beam, chosen)
                _, weight = self.engine.factors(_counts(model, beam), self.data.magnitudes(chosen, scratch))
                if beam is not None:
                    slope = slope * beam.scales
                total += float(slope.square().mul_(weight).sum(dtype=torch.float64))
            return 4 * total

        return sum(parallel.over_spans(work, self.spans, self.probe.device))

    def _visits(self, spans: list[parallel.Span], probes: Probe) -> Iterator[tuple[NDArray[np.int64], Propagator]]:
        """Blocks of frames; what is drawn with the probe or added to it moves with it."""
        frames = np.concatenate([np.arange(a, b) for a, b in spans])
        return visits(frames, self.data.fractions, probes, parallel.FRAMES_PER_BLOCK, self.data.propagator)

    def _buffers(self) -> tuple[Waves, Magnitudes]:
        n, device = parallel.FRAMES_PER_BLOCK, self.probe.device
        waves = torch.empty((n, *self.probe.shape), dtype=self.probe.dtype, device=device)
        return waves, torch.empty((n, *self.data.window), device=device)


def _counts(waves: Waves, beam: BeamOfFrames | None) -> Float[Tensor, "frame y x"]:
    light = over_modes(intensity(waves).unbind(dim=1))
    return light if beam is None else torch.addcmul(beam.background, light, beam.scales)
