"""When to do again what is to be done so many times a second."""

from __future__ import annotations


def next_turn(planned: float, now: float, every: float) -> float:
    """When the next turn is due of what should happen every so many seconds, if the one that was planned came now.

    One that came late does not put off those that follow, but there is never less than half of the time in between.
    """
    return max(planned + every, now + every / 2)
