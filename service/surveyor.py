"""Makes surveys of a scan's frames for one reconstruction, a little at a time, on the compute thread."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.live import LiveRun
from engines.projections import frame_errors
from service.browser import POINT_COLUMNS, POINT_STATES
from service.patterns import FRAMES_A_TURN, PatternSum, centred, newest_pattern
from service.session import Feed, ScanSession
from service.setup import Setup
from service.survey import Survey

SURVEY_S = 1.0
"""Least seconds between two surveys."""
SHARE = 0.02
"""Of the time that surveys may take; where one takes longer, the next comes later."""
ERRORS_S = 0.01
"""Seconds that one survey spends on the frames' own errors; those that were not looked at for longest come first."""
FRAMES_A_BLOCK = 8


class Surveyor:
    """Surveys for one reconstruction."""

    def __init__(self, session: ScanSession, feed: Feed, setup: Setup) -> None:
        self._session, self._feed, self._setup = session, feed, setup
        self._sum = PatternSum(feed.dataset)
        self._errors = np.zeros(0)
        self._looked_at = np.zeros(0, np.int64)
        self._number = 0
        self._next = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for the next survey."""
        return time.monotonic() >= self._next

    @torch.inference_mode()
    def survey(self, run: LiveRun | None, *, whole: bool = False) -> Survey | None:
        """The present survey; none before the first frame. `whole`: with every frame's error, and all added up."""
        newest = self._feed.newest
        if newest is None:
            return None
        began = time.monotonic()
        self._number += 1
        self._sum.catch_up(self._feed.dataset.count if whole else FRAMES_A_TURN)
        if run is not None and run.frames:
            self._look(run, whole=whole)
        preparation = self._setup.preparation
        latest, saturated = newest_pattern(preparation, newest.frame, self._setup.arrays.get("mask"))
        made = Survey(
            number=self._number,
            iteration=0 if run is None else run.state.iteration,
            frames=len(self._session.pairs),
            latest_index=newest.frame_index,
            summed_frames=self._sum.frames,
            data_ns=newest.received_ns,
            points=points(self._session, self._feed, self._setup, run, self._errors),
            latest=centred(preparation, latest),
            summed=centred(preparation, self._sum.total()),
            saturated=centred(preparation, saturated),
        )
        took = time.monotonic() - began
        self._next = began + max(SURVEY_S, took / SHARE)
        return made

    def _look(self, run: LiveRun, *, whole: bool) -> None:
        """Compute the errors of some frames anew, or of all."""
        data = run.data
        assert data is not None
        new = data.count - len(self._errors)
        self._errors = np.append(self._errors, np.full(new, np.nan))
        self._looked_at = np.append(self._looked_at, np.zeros(new, np.int64))
        oldest = np.argsort(self._looked_at, kind="stable")
        until = time.monotonic() + ERRORS_S
        for start in range(0, data.count, FRAMES_A_BLOCK):
            some = np.sort(oldest[start : start + FRAMES_A_BLOCK])
            self._errors[some] = frame_errors(run.state.object, run.state.probe, data, some, run.state.beam)
            self._looked_at[some] = self._number
            if not whole and time.monotonic() >= until:
                return


def points(
    session: ScanSession, feed: Feed, setup: Setup, run: LiveRun | None, errors: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The scan map (point, column): every index that has a place in the plan, or of which anything came."""
    taken = session.pairs[: feed.taken]  # before the dataset's count, which is then at least that
    filled = feed.dataset.indices()  # before what came, which then holds all of them
    came = session.came()
    plan = setup.arrays.get("plan", np.zeros((0, 2)))
    indices = np.union1d(np.arange(len(plan)), np.union1d(came.frames, came.positions))
    table = np.full((len(indices), len(POINT_COLUMNS)), np.nan)
    table[:, _INDEX], table[:, _STATE] = indices, _CODE["planned"]

    def put(which: NDArray[np.int64], column: int | slice, values: Any) -> None:
        table[np.searchsorted(indices, which), column] = values

    put(np.arange(len(plan)), _GIVEN, setup.positions_m(plan))
    put(came.positions, _GIVEN, setup.positions_m(came.positions_m))
    for name, some in (("frame only", came.frames), ("position only", came.positions), ("paired", came.both)):
        put(some, _STATE, _CODE[name])
    put(np.setdiff1d(np.array(taken, np.int64), filled), _STATE, _CODE["unreadable"])
    put(filled, _INTENSITY, feed.dataset.counts(0, len(filled)))
    if run is not None and run.data is not None:
        used = filled[run.data.rows]
        put(filled[: run.taken], _STATE, _CODE["outside"])
        put(used, _STATE, _CODE["used"])
        put(used[: len(errors)], _ERROR, errors)
        put(run.without_beam, _STATE, _CODE["no beam"])
        if run.refined_px is not None:
            put(used, _REFINED, run.canvas.to_metres(run.refined_px))
    known = (table[:, _STATE] > 0) | np.isfinite(table[:, _GIVEN]).all(axis=1)
    return np.asarray(table[known], np.float32)


_CODE = {name: number for number, name in enumerate(POINT_STATES)}
_INDEX, _STATE, _ROW, _COL, _REFINED_ROW, _REFINED_COL, _INTENSITY, _ERROR = range(len(POINT_COLUMNS))
_GIVEN, _REFINED = slice(_ROW, _COL + 1), slice(_REFINED_ROW, _REFINED_COL + 1)
