"""What the tests of ingest share: messages, and a real ingest process with a sender to it."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgpack
import numpy as np
import zmq
from numpy.typing import NDArray

from service import wire
from service.config import Settings
from service.descriptions import Geometry
from service.recording import Arrivals, RecordingFollower
from service.scans import ScanRecord, read_scan, scan_folders

SHAPE = (16, 24)
WAIT_S = 30.0
RUN = "import sys; from service.config import Settings; from service.ingest import run_ingest; " + (
    "run_ingest(Settings.model_validate_json(sys.argv[1]))"
)


T = TypeVar("T")


def wait_for(look: Callable[[], T], seconds: float = WAIT_S) -> T:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing came in {seconds} s"
        time.sleep(0.01)
    return found


def free_endpoint() -> str:
    """A tcp endpoint whose port and the next one are free."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return f"tcp://127.0.0.1:{port}"


def make_start(key: str = "a key", planned: int = 10, **fields: Any) -> wire.Start:
    geometry = Geometry(energy_J=1e-15, distance_m=2.0, detector_pixel_m=75e-6)
    given = {"scan": key, "frame_shape": SHAPE, "dtype": "<u2", "geometry": geometry, "planned": planned}
    return wire.Start(**(given | {"ts_ns": time.time_ns()} | fields))


def frame(index: int) -> NDArray[np.uint16]:
    """A frame that tells its index."""
    return (np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16) + index).reshape(SHAPE)


def frames_message(first: int, n: int = 1, key: str = "a key", **fields: Any) -> tuple[bytes, bytes]:
    given = {"scan": key, "seq": first, "i0": first, "n": n, "shape": SHAPE, "dtype": "<u2"}
    data = b"".join(frame(index).tobytes() for index in range(first, first + n))
    return wire.encode(wire.Frames(**(given | fields))), data


def positions_message(first: int, n: int = 1, key: str = "a key", **fields: Any) -> tuple[bytes, bytes]:
    given = {"scan": key, "seq": first, "i0": first, "n": n}
    data = np.array([(i * 1e-6, -i * 1e-6) for i in range(first, first + n)]).tobytes()
    return wire.encode(wire.Positions(**(given | fields))), data


def end_message(stream: Any, count: int, key: str = "a key", **fields: Any) -> tuple[bytes, bytes]:
    return wire.encode(wire.End(scan=key, stream=stream, count=count, **fields)), b""


class Ingest:
    """A real ingest process, a sender to it, and what it publishes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.context = zmq.Context()
        self.process: subprocess.Popen[str] | None = None
        self.push = self.context.socket(zmq.PUSH)
        self.push.linger = 0
        self.push.sndhwm = wire.HIGH_WATER_MARK
        self.push.connect(settings.ingest)
        self.acknowledged = self._subscribed(settings.acknowledge)
        self.events = self._subscribed(settings.socket("ingest-events"))

    def _subscribed(self, endpoint: str) -> zmq.Socket[bytes]:
        heard = self.context.socket(zmq.SUB)
        heard.linger = 0
        heard.subscribe(b"")
        heard.connect(endpoint)
        return heard

    def run(self, prelude: str = "") -> None:
        """Start the process; `prelude` is Python to run first."""
        command = [sys.executable, "-c", prelude + RUN, self.settings.model_dump_json()]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.command("ping")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> tuple[int, str]:
        """End it as an operator would; its exit code and what it logged."""
        assert self.process is not None
        self.process.terminate()
        _, log = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, log

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.context.destroy(linger=0)

    def send(self, *messages: tuple[bytes, bytes]) -> None:
        for message in messages:
            assert self.push.poll(int(WAIT_S * 1000), zmq.POLLOUT)
            self.push.send_multipart(message)

    def command(self, name: str, **fields: Any) -> Any:
        """The answer; a dictionary with `error` where it is refused."""
        with self.context.socket(zmq.REQ) as asking:
            asking.linger = 0
            asking.connect(self.settings.socket("ingest-commands"))
            asking.send(msgpack.packb({"command": name} | fields))
            assert asking.poll(int(WAIT_S * 1000)), f"no answer to {name}"
            answer = msgpack.unpackb(asking.recv())
            return answer.get("value", answer)

    def records(self) -> list[ScanRecord]:
        """scan.json of every scan, oldest first."""
        found = [read_scan(folder) for folder in scan_folders(self.settings.data).values()]
        return sorted(found, key=lambda record: record.created_ns)

    def status(self, key: str = "a key") -> dict[str, Any]:
        """The live scan of this key; empty if there is none."""
        found: list[dict[str, Any]] = [each for each in self.command("status") if each["key"] == key]
        return found[0] if found else {}

    def wait_status(self, **wanted: Any) -> dict[str, Any]:
        """The live scan's status, once it says this."""

        def look() -> dict[str, Any]:
            status = self.status()
            return status if all(status.get(name) == value for name, value in wanted.items()) else {}

        return wait_for(look)

    def wait_state(self, state: str, which: int = -1) -> ScanRecord:
        """A scan's record, once it is in this state."""
        return wait_for(lambda: next((r for r in self.records()[which:][:1] if r.state == state), None))  # type: ignore[return-value]

    def recorded(self, record: ScanRecord) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any]]:
        """Refs, position indices and frames of a scan's recording, once all that its record counts can be seen: a
        segment that is being closed cannot be opened for a moment, and comes with a later look.
        """
        follower = RecordingFollower(scan_folders(self.settings.data)[record.id])
        seen: list[Arrivals] = []

        def all_seen() -> bool:
            seen.append(follower.poll())
            assert not seen[-1].problems
            frames, positions = sum(len(a.frames) for a in seen), sum(len(a.position_indices) for a in seen)
            return frames >= record.totals["received"] and positions >= record.totals["positions"]

        wait_for(all_seen)
        refs = np.concatenate([arrivals.frames for arrivals in seen])
        frames = follower.read(refs) if len(refs) else np.zeros((0, *SHAPE))
        follower.close()
        return refs, np.concatenate([arrivals.position_indices for arrivals in seen]), frames
