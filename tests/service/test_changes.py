"""Parameters change while a chain of engines runs: those of the engine whose turn it is, or of the named one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.chain import Chain
from service.descriptions import EngineSpec, ReconstructionSpec
from service.specs import SpecError
from tests.service.test_going_on import run_of
from tests.service.work import FRAMES, Work

SPEC = ReconstructionSpec(
    engine=EngineSpec(name="rpie", iterations=4),
    then=(EngineSpec(name="dm", parameters={"alpha": 0.9}),),
    live={"start_after": 20, "chunk": 10, "final_iterations": 12},
)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    work = Work(tmp_path, SPEC)
    yield work
    work.close()


def engines_of(work: Work) -> list[object]:
    chain = run_of(work).engine
    assert isinstance(chain, Chain)
    return [stage.engine for stage in chain.stages]


def test_the_engine_whose_turn_it_is_and_the_one_that_is_named(work: Work) -> None:
    work.record(range(30))
    work.iterate(2)
    assert (work.status.engine, work.status.parameters["object_step"]) == ("rpie", 0.5)
    first = work.roster.change(work.reconstruction, {"object_step": 0.25}, {})
    assert (first["engine"], first["parameters"]["object_step"]) == ("rpie", 0.25)
    named = work.roster.change(work.reconstruction, {"alpha": 0.7}, {}, "dm")
    assert (named["engine"], named["parameters"]["object_step"]) == ("rpie", 0.25), "it is still rPIE's turn"
    work.iterate(3)
    assert (work.status.engine, work.status.parameters["alpha"]) == ("dm", 0.7), "the status follows the turn"
    work.roster.change(work.reconstruction, {"overlap_rounds": 3}, {"chunk": 5})
    rpie, dm = engines_of(work)
    assert (rpie.object_step, dm.alpha, dm.overlap_rounds) == (0.25, 0.7, 3)  # type: ignore[attr-defined]
    assert work.status.live["chunk"] == 5


@pytest.mark.parametrize(
    ("parameters", "engine", "says"),
    [
        ({"alpha": 1.5}, "dm", r"alpha: .*less than or equal to 1, got 1.5"),
        ({"alpha": 0.5}, None, r"engine rpie: alpha"),
        ({"alpha": 0.5}, "raar", r"engine: expected one of this reconstruction, rpie, dm, got 'raar'"),
    ],
)
def test_what_cannot_be_changed_says_why_and_changes_nothing(
    work: Work, parameters: dict[str, object], engine: str | None, says: str
) -> None:
    work.record(range(30))
    work.iterate(1)
    before = engines_of(work)
    with pytest.raises(SpecError, match=says):
        work.roster.change(work.reconstruction, parameters, {}, engine)
    assert engines_of(work) == before


def test_changes_live_on_after_a_kill_and_in_a_restart(work: Work) -> None:
    work.record(range(30))
    work.iterate(1)
    work.roster.change(work.reconstruction, {"alpha": 0.6}, {"final_iterations": 5}, "dm")
    work.begin()
    work.fill()
    work.iterate(1)
    assert engines_of(work)[1].alpha == 0.6  # type: ignore[attr-defined]
    work.roster.restart(work.reconstruction, {"label": "again"})
    work.record(range(30, FRAMES))
    work.end()
    work.iterate(40)
    second = next(status for status in reversed(work.statuses) if status.label == "again")
    assert (second.state, second.engine, second.parameters["alpha"]) == ("finished", "dm", 0.6)
    assert second.live["final_iterations"] == 5
