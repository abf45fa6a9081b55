"""A reconstruction made ready: from a scan's `start` and what was asked for, to engine, preparation and probe.

The same for a live scan, for one that is attached to later, and for a file that is reconstructed offline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.arrays import Probe
from engines.canvas import Canvas
from engines.chain import Chain
from engines.dataset import GrowingDataset
from engines.memory import dataset_bytes, run_bytes
from engines.optics import FarField
from engines.policy import LivePolicy
from engines.positions import Refinement
from engines.preparation import Preparation, orient_point
from engines.probes import fitted, initial_probe, of_part, probe_from_array
from engines.propagation import Geometry, NearField
from engines.start import computed_probe
from engines.state import Engine
from service import descriptions
from service.checks import check_setup
from service.descriptions import EngineSpec, Orientation, ReconstructionSpec, probe_positions
from service.specs import (
    AUTO,
    GIVEN,
    build_engines,
    build_policy,
    build_refinement,
    check_spec,
    plain_fields,
)
from service.wire import Start, frame_dtype

FIRST_REACH_PX = 2048
"""A canvas without a plan begins with the positions this near to their median, so that a wild one cannot stretch it."""
FIRST_GUESS_FRAMES = 1024
"""Frames that memory is computed for where neither plan nor recording tell."""


@dataclass(frozen=True)
class Setup:
    """Everything that is fixed before the first frame, but for what a person may change while it runs."""

    spec: ReconstructionSpec
    """As it was asked for, all layers merged."""
    start: Start
    arrays: Mapping[str, NDArray[Any]]
    """plan, probe, mask and background that came with `start`."""
    engine: Engine | Chain
    policy: LivePolicy

    @classmethod
    def of(cls, start: Start, arrays: Mapping[str, NDArray[Any]], spec: ReconstructionSpec) -> Setup:
        """Check what was asked for; raises `SpecError` for what cannot be."""
        check_spec(spec)
        setup = cls(spec, start, arrays, build_engines(spec), build_policy(spec.live))
        check_setup(setup)
        return setup

    def changed(self, parameters: dict[str, Any], live: dict[str, Any], turn: int = 0) -> Setup:
        """The same with other parameters of the engine, of that one in a chain, and another live policy; raises
        `SpecError`.
        """
        first, *then = self.engines
        chain = [first, *then]
        chain[turn] = chain[turn].model_copy(update={"parameters": chain[turn].parameters | parameters})
        update = {"engine": chain[0], "then": tuple(chain[1:]), "live": self.spec.live | live}
        spec = self.spec.model_copy(update=update)
        check_spec(spec)
        return replace(self, spec=spec, engine=build_engines(spec), policy=build_policy(spec.live))

    @property
    def engines(self) -> tuple[EngineSpec, ...]:
        """The engines of a chain in their order, or the one there is, as they were asked for."""
        assert self.spec.engine is not None
        return self.spec.engine, *self.spec.then

    def parameters(self, turn: int = 0) -> dict[str, Any]:
        """Every parameter of the engine, of that one in a chain."""
        return plain_fields(self.engine.stages[turn].engine if isinstance(self.engine, Chain) else self.engine)

    @property
    def live(self) -> dict[str, Any]:
        """Every field of the live policy."""
        return plain_fields(self.policy)

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything that is needed to do it again, as JSON can hold it."""
        return {
            "engine": self._described[0],
            "then": self._described[1:],
            "live": self.live,
            "specification": self.spec.model_dump(mode="json"),
            "start": self.start.model_dump(mode="json"),
            "probe": self.probe_source,
        }

    @property
    def _described(self) -> list[dict[str, Any]]:
        return [{"name": each.name, "parameters": self.parameters(turn)} for turn, each in enumerate(self.engines)]

    @property
    def modes(self) -> int:
        """Number of probe modes."""
        return self.spec.modes or 1

    @property
    def refinement(self) -> Refinement | None:
        """How positions are refined, if they are."""
        return build_refinement(self.spec.positions)

    @cached_property
    def preparation(self) -> Preparation:
        """How frames become magnitudes; equal ones share a dataset."""
        start, spec = self.start, self.spec
        orientation = (spec.orientation or start.orientation).frames
        centre = spec.centre
        if centre is None and start.centre is not None:
            centre = orient_point(start.centre, start.frame_shape, orientation)
        return Preparation(
            frame_shape=start.frame_shape,
            frame_dtype=frame_dtype(start.dtype),
            orientation=orientation,
            crop=spec.crop,
            binning=spec.binning or 1,
            centre=centre,
            valid_min=start.valid_min,
            valid_max=start.valid_max,
            corner=self.geometry.focus_distance_m is None,
        )

    @property
    def geometry(self) -> descriptions.Geometry:
        """What was asked for, else the scan's own."""
        return self.spec.geometry or self.start.geometry

    @cached_property
    def optics(self) -> Geometry:
        """Wavelength, distances, pixels: far field, or near field where the focus is known."""
        given = self.geometry
        size, focus_m = self.preparation.size, given.focus_distance_m
        pixel_m = given.detector_pixel_m * self.preparation.binning
        if focus_m is None:
            return FarField(
                wavelength_m=given.wavelength_m, distance_m=given.distance_m, detector_pixel_m=pixel_m, size=size
            )
        return NearField(
            wavelength_m=given.wavelength_m,
            distance_m=given.distance_m,
            focus_distance_m=focus_m,
            detector_pixel_m=pixel_m,
            size=size,
        )

    @property
    def probe_shape(self) -> tuple[int, int, int]:
        """(mode, y, x)."""
        return self.modes, self.preparation.size, self.preparation.size

    @property
    def plan_m(self) -> NDArray[np.float64] | None:
        """Planned positions of the probe (row, col) in metres, those that are numbers."""
        if "plan" not in self.arrays:
            return None
        plan = self.positions_m(self.arrays["plan"])
        finite = plan[np.isfinite(plan).all(axis=1)]
        return finite if len(finite) else None

    @property
    def planned(self) -> int:
        """Planned frames; 0 without a plan."""
        return self.start.planned or len(self.arrays.get("plan", ()))

    def positions_m(self, positions_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions as sent, as the probe's (row, col) in metres, by this reconstruction's own orientation."""
        return probe_positions(positions_m, self.orientation, self.start.motion)

    @property
    def orientation(self) -> Orientation:
        """What was asked for, else the scan's own."""
        return self.spec.orientation or self.start.orientation

    def canvas(self, positions_m: NDArray[np.float64]) -> Canvas:
        """The canvas of the plan, or a growing one that begins with these positions."""
        shape = self.probe_shape[1:]
        if self.plan_m is not None:
            return Canvas.from_positions(self.plan_m, shape, self.optics.pixel_m)
        reach_m = FIRST_REACH_PX * self.optics.pixel_m
        near = np.abs(positions_m - np.median(positions_m, axis=0)).max(axis=1) <= reach_m
        return Canvas.from_positions(positions_m[near], shape, self.optics.pixel_m, growable=True)

    @property
    def given_probe(self) -> NDArray[np.complex64]:
        """The array (mode, y, x) that came with `start`, as it is for the part of the frames that is used; raises
        ValueError where it cannot be.
        """
        probe, part, whole = self.arrays["probe"], self.preparation, min(self.preparation.frame_shape)
        if self.spec.probe_fit is None and probe.shape[1:] == (whole, whole) and isinstance(self.optics, FarField):
            probe = of_part(probe, part.crop or whole, part.binning)
        return fitted(probe, part.size, self.spec.probe_fit)

    @property
    def probe_source(self) -> str:
        """What was asked for, else the array that came with `start`, else the data."""
        return self.spec.probe or (GIVEN if "probe" in self.arrays else "data")

    def background(self, device: torch.device) -> Tensor | None:
        """The measured background (y, x) in counts, laid out as the magnitudes; none where none came with `start`."""
        if "background" not in self.arrays:
            return None
        return self.preparation.background(self.arrays["background"]).to(device)

    def probe(self, dataset: GrowingDataset, canvas: Canvas, device: torch.device) -> Probe:
        """The initial probe, with the power of the frames that are there."""
        lit, counts = np.flatnonzero(dataset.lit()), dataset.counts()
        mean_counts = float(counts[lit].mean()) if lit.size else 1.0
        if self.probe_source == GIVEN:
            probe = probe_from_array(self.given_probe, self.preparation.size, mean_counts, self.modes)
        elif self.probe_source == AUTO:
            assert isinstance(self.optics, FarField), "check_probe sees to it"
            rows = lit[canvas.inside(canvas.to_pixels(dataset.positions_m()[lit]))]
            frames = replace(dataset.data(canvas, rows), background=self.background(device))
            mean = dataset.mean_magnitudes(lit)
            probe = computed_probe(self.optics, frames, canvas.shape, mean, self.modes)
        else:
            mean = dataset.mean_magnitudes(lit).cpu()
            probe = initial_probe(self.probe_source, self.optics, mean_counts, mean, self.modes)
        return probe.to(device)

    def memory_bytes(self, frames: int) -> int:
        """Bytes that so many frames (or the planned ones, if they are more) will take on the device, all in all."""
        expected = max(frames, self.planned) or FIRST_GUESS_FRAMES
        size, plan = self.preparation.size, self.plan_m
        canvas = None if plan is None else Canvas.from_positions(plan, self.probe_shape[1:], self.optics.pixel_m)
        shape = canvas.shape if canvas else (3 * size, 3 * size)
        shared = dataset_bytes(expected, size, self.preparation.magnitude_dtype, self.planned)
        return shared + run_bytes(
            self.engine, expected, self.probe_shape, shape, self.planned, refinement=self.refinement
        )


def choose_device(wanted: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device to reconstruct on; raises ValueError for a GPU that is not there."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: expected an NVIDIA GPU for 'cuda', PyTorch finds none; 'auto' takes the CPU then")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def total_bytes(device: torch.device) -> int:
    """Memory of the device."""
    return torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else int(psutil.virtual_memory().total)


def free_bytes(device: torch.device) -> int:
    """Memory of the device that nobody uses."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else int(psutil.virtual_memory().available)
