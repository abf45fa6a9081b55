"""What engines share between iterations: what is known beforehand, and what is fitted beside object and probe."""

from __future__ import annotations

from dataclasses import replace

import torch

from engines.beam import Beam
from engines.constraints import (
    bounded,
    moved,
    of_power,
    off_centre,
    smoothed,
    supported,
    supported_in_fourier_space,
)
from engines.optics import illumination
from engines.projections import fitted_beam
from engines.state import Data, Engine, State

FIT_EVERY = 5
"""Iterations from one fit of the beam to the next; each costs one transform a frame."""
WANDERED = 2
"""Pixels off the centre from which probe and object are moved."""


def upkeep(engine: Engine, state: State, data: Data) -> State:
    """The state after everything that the engine's fields ask for; untouched where they ask for nothing."""
    return _fitted(engine, with_beam(engine, _centred(engine, _constrained(engine, state, data), data), data), data)


def with_beam(engine: Engine, state: State, data: Data) -> State:
    """The state with a beam, where the engine's fields or a measured background ask for one, and without where not."""
    if not (_fits(engine) or engine.background_counts or data.background is not None):
        return replace(state, beam=None)
    if state.beam is not None:
        return state
    background = torch.full(data.window, engine.background_counts, device=state.probe.device)
    if data.background is not None:
        background += data.background
    return replace(state, beam=Beam.even(data.count, background))


def _constrained(engine: Engine, state: State, data: Data) -> State:
    object, probe = state.object, state.probe
    if engine.probe_support is not None:
        probe = supported(probe, engine.probe_support)
    if engine.probe_fourier_support is not None:
        probe = supported_in_fourier_space(probe, engine.probe_fourier_support)
    if engine.probe_power:
        object, probe = of_power(object, probe, data.counts / data.count)
    if engine.smooth_below:
        shape = object.shape[0], object.shape[1]
        object = smoothed(object, illumination(probe, data.positions, shape), engine.smooth_below)
    if engine.object_amplitude_min or engine.object_amplitude_max or engine.object_phase_max:
        object = bounded(object, engine.object_amplitude_min, engine.object_amplitude_max, engine.object_phase_max)
    return replace(state, object=object, probe=probe)


def _centred(engine: Engine, state: State, data: Data) -> State:
    free = data.propagator.corner  # only in far field no intensity shows it
    off = off_centre(state.probe) if engine.probe_centred and free else (0, 0)
    if max(map(abs, off)) < WANDERED:
        return state
    back = -off[0], -off[1]
    if state.exit_waves is not None:
        scratch = state.exit_waves.scratch(1, state.probe)
        for start, stop in state.exit_waves.spans(0, state.admitted, 1):
            waves = state.exit_waves.load(start, stop, scratch)
            state.exit_waves.store(start, stop, waves.copy_(moved(waves, back)))
    return replace(state, object=moved(state.object, back), probe=moved(state.probe, back))


def _fits(engine: Engine) -> bool:
    return engine.fit_intensities or engine.background != "none"


def _fitted(engine: Engine, state: State, data: Data) -> State:
    due = state.iteration >= engine.fit_start and (state.iteration - engine.fit_start) % FIT_EVERY == 0
    if state.beam is None or not _fits(engine) or not due:
        return state
    beam = fitted_beam(state.object, state.probe, data, state.beam, engine.background, engine.fit_intensities)
    return replace(state, beam=beam)
