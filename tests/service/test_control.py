"""One controller, many observers."""

from __future__ import annotations

import pytest

from service.commands import CommandError
from service.control import ANSWER_S, GONE_S, Baton, public_id

S = 1_000_000_000


class Room:
    """A baton, some browsers, and a clock."""

    def __init__(self, *viewers: str) -> None:
        self.baton, self.now_s = Baton(), 1000.0
        for viewer in viewers:
            self.baton.hear(viewer, self.now_s, viewer.title())

    @property
    def now_ns(self) -> int:
        return int(self.now_s * S)

    def act(self, viewer: str) -> str:
        return self.baton.act(viewer, self.now_s, self.now_ns)

    def ask(self, viewer: str) -> None:
        self.baton.ask(viewer, self.now_s, self.now_ns)

    def wait(self, seconds: float, *present: str) -> None:
        """Time passes; those present are heard of all along."""
        for _ in range(round(seconds)):
            self.now_s += 1
            for viewer in present:
                self.baton.hear(viewer, self.now_s)
            self.baton.tick(self.now_s, self.now_ns)

    @property
    def holder(self) -> str:
        return self.baton.control.holder


def test_who_acts_first_takes_a_free_baton_and_others_are_refused_with_a_name() -> None:
    room = Room("anna", "ben")
    assert room.act("anna") == "Anna"
    assert (room.holder, room.baton.control.name) == ("anna", "Anna")
    with pytest.raises(CommandError, match="control is with Anna") as refused:
        room.act("ben")
    assert refused.value.status == 403


def test_control_is_asked_for_and_handed_over() -> None:
    room = Room("anna", "ben")
    room.act("anna")
    room.ask("ben")
    room.ask("ben")
    assert [each.name for each in room.baton.control.asking] == ["Ben"], "once, however often it is asked for"
    with pytest.raises(CommandError, match="only who has control"):
        room.baton.give("ben", "ben", room.now_ns)
    with pytest.raises(CommandError, match="expected one who asks"):
        room.baton.give("anna", "carl", room.now_ns)
    room.baton.give("anna", "ben", room.now_ns)
    assert room.holder == "ben" and room.baton.control.asking == ()
    assert room.act("ben") == "Ben"


def test_control_is_kept_by_who_declines_and_can_be_asked_for_again() -> None:
    room = Room("anna", "ben")
    room.act("anna")
    room.ask("ben")
    room.baton.decline("anna", "ben")
    room.wait(ANSWER_S + 2, "anna", "ben")
    assert room.holder == "anna"
    room.ask("ben")
    assert room.baton.control.asking


def test_control_goes_to_who_asks_when_the_holder_is_gone_or_does_not_answer() -> None:
    gone = Room("anna", "ben")
    gone.act("anna")
    gone.ask("ben")
    gone.wait(GONE_S - 1, "ben")
    assert gone.holder == "anna", "a reload or a short cut keeps it"
    gone.wait(2, "ben")
    assert gone.holder == "ben"
    silent = Room("anna", "ben")
    silent.act("anna")
    silent.ask("ben")
    silent.wait(ANSWER_S - 1, "anna", "ben")
    assert silent.holder == "anna"
    silent.wait(2, "anna", "ben")
    assert silent.holder == "ben"


def test_control_is_free_when_it_is_given_back_or_the_holder_is_gone() -> None:
    room = Room("anna", "ben")
    room.act("anna")
    room.baton.release("anna", room.now_ns)
    assert room.holder == ""
    room.act("ben")
    room.wait(GONE_S + 1, "anna")
    assert room.holder == "" and room.act("anna") == "Anna"


def test_who_asks_can_think_better_of_it_or_vanish() -> None:
    room = Room("anna", "ben", "carl")
    room.act("anna")
    for viewer in ("ben", "carl"):
        room.ask(viewer)
    room.baton.release("ben", room.now_ns)
    assert [each.viewer for each in room.baton.control.asking] == ["carl"]
    room.wait(GONE_S + 1, "anna")
    assert room.baton.control.asking == () and room.holder == "anna"


def test_names_follow_their_people() -> None:
    room = Room("anna", "ben")
    room.act("anna")
    room.ask("ben")
    room.baton.hear("anna", room.now_s, "Dr Anna")
    room.baton.hear("ben", room.now_s, "Benjamin")
    assert room.baton.control.name == "Dr Anna" and room.baton.control.asking[0].name == "Benjamin"
    room.baton.hear("nameless", room.now_s)
    assert room.baton.name("nameless") == "somebody (name)"


def test_what_others_know_of_a_browser_is_not_its_key() -> None:
    assert public_id("key") == public_id("key") != public_id("other") and "key" not in public_id("key")
