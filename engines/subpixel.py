"""Windows between the pixels: the probe moves, in steps of an eighth of a pixel, and the object stays on its lattice.

A probe moved by a fraction f is ``F^-1[ F[P] exp(-2 pi i k f) ]``, a unitary operator: what an algorithm adds to the
moved probe is moved back exactly, by the adjoint. Frames whose fractions agree to an eighth are visited together, so
that the probe moves 64 times a sweep at most, however many frames there are, and everything within a group works on
whole pixels, at their speed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from engines.arrays import Positions, Probe
from engines.propagation import Propagator

STEPS = 8
"""Fractions of a pixel that are told apart: what is left, 0.04 px r.m.s. an axis, no data show."""
Fractions = Float[Tensor, "frame 2"]


def split(positions: Float[Tensor, "frame 2"]) -> tuple[Positions, Fractions]:
    """Positions in pixels as corners of whole pixels and fractions in [-1/2, 1/2), multiples of 1 / `STEPS`."""
    steps = (positions * STEPS).round().long()
    whole = torch.div(steps + STEPS // 2, STEPS, rounding_mode="floor")
    return whole, (steps - STEPS * whole).double() / STEPS


def visits(
    order: NDArray[np.int64], fractions: Fractions | None, probe: Probe, size: int, propagator: Propagator
) -> Iterator[tuple[NDArray[np.int64], Propagator]]:
    """Frames in this order, at most `size` at a time, with the propagator for them, and `probe` moved in place to where
    they want it.

    Without fractions that is all; else frames of one fraction come together, the groups in the order in which they are
    first met, and in the end the probe is where it was.
    """
    here = torch.zeros(2, dtype=torch.float64)
    for fraction, group in _groups(order, fractions):
        shift_(probe, fraction - here)
        here, held = fraction, propagator.held(fraction)
        for start in range(0, len(group), size):
            yield group[start : start + size], held
    shift_(probe, -here)


def shift_(probe: Probe, shift: Float[Tensor, 2]) -> None:
    """Move every mode down and right by so many pixels, in place; it wraps around."""
    if not shift.any():
        return
    spectrum = torch.fft.fft2(probe)
    for axis, distance in zip((-2, -1), shift.tolist(), strict=True):
        phase = -2 * torch.pi * distance * torch.fft.fftfreq(probe.shape[axis], device=probe.device)
        ramp = torch.polar(torch.ones_like(phase), phase)
        spectrum.mul_(ramp[:, None] if axis == -2 else ramp)
    probe.copy_(torch.fft.ifft2(spectrum))


def _groups(
    order: NDArray[np.int64], fractions: Fractions | None
) -> Iterator[tuple[Float[Tensor, 2], NDArray[np.int64]]]:
    if fractions is None:
        yield torch.zeros(2, dtype=torch.float64), order
        return
    mine = fractions.numpy()[order]
    _, first, group = np.unique((mine * STEPS).astype(int) @ (STEPS, 1), return_index=True, return_inverse=True)
    for number in np.argsort(first):
        yield torch.from_numpy(mine[first[number]]), order[group == number]
