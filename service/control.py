"""The baton: one controller, many observers. Pure: who is there and what time it is come from outside.

While nobody has it, whoever acts first takes it. Who has it hands it over or declines; who asks and gets no answer
for `ANSWER_S`, or asks while the holder is gone, gets it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from service.commands import CommandError
from service.statuses import Asker, Control

ANSWER_S = 30.0
"""A holder who does not answer for so long is not there."""
GONE_S = 5.0
"""A holder whose browser was not heard of for so long is gone; a reload or a short cut keeps the baton."""
SOMEBODY = "somebody"


@dataclass
class Seen:
    """A browser."""

    name: str
    heard_s: float
    """When it was heard of last."""


@dataclass
class Baton:
    """Who may act from a browser."""

    control: Control = field(default_factory=Control)
    seen: dict[str, Seen] = field(default_factory=dict)

    def hear(self, viewer: str, now_s: float, name: str | None = None) -> None:
        """A browser is there; `name` where it says what its person is called."""
        known = self.seen.setdefault(viewer, Seen("", now_s))
        known.heard_s = now_s
        if name is None or name == known.name:
            return
        known.name = name
        if viewer == self.control.holder:
            self.control = self.control.model_copy(update={"name": name})
        asking = tuple(
            each.model_copy(update={"name": name}) if each.viewer == viewer else each for each in self._asking
        )
        self.control = self.control.model_copy(update={"asking": asking})

    def name(self, viewer: str) -> str:
        """What to call the person at a browser."""
        known = self.seen.get(viewer)
        return known.name if known and known.name else f"{SOMEBODY} ({viewer[:4]})"

    def act(self, viewer: str, now_s: float, now_ns: int) -> str:
        """The name of who acts, who takes a free baton by it; raises `CommandError` where another one has it."""
        self.hear(viewer, now_s)
        self.tick(now_s, now_ns)
        if not self.control.holder:
            self._give(viewer, now_ns)
        if self.control.holder != viewer:
            raise CommandError(f"control is with {self.name(self.control.holder)}; ask for it first", 403)
        return self.name(viewer)

    def ask(self, viewer: str, now_s: float, now_ns: int) -> None:
        """Ask for control; given at once while it is free."""
        self.tick(now_s, now_ns)
        if not self.control.holder:
            self._give(viewer, now_ns)
        elif viewer != self.control.holder and viewer not in (each.viewer for each in self._asking):
            asker = Asker(viewer=viewer, name=self.name(viewer), asked_ns=now_ns)
            self.control = self.control.model_copy(update={"asking": (*self._asking, asker)})

    def give(self, viewer: str, to: str, now_ns: int) -> None:
        """Hand over to one who asks."""
        self._must_hold(viewer)
        if to not in (each.viewer for each in self._asking):
            raise CommandError(f"expected one who asks for control, got {to!r}", 404)
        self._give(to, now_ns)

    def decline(self, viewer: str, to: str) -> None:
        """Keep it; who asks is told by no longer being listed."""
        self._must_hold(viewer)
        self._drop(to)

    def release(self, viewer: str, now_ns: int) -> None:
        """Give it back, or no longer ask for it."""
        if viewer == self.control.holder:
            self._next(now_ns)
        else:
            self._drop(viewer)

    def tick(self, now_s: float, now_ns: int) -> None:
        """Take it from who is gone, or does not answer."""
        gone = [viewer for viewer, each in self.seen.items() if now_s - each.heard_s > GONE_S]
        for viewer in gone:
            del self.seen[viewer]
            self._drop(viewer)
        first = self._asking[0] if self._asking else None
        unanswered = first is not None and now_ns - first.asked_ns > ANSWER_S * 1e9
        if self.control.holder and (self.control.holder not in self.seen or unanswered):
            self._next(now_ns)

    @property
    def _asking(self) -> tuple[Asker, ...]:
        return self.control.asking

    def _must_hold(self, viewer: str) -> None:
        if viewer != self.control.holder:
            raise CommandError("only who has control can hand it over", 403)

    def _next(self, now_ns: int) -> None:
        """To the first who asks, or to nobody."""
        if self._asking:
            self._give(self._asking[0].viewer, now_ns)
        else:
            self.control = Control()

    def _give(self, viewer: str, now_ns: int) -> None:
        asking = tuple(each for each in self._asking if each.viewer != viewer)
        self.control = Control(holder=viewer, name=self.name(viewer), since_ns=now_ns, asking=asking)

    def _drop(self, viewer: str) -> None:
        asking = tuple(each for each in self._asking if each.viewer != viewer)
        if asking != self._asking:
            self.control = self.control.model_copy(update={"asking": asking})


def public_id(key: str) -> str:
    """What others may know of a browser: from its key, which only it knows, and not back."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]
