"""The Fourier constraint: waves take the measured magnitudes where pixels are trusted, and stay free elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from engines import parallel
from engines.arrays import Magnitudes, Object, Probe, Readings, Rows, Waves
from engines.beam import LOST, Beam, BeamFit, BeamOfFrames, beam_of
from engines.metrics import Misfit
from engines.optics import exit_waves, intensity, over_modes
from engines.state import Data
from engines.subpixel import visits

DARKEST = 1e-6
"""Magnitude below which a model pixel is taken to be dark."""


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
    waves: Waves, magnitudes: Magnitudes, misfit: Misfit | None = None, beam: BeamOfFrames | None = None
) -> Waves:
    """``waves <- sqrt(I) waves / |waves|``, in place, in Fourier space, where |waves|^2 is summed over the modes
    (Thibault & Menzel, Nature 494 (2013), eq. 5). Pixels with magnitude -1 are left as they are. With a beam |waves|
    is the root of the counts that it makes of them, and frames that it left without light stay as they are.

    The factor is written without a branch: for m >= 0 it is m / |f|, for m = -1 it is 1. With `misfit` the
    difference that the waves had to the measurement is added to it.
    """
    inverse, free = inverse_modulus(waves, beam), magnitudes.clamp(-1, 0)
    if misfit is not None:
        misfit.add(inverse.reciprocal(), magnitudes, free)
    factor = inverse.mul_(magnitudes.relu()).sub_(free)
    if beam is not None:
        factor = torch.where(beam.scales < LOST, 1.0, factor)
    return scale_(waves, factor.unsqueeze(1))


def scale_(waves: Tensor, factor: Tensor) -> Tensor:
    """``waves *= factor`` with a real factor; made complex first, which is faster than to leave it to torch."""
    return waves.mul_(factor.to(waves.dtype))


def compare(waves: Waves, magnitudes: Magnitudes, misfit: Misfit, beam: BeamOfFrames | None = None) -> None:
    """Add to `misfit` how far waves in Fourier space are from the measurement."""
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
