"""Every algorithm by its name: a new one is a new file and one line here."""

from __future__ import annotations

from engines.dm import DM
from engines.er import ER
from engines.lsqml import LSQML
from engines.ml import ML
from engines.opr import OPR
from engines.pie import EPIE, RPIE
from engines.raar import RAAR
from engines.state import Engine

ENGINES: dict[str, type[Engine]] = {
    "dm": DM,
    "er": ER,
    "rpie": RPIE,
    "epie": EPIE,
    "raar": RAAR,
    "lsqml": LSQML,
    "opr": OPR,
    "ml": ML,
}
