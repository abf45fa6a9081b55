"""What each field of a dataclass means: the docstring under it, those of its base classes included."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any


def field_meanings(kind: type) -> dict[str, str]:
    """Docstrings of the fields by name. pydantic itself reads those of the class alone, and not of its bases."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        found |= _own_meanings(base)
    return found


def explained(schema: dict[str, Any], kind: type) -> dict[str, Any]:
    """A JSON schema with what its fields mean, the class's own fields before those of its bases."""
    meanings, fields = field_meanings(kind), schema.get("properties", {})
    for name, field in fields.items():
        if name in meanings:
            field.setdefault("description", meanings[name])
    own_first = [name for base in kind.__mro__ for name in vars(base).get("__annotations__", {}) if name in fields]
    return schema | {"properties": {name: fields[name] for name in (*own_first, *fields)}}


def _own_meanings(kind: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return {}
    body = getattr(tree.body[0], "body", [])
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
