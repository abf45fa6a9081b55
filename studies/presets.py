"""What the studies vary, and the bounds they hold; configs/studies has each preset as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.descriptions import explain

Kind = Literal["live", "offline", "control", "small-chunks", "rpie-then-dm"]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
PresetType = TypeVar("PresetType", bound="Preset")


class Preset(BaseModel):
    """Base of all presets: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Case(Preset):
    """One simulated scan."""

    step_px: Positive
    """Between positions, in pixels of the object."""
    photons: Positive = 1e10
    """In each frame."""
    seed: int = 0
    """Of the noise."""

    @property
    def name(self) -> str:
        """For files and tables."""
        return f"step{self.step_px:g}-{self.photons:.0e}-seed{self.seed}".replace("e+", "e")


class Bounds(Preset):
    """What must hold; by step in pixels where it depends on the overlap."""

    floor: Positive = 1.3
    """Live error against the truth over the shot-noise floor."""
    penalty: dict[float, Positive] = {10: 1.02, 40: 1.10}
    """Error against the truth, live over offline."""
    between: dict[float, Positive] = {10: 2e-11, 27: 1e-9, 40: 1e-7}
    """Live against offline, NMSE."""
    control: Positive = 3.0
    """The same over offline against offline from another start."""
    early: dict[float, Positive] = {10: 5e-8}
    """NMSE of the first image."""


class RealtimePreset(Preset):
    """Real time against offline, as in Lexelius, Kahnt & Maia, Sci. Rep. 15 (2025) 14674."""

    size: Annotated[int, Field(ge=16, multiple_of=2)] = 256
    """Pixels of a frame's edge."""
    frames: Count = 315
    """On an Archimedean spiral."""
    steps_px: tuple[Positive, ...] = (10, 27, 40)
    """Steps of the cases that the bounds are for, each with each seed."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the noise."""
    photons: Positive = 1e10
    """In each frame of those cases."""
    further: tuple[Case, ...] = (
        Case(step_px=19),
        Case(step_px=35),
        Case(step_px=27, photons=1e8),
        Case(step_px=27, photons=1e12),
    )
    """Cases without bounds: live, offline and control."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Of DM."""
    chunk: Count = 25
    """Frames that arrive together."""
    small_chunk: Count = 5
    """The same in the run that shows that it does not matter."""
    iterations_per_chunk: Count | None = 60
    """None: by the clock, as many as fit, at `frame_delay_s`."""
    more_iterations_per_chunk: dict[float, Count] = {40: 100}
    """In their place, by step in pixels, where those leave the offline run unconverged."""
    frame_delay_s: Positive = 0.6
    """Seconds between frames, where iterations go by the clock."""
    final_iterations: Count = 100
    """After the last chunk."""
    crop_px: Count = 165
    """Edge of the square that is compared."""
    early_frames: Count = 75
    """Frames of the first image."""
    early_crop_px: Count = 69
    """Edge of the square that it is judged in."""
    rpie_iterations: Count = 20
    """Before DM, in the run that is to be faster."""
    bounds: Bounds = Bounds()

    @property
    def cases(self) -> tuple[Case, ...]:
        """All of them, those of the first seed first."""
        held = [Case(step_px=s, photons=self.photons, seed=seed) for seed in self.seeds for s in self.steps_px]
        return (*held, *self.further)

    def iterations_of(self, case: Case) -> int | None:
        """Iterations on each chunk; None: by the clock."""
        each = self.iterations_per_chunk
        return None if each is None else self.more_iterations_per_chunk.get(case.step_px, each)

    def kinds(self, case: Case) -> tuple[Kind, ...]:
        """The runs of a case."""
        if case in self.further:
            return "live", "offline", "control"
        return "live", "offline", "control", "small-chunks", "rpie-then-dm"


QUICK = RealtimePreset(
    size=128,
    frames=100,
    steps_px=(5, 13),
    seeds=(0,),
    further=(),
    iterations_per_chunk=30,
    more_iterations_per_chunk={},
    crop_px=45,
    early_frames=50,
    early_crop_px=21,
    bounds=Bounds(floor=1.3, penalty={5: 1.02, 13: 1.10}, between={5: 1e-12, 13: 1e-8}, early={}),
)
"""The same for CI, in minutes, with bounds of its own: measured were 1.11 and 1.06 times the floor, live over offline
1.000 and 0.935, live against offline 3.7e-13 and 1.3e-9, 0.9 and 1.0 times the control.
"""


EngineName = Literal["dm", "epie", "rpie", "lsqml"]


class GrowingPreset(Preset):
    """Growing subsets, as in Weber et al., Microsc. Microanal. 30 (2024) 103."""

    size: Annotated[int, Field(ge=16, multiple_of=2)] = 128
    """Pixels of a frame's edge."""
    side: Count = 10
    """Positions along an edge of the raster."""
    step_px: Positive = 6
    """Between positions, in pixels of the object."""
    photons: Positive = 1e10
    """In each frame."""
    seed: int = 0
    """Of noise, jitter and random order."""
    engines: tuple[EngineName, ...] = ("dm", "epie")
    """The paper used ePIE."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Of DM."""
    patterns_per_step: Count = 10
    """By which a subset grows."""
    iterations_per_step: Count = 10
    """On each subset, and between two averages of disjoint ones."""
    iterations: Count = 1000
    """In all."""
    over_iterations: Count = 1000
    """On each subset, where it is over-optimised."""
    shares: tuple[Count, ...] = (2, 3, 4)
    """Into which the sums over all frames are split."""
    crop_px: Count = 45
    """Edge of the square that is compared."""


class GridPoint(Preset):
    """One point of the grid."""

    step_px: Positive = 5
    """Between positions, in pixels of the object."""
    photons: Positive = 1e10
    """In each frame."""
    engine: EngineName = "dm"
    """Algorithm."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Of DM."""
    chunk: Count = 25
    """Frames that arrive together."""
    start_after: Count = 25
    """Frames to wait for."""
    iterations_per_chunk: Count = 30
    """K, for 25 frames; fewer for smaller chunks."""

    @property
    def offline_name(self) -> str:
        """Of the offline run that it is held against."""
        alpha = f"-alpha{self.alpha:g}" if self.engine == "dm" else ""
        return f"step{self.step_px:g}-{self.photons:.0e}-{self.engine}{alpha}".replace("e+", "e")

    @property
    def name(self) -> str:
        """Of its live run."""
        return f"{self.offline_name}-chunk{self.chunk}-after{self.start_after}-k{self.iterations_per_chunk}"


class GridPreset(Preset):
    """Where real time stops being as good as offline: one thing varied at a time, at several overlaps."""

    size: Annotated[int, Field(ge=16, multiple_of=2)] = 128
    """Pixels of a frame's edge."""
    frames: Count = 100
    """On an Archimedean spiral."""
    seed: int = 0
    """Of the noise."""
    iterations: Count = 400
    """In all, live and offline."""
    crop_px: Count = 45
    """Edge of the square that is compared."""
    overlap_steps_px: tuple[Positive, ...] = (5, 9, 13, 20, 27, 31, 37)
    """Steps at which nothing else is varied."""
    steps_px: tuple[Positive, ...] = (5, 13, 27)
    """Steps at which all that follows is varied."""
    chunk: tuple[Count, ...] = (1, 5, 25, 100)
    """Frames that arrive together."""
    start_after: tuple[Count, ...] = (5, 10, 25)
    """Frames to wait for, in chunks of 5."""
    iterations_per_chunk: tuple[Count, ...] = (5, 10, 30, 100)
    """K."""
    photons: tuple[Positive, ...] = (1e6, 1e8, 1e10, 1e12)
    """In each frame."""
    alpha: tuple[float, ...] = (0.0, 0.5, 0.8, 1.0)
    """Of DM."""
    engine: tuple[EngineName, ...] = ("dm", "rpie", "lsqml")
    """Algorithms."""

    @property
    def points(self) -> list[tuple[str, GridPoint]]:
        """Each with what is varied in it; the same point may stand in several places."""
        found = [("overlap", GridPoint(step_px=step)) for step in self.overlap_steps_px]
        for step in self.steps_px:
            base = GridPoint(step_px=step)
            found += [("chunk", base.model_copy(update={"chunk": each})) for each in self.chunk]
            small = base.model_copy(update={"chunk": 5})
            found += [("start-after", small.model_copy(update={"start_after": each})) for each in self.start_after]
            for name in ("iterations_per_chunk", "photons", "alpha", "engine"):
                found += [(name, base.model_copy(update={name: each})) for each in getattr(self, name)]
        return found


def read_preset(path: Path, kind: type[PresetType]) -> PresetType:
    """A preset from YAML; raises `ValueError` saying which field is wrong."""
    try:
        return kind.model_validate(yaml.safe_load(path.read_text()) or {})
    except (yaml.YAMLError, ValidationError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else error
        raise ValueError(f"{path}: expected a preset of this study: {reason}") from error
