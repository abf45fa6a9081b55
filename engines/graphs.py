"""The Fourier constraint on a GPU: captured once as a CUDA graph for a block of a fixed number of frames, and replayed
block by block over however many frames there are by now. What a block needs lies in buffers that never move; the frames
that are left over at the end, and every block elsewhere than on a GPU, take the same way without a graph.

A GPU works on a block for less time than Python takes to launch its some thirty kernels one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import torch

from engines.arrays import Magnitudes, Object, Waves
from engines.beam import BeamOfFrames, beam_of
from engines.metrics import Misfit
from engines.optics import exit_waves
from engines.patches import backend
from engines.projections import FourierConstraint
from engines.propagation import Propagator
from engines.state import Data, State
from engines.waves import ExitWaves

MOST_FRAMES, BLOCK_BYTES = 32, 2**26
"""Of a block; large frames come in smaller ones."""


@runtime_checkable
class WaveEngine(Protocol):
    """What a block needs of an `OverlapEngine`."""

    def constraint(
        self, magnitudes: Magnitudes, propagator: Propagator, misfit: Misfit | None, beam: BeamOfFrames | None
    ) -> FourierConstraint:
        """What some frames ask for."""

    def update_waves_(self, waves: Waves, overlapped: Waves, measured: FourierConstraint) -> None:
        """Replace exit waves in place, given probe times object."""


class BlockSweep:
    """Passes of one engine over the frames of one reconstruction, with metrics or without."""

    def __init__(self, engine: WaveEngine, state: State, data: Data, measured: bool) -> None:
        object, probe, device = state.object, state.probe, state.object.device
        self._engine, self._propagator, self._measured = engine, data.propagator, measured
        self._frames = n = max(1, min(MOST_FRAMES, BLOCK_BYTES // probe.nbytes))
        self._object, self._numerator = torch.zeros_like(object), torch.zeros_like(object)
        self._probe, self._conjugate = torch.zeros_like(probe), torch.zeros_like(probe)
        self._waves, self._model = (probe.new_zeros((n, *probe.shape)) for _ in range(2))
        self._magnitudes = torch.zeros((n, *data.window), device=device)
        self._corners = torch.zeros((n, 2), dtype=torch.int64, device=device)
        self._misfit = Misfit(data)
        self._beam = None
        if state.beam is not None:
            scales = torch.ones((n, 1, 1), device=device)
            self._beam = BeamOfFrames(scales, torch.zeros_like(state.beam.background))
        self._whole = replayed(lambda: self._work(n), device)

    def suits(self, engine: WaveEngine, state: State, data: Data, measured: bool) -> bool:
        """Whether what was captured is still what is wanted."""
        shapes = (self._object.shape, self._probe.shape) == (state.object.shape, state.probe.shape)
        same = self._engine == engine and self._propagator is data.propagator and self._measured == measured
        return shapes and same and (self._beam is None) == (state.beam is None)

    def __call__(self, state: State, data: Data, stored: ExitWaves) -> tuple[Object, Misfit]:
        """Update all exit waves; the object's numerator comes with them."""
        self._object.copy_(state.object)
        self._probe.copy_(state.probe)
        self._conjugate.copy_(state.probe.conj())
        self._numerator.zero_()
        self._misfit.clear_()
        scratch = stored.scratch(self._frames, state.probe)
        for a, b in stored.spans(0, data.count, self._frames):
            count, waves = b - a, stored.load(a, b, scratch)
            self._waves[:count].copy_(waves)
            self._corners[:count].copy_(data.positions[a:b])
            self._magnitudes[:count].copy_(data.magnitudes(range(a, b), self._magnitudes))
            if (beam := beam_of(state.beam, range(a, b))) is not None and self._beam is not None:
                self._beam.scales[:count].copy_(beam.scales)
                self._beam.background.copy_(beam.background)
            if count == self._frames:
                self._whole()
            else:
                self._work(count)
            stored.store(a, b, waves.copy_(self._waves[:count]))
        return self._numerator.clone(), Misfit(data) + self._misfit

    def _work(self, count: int) -> None:
        """The first frames in the buffers."""
        corners, waves = self._corners[:count], self._waves[:count]
        model = exit_waves(self._probe, self._object, corners, self._model[:count])
        beam = None if self._beam is None else BeamOfFrames(self._beam.scales[:count], self._beam.background)
        misfit = self._misfit if self._measured else None
        constraint = self._engine.constraint(self._magnitudes[:count], self._propagator, misfit, beam)
        self._engine.update_waves_(waves, model, constraint)
        backend(waves.device).add_to_object_(self._numerator, corners, waves, self._conjugate)


_sweeps: WeakKeyDictionary[ExitWaves, dict[bool, BlockSweep]] = WeakKeyDictionary()


def sweep_of(engine: WaveEngine, state: State, data: Data, stored: ExitWaves, measured: bool) -> BlockSweep:
    """The one that was made for these exit waves before, or a new one where that no longer suits."""
    known = _sweeps.setdefault(stored, {})
    if measured not in known or not known[measured].suits(engine, state, data, measured):
        known[measured] = BlockSweep(engine, state, data, measured)
    return known[measured]


def replayed(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """The same as a CUDA graph on a GPU: it is called once so that libraries make their plans, then captured."""
    if device.type != "cuda":
        return work
    beside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(beside):
        work()
    torch.cuda.current_stream(device).wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
