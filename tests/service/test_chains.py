"""Engines and chains, from the command line's words to what runs."""

from __future__ import annotations

import pytest

from engines.chain import Chain
from engines.pie import RPIE
from service.cli.parsing import OptionError, make_spec, parse_engines
from service.descriptions import ReconstructionSpec
from service.offline import iterations_of
from service.specs import SpecError, build_engines, merge_specs


def spec(text: str, *settings: str) -> ReconstructionSpec:
    first, *then = parse_engines(text, settings)
    return make_spec(engine=first, then=tuple(then) or None)


def test_a_chain_from_the_command_line() -> None:
    asked = spec("rpie:20,dm:200,ml:50", "dm.alpha=0.9")
    chain = build_engines(asked)
    assert isinstance(chain, Chain)
    assert [stage.iterations for stage in chain.stages] == [20, 200, 50]
    assert chain.stages[1].engine.alpha == 0.9  # type: ignore[attr-defined]
    assert iterations_of(asked, 100) == 270
    assert iterations_of(spec("rpie:20,dm"), 100) == 120
    assert iterations_of(spec("rpie"), 100) == 100
    assert isinstance(build_engines(spec("rpie")), RPIE)


def test_what_is_no_chain_says_so() -> None:
    with pytest.raises(OptionError, match="expected NAME:ITERATIONS such as rpie:20,dm:200, got dm:x"):
        parse_engines("dm:x,ml")
    with pytest.raises(OptionError, match=r"expected a parameter of --engine dm:5,ml, got 'er.probe_start=3'"):
        parse_engines("dm:5,ml", ["er.probe_start=3"])
    with pytest.raises(SpecError, match="expected iterations for each but the last"):
        build_engines(spec("dm,ml:50"))
    with pytest.raises(SpecError, match=r"expected one of dm, .*, got 'nonsense'"):
        build_engines(spec("dm:5,nonsense"))


def test_another_engine_brings_its_own_followers() -> None:
    chain = spec("rpie:20,dm:200")
    changed = merge_specs(chain, spec("rpie", "rpie.object_step=0.3"))
    assert changed.engine is not None and changed.engine.iterations == 20
    assert [each.name for each in changed.then] == ["dm"]
    assert merge_specs(chain, spec("er")).then == ()
    assert [each.name for each in merge_specs(spec("er"), chain).then] == ["dm"]
