"""A start without a guess: the probe that explains the frames best among those that the data allow."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from engines.arrays import Probe
from engines.optics import FarField
from engines.pie import RPIE
from engines.probes import ProbeSpec, initial_probe, with_modes
from engines.state import Data, initial_state
from engines.upkeep import with_beam

PUPIL_POWER = 0.9
"""The pupil is taken to reach out to where the mean frame holds this share of its counts."""
WIDEST = 0.8
"""Share of the window that a probe may fill; what is wider could not be sampled."""
STEPS = 5
"""Candidates to either side of the focus."""
TRIAL_ITERATIONS = 5
"""Of rPIE with one mode on each candidate, on all frames: on a part of them the wrong one was seen to win."""


@torch.inference_mode()
def computed_probe(
    geometry: FarField,
    data: Data,
    canvas_shape: tuple[int, int],
    mean_magnitudes: Float[Tensor, "y x"],
    modes: int = 1,
) -> Probe:
    """Sweep the defocus of the inverse transform of the mean magnitudes, that is, of an ideal lens whose pupil they
    show: each candidate gets five iterations, and the one with the least error wins; its neighbours at half a step
    are then tried too. The winner's improved probe is returned. Raises ValueError where there is no frame.
    """
    if not data.count:
        raise ValueError("probe: expected frames with counts on the canvas for 'auto', got none")
    widest = widest_defocus_m(geometry, mean_magnitudes)
    step = widest / STEPS
    trials = {
        i * step: _trial(geometry, data, canvas_shape, mean_magnitudes, i * step) for i in range(-STEPS, STEPS + 1)
    }
    best = min(trials, key=lambda z: trials[z][0])
    for z in (best - step / 2, best + step / 2):
        trials[z] = _trial(geometry, data, canvas_shape, mean_magnitudes, z)
    _, probe = min(trials.values(), key=lambda trial: trial[0])
    return with_modes(probe, modes)


def widest_defocus_m(geometry: FarField, mean_magnitudes: Float[Tensor, "y x"]) -> float:
    """The defocus in metres at which the pupil's rim has spread the light over as much of the window as is allowed."""
    f = torch.fft.fftfreq(geometry.size, geometry.pixel_m, dtype=torch.float64)
    radius = torch.hypot(f[:, None], f[None, :]).flatten()
    order = radius.argsort()
    power = mean_magnitudes.cpu().double().square().flatten()[order].cumsum(dim=0)
    rim = float(radius[order][int(torch.searchsorted(power, PUPIL_POWER * power[-1]))])
    return WIDEST * geometry.size * geometry.pixel_m / (2 * geometry.wavelength_m * max(rim, float(f[1])))


def _trial(
    geometry: FarField,
    data: Data,
    canvas_shape: tuple[int, int],
    mean_magnitudes: Float[Tensor, "y x"],
    defocus_m: float,
) -> tuple[float, Probe]:
    """Error and probe after a few iterations."""
    spec = ProbeSpec(kind="data", defocus_m=defocus_m)
    engine = RPIE(annealing=0)
    probe = initial_probe(spec, geometry, data.counts / data.count, mean_magnitudes.cpu())
    state = with_beam(engine, initial_state(probe.to(data.storage.device), canvas_shape), data)
    state = engine.admit(state, data)
    for _ in range(TRIAL_ITERATIONS):
        state = engine.step(state, data)
    return state.error if math.isfinite(state.error) else math.inf, state.probe
