"""Engines that follow one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from engines.state import Engine


class Stage(NamedTuple):
    """An engine, and for how long."""

    engine: Engine
    iterations: int | None
    """None: until the end, or until the last stage's turn."""


@dataclass(frozen=True)
class Chain:
    """Stages of a reconstruction. Each takes over when those before have had their iterations, but for the last one: if
    its iterations are counted, it has exactly the last ones of the run, on complete data, and the stage before it goes
    on until then. ``rpie:20,dm`` is rPIE for the first image, then DM; ``dm:200,ml:50`` is DM, however long the scan
    takes, and 50 iterations of ML to end with.
    """

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if not self.stages or any(stage.iterations is None for stage in self.stages[:-1]):
            raise ValueError("engines: expected iterations for each but the last, as in rpie:20,dm:200,ml:50")

    @property
    def closing(self) -> int:
        """Iterations that the last stage wants after the last frame."""
        return self.stages[-1].iterations or 0

    def at(self, iteration: int, last: int | None) -> Engine:
        """The engine for the iteration after so many; `last` is the run's last one, once it is known."""
        return self.stages[self.turn(iteration, last)].engine

    def turn(self, iteration: int, last: int | None) -> int:
        """Number of the stage whose turn it then is, from 0."""
        earlier = self.stages[:-1]
        if self.closing and last is not None and iteration >= last - self.closing:
            return len(earlier)
        begins = 0
        for number, stage in enumerate(earlier):
            begins += stage.iterations or 0
            if iteration < begins or (self.closing and number == len(earlier) - 1):
                return number
        return len(earlier)
