"""What one browser wants of one reconstruction, what it has, and how fast it takes what it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

from service.browser import ImageRequest, Subscribe
from service.turns import next_turn

FIRST_BYTES = 40_000
"""Largest image that is sent before anything is known of the network: a picture at once, and then a better one."""
PAINT_S = 0.05
"""Of the time until the credit, what no network is to blame for."""
TURN_S = 1.0
"""Seconds that one image may take to arrive; larger ones are sent coarser, so that the curve does not wait for them."""
COARSENESS_PX = (1024, 512, 256, 128, 64)
"""Longest edges that images come in. Few, so that they are made once for all who need the same."""
MAP_SHARE = 0.2
"""Share of a slow network that the scan map may take."""
STATE_SHARE = 0.2
"""... and that states may take, which come whole every time: five a second would leave the curve no room in 10 kB/s."""


@dataclass
class Pace:
    """Bytes a second from sending to the browser's credit, which comes when it is on the screen."""

    rate: float | None = None
    _under_way: dict[str, tuple[int, float]] = field(default_factory=dict)

    def sent(self, name: str, size: int, now: float) -> None:
        """So many bytes were sent."""
        self._under_way[name] = size, now

    def credited(self, name: str, now: float) -> None:
        """They were shown; what was sent beside them shared the way, so the best of what was seen lately counts."""
        size, since = self._under_way.pop(name, (0, now))
        took = now - since
        if size and took > 0:
            seen = size / max(took - PAINT_S, 0.1 * took)
            self.rate = seen if self.rate is None else max(seen, 0.7 * self.rate)

    @property
    def budget(self) -> float:
        """Bytes that an image may have."""
        return FIRST_BYTES if self.rate is None else self.rate * TURN_S

    def edge(self, size: int, best_px: int) -> int:
        """Longest edge for an image that has this size when it is sent as fine as was asked for, with this edge."""
        if size <= self.budget:
            return best_px
        affordable = best_px * sqrt(self.budget / size)
        return min(best_px, next((px for px in COARSENESS_PX if px <= affordable), COARSENESS_PX[-1]))

    def pause(self, size: int, share: float) -> float:
        """Seconds to leave after so many bytes, that they take no more than a share of the network."""
        return 0.0 if self.rate is None else size / (self.rate * share)


@dataclass
class Following:
    """A subscription and its state."""

    request: Subscribe
    rows: dict[str, int]
    """Rows of each series that were sent."""
    pace: Pace
    owing: set[str] = field(default_factory=set)
    """Names of images, or "points", that were sent and not credited yet."""
    shown: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Number and longest edge of what was sent last, by the same names."""
    not_before: dict[str, float] = field(default_factory=dict)
    """When the next of each name may go."""

    @classmethod
    def of(cls, request: Subscribe, pace: Pace, before: Following | None) -> Following:
        """Begin, or go on with what is asked for as before."""
        rows = {"metrics": request.metrics_from, "positions": request.positions_from}
        new = cls(request, rows, pace)
        if before is not None:
            same: set[str] = {each.name for each in request.images if each in before.request.images}
            same |= {"points"} if request.points and before.request.points else set()
            new.owing = before.owing & same
            new.shown = {name: each for name, each in before.shown.items() if name in same}
        return new

    def wanted(self) -> list[str]:
        """Names of which something may be sent once it is news."""
        names = [each.name for each in self.request.images] + (["points"] if self.request.points else [])
        return [name for name in names if name not in self.owing]

    def sent(self, name: str, number: int, edge: int, size: int, now: float) -> None:
        """Something of which only the latest counts is on its way."""
        self.owing.add(name)
        self.shown[name] = number, edge
        self.pace.sent(name, size, now)
        due = next_turn(self.not_before.get(name, now), now, 1 / self.request.max_hz)
        pause = self.pace.pause(size, MAP_SHARE) if name == "points" else 0.0
        self.not_before[name] = max(due, now + pause)

    def credited(self, name: str, now: float) -> None:
        """It is on the screen."""
        self.owing.discard(name)
        self.pace.credited(name, now)

    def image(self, name: str) -> ImageRequest:
        """How the image of this name was asked for."""
        return next(each for each in self.request.images if each.name == name)
