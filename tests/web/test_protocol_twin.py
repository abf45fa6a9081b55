"""The browser's protocol.ts says the same as service/browser.py and what its messages carry."""

from __future__ import annotations

import re
import types
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from service import browser, states, statuses, tables

SOURCE = Path(__file__).parents[2] / "clients" / "web" / "src" / "protocol.ts"
CLIENT = get_args(browser.ClientMessage)
SERVER = get_args(browser.ServerMessage)
CLIENT_MODELS = {*CLIENT, browser.ImageRequest}
BASES = (browser.BrowserMessage, statuses.Record)
MODELS: list[type[BaseModel]] = [
    model
    for model in (vars(browser) | vars(statuses)).values()
    if isinstance(model, type) and issubclass(model, BASES) and model not in BASES
]
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", bytes: "Uint8Array", Any: "unknown"}
LISTS = {
    "METRIC_COLUMNS": tables.METRIC_COLUMNS,
    "POSITION_COLUMNS": tables.POSITION_COLUMNS,
    "POINT_COLUMNS": browser.POINT_COLUMNS,
    "POINT_STATES": browser.POINT_STATES,
    "SCAN_STATES": get_args(states.ScanState),
    "RECONSTRUCTION_STATES": get_args(states.ReconstructionState),
}
"""In this order."""
SETS = {"SCAN_OVER": states.SCAN_OVER, "RECONSTRUCTION_OVER": states.RECONSTRUCTION_OVER}
"""In any order."""


@cache
def interfaces() -> dict[str, dict[str, tuple[bool, str]]]:
    """Of each interface its fields: whether they may be left out, and their types with the aliases written out."""
    text = SOURCE.read_text()
    found = {}
    for name, body in re.findall(r"^export interface (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        fields = {}
        for line in body.splitlines():
            match = re.fullmatch(r"  (\w+)(\??): (.+);", line)
            assert match, f"{name} in protocol.ts: expected one field a line, this is {line!r}"
            fields[match[1]] = (match[2] == "?", written_out(match[3]))
        found[name] = fields
    return found


@cache
def aliases() -> dict[str, str]:
    return dict(re.findall(r"^export type (\w+) = ([^(\n]+);$", SOURCE.read_text(), re.MULTILINE))


def written_out(kind: str) -> str:
    """A type with its aliases replaced, in parentheses where a `[]` follows a union."""
    for alias, meaning in aliases().items():
        if " | " in meaning:
            kind = kind.replace(f"{alias}[]", f"({meaning})[]")
        kind = re.sub(rf"\b{alias}\b", meaning, kind)
    return kind


def constant_list(name: str) -> list[str]:
    match = re.search(rf"^export const {name} = \[(.*)\] as const;$", SOURCE.read_text(), re.MULTILINE)
    assert match, f"protocol.ts: expected the list {name}, on one line"
    return re.findall(r'"([\w ]+)"', match[1])


def typescript(annotation: Any) -> str:
    """An annotation of the models, as TypeScript says it."""
    if annotation in (states.ScanState, states.ReconstructionState):
        return "ScanState" if annotation == states.ScanState else "ReconstructionState"
    if annotation in PLAIN:
        return PLAIN[annotation]
    if annotation is type(None):
        return "null"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return typescript(arguments[0])
    if origin is Literal:
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(typescript(argument) for argument in arguments))
    if origin is dict:
        return f"Record<{typescript(arguments[0])}, {' | '.join(record_values(arguments[1]))}>"
    if origin is tuple and arguments[-1] is Ellipsis:
        element = typescript(arguments[0])
        return f"({element})[]" if " | " in element else f"{element}[]"
    if origin is tuple:
        return f"[{', '.join(map(typescript, arguments))}]"
    raise AssertionError(f"no TypeScript is known for {annotation}")


def record_values(annotation: Any) -> list[str]:
    """Several Python types may be one in TypeScript."""
    return list(dict.fromkeys(typescript(annotation).split(" | ")))


def twin(model: type[BaseModel]) -> dict[str, tuple[bool, str]]:
    """What the interface of this model must be: what the service sends is whole, a client may rely on defaults."""
    hints = get_type_hints(model, include_extras=True)
    fields = {}
    for name, field in model.model_fields.items():
        may_lack = model in CLIENT_MODELS and not field.is_required() and name != "t"
        fields[name] = (may_lack, typescript(hints[name]))
    return fields


def same_type(left: str, right: str) -> bool:
    return sorted(left.split(" | ")) == sorted(right.split(" | "))


def differences(model: type[BaseModel], written: dict[str, tuple[bool, str]]) -> list[str]:
    expected = twin(model)
    lines = [f"only in Python: {name}" for name in expected.keys() - written.keys()]
    lines += [f"only in protocol.ts: {name}" for name in written.keys() - expected.keys()]
    for name in expected.keys() & written.keys():
        if expected[name][0] != written[name][0] or not same_type(expected[name][1], written[name][1]):
            lines.append(f"{name}: Python says {expected[name]}, protocol.ts {written[name]} (may be left out, type)")
    return lines


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_has_its_twin(model: type[BaseModel]) -> None:
    assert model.__name__ in interfaces(), f"protocol.ts has no interface {model.__name__}"
    assert differences(model, interfaces()[model.__name__]) == []


def test_no_interface_is_without_a_model() -> None:
    assert interfaces().keys() == {model.__name__ for model in MODELS}


@pytest.mark.parametrize(("union", "members"), [("ClientMessage", CLIENT), ("ServerMessage", SERVER)])
def test_unions_have_the_same_members(union: str, members: tuple[type, ...]) -> None:
    assert aliases()[union].split(" | ") == [member.__name__ for member in members]


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_the_same(name: str) -> None:
    assert constant_list(name) == list(LISTS[name])


@pytest.mark.parametrize("name", SETS)
def test_sets_are_the_same(name: str) -> None:
    assert set(constant_list(name)) == SETS[name]


@pytest.mark.parametrize("name", ["PROTOCOL_VERSION", "MAX_IMAGE_PX"])
def test_numbers_are_the_same(name: str) -> None:
    assert f"export const {name} = {getattr(browser, name)};" in SOURCE.read_text()


def test_a_field_on_one_side_only_is_told() -> None:
    class Credit(browser.Credit):
        extra: int | None = None

    written = interfaces()["Credit"]
    assert differences(browser.Credit, written) == []
    assert differences(Credit, written) == ["only in Python: extra"]
    assert differences(browser.Credit, {**written, "extra": (True, "number")}) == ["only in protocol.ts: extra"]
    assert differences(browser.Credit, {**written, "name": (True, '"object"')}) != []
