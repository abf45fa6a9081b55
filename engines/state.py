"""What engines share: the measured data, the state of a reconstruction, and the base of every algorithm."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from engines.arrays import Magnitudes, Object, Positions, Probe
from engines.beam import Beam
from engines.blocks import Blocks
from engines.optics import CountMap
from engines.propagation import FOURIER, Propagator
from engines.subpixel import Fractions, split
from engines.waves import ExitWaves


@dataclass(frozen=True, kw_only=True)
class Data:
    """Measured frames as a reconstruction sees them: a fixed number of rows of a dataset that may go on growing."""

    storage: Blocks
    """Magnitudes (row, y, x), float16 or float32, -1 where a pixel is not trusted; shared, never copied."""
    rows: NDArray[np.int64]
    """Row in `storage` of each frame."""
    positions: Positions
    """Top-left corner (row, col) of each frame's window on the present canvas, in whole pixels."""
    counts: float
    """Trusted counts of all these frames, sum I."""
    magnitude_sum: float
    """Sum of their square roots."""
    propagator: Propagator = FOURIER
    """From sample to detector, by this reconstruction's geometry."""
    nominal: Float[Tensor, "frame 2"] | None = None
    """The corners as given, not rounded, in pixels; none where they are whole."""
    fractions: Fractions | None = None
    """How far each frame's probe lies beyond its corner, within half a pixel; none: on it."""
    background: Float[Tensor, "y x"] | None = None
    """Counts that the detector was measured to have beside the sample's light, laid out as the magnitudes; none: 0."""

    @classmethod
    def of(cls, magnitudes: Magnitudes, positions: Positions, propagator: Propagator = FOURIER) -> Data:
        """Data from plain tensors."""
        storage = Blocks(tuple(magnitudes.shape[1:]), magnitudes.dtype, magnitudes.device, len(magnitudes))
        storage.write(0, magnitudes)
        trusted = magnitudes.double().relu()
        return cls(
            storage=storage,
            rows=np.arange(len(magnitudes)),
            positions=positions,
            counts=float(trusted.square().sum()),
            magnitude_sum=float(trusted.sum()),
            propagator=propagator,
        )

    def moved(self, offsets: Float[Tensor, "frame 2"], object_shape: tuple[int, int]) -> Data:
        """The same with each window so many pixels from its nominal position, but still on the object as a whole."""
        nominal = self.positions.double() if self.nominal is None else self.nominal
        last = torch.tensor(object_shape) - torch.tensor(self.window)
        whole, fractions = split(torch.minimum((nominal + offsets).clamp(min=0), last.double()))
        return replace(self, positions=whole, fractions=fractions)

    def only(self, frames: NDArray[np.int64]) -> Data:
        """Some of the frames; `counts` and `magnitude_sum` stay those of all."""
        chosen = torch.from_numpy(frames)
        nominal = None if self.nominal is None else self.nominal[chosen]
        fractions = None if self.fractions is None else self.fractions[chosen]
        return replace(
            self, rows=self.rows[frames], positions=self.positions[chosen], nominal=nominal, fractions=fractions
        )

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.rows)

    @property
    def window(self) -> tuple[int, int]:
        """Shape (y, x) of a frame."""
        y, x = self.storage.item_shape
        return y, x

    def count_map(self, object_shape: tuple[int, int]) -> CountMap:
        """How often each pixel of the object is the corner of a window; made once, as it serves every iteration."""
        if object_shape not in self._count_maps:
            self._count_maps[object_shape] = CountMap(self.positions, object_shape, self.storage.device)
        return self._count_maps[object_shape]

    @cached_property
    def _count_maps(self) -> dict[tuple[int, int], CountMap]:
        return {}

    def magnitudes(self, frames: Sequence[int], scratch: Tensor) -> Magnitudes:
        """Magnitudes of some frames as float32: a view where that is possible, else copied into `scratch`."""
        rows = self.rows[np.asarray(frames)]
        first, count = int(rows[0]), len(rows)
        spans = list(self.storage.spans(first, first + count, count)) if rows[-1] - first == count - 1 else []
        consecutive = len(spans) == 1 and bool((np.diff(rows) == 1).all())
        if consecutive and self.storage.dtype == torch.float32:
            return self.storage.rows(first, first + count)
        out = scratch[:count]
        if consecutive:
            return out.copy_(self.storage.rows(first, first + count))
        for each, row in zip(out, rows.tolist(), strict=True):
            each.copy_(self.storage.rows(row, row + 1)[0])
        return out


@dataclass(frozen=True, kw_only=True)
class Offsets:
    """Refined positions, and what the refinement remembers of each frame."""

    pixels: Float[Tensor, "frame 2"]
    """From the nominal position, (row, col) in pixels of the object, so that a growing canvas changes nothing."""
    first: Float[Tensor, "frame 2"]
    """Running mean that the method keeps: of a frame's own steps."""
    second: Float[Tensor, "frame 2"]
    """Another: of the steps shared with neighbours, or of the squares of the own ones."""
    age: Float[Tensor, frame]
    """Steps taken."""

    @classmethod
    def none(cls) -> Offsets:
        """Of no frame yet."""
        nothing = torch.zeros(0, 2, dtype=torch.float64)
        return cls(pixels=nothing, first=nothing, second=nothing, age=nothing[:, 0])

    def extended(self, count: int) -> Offsets:
        """With frames that came since: they start where the last ones were found, as a slow drift would have it."""
        new = count - len(self.pixels)
        if new <= 0:
            return self
        start = self.pixels[-new:].mean(dim=0) if len(self.pixels) else torch.zeros(2, dtype=torch.float64)
        return Offsets(
            pixels=torch.cat([self.pixels, start.expand(new, 2)]),
            first=torch.cat([self.first, torch.zeros(new, 2, dtype=torch.float64)]),
            second=torch.cat([self.second, torch.zeros(new, 2, dtype=torch.float64)]),
            age=torch.cat([self.age, torch.zeros(new, dtype=torch.float64)]),
        )

    def chosen(self, rows: NDArray[np.int64]) -> Offsets:
        """Those of some frames, in this order."""
        each = torch.from_numpy(rows)
        return Offsets(pixels=self.pixels[each], first=self.first[each], second=self.second[each], age=self.age[each])

    def restarted(self, jumps: Float[Tensor, "frame 2"]) -> Offsets:
        """With these frames moved at once, which forget their steps; 0 for those that stay."""
        stay = (jumps == 0).all(dim=1)
        kept = stay[:, None].double()
        return Offsets(
            pixels=self.pixels + jumps, first=self.first * kept, second=self.second * kept, age=self.age * stay
        )


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that an iteration changes. An algorithm that remembers more subclasses it."""

    object: Object
    """Transmission on the canvas."""
    probe: Probe
    """Incoherent modes, centre at [n // 2, n // 2]."""
    iteration: int = 0
    """Iterations done."""
    since: int = 0
    """Iterations done since frames were last taken in."""
    admitted: int = 0
    """Frames taken in."""
    beam: Beam | None = None
    """Intensity of each frame and background, where they are fitted."""
    exit_waves: ExitWaves | None = None
    """Stored exit waves (frame, mode, y, x), for algorithms that need them."""
    offsets: Offsets | None = None
    """Refined positions; none where they are not refined."""
    error: float = math.nan
    """Relative amplitude error sqrt(sum (|f| - sqrt I)^2 / sum I) of the last iteration; NaN where not computed."""
    r_factor: float = math.nan
    """sum ||f| - sqrt I| / sum sqrt I of the last iteration; NaN where not computed."""

    @property
    def nbytes(self) -> int:
        """Bytes that the state holds."""
        return self.object.nbytes + self.probe.nbytes + (self.exit_waves.nbytes if self.exit_waves else 0)


def initial_state(probe: Probe, object_shape: tuple[int, int]) -> State:
    """A start with an empty object, one everywhere."""
    object = torch.ones(object_shape, dtype=torch.complex64, device=probe.device)
    return State(object=object, probe=probe.to(torch.complex64).clone())


@dataclass(frozen=True, kw_only=True)
class Engine(ABC):
    """An algorithm: hyper-parameters, and one iteration over the frames seen so far."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "use_attribute_docstrings": True}
    purpose: ClassVar[str]
    """When to use it, for the table in docs/engines.md."""
    citation: ClassVar[str]
    """Where it was published, for the same table."""
    transforms: ClassVar[int] = 2
    """Fourier transforms of each mode of each frame an iteration, without those for metrics."""

    probe_start: Annotated[int, Ge(1)] = 2
    """First iteration that updates the probe, counted from 1."""
    fit_intensities: bool = False
    """Fit the intensity of each frame, for a source that flickers; frames without beam are left out."""
    background: Literal["none", "constant", "pattern"] = "none"
    """Fit what the detector counts beside the sample's light: the same for all pixels, or each pixel's own."""
    background_counts: Annotated[float, Ge(0)] = 0.0
    """Background of every pixel, in counts, beside a frame of it that is given; where it is fitted, to begin with."""
    fit_start: Annotated[int, Ge(1)] = 10
    """First iteration that fits intensities and background; from then on each fifth one does."""
    object_amplitude_min: Annotated[float, Ge(0)] = 0.0
    """Least amplitude of the object."""
    object_amplitude_max: Annotated[float, Gt(0)] | None = None
    """Greatest amplitude of the object; 1 for a sample that amplifies nothing, but only with a probe of known power."""
    object_phase_max: Annotated[float, Gt(0), Le(math.pi)] | None = None
    """Greatest phase of the object, to either side, in rad."""
    smooth_below: Annotated[float, Ge(0), Le(1)] = 0.0
    """Smooth the object where it got less than this share of the most light."""
    probe_support: Annotated[float, Gt(0), Le(1)] | None = None
    """Diameter, as a share of the window, of the disc outside which the probe is dark."""
    probe_fourier_support: Annotated[float, Gt(0), Le(1)] | None = None
    """The same on the detector, of the optics' pupil."""
    probe_power: bool = False
    """Hold the probe at the counts of a mean frame, so that an empty object is 1."""
    probe_centred: bool = False
    """Move probe and object together when the probe has wandered off the window's centre by two pixels or more; in far
    field only, as in near field the detector sees where the probe is.
    """

    def admit(self, state: State, data: Data) -> State:
        """Take in the frames that `data` has more than before: object and probe carry over."""
        return replace(state, admitted=data.count, exit_waves=None)

    @abstractmethod
    def step(self, state: State, data: Data) -> State:
        """One iteration; free to reuse the buffers of the state it was given."""

    def exit_wave_bytes(self, probe_shape: tuple[int, int, int]) -> int:
        """Bytes that one frame's stored exit waves take; 0 for algorithms that store none."""
        return 0

    @abstractmethod
    def working_bytes(self, probe_shape: tuple[int, int, int], object_shape: tuple[int, int], threads: int) -> int:
        """Bytes allocated for the duration of a step."""
