"""A scan as the worker sees it: its recording followed, paired, and filled into datasets on the device.

Nothing is asked of ingest: a session begins at the recording's first frame, whether the scan runs, is over, or
was cut off by a kill, and so loses nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from engines.dataset import GrowingDataset
from engines.preparation import Preparation
from service.descriptions import Orientation
from service.logs import get_log
from service.pairing import Came, Pairing, grown
from service.recording import REF, Arrivals, RecordingFollower
from service.saturation import Saturation
from service.scans import ScanRecord, read_scan, read_start_arrays
from service.segments import UnreadableFrameError
from service.setup import Setup
from service.states import SCAN_OVER
from service.wire import Start

BATCH_FRAMES = 32
"""Frames read, prepared and appended together."""
KEPT_WAITS = 10_000
TURN_SECONDS = 0.05
QUIET_SECONDS = 3.0
"""A scan that is over and of which nothing new was seen for so long is taken to be complete."""


class Newest(NamedTuple):
    """The last frame that was taken in."""

    frame_index: int
    received_ns: int
    frame: NDArray[Any]
    """As received, (rows, cols)."""


class Feed:
    """One way of preparing a scan's frames, and the dataset that they grow into."""

    def __init__(self, setup: Setup, device: torch.device) -> None:
        self.dataset = GrowingDataset(setup.preparation.size, setup.planned, setup.preparation.magnitude_dtype, device)
        self._setup = setup
        self.taken = 0
        """How many of the session's pairs were taken, those that could not be read included."""
        self.newest: Newest | None = None
        self.users = 0
        """Reconstructions that work on it."""
        self.waits_s: deque[float] = deque(maxlen=KEPT_WAITS)
        """How long the latest frames took from their arrival at ingest to here."""
        self.told = False
        """Whether the log says that it is full, and how long frames took."""
        self.failed: Exception | None = None
        """Why no more frames are taken in, where that went wrong; its reconstructions end with it."""

    def take(self, session: ScanSession) -> int:
        """Take the next batch of pairs in; returns how many."""
        indices = np.array(session.pairs[self.taken : self.taken + BATCH_FRAMES], np.int64)
        if not indices.size:
            return 0
        readable, frames = session.read(indices)
        if readable.size:
            session.saturation.look(frames)
            self.dataset.append(
                self._setup.preparation(frames, self._setup.arrays.get("mask")),
                self._setup.positions_m(session.positions_m(readable)),
                readable,
                session.refs[readable]["received_ns"],
            )
            received_ns = int(session.refs[readable[-1]]["received_ns"])
            self.newest = Newest(int(readable[-1]), received_ns, frames[-1].copy())
            self.waits_s.extend((time.time_ns() - session.refs[readable]["received_ns"]) / 1e9)
        self.taken += indices.size
        return indices.size


class ScanSession:
    """Follows one scan. `fill` is called by one thread; everything else may be read by others."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder = folder
        self.record: ScanRecord = read_scan(folder)
        self.arrays = read_start_arrays(folder)
        self.pairs: list[int] = []
        """Frame indices in the order in which they became paired."""
        self.refs = np.zeros(0, REF)
        """Where each frame is recorded, by frame index."""
        self.feeds: dict[tuple[Preparation, Orientation], Feed] = {}
        self.drained = False
        """The scan is over, and everything recorded was looked at."""
        self.unreadable = 0
        """Frames that the recording holds but could not be read back."""
        self.device = device
        self.saturation = Saturation(self.start.valid_max, self.arrays.get("mask"))
        self._pairing = Pairing()
        self._follower = RecordingFollower(folder)
        self._lock = threading.Lock()
        self._quiet_since = time.monotonic()
        self._log = get_log(scan=self.record.id)

    @property
    def start(self) -> Start:
        """The scan's `start`."""
        if self.record.start is None:
            raise ValueError(f"scan {self.record.id} is {self.record.state} and has not begun")
        return self.record.start

    @property
    def over(self) -> bool:
        """The scan is over."""
        return self.record.state in SCAN_OVER

    def refresh(self) -> None:
        """Read scan.json again; a scan that somebody deleted is over."""
        try:
            self.record = read_scan(self.folder)
        except FileNotFoundError as error:
            self._log.error("scan was deleted", error=str(error))
            self.record = self.record.model_copy(update={"state": "aborted", "message": "its folder was deleted"})

    def feed(self, setup: Setup) -> Feed:
        """The dataset of this preparation, shared by all who ask for the same."""
        key = setup.preparation, setup.orientation
        with self._lock:
            if key not in self.feeds:
                self.feeds[key] = Feed(setup, self.device)
            feed = self.feeds[key]
            feed.users += 1
            return feed

    def release(self, feed: Feed) -> None:
        """A reconstruction is done with its feed; the last one frees it."""
        with self._lock:
            feed.users -= 1
            if not feed.users:
                self.feeds = {key: each for key, each in self.feeds.items() if each is not feed}

    def ended(self, feed: Feed) -> bool:
        """Nothing more will come into this feed."""
        return self.drained and feed.taken == len(self.pairs)

    def fill(self) -> bool:
        """Look at what was recorded since, and take it into every feed for a moment; True if there was anything."""
        over = self.over  # read before the recording, so that nothing recorded before the end is missed
        arrivals = self._follower.poll()
        for problem in arrivals.problems:
            self._log.error("recording damaged", problem=problem)
        came = bool(arrivals.frames.size or arrivals.position_indices.size)
        if came:
            self._pair(arrivals)
            self._quiet_since = time.monotonic()
        self.drained = over and not came and (self.drained or self._all_seen())
        taken = [self._take(feed) for feed in list(self.feeds.values())]
        return came or any(taken)

    def _take(self, feed: Feed) -> bool:
        """Take pairs in until there is none left or it is another feed's turn; True if there was any."""
        until = time.monotonic() + TURN_SECONDS
        before = feed.taken
        try:
            while feed.failed is None and feed.take(self) and time.monotonic() < until:
                continue
        except Exception as error:  # memory that is used up, for example: trying for ever would not help
            self._log.exception("frames cannot be taken in")
            feed.failed = error
        if not feed.told and feed.waits_s and self.ended(feed):
            feed.told = True
            median, p99 = (round(float(1e3 * wait), 1) for wait in np.percentile(feed.waits_s, (50, 99)))
            self._log.info("scan filled", frames=feed.dataset.count, wait_median_ms=median, wait_p99_ms=p99)
        return feed.taken > before

    def _pair(self, arrivals: Arrivals) -> None:
        indices = arrivals.frames["index"]
        if indices.size:
            self.refs = grown(self.refs, int(indices.max()) + 1)
            self.refs[indices] = arrivals.frames
        with self._lock:
            self.pairs += self._pairing.add_frames(indices).tolist()
            self.pairs += self._pairing.add_positions(arrivals.position_indices, arrivals.positions_m).tolist()

    def _all_seen(self) -> bool:
        """Everything that ingest counted was seen here too, or it has been quiet for so long that it will not come."""
        quiet = time.monotonic() - self._quiet_since > QUIET_SECONDS
        return quiet or len(self.pairs) >= self.record.totals.get("paired", 0)

    def came(self) -> Came:
        """What of each index came, paired or not."""
        with self._lock:
            return self._pairing.came()

    def positions_m(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Positions as sent, (n, 2) in metres."""
        return self._pairing.position_of(indices)

    def read(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Frames as received; those that cannot be read are left out, counted and named in the log."""
        try:
            return indices, self._follower.read(self.refs[indices])
        except UnreadableFrameError:
            good = [(index, frame) for index in indices for frame in self._read_one(index)]
        frames = np.stack([frame for _, frame in good]) if good else np.empty(0)
        return np.array([index for index, _ in good], np.int64), frames

    def _read_one(self, index: np.int64) -> NDArray[Any] | tuple[()]:
        try:
            return self._follower.read(self.refs[[index]])
        except UnreadableFrameError as error:
            self.unreadable += 1
            self._log.error("frame unreadable", index=int(index), error=str(error))
            return ()

    def close(self) -> None:
        """Close the recording's files."""
        self._follower.close()
