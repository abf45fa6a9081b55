"""Frames that got no light are left out, counted, and listed where a person looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.dataset import GrowingDataset
from service.descriptions import EngineSpec, Geometry, ReconstructionSpec
from service.scans import read_events
from service.setup import Setup
from service.wire import Start
from tests.service.work import Work

FITTED = EngineSpec(name="rpie", parameters={"fit_intensities": True, "fit_start": 4})
DARK = [7, 20, 21, 22]


@pytest.fixture
def work(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Work]:
    work = Work(tmp_path, ReconstructionSpec(engine=request.param, live={"start_after": 20, "chunk": 20}))
    work.frames = np.array(work.frames)
    work.frames[DARK] //= 100
    yield work
    work.close()


@pytest.mark.parametrize("work", [FITTED], indirect=True)
def test_frames_without_beam_are_counted_listed_and_told_of_once(work: Work) -> None:
    order = np.random.default_rng(2).permutation(40)
    work.record(order)
    assert work.iterate(3).without_beam == 0, "nothing is fitted yet"
    work.iterate(20)
    work.record(range(40, 60))
    status = work.iterate(10)
    assert status.frames == 60
    assert (status.without_beam, status.without_beam_at) == (4, ((7, 7), (20, 22)))
    events = [each for each in read_events(work.folder) if each["event"] == "frames without beam"]
    assert [each["frames"] for each in events] == [[[7, 7], [20, 22]]]
    work.begin()
    work.fill()
    assert work.iterate(1).without_beam == 4, "known at once after a restart"


@pytest.mark.parametrize("work", [EngineSpec(name="rpie")], indirect=True)
def test_nothing_is_listed_where_intensities_are_not_fitted(work: Work) -> None:
    work.record(range(40))
    assert work.iterate(12).without_beam_at == ()


@pytest.mark.parametrize("work", [EngineSpec(name="dm")], indirect=True)
def test_a_scan_that_begins_before_the_shutter_opens_waits_for_light(work: Work) -> None:
    work.frames[:25] = 0
    work.record(range(30))
    assert work.iterate(3).state == "waiting"
    work.record(range(30, 60))
    status = work.iterate(3)
    assert (status.iteration, status.frames, status.without_beam) == (3, 35, 25)
    assert status.without_beam_at == ((0, 24),)


@pytest.mark.parametrize("work", [EngineSpec(name="rpie")], indirect=True)
def test_a_scan_without_any_light_ends_with_the_reason(work: Work) -> None:
    work.frames[:] = 0
    work.record(range(60))
    work.end()
    status = work.finish()
    assert (status.state, status.message) == ("finished", "the scan had no frame with counts and a position")


def test_the_probe_is_made_from_the_few_frames_with_light() -> None:
    geometry = Geometry(energy_J=1.28e-15, distance_m=2.0, detector_pixel_m=75e-6)
    start = Start(scan="s", frame_shape=(32, 32), dtype="<u2", geometry=geometry)
    setup = Setup.of(start, {}, ReconstructionSpec(engine=EngineSpec(name="rpie")))
    frames = np.zeros((200, 32, 32), "<u2")
    frames[5:8] = np.random.default_rng(0).poisson(4, (3, 32, 32))
    dataset = GrowingDataset(32, 200)
    positions_m = np.zeros((200, 2))
    dataset.append(setup.preparation(frames), positions_m, np.arange(200))
    probe = setup.probe(dataset, setup.canvas(positions_m[:1]), torch.device("cpu"))
    assert float(probe.abs().square().sum()) == pytest.approx(frames[5:8].sum() / 3, rel=1e-3)
