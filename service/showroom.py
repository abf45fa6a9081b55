"""What is shown: the latest snapshots and surveys, and pictures of them, made once for all who look at the same."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from service.browser import Image, ImageRequest, Points, encode
from service.focusing import FocusFinder
from service.pictures import make_image
from service.reconstructions import find_reconstruction, moment_files
from service.snapshot import Snapshot
from service.statuses import Moment, ProbeFocus
from service.stepback import quiet_thread
from service.survey import Survey, make_pattern, make_points

KEPT = 8
"""Snapshots, and surveys, that are held."""
KEPT_PICTURES = 32
KEPT_HISTORY = 4
"""Snapshots of the history that are held, for whoever moves to and fro."""


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


Kept = TypeVar("Kept", bound=_Numbered)
Asked = TypeVar("Asked")
Made = TypeVar("Made")


class Latest(Generic[Kept]):
    """The latest of something for each reconstruction: as told by the worker, else as it lies on disk."""

    def __init__(self, load: Callable[[str], Kept]) -> None:
        self._load = load
        self._held: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, reconstruction: str, latest: Kept) -> None:
        """Hold this one; those that nobody heard of for longest are let go."""
        self._held[reconstruction] = latest
        self._held.move_to_end(reconstruction)
        while len(self._held) > KEPT:
            self._held.popitem(last=False)

    def held(self, reconstruction: str) -> Kept | None:
        """The latest, if it is at hand."""
        return self._held.get(reconstruction)

    def get(self, reconstruction: str) -> Kept | None:
        """The latest; None before the first. Reads a file where it has to."""
        held = self.held(reconstruction)
        if held is None:
            with suppress(OSError, KeyError):
                held = self._load(reconstruction)
                self.keep(reconstruction, held)
        return held


class Shown(NamedTuple):
    """A picture or a scan map, ready to be sent."""

    number: int
    """Of the snapshot or survey that it is of."""
    data: bytes
    edge_px: int
    """Its longest edge as it is sent; 0 for a scan map."""


class Showroom:
    """Snapshots, surveys and pictures of all reconstructions."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.snapshots = Latest(lambda name: Snapshot.load(self._folder(name) / "checkpoint.h5"))
        self.surveys = Latest(lambda name: Survey.load(self._folder(name) / "survey.h5"))
        self._pictures: OrderedDict[tuple[str, object], Shown] = OrderedDict()
        self._moments: OrderedDict[Path, Snapshot] = OrderedDict()
        self._darkroom = quiet_thread("pictures")
        self._focus = FocusFinder()
        self.made = 0
        """Pictures and scan maps that were made: each once, for however many look at it."""
        self.sent = 0
        """How often they were sent."""

    async def image(self, reconstruction: str, request: ImageRequest) -> Shown | None:
        """The picture of the latest snapshot, or of the latest survey; None before the first."""
        if request.name in ("latest", "summed"):
            return await self._once(reconstruction, request, self.surveys, make_pattern)
        return await self._once(reconstruction, request, self.snapshots, make_image)

    async def points(self, reconstruction: str) -> Shown | None:
        """The scan map of the latest survey; None before the first."""
        return await self._once(reconstruction, "points", self.surveys, _points)

    async def focus(self, reconstruction: str) -> ProbeFocus | None:
        """The latest probe in numbers, at most some seconds old; None before the first, or without a wavelength."""
        snapshot = await asyncio.to_thread(self.snapshots.get, reconstruction)
        return None if snapshot is None else await self._focus.find(reconstruction, snapshot)

    def moments(self, reconstruction: str) -> list[Moment]:
        """The snapshots that are kept as history, in order."""
        files = moment_files(self._folder(reconstruction)).values()
        return [Moment.model_validate(Snapshot.numbers_of(path)) for path in files]

    async def moment_image(self, reconstruction: str, request: ImageRequest, iteration: int) -> bytes:
        """A picture of the snapshot that is kept of this iteration; raises LookupError where there is none."""
        path = moment_files(self._folder(reconstruction)).get(iteration)
        if path is None:
            raise LookupError(f"no snapshot of iteration {iteration} is kept of reconstruction {reconstruction}")
        return await self._develop(self._moment_image, path, request, reconstruction)

    def _moment_image(self, path: Path, request: ImageRequest, reconstruction: str) -> bytes:
        if path not in self._moments:
            self._moments[path] = Snapshot.load(path)
            while len(self._moments) > KEPT_HISTORY:
                self._moments.popitem(last=False)
        return encode(make_image(self._moments[path], request, reconstruction, time.time_ns()))

    async def _once(
        self,
        reconstruction: str,
        request: Asked,
        latest: Latest[Kept],
        make: Callable[[Kept, Asked, str, int], Image | Points],
    ) -> Shown | None:
        key = (reconstruction, request)
        held, known = latest.held(reconstruction), self._pictures.get(key)
        if held is not None and known is not None and known.number == held.number:
            return known

        def develop() -> Shown | None:
            source, known = latest.get(reconstruction), self._pictures.get(key)
            if source is None:
                return None
            if known is not None and known.number == source.number:
                return known
            return self._keep(key, source.number, make(source, request, reconstruction, time.time_ns()))

        return await self._develop(develop)

    def _keep(self, key: tuple[str, object], number: int, made: Image | Points) -> Shown:
        shown = Shown(number, encode(made), max(made.shape[1:]) if isinstance(made, Image) else 0)
        self.made += 1
        self._pictures[key] = shown
        self._pictures.move_to_end(key)
        while len(self._pictures) > KEPT_PICTURES:
            self._pictures.popitem(last=False)
        return shown

    async def _develop(self, work: Callable[..., Made], *arguments: object) -> Made:
        """Have something made in the one thread that makes pictures."""
        return await asyncio.get_running_loop().run_in_executor(self._darkroom, work, *arguments)

    def _folder(self, reconstruction: str) -> Path:
        return find_reconstruction(self._data, reconstruction)


def _points(survey: Survey, _: str, reconstruction: str, now_ns: int) -> Points:
    return make_points(survey, reconstruction, now_ns)
