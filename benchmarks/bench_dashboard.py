"""The dashboard: what an update costs the browser, how soon a frame is seen, and fifty observers at once.

``python -m benchmarks.bench_dashboard [--minutes 30]``: for how long updates are watched, by default one minute.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.bench_live import CHROMIUM_FLAGS, PROBE, Live, bench_seen, serving
from benchmarks.observers import COUNT, SLOW, SLOW_BYTES_S
from service.demo import command, wait_until

WEB = Path(__file__).parents[1] / "clients" / "web" / "dist"
MAIN_THREAD_BOUND_MS, LONG_TASK_BOUND_MS, HEAP_BOUND = 10.0, 50.0, 0.1
PAGE_BOUND_KB, PAINT_BOUND_S, UPDATES_BOUND_HZ, SPEED_BOUND = 250.0, 1.0, 4.5, 0.9
SETTLE_S = 10.0
SIMULATED = ("--positions=150", "--size=256", "--step-px=53.2")
"""An object of 1024 x 1024 pixels, few frames, so that there are more than five iterations a second."""
COUNT_UPDATES = """() => { window.updates = 0; window.long = [];
  const canvas = document.querySelector('[data-testid=object-canvas]');
  new MutationObserver(() => window.updates++).observe(canvas, {attributeFilter: ['data-painted']});
  new PerformanceObserver(list => window.long.push(...list.getEntries().map(e => e.duration)))
    .observe({type: 'longtask'}); }"""


def bench_page() -> None:
    """What the browser loads, gzipped."""
    files = [path for path in WEB.rglob("*") if path.is_file() and "swagger" not in path.parts]
    sizes = {path.suffix: 0.0 for path in files}
    for path in files:
        sizes[path.suffix] += len(gzip.compress(path.read_bytes())) / 1e3
    whole = sum(sizes.values())
    each = ", ".join(f"{suffix} {size:.0f} kB" for suffix, size in sorted(sizes.items()))
    print(f"page, gzipped: {whole:.0f} kB ({each}; bound {PAGE_BOUND_KB:.0f} kB)")
    assert whole < PAGE_BOUND_KB


def speed(live: Live, seconds: float) -> float:
    """Iterations a second of the newest reconstruction, over some seconds."""
    before, began = live.newest()[1]["iteration"], time.monotonic()
    time.sleep(seconds)
    return float((live.newest()[1]["iteration"] - before) / (time.monotonic() - began))


def bench_updates(live: Live, minutes: float) -> None:
    """One browser on a reconstruction of 1024 x 1024 pixels that runs with one thread."""
    alone = speed(live, 20)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(args=CHROMIUM_FLAGS, executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.goto(live.url)
        page.wait_for_function("Number(document.querySelector('[data-testid=object-canvas]')?.dataset.painted) > 2")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1e3
        page.wait_for_timeout(SETTLE_S * 1000)
        page.evaluate(COUNT_UPDATES)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        before, began = collected(session), time.monotonic()
        watched = speed(live, 60 * minutes)
        after, seconds = collected(session), time.monotonic() - began
        tell_updates(page, before, after, seconds, paint)
        browser.close()
    print(
        f"  reconstruction: {alone:.2f} iterations/s alone, {watched:.2f} with a viewer ({watched / alone:.0%}, ",
        end="",
    )
    print(f"bound {SPEED_BOUND:.0%})")
    assert watched > SPEED_BOUND * alone, f"speed with a viewer {watched / alone:.0%}"


def tell_updates(page: Page, before: Any, after: Any, seconds: float, paint: float) -> None:
    """Print what was seen, and hold it against its bounds."""
    updates, long = page.evaluate("() => [window.updates, window.long]")
    shape = page.evaluate("() => { const c = document.querySelector('[data-testid=object-canvas]'); "
                          "return [c.height, c.width] }")  # fmt: skip
    busy = 1e3 * (after["TaskDuration"] - before["TaskDuration"]) / updates
    heap = after["JSHeapUsedSize"] / before["JSHeapUsedSize"] - 1
    longest = max(long, default=0.0)
    print(f"updates of {shape[0]} x {shape[1]} px: {updates / seconds:.2f} Hz over {seconds / 60:.1f} min, ", end="")
    print(f"main thread {busy:.1f} ms an update (bound {MAIN_THREAD_BOUND_MS:.0f}), {len(long)} long tasks, ", end="")
    print(f"the longest {longest:.0f} ms (bound {LONG_TASK_BOUND_MS:.0f})")
    print(f"  heap {before['JSHeapUsedSize'] / 1e6:.1f} MB, {heap:+.1%} (bound {HEAP_BOUND:.0%}); ", end="")
    print(f"first paint {paint:.2f} s (bound {PAINT_BOUND_S:.0f} s)")
    assert busy < MAIN_THREAD_BOUND_MS, f"main thread {busy:.1f} ms an update"
    assert longest <= LONG_TASK_BOUND_MS, f"a task of {longest:.0f} ms"
    assert abs(heap) < HEAP_BOUND and paint < PAINT_BOUND_S
    assert updates / seconds > UPDATES_BOUND_HZ, f"{updates / seconds:.2f} updates a second"


def collected(session: CDPSession) -> dict[str, float]:
    """The page's metrics after a garbage collection."""
    session.send("HeapProfiler.collectGarbage")
    return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}


def bench_observers(live: Live) -> None:
    """Fifty observers, five of whom read at 10 kB/s, for a minute: who gets what, and what it costs."""
    alone, reconstruction = speed(live, 20), live.newest()[1]["id"]
    api = live.child("api")
    before, cpu = api.memory_info().rss / 1e6, sum(api.cpu_times()[:2])
    arguments = [sys.executable, "-m", "benchmarks.observers", live.url, reconstruction, "60"]
    observers = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    time.sleep(5)
    watched = speed(live, 50)
    peak = api.memory_info().rss / 1e6
    live.client.post(f"/api/v1/reconstructions/{reconstruction}/stop")
    said, _ = observers.communicate(timeout=180)
    spent = sum(api.cpu_times()[:2]) - cpu
    rows = live.newest()[1]["metrics"]
    print(
        f"{COUNT} observers, {SLOW} of them at {SLOW_BYTES_S / 1e3:.0f} kB/s: {rows} metric points each; {said.strip()}"
    )
    print(f"  api: {before:.0f} MB before, {peak:.0f} MB with them, {spent:.0f} s of CPU; reconstruction ", end="")
    print(f"{alone:.2f} iterations/s alone, {watched:.2f} watched ({watched / alone:.0%}, bound {SPEED_BOUND:.0%})")
    assert f"lacking 0 of {COUNT * rows}" in said, said
    assert watched > SPEED_BOUND * alone, f"speed with {COUNT} observers {watched / alone:.0%}"


def running(live: Live, scan: Path) -> None:
    """A scan of 1024 x 1024 pixels, all there, and iterated on for as long as anybody looks."""
    options = ["--chunk=25", "--final-iterations=1000000", PROBE]
    to = f"--to={live.endpoint}"
    subprocess.run(command("replay", str(scan), to, "--frame-delay=0.005", *options), check=True, stderr=-3)
    wait_until("all frames", lambda: live.newest()[1]["state"] == "finishing", live.process)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="for how long updates are watched")
    minutes = parser.parse_args().minutes
    print(f"load of the machine before: {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
    bench_page()
    with tempfile.TemporaryDirectory() as name:
        scan = Path(name) / "star.h5"
        subprocess.run(command("simulate", str(scan), *SIMULATED), check=True, stdout=-3, stderr=-3)
        with serving() as live:
            running(live, scan)
            bench_updates(live, minutes)
            bench_observers(live)
        with serving() as live:
            bench_seen(live, scan)


if __name__ == "__main__":
    main()
