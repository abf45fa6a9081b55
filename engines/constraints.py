"""What may be known of object and probe beforehand: each a function of its own, for every engine."""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from engines.arrays import Object, Probe
from engines.optics import fft2, ifft2, intensity, over_modes

DARK = 1e-12
"""Keeps a division by an amplitude finite."""


def bounded(object: Object, low: float, high: float | None, phase: float | None) -> Object:
    """Amplitudes within low and high, and phases within -phase and phase (rad): the nearest values that are."""
    amplitude = object.abs()
    within = amplitude.clamp(min=low, max=high)
    if phase is not None:
        return torch.polar(within, object.angle().clamp(-phase, phase))
    return object * (within / amplitude.clamp(min=DARK))


def supported(probe: Probe, diameter: float) -> Probe:
    """Zero outside a disc about [n // 2, n // 2], whose diameter is given as a share of the window."""
    return probe * _disc((probe.shape[1], probe.shape[2]), diameter, probe.device)


def supported_in_fourier_space(probe: Probe, diameter: float) -> Probe:
    """The same on the detector: nothing beyond the optics' pupil."""
    disc = torch.fft.ifftshift(_disc((probe.shape[1], probe.shape[2]), diameter, probe.device))
    return ifft2(fft2(probe) * disc)


def of_power(object: Object, probe: Probe, counts: float) -> tuple[Object, Probe]:
    """The same exit waves by a probe with so many counts."""
    factor = math.sqrt(counts / max(float(intensity(probe).sum()), DARK))
    return object / factor, probe * factor


def smoothed(object: Object, light: Float[Tensor, "row col"], share: float) -> Object:
    """Where less light than this share of the most fell, each pixel moves towards the mean of its four neighbours, the
    darker the further: there the data say little, and what they say is noise.
    """
    weight = (light / (share * light.max()).clamp(min=DARK)).clamp(max=1)
    neighbours: Tensor = sum(
        (torch.roll(object, step, dims=axis) for axis in (0, 1) for step in (-1, 1)), torch.zeros_like(object)
    )
    return torch.lerp(neighbours / 4, object, weight.to(object.dtype))


def off_centre(probe: Probe) -> tuple[int, int]:
    """Whole pixels (row, col) by which the probe's centre of mass lies off [n // 2, n // 2]."""
    light = over_modes(intensity(probe))
    total = light.sum().clamp(min=DARK)
    rows, cols = (torch.arange(length, device=light.device) - length // 2 for length in light.shape)
    found = ((light.sum(dim=1) * rows).sum() / total, (light.sum(dim=0) * cols).sum() / total)
    return round(float(found[0])), round(float(found[1]))


def moved(field: Complex[Tensor, "*batch y x"], by: tuple[int, int]) -> Complex[Tensor, "*batch y x"]:
    """A field moved by whole pixels; it wraps around."""
    return torch.roll(field, by, dims=(-2, -1))


def _disc(shape: tuple[int, int], diameter: float, device: torch.device) -> Float[Tensor, "y x"]:
    rows, cols = (torch.arange(length, device=device) - length // 2 for length in shape)
    radius = torch.hypot(rows[:, None].float() / shape[0], cols[None, :].float() / shape[1])
    return (radius <= diameter / 2).float()
