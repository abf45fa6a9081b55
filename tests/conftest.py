"""Shapes and types of the engines are checked under pytest; PTYCHOLIVE_NO_TYPECHECK=1 switches that off."""

from __future__ import annotations

import os
import pkgutil
import sys
from types import ModuleType

import jaxtyping
from beartype import BeartypeConf, beartype

if os.environ.get("PTYCHOLIVE_NO_TYPECHECK") != "1":
    # an int will do where a float is asked for, as it does for mypy; the hook takes a checker by its name only
    checker = ModuleType("ptycholive_typecheck")
    checker.__dict__["checked"] = beartype(conf=BeartypeConf(is_pep484_tower=True))
    sys.modules[checker.__name__] = checker
    # but for what numba compiles, which it could not with a check around it
    modules = [f"engines.{each.name}" for each in pkgutil.iter_modules(["engines"]) if each.name != "kernels"]
    jaxtyping.install_import_hook(modules, f"{checker.__name__}.checked")
