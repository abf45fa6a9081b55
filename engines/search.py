"""Windows that are far off: the frames that fit worst, tried on a grid around where they are."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from engines import parallel
from engines.beam import beam_of
from engines.optics import exit_waves
from engines.projections import inverse_modulus
from engines.state import Data, State
from engines.subpixel import visits

REACH_PX = 5
"""Pixels that are tried to each side, every one: a gradient finds its way from nearer."""
SHARE = 0.02
"""Of the frames, at most, that are searched for at a time."""
SUSPECT = 1.5
"""Times the median misfit from which a frame may be far off."""
BETTER = 0.8
"""A place is taken where it lowers the frame's misfit by more than this factor."""


def search(state: State, data: Data, misfit: Float[Tensor, frame]) -> Float[Tensor, "frame 2"]:
    """How far, in whole pixels, the suspect frames lie from where they fit best; 0 for all others."""
    jumps = torch.zeros(data.count, 2, dtype=torch.float64)
    worst = torch.argsort(misfit, descending=True)[: max(1, int(SHARE * data.count))]
    suspects = worst[misfit[worst] > SUSPECT * misfit.median()]
    reach = torch.arange(-REACH_PX, REACH_PX + 1)
    grid = torch.cartesian_prod(reach, reach)  # (place, 2)
    last = torch.tensor(state.object.shape) - torch.tensor(data.window)
    probe = state.probe.clone()
    n = parallel.FRAMES_PER_BLOCK
    tried = torch.empty(len(grid))  # small ones that live on between large ones would tear holes into the heap
    waves = torch.empty((n, *probe.shape), dtype=probe.dtype, device=probe.device)
    for frame, propagator in visits(suspects.numpy(), data.fractions, probe, 1, data.propagator):
        magnitudes = data.magnitudes(frame.tolist(), torch.empty(1, *data.window, device=probe.device))
        beam = beam_of(state.beam, frame.tolist())
        for place, some in zip(range(0, len(grid), n), torch.split(grid, n), strict=True):
            places = torch.minimum((data.positions[frame] + some).clamp(min=0), last)
            model = propagator.forward(exit_waves(probe, state.object, places, waves[: len(some)]))
            difference = (inverse_modulus(model, beam).reciprocal_() - magnitudes) * (magnitudes >= 0)
            tried[place : place + n] = difference.square_().sum(dim=(1, 2))
        best = int(tried.argmin())
        if tried[best] < BETTER * tried[len(grid) // 2]:
            jumps[frame] = grid[best].double()
    return jumps
