"""Quantities as people write them: "50nm", "8.8 keV", "20ms", "1%"; SI inside."""

from __future__ import annotations

import re
from collections.abc import Mapping

from service.descriptions import ELECTRON_VOLT_J

LENGTHS = {"pm": 1e-12, "nm": 1e-9, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0}
ENERGIES = {"eV": ELECTRON_VOLT_J, "keV": 1e3 * ELECTRON_VOLT_J, "MeV": 1e6 * ELECTRON_VOLT_J, "J": 1.0}
DURATIONS = {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "": 1.0}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµμ%]*)")


def length_m(text: str) -> float:
    """Metres from "50nm", "-980 um", "1.12m"; a unit must be there."""
    return _parse(text, LENGTHS, "a length such as 50nm, 980um or 1.2m")


def energy_J(text: str) -> float:  # noqa: N802 - the unit's own spelling
    """Joule from "8.8keV", "710 eV"; a unit must be there."""
    return _parse(text, ENERGIES, "an energy such as 8.8keV or 710eV")


def duration_s(text: str) -> float:
    """Seconds from "20ms", "0.02s"; a number alone is seconds."""
    return _parse(text, DURATIONS, "a duration such as 20ms or 0.6s")


def fraction(text: str) -> float:
    """A share in [0, 1] from "1%" or "0.01"."""
    value = _parse(text, {"%": 0.01, "": 1.0}, "a share such as 1% or 0.01")
    if not 0 <= value <= 1:
        raise ValueError(f"expected a share from 0 to 1 (or 0% to 100%), got {text!r}")
    return value


def _parse(text: str, units: Mapping[str, float], expected: str) -> float:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in units:
        known = ", ".join(unit for unit in units if unit.isascii() and unit)
        raise ValueError(f"expected {expected} (units: {known}), got {text!r}")
    return float(match[1]) * units[match[2]]
