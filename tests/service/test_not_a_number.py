"""NaN anywhere in the state pauses the reconstruction with the reason; the last good state is kept and published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.state import State
from tests.service.test_going_on import SPEC, run_of
from tests.service.work import FRAMES, Work


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    work = Work(tmp_path, SPEC)
    yield work
    work.close()


def spoilt(state: State, where: str) -> State:
    """One number of a copy of it is none."""
    holder, _, name = where.rpartition(".")
    owner = getattr(state, holder) if holder else state
    tensor = getattr(owner, name).clone()
    tensor.view(-1)[tensor.numel() // 2] = torch.nan
    changed = replace(owner, **{name: tensor})
    return replace(state, **{holder: changed}) if holder else changed


@pytest.mark.parametrize("where", ["object", "probe", "beam.scales", "beam.background", "offsets.pixels"])
def test_the_last_good_state_is_kept_and_published_and_goes_on(work: Work, where: str) -> None:
    work.record(range(40))
    work.iterate(6)
    run, shown = run_of(work), len(work.snapshots)
    good, learnt = run.state.object.clone(), run.learnt
    run.state = spoilt(run.state, where)
    work.iterate(1)
    assert work.status.state == "paused"
    assert (
        "iteration 7 of RPIE: expected finite values, got NaN or infinity; iteration 6 is kept" in work.status.message
    )
    assert len(work.snapshots) == shown + 1 and np.array_equal(work.snapshots[-1].object, good)
    again = run.learnt
    assert again.since == learnt.since and again.beam is not None and again.offsets is not None
    assert learnt.beam is not None and torch.equal(again.beam.scales, learnt.beam.scales)
    assert learnt.offsets is not None and torch.equal(again.offsets.pixels, learnt.offsets.pixels)
    work.record(range(40, FRAMES))
    work.end()
    assert work.iterate(3).iteration == 6, "the frames are recorded and wait"
    work.roster.wish(work.reconstruction, "resume")
    assert work.finish().state == "finished"
    assert (work.status.frames, work.status.iteration) == (FRAMES, 6 + 15)
