"""The whole service, as `ptycholive serve` runs it: throughput under load, delay to the dataset and to the eye,
live against offline.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import httpx
import numpy as np
import psutil

from benchmarks.bench_ingest import GROUP, RATE_HZ, SECONDS, SIZE, send_scan
from benchmarks.chromium import chromium
from engines.compare import likeness
from service.demo import command, fetch, free_port, wait_until
from service.formats.result import read_result
from service.states import RECONSTRUCTION_OVER

DATASET_BOUND_MS, SEEN_BOUND_S, LIVE_OFFLINE_BOUND, MEMORY_BOUND = 200, 1.0, 1.2, 0.1
PROBE = "--probe=round:50nm,defocus=980um"
WATCH = """() => { window.seen = []; const note = () => {
    const canvas = document.querySelector('[data-testid=object-canvas]');
    const index = canvas ? Number(canvas.dataset.newestIndex) : NaN;
    const last = window.seen.at(-1);
    if (Number.isFinite(index) && (!last || last[0] !== index))
      window.seen.push([index, Date.now(), canvas.dataset.reconstruction]); };
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, attributes: true}); }"""


class Live:
    """A running service in a folder of its own."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], http: int, wire: int) -> None:
        self.folder, self.data, self.process = folder, folder / "data", process
        self.url, self.endpoint = f"http://127.0.0.1:{http}", f"tcp://127.0.0.1:{wire}"
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def child(self, name: str) -> psutil.Process:
        """One of the three processes."""
        return next(each for each in psutil.Process(self.process.pid).children() if name in each.cmdline())

    def newest(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The newest scan and its newest reconstruction."""
        wait_until("a reconstruction", lambda: bool(self.scans()), self.process)
        scan = self.scans()[0]
        return scan, fetch(self.client, f"reconstructions/{scan['reconstructions'][-1]}")

    def over(self) -> dict[str, Any]:
        """The newest reconstruction, when it is over."""
        while (status := self.newest()[1])["state"] not in RECONSTRUCTION_OVER:
            time.sleep(0.5)
        return status

    def log(self, event: str) -> dict[str, Any]:
        """The last line of the log with this event."""
        lines = [json.loads(line) for line in (self.folder / "log").read_text().splitlines() if line.startswith("{")]
        return next(line for line in reversed(lines) if line["event"] == event)

    def scans(self) -> list[dict[str, Any]]:
        """Scans with a reconstruction, the newest first."""
        return [scan for scan in fetch(self.client, "scans") or [] if scan["reconstructions"]]


@contextmanager
def serving() -> Iterator[Live]:
    """A service that is ended, with its recordings, when the block is left."""
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("wb") as log:
        http, wire = free_port(18000), free_port(15555)
        options = [f"--port={http}", f"--ingest=tcp://127.0.0.1:{wire}", f"--data={name}/data", "--threads=1"]
        with subprocess.Popen(command("serve", *options), stderr=log, start_new_session=True) as process:
            try:
                live = Live(Path(name), process, http, wire)
                wait_until("service", lambda: (fetch(live.client, "health") or {}).get("status") == "ok", process)
                yield live
            finally:
                process.terminate()


def bench_throughput(live: Live) -> None:
    """1,000 frames/s for 20 s while rPIE runs on what has come."""
    frames = RATE_HZ * SECONDS
    arguments = f"'{live.endpoint}', {frames}, {GROUP}, {RATE_HZ}"
    sender = subprocess.Popen([sys.executable, "-c", f"from {send_scan.__module__} import *; send_scan({arguments})"])
    resident = {"ingest": [0.0], "worker": [0.0]}
    before = live.child("worker").memory_info().rss
    while sender.poll() is None:
        for name, sizes in resident.items():
            sizes.append(live.child(name).memory_info().rss / 1e6)
        time.sleep(0.5)
    scan, status = live.newest()
    wait_until("all filled", lambda: live.newest()[0]["state"] == "ended", live.process)
    while (status := live.newest()[1])["frames"] < frames:
        time.sleep(0.5)
    filled, scan = live.log("scan filled"), live.newest()[0]
    print(f"{RATE_HZ} frames/s for {SECONDS} s, rPIE running: {scan['received']} recorded, {filled['frames']} in the ")
    print(f"  dataset, {status['frames']} iterated on, {scan['lost']} lost; arrival to dataset ", end="")
    print(f"{filled['wait_median_ms']} ms median, {filled['wait_p99_ms']} ms p99; {status['iteration']} iterations")
    dataset = frames * SIZE * SIZE * 2 / 1e6
    grown = (live.child("worker").memory_info().rss - before) / 1e6
    print(f"  ingest {resident['ingest'][-1]:.0f} MB; worker +{grown:.0f} MB, of which the dataset is {dataset:.0f} MB")
    assert scan["received"] == scan["paired"] == filled["frames"] == frames, scan
    assert grown - dataset < MEMORY_BOUND * dataset, f"worker grew by {grown:.0f} MB for a dataset of {dataset:.0f} MB"
    live.client.post(f"/api/v1/reconstructions/{status['id']}/stop")
    live.over()


def bench_dataset_delay(live: Live) -> None:
    """100 frames/s, each in a message of its own, while rPIE runs: from arrival to the dataset."""
    send_scan(live.endpoint, 500, 1, 100)
    live.newest()
    time.sleep(6)
    filled = live.log("scan filled")
    print(f"100 frames/s, rPIE running: arrival to dataset {filled['wait_median_ms']} ms median, ", end="")
    print(f"{filled['wait_p99_ms']} ms p99 (bound {DATASET_BOUND_MS} ms)")
    assert filled["wait_p99_ms"] < DATASET_BOUND_MS
    live.client.post(f"/api/v1/reconstructions/{live.newest()[1]['id']}/stop")
    live.over()


def bench_seen(live: Live, scan: Path) -> None:
    """From a frame's sending to its index in the picture that a browser shows, chunk 1, 10 frames/s."""
    with chromium() as browser:
        browser.go(live.url)
        browser.until("() => document.readyState === 'complete'")
        browser.evaluate(WATCH)
        replay = ["replay", str(scan), f"--to={live.endpoint}", "--frame-delay=0.1", "--chunk=1", "--start-after=10"]
        subprocess.run(command(*replay, PROBE, "--final-iterations=1"), check=True, stderr=subprocess.DEVNULL)
        time.sleep(2)
        noted = browser.evaluate("() => window.seen")
    status = live.over()
    seen = np.array([[index, when] for index, when, reconstruction in noted if reconstruction == status["id"]], float)
    sent = sent_s(live.data / live.newest()[0]["id"])
    order = np.searchsorted(np.maximum.accumulate(seen[:, 0]), np.arange(len(sent)))
    delays = np.array([seen[at, 1] / 1e3 - sent[i] for i, at in enumerate(order) if i >= 10 and at < len(seen)])
    p50, p95 = np.percentile(delays, (50, 95))
    print(
        f"frame sent to seen, chunk 1, 10 frames/s, {len(delays)} frames: {p50:.2f} s median, {p95:.2f} s p95 ", end=""
    )
    print(f"(bound {SEEN_BOUND_S} s median); {len(seen)} pictures")
    assert p50 < SEEN_BOUND_S, f"median {p50:.2f} s"


def sent_s(folder: Path) -> np.ndarray[Any, Any]:
    """When each frame was sent, by the sender's clock, in seconds, by index."""
    with h5py.File(folder / "master.h5", locking=False) as master:
        return master["frame_sent_ns"][()][np.argsort(master["frame_index"][()])] / 1e9


def bench_live_offline(live: Live, scan: Path, folder: Path) -> None:
    """DM, alpha 0.8, on the demo scan: live through the socket and offline, against the truth."""
    engine = ["--engine=dm", "--set=dm.alpha=0.8", PROBE]
    policy = ["--chunk=25", "--iterations-per-chunk=20", "--final-iterations=100"]
    to = f"--to={live.endpoint}"
    subprocess.run(command("replay", str(scan), to, "--frame-delay=0.02", *engine, *policy), check=True, stderr=-3)
    status = live.over()
    out = folder / "offline.cxi"
    iterations = f"--iterations={status['iteration']}"
    reconstruct = ["reconstruct", str(scan), *engine, iterations, "--threads=1", f"--out={out}"]
    subprocess.run(command(*reconstruct), check=True, stdout=-3, stderr=-3)
    results = [read_result(path) for path in (live.data / status["result"], out)]
    with h5py.File(scan) as file:
        truth = file["truth/object"][()]
    coverage = results[0].coverage
    assert coverage is not None
    region = coverage > 0.5 * np.percentile(coverage, 95)
    found = [likeness(result.object[0], truth, region).nmse for result in results]
    between = likeness(results[0].object[0], results[1].object[0], region).nmse
    print(f"DM, {status['iteration']} iterations in all: NMSE against the truth live {found[0]:.3g}, ", end="")
    print(
        f"offline {found[1]:.3g}, ratio {found[0] / found[1]:.3f} (bound {LIVE_OFFLINE_BOUND}); between {between:.3g}"
    )
    assert 1 / LIVE_OFFLINE_BOUND < found[0] / found[1] < LIVE_OFFLINE_BOUND


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        scan = Path(name) / "star.h5"
        subprocess.run(command("simulate", str(scan)), check=True, stdout=-3, stderr=-3)
        with serving() as live:
            bench_dataset_delay(live)
            bench_seen(live, scan)
            bench_live_offline(live, scan, Path(name))
        with serving() as live:
            bench_throughput(live)


if __name__ == "__main__":
    main()
