"""A scan while it is received: what is taken and what is refused, recorded, paired, counted; and its state.

No socket is opened here; ingest.py brings messages, and carries statuses and acknowledgements away.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.config import Settings
from service.logs import get_log
from service.pairing import MAX_INDEX, Pairing, Stream, StreamName, finite
from service.recording import Recording, RecordingFollower
from service.scans import ScanRecord, log_event, status_of, write_scan
from service.segments import Layout
from service.states import SCAN_OVER, ScanState, next_scan_state
from service.statuses import ScanStatus
from service.tally import Problems, Ranges
from service.wire import End, Frames, Positions, Recorded, Start, WireError, frame_dtype, positions_array, split_frames

END_GRACE_S = 2.0
"""After both ends, what is missing is waited for until nothing came for so long."""
RATE_SECONDS = 2.0
"""The frame rate shown is that of so many last seconds."""
MAX_OTHERS = 32
"""Foreign runs that the event log of a scan tells of."""
STREAMS: tuple[StreamName, StreamName] = ("frames", "positions")


class Reception:
    """One scan, from its `start` (or from where the recording on disk ends) until it is over."""

    def __init__(self, folder: Path, record: ScanRecord, settings: Settings) -> None:
        """Take a scan up that is on disk already; raises OSError if its recording cannot be written."""
        if record.start is None:
            raise ValueError(f"scan {record.id}: expected one that has begun, got one that is {record.state}")
        self.folder = folder
        self.record = record
        self.start: Start = record.start
        self.pairing = Pairing()
        self.news = True
        """The state changed, or something was refused, since the status was published."""
        self.active = time.monotonic()
        """When the last message came that concerned this scan."""
        self.unsaid = {stream: 0 for stream in STREAMS}
        """Messages that are not acknowledged yet."""
        self.refused = ""
        """What its sender is told when it goes on though the scan is over."""
        self._others: set[str] = set()
        self._settings = settings
        self._log = get_log(scan=record.id)
        self.problems = Problems(self._log)
        self._dtype = frame_dtype(self.start.dtype)
        self._recorded: dict[StreamName, Ranges] = {stream: Ranges() for stream in STREAMS}
        self._newest_ns = 0
        self._rate: deque[tuple[float, int]] = deque()
        self._recording: Recording | None = None
        self._past = record.totals if self.over else None  # it is not paired again only to be counted
        if not self.over:
            self._open()

    def _open(self) -> None:
        """Open the recording, and count what it holds already."""
        layout = Layout(self.start.frame_shape, self._dtype.str)
        self._recording = Recording(
            self.folder,
            layout,
            segment_frames=self._settings.segment_frames,
            segment_seconds=self._settings.segment_seconds,
        )
        self.pairing, problems = read_pairing(self.folder, self.record)
        self.pairing.frames.duplicated = self.record.totals.get("duplicated", 0)
        self.problems.count = self.record.totals.get("refused", 0)
        for problem in problems:
            self.problems.add(problem)

    # ---- what comes

    @property
    def over(self) -> bool:
        """Nothing more is taken."""
        return self.record.state in SCAN_OVER

    def take(self, message: Frames | Positions | End, buffer: memoryview) -> None:
        """Record what a message brings. Raises `WireError` for what is refused, OSError for what the disk refuses."""
        self.active = time.monotonic()
        match message:
            case Frames():
                self._take_frames(message, buffer)
            case Positions():
                self._take_positions(message, buffer)
            case End():
                self._take_end(message)
        if isinstance(message, Frames | Positions):
            self._acknowledge(message)
        if self.record.state == "stalled":
            self._become("receiving", "")
        self._end_if_complete()

    def resume(self) -> None:
        """Its `start` came again, from a sender that was connected anew and wants to know what is recorded."""
        self.active = time.monotonic()
        for stream in STREAMS:
            self.unsaid[stream] += 1
        if self.record.state == "stalled":
            self._become("receiving", "")

    def refuse(self, message: Frames | Positions | End, why: str) -> None:
        """Count a message that does not fit; it need not be sent again."""
        self.active = time.monotonic()
        self.problems.add(why)
        self.news = True
        if isinstance(message, Frames | Positions):
            self._acknowledge(message)
            if self.over and not self.refused:
                self.refused = f"the scan {self.record.id} is {self.record.state}: {self.record.message or 'complete'}"
                self._log_event("sender goes on", "ingest", message=why)

    def note_other(self, run: str, why: str) -> None:
        """Put into the event log, once a run, that somebody else sends under this scan's key."""
        if run not in self._others and len(self._others) < MAX_OTHERS:
            self._others.add(run)
            self._log_event("another sender", "ingest", run=run, message=why)

    def fail(self, message: Frames | Positions | End, why: str) -> None:
        """Count a message that could not be recorded; its sender keeps it."""
        self.active = time.monotonic()
        self.problems.add(why, getattr(message, "n", 1))
        self.news = True

    def abort(self, why: str, author: str = "ingest") -> None:
        """Take nothing more."""
        self._become("aborted", why, author)

    def _take_frames(self, message: Frames, buffer: memoryview) -> None:
        if message.shape != self.start.frame_shape or frame_dtype(message.dtype) != self._dtype:
            raise WireError(
                f"frames {message.i0} to {message.i0 + message.n - 1}: expected {self._dtype.str} "
                f"{self.start.frame_shape} as in start, got {message.dtype} {message.shape}"
            )
        indices = self._indices(message, self.pairing.frames)
        fresh = self._fresh(self.pairing.frames, indices)
        if fresh.any():
            now_ns = time.time_ns()
            frames = split_frames(message, buffer)
            layout = Layout(message.shape, self._dtype.str, message.enc)
            self._writer.append_frames(
                indices[fresh], [frames[row] for row in np.flatnonzero(fresh)], layout, now_ns, message.ts_ns
            )
            self._newest_ns = now_ns
        self.pairing.add_frames(indices)

    def _take_positions(self, message: Positions, buffer: memoryview) -> None:
        indices = self._indices(message, self.pairing.places)
        positions_m = positions_array(message, buffer)
        good = finite(positions_m)
        fresh = self._fresh(self.pairing.places, indices) & good
        if fresh.any():
            self._writer.append_positions(indices[fresh], positions_m[fresh], time.time_ns())
        self.pairing.add_positions(indices, positions_m)
        if not good.all():
            bad = int(np.flatnonzero(~good)[0])
            self.problems.add(f"position {indices[bad]}: expected finite metres, got {positions_m[bad]}", 0)
            self.news = True

    def _take_end(self, message: End) -> None:
        if message.count > MAX_INDEX + 1:
            raise WireError(f"end of {message.stream}: expected at most {MAX_INDEX + 1} rows, got {message.count}")
        before = self.record.counts.get(message.stream)
        if before is not None and before != message.count:
            raise WireError(f"end of {message.stream}: expected {before} rows as said before, got {message.count}")
        self.unsaid[message.stream] += 1
        if before is None and not self.over:
            self.pairing.end(message.stream, message.count)
            self.record.counts[message.stream] = message.count
            self._save(f"end of {message.stream}", "ingest", count=message.count)
            self.news = True

    def _indices(self, message: Frames | Positions, stream: Stream) -> NDArray[np.int64]:
        """A message's indices, if any of them can be taken at all; what comes twice can."""
        last = message.i0 + message.n - 1
        what = f"{message.t} {message.i0} to {last}"
        if last > MAX_INDEX:
            raise WireError(f"{what}: expected indices up to {MAX_INDEX}")
        indices = np.arange(message.i0, last + 1)
        if self.over and not self._seen_before(message.t, indices):
            raise WireError(f"{what}: expected none, the scan {self.record.id} is {self.record.state}")
        if not stream.wanted(indices).all():
            self.problems.add(f"{what}: expected indices below {stream.count}, the count that its end said", 0)
            self.news = True
        return indices

    def _seen_before(self, stream: StreamName, indices: NDArray[np.int64]) -> bool:
        if self._past is not None and not self.pairing.received and not self.pairing.positions:
            self.pairing, _ = read_pairing(self.folder, self.record)
        return bool(self.pairing.stream(stream).seen(indices).all())

    def _fresh(self, stream: Stream, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        return stream.wanted(indices) & ~stream.seen(indices)

    def _acknowledge(self, message: Frames | Positions) -> None:
        self._recorded[message.t].add(message.seq)
        self.unsaid[message.t] += 1

    @property
    def _writer(self) -> Recording:
        assert self._recording is not None  # open as long as the scan is not over
        return self._recording

    # ---- what becomes of it

    def tick(self) -> None:
        """To be called now and then: time-outs, and closing of segments."""
        if self.over:
            return
        self._writer.close_if_due()
        quiet_s = time.monotonic() - self.active
        if self.pairing.ended and quiet_s >= END_GRACE_S:
            lost = {stream: self.pairing.stream(stream).lost for stream in STREAMS}
            self._become("ended", f"{lost['frames']} frames and {lost['positions']} positions never came")
        elif self.record.state == "receiving" and quiet_s >= self._settings.stall_after_s:
            self._become("stalled", f"nothing came for {self._settings.stall_after_s:g} s")

    def status(self) -> ScanStatus:
        """The scan as it stands."""
        self.record.totals = self._totals()
        message = self.record.message or self.problems.last
        live = {"message": message, "frame_rate_hz": self._frame_rate_hz(), "newest_ns": self._newest_ns}
        return status_of(self.record).model_copy(update=live)

    def recorded(self, stream: StreamName) -> Recorded:
        """What a sender of this stream need not keep."""
        self.unsaid[stream] = 0
        return Recorded(
            scan=self.record.key,
            stream=stream,
            ranges=self._recorded[stream].newest(),
            start_ns=self.start.ts_ns,
            ended=stream in self.record.counts,
            run=self.start.run,
            refused=self.refused,
        )

    def close(self) -> None:
        """Close the recording, to be gone on with by another process, and wait for the disk."""
        if self._recording is not None:
            self._recording.close()
            self._save("ingest stopped", "ingest")

    def _end_if_complete(self) -> None:
        if not self.over and self.pairing.complete:
            self._become("ended", "")

    def _become(self, state: ScanState, message: str, author: str = "ingest") -> None:
        self.record.state = next_scan_state(self.record.state, state)
        self.record.message = message
        self._save(state, author, message=message)
        self._log.info("scan " + state, message=message, **self.record.totals)
        self.news = True
        if self.over:
            self._writer.close(wait=False)
            self._recording = None

    def _save(self, event: str, author: str, **details: Any) -> None:
        """Write scan.json and a line of the event log; a full disk stops neither the scan nor this process."""
        self.record.totals = self._totals()
        try:
            write_scan(self.folder, self.record)
        except OSError as error:
            self.problems.add(f"scan.json: expected to write it, got: {error}")
        else:
            self._log_event(event, author, **details)

    def _log_event(self, event: str, author: str, **details: Any) -> None:
        try:
            log_event(self.folder, author, event, **details)
        except OSError as error:
            self.problems.add(f"event log: expected to write {event!r}, got: {error}")

    def _totals(self) -> dict[str, int]:
        if self._past is not None:
            return self._past | {"refused": self._past.get("refused", 0) + self.problems.count}
        totals = {name: getattr(self.pairing, name) for name in ("received", "positions", "paired", "lost")}
        refused = self.pairing.refused + self.problems.count
        return totals | {"duplicated": self.pairing.duplicated, "refused": refused}

    def _frame_rate_hz(self) -> float:
        now = time.monotonic()
        self._rate.append((now, self.pairing.received))
        while now - self._rate[0][0] > RATE_SECONDS:
            self._rate.popleft()
        since, before = self._rate[0]
        return (self.pairing.received - before) / (now - since) if now > since else 0.0


def read_pairing(folder: Path, record: ScanRecord) -> tuple[Pairing, tuple[str, ...]]:
    """Pair what a recording holds; also what of it could not be read."""
    pairing, follower = Pairing(), RecordingFollower(folder)
    arrivals = follower.poll()
    follower.close()
    pairing.add_frames(arrivals.frames["index"])
    pairing.add_positions(arrivals.position_indices, arrivals.positions_m)
    for stream in STREAMS:
        if stream in record.counts:
            pairing.end(stream, record.counts[stream])
    pairing.frames.duplicated = pairing.places.duplicated = 0
    return pairing, arrivals.problems
