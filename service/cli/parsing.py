"""What several commands have in common on the command line: specifications, arrays in files, units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml
from numpy.typing import NDArray

from service.descriptions import EngineSpec, Geometry, Orientation, ReconstructionSpec
from service.formats import ScanFile
from service.formats.units import length_m


class OptionError(ValueError):
    """An option that cannot be understood; says what was expected and what came."""


def parse_engines(text: str | None, settings: Sequence[str] = ()) -> list[EngineSpec]:
    """Engines from ``rpie`` or ``rpie:20,dm:200,ml:50``, and ``rpie.object_step=0.5`` settings; none if not given."""
    stages = [stage.strip().partition(":") for stage in text.split(",")] if text else []
    parameters: dict[str, dict[str, Any]] = {name: {} for name, _, _ in stages}
    for setting in settings:
        path, equals, value = setting.partition("=")
        engine, dot, name = path.partition(".")
        if not (equals and dot and name):
            raise OptionError(f"--set: expected engine.parameter=value such as rpie.object_step=0.5, got {setting!r}")
        if engine not in parameters:
            raise OptionError(f"--set: expected a parameter of --engine {text}, got {setting!r}")
        parameters[engine][name] = yaml.safe_load(value)
    for name, colon, count in stages:
        if colon and not (count.isdigit() and int(count)):
            raise OptionError(f"--engine: expected NAME:ITERATIONS such as rpie:20,dm:200, got {name}:{count}")
    return [
        EngineSpec(name=name, parameters=parameters[name], iterations=int(count) if count else None)
        for name, _, count in stages
    ]


def parse_positions(refine: bool, settings: Sequence[str]) -> tuple[dict[str, Any] | None, list[str]]:
    """Fields of the position refinement, if it is asked for, from ``positions.method=correlation`` settings; and the
    other settings.
    """
    mine = [setting for setting in settings if setting.startswith("positions.")]
    others = [setting for setting in settings if setting not in mine]
    if not refine:
        return None, list(settings)
    found = (setting.removeprefix("positions.").partition("=") for setting in mine)
    return {name: yaml.safe_load(value) for name, _, value in found}, others


def make_spec(**fields: Any) -> ReconstructionSpec:
    """A specification of those fields that were given."""
    orientation = fields.pop("orientation", None)
    given = {name: value for name, value in fields.items() if value not in (None, {})}
    if orientation is not None:
        given["orientation"] = Orientation(frames=orientation)
    return ReconstructionSpec.model_validate(given)


def with_geometry(scan: ScanFile, text: str | None) -> ScanFile:
    """The scan with the geometry that ``far-field`` or ``near-field,focus=3.65mm`` makes of its own."""
    if text is None:
        return scan
    kind, _, option = text.partition(",")
    name, _, value = option.partition("=")
    if (kind, name) not in (("far-field", ""), ("near-field", "focus")):
        raise OptionError(f"--geometry: expected far-field or near-field,focus=LENGTH, got {text!r}")
    focus_m = length_m(value) if name else None
    if focus_m is not None and not 0 < focus_m < np.inf:
        raise OptionError(f"--geometry: expected a focus more than 0 m before the sample, got {text!r}")
    known = scan.geometry.model_dump() | {"focus_distance_m": focus_m}
    return replace(scan, geometry=Geometry.model_validate(known))


def split_dataset(text: str) -> tuple[Path, str] | None:
    """File and dataset of ``FILE:/dataset``; None if it is nothing of the kind."""
    file, colon, dataset = text.rpartition(":/")
    return (Path(file), f"/{dataset}") if colon else None


def load_array(text: str) -> NDArray[Any]:
    """The array at ``FILE:/dataset``; raises `OptionError`."""
    place = split_dataset(text)
    if place is None:
        raise OptionError(f"expected FILE:/dataset, got {text!r}")
    try:
        with h5py.File(place[0], "r") as file:
            node = file.get(place[1])
            if not isinstance(node, h5py.Dataset):
                raise OptionError(f"{place[0]}: expected a dataset {place[1]}, there is none")
            array: NDArray[Any] = node[()]
            return array
    except OSError as error:
        raise OptionError(f"{place[0]}: expected an HDF5 file, got: {error}") from error


def load_detector(mask: str | None, background: str | None) -> dict[str, NDArray[Any]]:
    """What ``--mask`` and ``--background`` name, of them what is given, as `start` carries it."""
    arrays = {}
    if mask is not None:
        arrays["mask"] = (load_array(mask) != 0).astype(np.uint8)
    if background is not None:
        arrays["background"] = load_array(background)
    return arrays


def load_probe(text: str | None) -> tuple[str | None, NDArray[np.complex64] | None]:
    """What ``--probe`` says: a specification, or an array (mode, y, x)."""
    if text is None or split_dataset(text) is None:
        return text, None
    array = load_array(text).astype(np.complex64)
    return None, array[None] if array.ndim == 2 else array
