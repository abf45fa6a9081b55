"""The Fourier constraint: waves take the measured magnitudes where pixels are trusted, and stay free elsewhere."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from engines import parallel
from engines.arrays import Magnitudes, Object, Probe, Waves
from engines.metrics import Misfit
from engines.optics import exit_waves, fft2, intensity
from engines.state import Data

TINY = 1e-12
"""Counts below which a model pixel is taken to be dark."""


def model_intensity(waves: Waves, out: Tensor) -> Float[Tensor, "frame y x"]:
    """Counts that the detector would see: the incoherent sum over the modes, never quite 0."""
    squares = intensity(waves)
    torch.add(squares[:, 0], TINY, out=out)
    for mode in range(1, waves.shape[1]):
        out.add_(squares[:, mode])
    return out


def magnitude_projection_(waves: Waves, magnitudes: Magnitudes, misfit: Misfit | None = None) -> Waves:
    """``waves <- sqrt(I) waves / |waves|``, in place, in Fourier space, where |waves|^2 is summed over the modes
    (Thibault & Menzel, Nature 494 (2013), eq. 5). Pixels with magnitude -1 are left as they are.

    The factor is written without a branch: for m >= 0 it is m / |f|, for m = -1 it is 1. With `misfit` the
    difference that the waves had to the measurement is added to it.
    """
    inverse = torch.empty_like(magnitudes)
    model = model_intensity(waves, inverse)
    if misfit is None:
        torch.rsqrt(model, out=inverse)
    else:
        squares = model.clone()
        torch.rsqrt(model, out=inverse)
        misfit.add(squares.mul_(inverse), magnitudes)
    free = magnitudes.clamp(-1, 0)
    factor = inverse.mul_(magnitudes.relu()).sub_(free)
    return waves.mul_(factor.unsqueeze(1))


def compare_(waves: Waves, magnitudes: Magnitudes, misfit: Misfit) -> None:
    """Add to `misfit` how far waves in Fourier space are from the measurement."""
    model = torch.empty_like(magnitudes)
    misfit.add(model_intensity(waves, model).sqrt_(), magnitudes)


def model_misfit(object: Object, probe: Probe, data: Data) -> Misfit:
    """How far an object and a probe are from all frames, without changing them."""
    misfit = Misfit()
    n = parallel.FRAMES_PER_BLOCK
    waves = torch.empty((n, *probe.shape), dtype=probe.dtype, device=probe.device)
    magnitudes = torch.empty((n, *data.window), device=probe.device)
    for a in range(0, data.count, n):
        b = min(a + n, data.count)
        model = exit_waves(probe, object, data.positions[a:b], waves[: b - a])
        compare_(fft2(model), data.magnitudes(range(a, b), magnitudes), misfit)
    return misfit
