"""The Fourier constraint: waves take the measured magnitudes where pixels are trusted, and stay free elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from engines import kernels, parallel
from engines.arrays import Magnitudes, Object, Probe, Readings, Rows, Waves
from engines.beam import Beam, BeamFit, BeamOfFrames, beam_of
from engines.kernels import DARKEST, LOST
from engines.metrics import Misfit
from engines.optics import exit_waves, intensity, over_modes
from engines.propagation import Propagator
from engines.state import Data, Engine
from engines.subpixel import visits

COUNTING_NOISE = 0.25
"""Variance of the root of a Poisson number, in counts, unless it is near 0."""


@dataclass(frozen=True, kw_only=True)
class ProjectingEngine(Engine):
    """An algorithm that uses the magnitude projection."""

    fourier_relaxation: Annotated[float, Ge(0)] = 0.0
    """Frames whose magnitudes are off by no more than so many times the counting noise, as mean squares over their
    trusted pixels, stay as they are, and others are moved up to this bound instead of onto the measurement, so that
    noise is not fitted; 1 is the noise of pixels with many counts, less is right where most pixels are dark; 0: off.
    """

    def constraint(
        self, magnitudes: Magnitudes, propagator: Propagator, misfit: Misfit | None, beam: BeamOfFrames | None
    ) -> FourierConstraint:
        """What some frames ask for, as the fields say."""
        return FourierConstraint(magnitudes, propagator, misfit, beam, self.fourier_relaxation * COUNTING_NOISE)


class FourierConstraint(NamedTuple):
    """What the measurement of some frames asks of their exit waves, and the way to the detector and back."""

    magnitudes: Magnitudes
    propagator: Propagator
    misfit: Misfit | None
    """Gathers how far the model is from the measurement; none in iterations without metrics."""
    beam: BeamOfFrames | None
    bound: float
    """See `moved_share`."""

    def projected(self, waves: Waves, are_model: bool = False) -> Waves:
        """``F^-1[ Pi_M F[waves] ]``; where the waves are probe times object, their misfit comes with it."""
        misfit = self.misfit if are_model else None
        on_detector = self.propagator.forward(waves)
        return self.propagator.adjoint(
            magnitude_projection_(on_detector, self.magnitudes, misfit, self.beam, self.bound)
        )

    def compare(self, model: Waves) -> None:
        """Add the misfit of probe times object, at a transform, in iterations that want it."""
        if self.misfit is not None:
            compare(self.propagator.forward(model), self.magnitudes, self.misfit, self.beam)


def inverse_modulus(waves: Waves, beam: BeamOfFrames | None = None) -> Float[Tensor, "frame y x"]:
    """1 / |waves|, with |waves|^2 summed over the modes, never more than 1 / `DARKEST`; with a beam, one over the root
    of the counts ``s |waves|^2 + b``.
    """
    parts = torch.view_as_real(
        waves
    ).square()  # their sum lies densely in memory, as the real part of a product would not
    squares = over_modes((parts[..., 0] + parts[..., 1]).unbind(dim=1))
    if beam is not None:
        squares = torch.addcmul(beam.background, squares, beam.scales)
    return squares.rsqrt().clamp_(max=1 / DARKEST)


def magnitude_projection_(
    waves: Waves,
    magnitudes: Magnitudes,
    misfit: Misfit | None = None,
    beam: BeamOfFrames | None = None,
    bound: float = 0.0,
) -> Waves:
    """``waves <- sqrt(I) waves / |waves|``, in place, in Fourier space, where |waves|^2 is summed over the modes
    (Thibault & Menzel, Nature 494 (2013), eq. 5). Pixels with magnitude -1 are left as they are. With a beam |waves|
    is the root of the counts that it makes of them, and frames that it left without light stay as they are.

    The factor is written without a branch: for m >= 0 it is m / |f|, for m = -1 it is 1. With `misfit` the
    difference that the waves had to the measurement is added to it. With a power bound (see `moved_share`) in
    counts, a frame is moved up to it only.
    """
    if kernels.suit(waves, magnitudes):
        return _projected_in_loops(waves, magnitudes, misfit, beam, bound)
    inverse, free = inverse_modulus(waves, beam), magnitudes.clamp(-1, 0)
    share = moved_share(inverse, magnitudes, bound) if bound else None
    if misfit is not None:
        misfit.add(inverse.reciprocal(), magnitudes, free)
    factor = inverse.mul_(magnitudes.relu()).sub_(free)
    if share is not None:
        factor.sub_(1).mul_(share).add_(1)
    if beam is not None:
        factor = torch.where(beam.scales < LOST, 1.0, factor)
    return scale_(waves, factor.unsqueeze(1))


def _projected_in_loops(
    waves: Waves, magnitudes: Magnitudes, misfit: Misfit | None, beam: BeamOfFrames | None, bound: float
) -> Waves:
    arrays, seen, shares = (waves.numpy(), magnitudes.numpy()), _arrays(beam), None
    if misfit is not None or bound:
        sums = kernels.misfits(*arrays, *seen)
        if misfit is not None:
            misfit.add_sums(*sums[:, :2].sum(axis=0))
        if bound:
            error = sums[:, 0] / sums[:, 2].clip(min=1)
            shares = (1 - np.sqrt(bound / error.clip(min=bound))).astype(arrays[1].dtype)
    kernels.project_(*arrays, shares, *seen)
    return waves


def _arrays(beam: BeamOfFrames | None) -> tuple[NDArray[np.floating] | None, NDArray[np.floating] | None]:
    return (None, None) if beam is None else (beam.scales.flatten().numpy(), beam.background.contiguous().numpy())


def moved_share(
    inverse: Float[Tensor, "frame y x"], magnitudes: Magnitudes, bound: float
) -> Float[Tensor, "frame 1 1"]:
    """How much of its way to the measurement each frame is to go, so that the mean over its trusted pixels of
    ``e = (|f| - sqrt I)^2`` becomes the bound: ``1 - sqrt(bound / e)``, nothing where it is less already (Giewekemeyer
    et al., PNAS 107 (2010) 529, supplement; PtyPy's `fourier_power_bound`, whose 0.25 is a `fourier_relaxation` of 1).
    """
    trusted = magnitudes >= 0
    squares = torch.where(trusted, inverse.reciprocal() - magnitudes, 0.0).square_().sum(dim=(1, 2), keepdim=True)
    error = squares / trusted.sum(dim=(1, 2), keepdim=True).clamp(min=1)
    return 1 - (bound / error.clamp(min=bound)).sqrt_()


def scale_(waves: Tensor, factor: Tensor) -> Tensor:
    """``waves *= factor`` with a real factor; made complex first, which is faster than to leave it to torch."""
    return waves.mul_(factor.to(waves.dtype))


def compare(waves: Waves, magnitudes: Magnitudes, misfit: Misfit, beam: BeamOfFrames | None = None) -> None:
    """Add to `misfit` how far waves in Fourier space are from the measurement."""
    if kernels.suit(waves, magnitudes):
        misfit.add_sums(*kernels.misfits(waves.numpy(), magnitudes.numpy(), *_arrays(beam))[:, :2].sum(axis=0))
        return
    misfit.add(inverse_modulus(waves, beam).reciprocal_(), magnitudes, magnitudes.clamp(-1, 0))


def model_misfit(object: Object, probe: Probe, data: Data, beam: Beam | None = None) -> Misfit:
    """How far an object and a probe are from all frames, without changing them."""
    misfit = Misfit(data)
    for frames, waves, magnitudes in _modelled(object, probe, data):
        compare(waves, magnitudes, misfit, beam_of(beam, frames))
    return misfit


def frame_errors(object: Object, probe: Probe, data: Data, frames: Rows, beam: Beam | None = None) -> Readings:
    """Of each of these frames its own relative amplitude error, sqrt(sum (|f| - sqrt I)^2 / sum I), in their order;
    NaN for a frame without counts.
    """
    errors = np.full(len(frames), np.nan)
    for some, waves, magnitudes in _modelled(object, probe, data.only(frames)):
        model = inverse_modulus(waves, beam_of(beam, frames[some].tolist())).reciprocal_()
        squares = torch.where(magnitudes >= 0, model - magnitudes, 0.0).square().sum(dim=(1, 2))
        counts = magnitudes.relu().square().sum(dim=(1, 2))
        errors[some] = torch.where(counts > 0, (squares / counts).sqrt(), torch.nan).cpu().numpy()
    return errors


def fitted_beam(object: Object, probe: Probe, data: Data, beam: Beam, background: str, intensities: bool) -> Beam:
    """The beam that explains the counts better, object and probe being what they are: one transform a frame."""
    fit = BeamFit(beam, data.count, background, intensities)
    for frames, waves, magnitudes in _modelled(object, probe, data):
        fit.add(frames, over_modes(intensity(waves).unbind(dim=1)), magnitudes)
    return fit.result(data.positions)


def _modelled(object: Object, probe: Probe, data: Data) -> Iterator[tuple[list[int], Waves, Magnitudes]]:
    """The model of all frames in Fourier space, with their magnitudes, some at a time."""
    n = parallel.FRAMES_PER_BLOCK
    waves = torch.empty((n, *probe.shape), dtype=probe.dtype, device=probe.device)
    magnitudes = torch.empty((n, *data.window), device=probe.device)
    probe = probe.clone()
    for frames, propagator in visits(np.arange(data.count), data.fractions, probe, n, data.propagator):
        model = exit_waves(probe, object, data.positions[torch.from_numpy(frames)], waves[: len(frames)])
        chosen = frames.tolist()
        yield chosen, propagator.forward(model), data.magnitudes(chosen, magnitudes)
