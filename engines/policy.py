"""When a live reconstruction takes in frames, and how often it iterates on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge


@dataclass(frozen=True, kw_only=True)
class LivePolicy:
    """The same for a real stream, a simulated live run and an offline run."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "use_attribute_docstrings": True}

    start_after: Annotated[int, Ge(1)] = 25
    """Frames to wait for before the first iteration: with low overlap too few of them ruin the probe."""
    chunk: Annotated[int, Ge(1)] = 25
    """Frames that are taken in together."""
    iterations_per_chunk: Annotated[int, Ge(1)] | None = None
    """Iterations on each chunk before the next one is taken in; none: until the next chunk is there."""
    max_iterations_per_chunk: Annotated[int, Ge(1)] | None = 60
    """Without `iterations_per_chunk`, wait after so many, which keeps early data from being over-fitted."""
    final_iterations: Annotated[int, Ge(0)] = 100
    """Iterations on all frames after the scan's end, guaranteed; the last chunk gets these alone."""
    total_iterations: Annotated[int, Ge(1)] | None = None
    """Iterations in all: fewer while frames arrive so that the final ones still fit, more of the final ones if there
    is room.
    """

    def whole_chunks(self, available: int) -> int:
        """Frames in chunks that are complete; 0 before there are enough to start."""
        return available // self.chunk * self.chunk if available >= self.start_after else 0

    def take(self, taken: int, available: int, ended: bool, since: int, iteration: int) -> int:
        """How many frames to have taken in all: `since` iterations were done on those that are."""
        first = -(-self.start_after // self.chunk) * self.chunk
        following = taken + self.chunk if taken else first
        if taken and self.iterations_per_chunk and since < self.iterations_per_chunk and self._room(iteration):
            return taken
        if ended and (available <= following or not self.iterations_per_chunk):
            return available
        if self.iterations_per_chunk:
            return following if available >= following else taken
        return max(taken, available // self.chunk * self.chunk) if available >= following else taken

    def may_iterate(self, since: int, iteration: int) -> bool:
        """Whether another iteration is due while frames still arrive."""
        most = self.iterations_per_chunk or self.max_iterations_per_chunk
        return (most is None or since < most) and self._room(iteration)

    def finish(self, iteration: int) -> int:
        """The iteration to end with, when the last frames were taken in after so many."""
        return max(iteration + self.final_iterations, self.total_iterations or 0)

    def _room(self, iteration: int) -> bool:
        return self.total_iterations is None or iteration < self.total_iterations - self.final_iterations
