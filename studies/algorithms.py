"""The engines that studies compare, by name."""

from __future__ import annotations

from engines.dm import DM
from engines.lsqml import LSQML
from engines.pie import EPIE, RPIE
from engines.state import Engine
from studies.presets import EngineName


def engine_of(name: EngineName, alpha: float) -> Engine:
    """With default settings but for DM's mixing, and for ePIE's steps, which are 1 as in its paper."""
    match name:
        case "dm":
            return DM(alpha=alpha)
        case "epie":
            return EPIE(object_step=1.0, probe_step=1.0)
        case "rpie":
            return RPIE()
        case "lsqml":
            return LSQML()
