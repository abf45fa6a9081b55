"""The focus of the latest probe, found now and then: it takes some tenths of a second."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from engines.focus import find_focus
from service.snapshot import Snapshot
from service.statuses import ProbeFocus
from service.stepback import LEAST, quiet_thread

LEAST_S = 2.0
"""Least seconds between two searches for one reconstruction."""
SHARE = 0.02
"""Of one core that searches may take; where one takes longer, the next comes later."""


class FocusFinder:
    """Focus by reconstruction, found once for all who ask."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, float, ProbeFocus]] = {}
        self._searching = asyncio.Lock()
        self._thread = quiet_thread("focus", LEAST)

    async def find(self, reconstruction: str, snapshot: Snapshot) -> ProbeFocus | None:
        """The focus of this snapshot's probe, or of an earlier one if that is not old; None where it cannot be told."""
        if snapshot.wavelength_m <= 0:
            return None
        async with self._searching:
            number, again_at, found = self._found.get(reconstruction, (-1, 0.0, None))
            if number == snapshot.number or (found is not None and time.monotonic() < again_at):
                return found
            began = time.monotonic()
            try:
                focus = await asyncio.get_running_loop().run_in_executor(self._thread, focus_of, snapshot)
            except ValueError:
                return None
            took = time.monotonic() - began
            self._found = {reconstruction: (snapshot.number, began + max(LEAST_S, took / SHARE), focus)} | {
                name: each for name, each in list(self._found.items())[:16] if name != reconstruction
            }
            return focus


def focus_of(snapshot: Snapshot) -> ProbeFocus:
    """A snapshot's probe in numbers; raises ValueError where the probe is dark."""
    focus = find_focus(snapshot.probe, snapshot.wavelength_m, snapshot.pixel_m)
    return ProbeFocus(
        iteration=snapshot.iteration,
        defocus_m=focus.defocus_m,
        fwhm_m=focus.fwhm_m,
        reach_m=focus.reach_m,
        inside=focus.inside,
        photons=float((np.abs(snapshot.probe.astype(np.complex128)) ** 2).sum()),
    )
