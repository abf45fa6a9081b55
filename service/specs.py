"""From what a person or a sender asked for to what runs: engines and live policies built from dictionaries.

Layers, the later one wins field by field: configuration, the scan's `start`, what REST armed, the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from engines.chain import Chain, Stage
from engines.policy import LivePolicy
from engines.positions import Refinement
from engines.probes import ProbeSpec
from engines.registry import ENGINES
from engines.state import Engine
from service.descriptions import EngineSpec, ReconstructionSpec, explain
from service.meanings import explained

T = TypeVar("T")
AUTO = "auto"
"""The probe that the data themselves give, see engines/start.py."""
GIVEN = "given"
"""The probe that came with `start`."""


class SpecError(ValueError):
    """A reconstruction that cannot be as asked; says what was expected and what came."""


def merge_specs(*layers: ReconstructionSpec | None) -> ReconstructionSpec:
    """One specification of several; an engine of another name brings its own parameters and followers only."""
    merged: dict[str, Any] = {}
    for layer in layers:
        if layer is None:
            continue
        given = layer.model_dump(exclude_defaults=True)
        for name in ("live", "positions"):
            if name in given:
                given[name] = merged.get(name, {}) | given[name]
        engine, earlier = given.get("engine"), merged.get("engine")
        if engine and earlier and engine["name"] == earlier["name"]:
            parameters = earlier.get("parameters", {}) | engine.get("parameters", {})
            given["engine"] = earlier | engine | {"parameters": parameters}
        elif engine:
            merged.pop("then", None)
        merged |= given
    return ReconstructionSpec.model_validate(merged)


def build_engine(spec: EngineSpec, seed: int | None = None) -> Engine:
    """The engine of this name with these parameters; raises `SpecError` with name, bound and value.

    Engines that draw random numbers take the reconstruction's seed unless the parameters have their own.
    """
    if spec.name not in ENGINES:
        raise SpecError(f"engine: expected one of {', '.join(sorted(ENGINES))}, got {spec.name!r}")
    kind = ENGINES[spec.name]
    seeded = {"seed": seed or 0} if any(field.name == "seed" for field in fields(kind)) else {}
    return _validate(kind, seeded | spec.parameters, f"engine {spec.name}")


def build_engines(spec: ReconstructionSpec) -> Engine | Chain:
    """The engine of a specification, or the chain; raises `SpecError`."""
    if spec.engine is None:
        raise SpecError(f"engine: expected one of {', '.join(sorted(ENGINES))}, got none")
    stages = tuple(Stage(build_engine(each, spec.seed), each.iterations) for each in (spec.engine, *spec.then))
    try:
        return Chain(stages) if spec.then else stages[0].engine
    except ValueError as error:
        raise SpecError(str(error)) from error


def chain_text(spec: ReconstructionSpec) -> str:
    """Engines that follow one another, as on the command line; empty for one alone."""
    if spec.engine is None or not spec.then:
        return ""
    return ",".join(
        f"{each.name}:{each.iterations}" if each.iterations else each.name for each in (spec.engine, *spec.then)
    )


def build_policy(given: Mapping[str, Any]) -> LivePolicy:
    """The live policy with these fields; raises `SpecError`."""
    return _validate(LivePolicy, given, "live policy")


def build_refinement(given: Mapping[str, Any] | None) -> Refinement | None:
    """The position refinement with these fields, if one is asked for; raises `SpecError`."""
    return None if given is None else _validate(Refinement, given, "positions")


def check_spec(spec: ReconstructionSpec) -> None:
    """Refuse what no scan could use; raises `SpecError`."""
    build_engines(spec)
    build_policy(spec.live)
    build_refinement(spec.positions)
    try:
        if spec.probe not in (None, AUTO, GIVEN):
            ProbeSpec.parse(spec.probe)
    except ValueError as error:
        raise SpecError(str(error)) from error


def plain_fields(parameters: Engine | LivePolicy) -> dict[str, Any]:
    """Every field of an engine or policy, as plain values."""
    return asdict(parameters)


@cache
def schemas() -> dict[str, Any]:
    """JSON schemas of all engines, of the live policy and of the position refinement, for forms and documentation."""
    return {
        "engines": {name: _schema(engine) for name, engine in ENGINES.items()},
        "live": _schema(LivePolicy),
        "positions": _schema(Refinement),
    }


def _schema(kind: type) -> dict[str, Any]:
    return explained(TypeAdapter(kind).json_schema(), kind)


def _validate(kind: type[T], given: Mapping[str, Any], what: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(dict(given))
    except ValidationError as error:
        raise SpecError(f"{what}: {explain(error)}") from error
