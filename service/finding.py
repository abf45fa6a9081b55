"""What an alarm rule says of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["alarm", "warning"]


def counted(number: int, what: str) -> str:
    """A number with its word: one in the singular."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong at one moment."""

    code: str
    severity: Severity
    text: str
    meaning: str
    advice: str
    hold_s: float = 0.0
    """It must hold for so long before anybody is told, because it comes and goes by itself."""
