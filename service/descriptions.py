"""What a scan and a reconstruction are described by, in the same words on the wire, in files and in REST.

No torch is loaded: whether a specification can be carried out is found by `service.specs`, in the worker.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Len
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

PLANCK_J_S = 6.62607015e-34
LIGHT_M_S = 299_792_458.0
ELECTRON_VOLT_J = 1.602176634e-19

D4 = Literal["identity", "rot90", "rot180", "rot270", "flip_rows", "flip_cols", "transpose", "antitranspose"]
"""What is done to a frame as received so that its rows and columns are those of the sample plane."""
Metadata = dict[str, str | int | float | bool]


class Strict(BaseModel):
    """A model that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Geometry(Strict):
    """Geometry of a transmission experiment: far field, or near field where `focus_distance_m` is given."""

    energy_J: Annotated[float, Gt(0)]  # noqa: N815 - the unit's own spelling
    """Photon energy in joule."""
    distance_m: Annotated[float, Gt(0)]
    """From sample to detector, in metres."""
    detector_pixel_m: Annotated[float, Gt(0)]
    """Edge of a square detector pixel, in metres."""
    focus_distance_m: Annotated[float, Gt(0)] | None = None
    """From the beam's focus to the sample, in metres: near field in a cone beam magnified by (focus_distance_m +
    distance_m) / focus_distance_m; none: far field."""

    @property
    def wavelength_m(self) -> float:
        """Wavelength in metres."""
        return PLANCK_J_S * LIGHT_M_S / self.energy_J


class Orientation(Strict):
    """How a source's frames and positions lie relative to the sample plane's (row, col) = (y, x)."""

    frames: D4 = "identity"
    """Applied to each frame as received."""
    axes: Literal["row,col", "col,row"] = "row,col"
    """Order of the two columns of the positions."""
    signs: tuple[Literal[-1, 1], Literal[-1, 1]] = (1, 1)
    """Factors of (row, col), after the order was put right."""


class EngineSpec(Strict):
    """An algorithm by its name in the registry, with the parameters that differ from its defaults."""

    name: Annotated[str, Len(1, 32)]
    """For example ``rpie`` or ``dm``."""
    parameters: dict[str, Any] = {}
    """Validated by the service against the engine's own fields."""
    iterations: Annotated[int, Ge(1)] | None = None
    """Its turn in a chain; the last one may go on until the end instead."""


class ReconstructionSpec(Strict):
    """What a reconstruction is to be; every field left out is taken from the scan or the configuration."""

    engine: EngineSpec | None = None
    """Algorithm and parameters; the first one of a chain."""
    then: tuple[EngineSpec, ...] = ()
    """Engines that follow, for example DM after 20 iterations of rPIE. If the last one's iterations are counted, it has
    exactly the last ones of the run, after the last frame; the one before it goes on until then."""
    live: dict[str, Any] = {}
    """Fields of the live policy: start_after, chunk, iterations_per_chunk, final_iterations and so on."""
    probe: str | None = None
    """Initial probe, for example ``round:50nm,defocus=980um``, ``data``, ``auto`` (computed from the frames) or
    ``given`` (the array in `start`)."""
    probe_fit: Literal["crop", "pad"] | None = None
    """Cut a given probe that is larger than the frames' window to its centre, or pad a smaller one with darkness; none:
    refuse it."""
    modes: Annotated[int, Ge(1)] | None = None
    """Number of incoherent probe modes; default 1."""
    geometry: Geometry | None = None
    """In place of the scan's own."""
    orientation: Orientation | None = None
    """In place of the scan's own."""
    crop: Annotated[int, Gt(0)] | None = None
    """Use the central crop x crop pixels of each frame."""
    binning: Annotated[int, Gt(0)] | None = None
    """Add up squares of so many by so many detector pixels, after cropping; default 1."""
    centre: tuple[float, float] | None = None
    """Pixel (row, col) of zero frequency in the frame after orientation; default (h // 2, w // 2)."""
    positions: dict[str, Any] | None = None
    """Refine the positions: fields of the refinement, {} for its defaults; none: take them as they are given."""
    seed: Annotated[int, Ge(0)] | None = None
    """Of the order in which a sequential engine visits the frames."""
    label: Annotated[str, Len(0, 80)] = ""
    """A person's name for it."""


def explain(error: ValidationError) -> str:
    """A validation error in one line: each field with what was expected and what came."""
    return "; ".join(
        f"{'.'.join(str(part) for part in each['loc']) or 'header'}: {each['msg']}, got {str(each['input'])[:80]}"
        for each in error.errors()[:5]
    )


def probe_positions(
    positions_m: NDArray[np.float64], orientation: Orientation, motion: Literal["probe", "sample"]
) -> NDArray[np.float64]:
    """Positions as a source gives them -> (n, 2) metres (row, col) of the probe's window on the object.

    The one place where axes and signs are put right, for live and replayed data alike. Where the source
    gives the sample's motion, the probe's window moves the other way.
    """
    rows_cols = positions_m if orientation.axes == "row,col" else positions_m[:, ::-1]
    along = 1.0 if motion == "probe" else -1.0
    return rows_cols * (along * np.asarray(orientation.signs, dtype=np.float64))
