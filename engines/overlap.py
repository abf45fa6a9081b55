"""The overlap constraint: the one object and probe that explain all exit waves best; base of DM, ER and their kin."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float
from torch import Tensor

from engines import parallel
from engines.arrays import Magnitudes, Object, Probe, Waves
from engines.beam import beam_of
from engines.graphs import sweep_of
from engines.metrics import Misfit
from engines.optics import CountMap, exit_waves, intensity, over_modes
from engines.patches import backend
from engines.projections import FourierConstraint, ProjectingEngine, scale_
from engines.state import Data, State
from engines.waves import ExitWaves, Scratch, stored_bytes

Span = parallel.Span


@dataclass(frozen=True, kw_only=True)
class OverlapEngine(ProjectingEngine):
    """Alternates between the Fourier constraint on stored exit waves and the overlap constraint
    (Thibault et al., Ultramicroscopy 109 (2009), eqs. 6-9), object first, then the probe from the new object::

        O <- (sum_j conj(P) psi_j + c O) / (sum_j |P|^2 + c)
        P <- (sum_j conj(O) psi_j + d P) / (sum_j |O|^2 + d)
    """

    object_inertia: Annotated[float, Gt(0)] = 1e-4
    """c in units of the mean counts per pixel: holds the object where little light falls."""
    probe_inertia: Annotated[float, Gt(0)] = 1e-9
    """d in units of the number of frames."""
    overlap_rounds: Annotated[int, Ge(1)] = 10
    """Most rounds of object and probe an iteration."""
    overlap_change: Annotated[float, Gt(0)] = 0.05
    """The rounds are left when the probe changes by less than this fraction."""
    metrics_every: Annotated[int, Ge(0)] = 5
    """Compute the metrics in the first and each so-manieth iteration, which costs a transform more; 0 for never."""

    half_waves: bool = False
    """Store exit waves in 16-bit numbers, which halves their memory and costs some time; what is stored already stays
    as it is.
    """

    @abstractmethod
    def update_waves_(self, waves: Waves, overlapped: Waves, measured: FourierConstraint) -> None:
        """The Fourier constraint: replace exit waves in place, given probe times object (which may be overwritten).

        The misfit of probe times object is added where `measured` wants it.
        """

    def admit(self, state: State, data: Data) -> State:
        """Exit waves of new frames start as probe times object."""
        known = state.admitted if state.exit_waves else 0
        stored = state.exit_waves or ExitWaves(
            tuple(state.probe.shape), state.probe.device, data.storage.planned, self.half_waves
        )
        stored.reserve(data.count)
        scratch = stored.scratch(parallel.FRAMES_PER_BLOCK, state.probe)
        for a, b in stored.spans(known, data.count, parallel.FRAMES_PER_BLOCK):
            waves = stored.load(a, b, scratch)
            stored.store(a, b, exit_waves(state.probe, state.object, data.positions[a:b], waves))
        return replace(state, exit_waves=stored, admitted=data.count)

    def step(self, state: State, data: Data) -> State:
        """Fourier constraint on every frame, then rounds of object and probe until the probe is settled."""
        iteration = state.iteration + 1
        sweep = _Sweep(state.exit_waves or self._without_waves(), data)
        measured = bool(self.metrics_every) and (iteration == 1 or iteration % self.metrics_every == 0)
        numerator, misfit = sweep.fourier(self, state, measured)
        counts = data.count_map((state.object.shape[0], state.object.shape[1]))
        object, probe = state.object, state.probe
        for turn in range(self.overlap_rounds):
            if turn:
                numerator = sweep.object_numerator(probe, object)
            object = self._object(object, numerator, counts.spread(over_modes(intensity(probe))), data)
            if iteration < self.probe_start:
                break
            before = probe
            probe = self._probe(probe, sweep.probe_numerator(probe, object), counts, object, data)
            if _change(before, probe) < self.overlap_change:
                break
        return replace(
            state, object=object, probe=probe, iteration=iteration, error=misfit.error, r_factor=misfit.r_factor
        )

    def exit_wave_bytes(self, probe_shape: tuple[int, int, int]) -> int:
        """As `half_waves` says."""
        return stored_bytes(probe_shape, self.half_waves)

    def working_bytes(self, probe_shape: tuple[int, int, int], object_shape: tuple[int, int], threads: int) -> int:
        """A numerator and four blocks of waves a thread, three more for waves in 16 bits, denominator and its
        transforms.
        """
        blocks = (7 if self.half_waves else 4) * parallel.FRAMES_PER_BLOCK * 8 * math.prod(probe_shape)
        return threads * (blocks + 8 * math.prod(object_shape)) + 5 * 8 * math.prod(object_shape)

    def _object(self, object: Object, numerator: Object, denominator: Float[Tensor, "row col"], data: Data) -> Object:
        inertia = self.object_inertia * data.counts / data.count / math.prod(data.window)
        return scale_(numerator.add_(object, alpha=inertia), denominator.add_(inertia).reciprocal_())

    def _probe(self, probe: Probe, numerator: Probe, counts: CountMap, object: Object, data: Data) -> Probe:
        inertia = self.probe_inertia * data.count
        denominator = counts.gather(intensity(object), data.window)
        return scale_(numerator.add_(probe, alpha=inertia), denominator.add_(inertia).reciprocal_())

    def _without_waves(self) -> ExitWaves:
        raise ValueError(f"{type(self).__name__}: expected a state with exit waves; admit(state, data) makes them")


class _Sweep:
    """Passes over all frames in blocks that stay in the cache, with private sums in each thread."""

    def __init__(self, stored: ExitWaves, data: Data) -> None:
        self.stored = stored
        self.data = data
        self.spans = list(stored.spans(0, data.count, parallel.FRAMES_PER_BLOCK))

    def fourier(self, engine: OverlapEngine, state: State, measured: bool) -> tuple[Object, Misfit]:
        """Update all exit waves; the object's numerator comes with them."""
        if state.object.device.type == "cuda":
            return sweep_of(engine, state, self.data, self.stored, measured)(state, self.data, self.stored)
        patches = backend(state.object.device)

        def work(spans: list[Span]) -> tuple[Object, Misfit]:
            numerator, misfit = torch.zeros_like(state.object), Misfit(self.data)
            conjugate = state.probe.conj().resolve_conj()
            overlapped, magnitudes, held = self._buffers(state.probe)
            for a, b in spans:
                waves, positions = self.stored.load(a, b, held), self.data.positions[a:b]
                model = exit_waves(state.probe, state.object, positions, overlapped[: b - a])
                measurement = self.data.magnitudes(range(a, b), magnitudes)
                beam = beam_of(state.beam, range(a, b))
                engine.update_waves_(
                    waves,
                    model,
                    engine.constraint(measurement, self.data.propagator, misfit if measured else None, beam),
                )
                self.stored.store(a, b, waves)
                patches.add_to_object_(numerator, positions, waves, conjugate)
            return numerator, misfit

        results = parallel.over_spans(work, self.spans, state.probe.device)
        return _total([numerator for numerator, _ in results]), sum(
            (misfit for _, misfit in results), Misfit(self.data)
        )

    def object_numerator(self, probe: Probe, object: Object) -> Object:
        """sum_j conj(P) psi_j over the object."""
        patches = backend(object.device)

        def work(spans: list[Span]) -> Object:
            numerator, held = torch.zeros_like(object), self._held(probe)
            conjugate = probe.conj().resolve_conj()
            for a, b in spans:
                waves, positions = self.stored.load(a, b, held), self.data.positions[a:b]
                patches.add_to_object_(numerator, positions, waves, conjugate)
            return numerator

        return _total(parallel.over_spans(work, self.spans, probe.device))

    def probe_numerator(self, probe: Probe, object: Object) -> Probe:
        """sum_j conj(O) psi_j over the window."""
        patches = backend(object.device)
        conjugate = object.conj().resolve_conj()

        def work(spans: list[Span]) -> Probe:
            numerator, held = torch.zeros_like(probe), self._held(probe)
            for a, b in spans:
                waves, positions = self.stored.load(a, b, held), self.data.positions[a:b]
                patches.add_to_probe_(numerator, positions, waves, conjugate)
            return numerator

        return _total(parallel.over_spans(work, self.spans, probe.device))

    def _held(self, probe: Probe) -> Scratch:
        return self.stored.scratch(parallel.FRAMES_PER_BLOCK, probe)

    def _buffers(self, probe: Probe) -> tuple[Waves, Magnitudes, Scratch]:
        n = parallel.FRAMES_PER_BLOCK
        waves = torch.empty((n, *probe.shape), dtype=probe.dtype, device=probe.device)
        magnitudes = torch.empty((n, *self.data.window), device=probe.device)
        return waves, magnitudes, self._held(probe)


def _total(parts: list[Tensor]) -> Tensor:
    for part in parts[1:]:
        parts[0].add_(part)
    return parts[0]


def _change(before: Probe, after: Probe) -> float:
    return float(torch.linalg.vector_norm(after - before) / torch.linalg.vector_norm(after))
