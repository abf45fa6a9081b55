"""From the socket to the recording: what ingest takes, and how soon a reader sees it.

A process of its own sends 256 x 256 uint16 frames over tcp to a real ingest process, as fast as the bound asks.
"""

from __future__ import annotations

import multiprocessing
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import zmq

from service import wire
from service.config import Settings
from service.descriptions import Geometry
from service.recording import RecordingFollower
from service.scans import read_scan, scan_folders

SIZE = 256
RATE_HZ, SECONDS = 1000, 20
GROUP = wire.GROUP_BYTES // (SIZE * SIZE * 2)
"""Frames in a message."""
SLOW_HZ, SLOW_SECONDS = 100, 5
CPU_BOUND, MEMORY_BOUND_MB, LATENCY_BOUND_MS = 0.9, 64, 200
RUN = "import sys; from service.config import Settings; from service.ingest import run_ingest; run_ingest({})".format(
    "Settings.model_validate_json(sys.argv[1])"
)


def free_endpoint() -> str:
    """A tcp endpoint that is free, and the port above it as likely as not."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{found.getsockname()[1]}"


@contextmanager
def ingest_process(settings: Settings) -> Iterator[psutil.Process]:
    """A real ingest process."""
    command = [sys.executable, "-c", RUN, settings.model_dump_json()]
    with subprocess.Popen(command) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def send_scan(ingest: str, frames: int, group: int, rate_hz: float) -> None:
    """Send a scan at a steady rate; frame i leaves at t0 + i / rate, or as soon after as the socket takes it."""
    stack = np.random.default_rng(1).poisson(20, (group, SIZE, SIZE)).astype("<u2")
    geometry = Geometry(energy_J=1e-15, distance_m=2, detector_pixel_m=75e-6)
    start = wire.Start(scan="bench", frame_shape=(SIZE, SIZE), dtype="<u2", geometry=geometry, ts_ns=time.time_ns())
    push = zmq.Context.instance().socket(zmq.PUSH)
    push.sndhwm = wire.HIGH_WATER_MARK
    push.connect(ingest)
    push.send_multipart(wire.pack_start(start))
    begin = time.monotonic()
    for seq, first in enumerate(range(0, frames, group)):
        n = min(group, frames - first)
        time.sleep(max(0.0, begin + (first + n) / rate_hz - time.monotonic()))
        block = {"scan": "bench", "seq": seq, "i0": first, "n": n, "ts_ns": time.time_ns()}
        header = wire.encode(wire.Frames.model_validate(block | {"shape": (SIZE, SIZE), "dtype": "<u2"}))
        push.send_multipart([header, stack[:n]], copy=False)
        positions = np.zeros((n, 2))
        push.send_multipart([wire.encode(wire.Positions.model_validate(block)), positions])
    for stream in ("frames", "positions"):
        header = wire.encode(wire.End.model_validate({"scan": "bench", "stream": stream, "count": frames}))
        push.send_multipart([header, b""])
    push.close()
    zmq.Context.instance().term()  # waits until the last message is with ingest
    print(f"sent {frames} frames, {frames / (time.monotonic() - begin):.0f} frames/s", flush=True)


def run_scan(folder: Path, frames: int, group: int, rate_hz: float) -> tuple[list[float], list[float], dict[str, int]]:
    """Latencies in ms, resident memory of ingest in MB as time went, and the scan's totals."""
    settings = Settings(data=folder / "data", runtime=folder / "run", ingest=free_endpoint())
    latencies: list[float] = []
    memory: list[float] = []
    with ingest_process(settings) as process:
        over = threading.Event()
        following = threading.Thread(target=follow, args=(settings, latencies, over))
        following.start()
        sending = multiprocessing.get_context("spawn").Process(
            target=send_scan, args=(settings.ingest, frames, group, rate_hz)
        )
        sending.start()
        while not (found := scan_folders(settings.data)):
            time.sleep(0.05)
        before = process.cpu_times()
        while read_scan(*found.values()).state == "receiving":
            memory.append(process.memory_info().rss / 1e6)
            time.sleep(0.2)
        after = process.cpu_times()
        seconds = frames / rate_hz
        cpu = (after.user + after.system - before.user - before.system) / seconds
        over.set()
        following.join()
        sending.join()
        print(f"ingest used {cpu:.2f} of a core")
        assert cpu < CPU_BOUND, f"ingest used {cpu:.2f} of a core, bound {CPU_BOUND}"
        return latencies, memory, read_scan(*found.values()).totals


def follow(settings: Settings, latencies: list[float], over: threading.Event) -> None:
    """As the worker does: woken by ingest, look at the recording; note how old each frame is by then."""
    events = zmq.Context.instance().socket(zmq.SUB)
    events.subscribe(b"recorded")
    events.connect(settings.socket("ingest-events"))
    follower: RecordingFollower | None = None
    while not over.is_set():
        if not events.poll(100):
            continue
        events.recv_multipart()
        follower = follower or RecordingFollower(*scan_folders(settings.data).values())
        refs = follower.poll().frames
        if refs.size:
            follower.read(refs[-1:])
            now_ns = time.time_ns()
            age_ns = now_ns - refs["received_ns"]
            latencies += (age_ns / 1e6).tolist()
    events.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        latencies, _, _ = run_scan(Path(folder), SLOW_HZ * SLOW_SECONDS, 1, SLOW_HZ)
        p50, p99 = np.percentile(latencies, (50, 99))
        print(f"{SLOW_HZ} frames/s: received to read by a follower {p50:.1f} ms median, {p99:.1f} ms p99 ", end="")
        print(f"(bound {LATENCY_BOUND_MS} ms)")
        assert p99 < LATENCY_BOUND_MS, f"received to read by a follower took {p99:.1f} ms at p99"
    with tempfile.TemporaryDirectory() as folder:
        latencies, memory, totals = run_scan(Path(folder), RATE_HZ * SECONDS, GROUP, RATE_HZ)
        p50, p99 = np.percentile(latencies, (50, 99))
        growth = memory[-1] - memory[len(memory) // 4]
        print(f"{RATE_HZ} frames/s of {SIZE} x {SIZE} uint16 over tcp for {SECONDS} s: {totals}")
        print(f"received to read by a follower {p50:.1f} ms median, {p99:.1f} ms p99; ", end="")
        print(f"memory {memory[-1]:.0f} MB, {growth:+.0f} MB since a quarter of the time (bound {MEMORY_BOUND_MB} MB)")
        assert totals["paired"] == RATE_HZ * SECONDS, f"expected {RATE_HZ * SECONDS} frames, got {totals}"
        assert growth < MEMORY_BOUND_MB, f"memory grew by {growth:.0f} MB"


if __name__ == "__main__":
    main()
