"""How soon a page is back after the service was killed or the network was cut without a word, and how soon one that is
opened late shows state, curve and picture: measured in Chromium.

python -m benchmarks.bench_reconnect
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.bench_live import PROBE, Live, serving
from benchmarks.chromium import FLAGS
from benchmarks.wire import Wire
from service.demo import command, fetch, wait_until

TIMES = 3
BOUND_S, LATE_BOUND_S = 2.0, 1.0
CUT_S = 6.0
STATE = "() => document.querySelector('[data-testid=connection]').dataset.state"
ROWS = "() => Number(document.querySelector('[data-testid=error-curve]').dataset.rows)"
PICTURE = "() => Number(document.querySelector('[data-testid=object-canvas]')?.dataset.painted) > 0"
OPEN_ROWS = "() => Number(document.querySelector('[data-testid=error-curve]')?.dataset.rows ?? 0)"


def seconds_until(holds: Callable[[], bool]) -> float:
    """How long it takes."""
    since = time.monotonic()
    while not holds():
        time.sleep(0.02)
    return time.monotonic() - since


def bench_killed(live: Live, page: Page) -> float:
    """The API is killed: from its first answer afterwards until the page is connected, the worst of all times."""
    worst = 0.0
    for _ in range(TIMES):
        live.child("api").kill()
        seconds_until(lambda: page.evaluate(STATE) != "open")
        away = seconds_until(lambda: fetch(live.client, "health") is not None)
        back = seconds_until(lambda: page.evaluate(STATE) == "open")
        print(f"  api killed: it answers after {away:.2f} s, the page is back {back:.2f} s later", flush=True)
        worst = max(worst, back)
    return worst


def bench_cut(live: Live, page: Page, wire: Wire) -> float:
    """The network is cut for some seconds: until it is noticed and, once it is whole, until the page is back."""
    worst = 0.0
    for _ in range(TIMES):
        wire.cut.set()
        noticed = seconds_until(lambda: page.evaluate(STATE) != "open")
        time.sleep(max(0.0, CUT_S - noticed))
        wire.cut.clear()
        back = seconds_until(lambda: page.evaluate(STATE) == "open")
        rows = live.newest()[1]["metrics"]
        caught_up = seconds_until(lambda rows=rows: page.evaluate(ROWS) >= rows)
        print(f"  network cut: noticed after {noticed:.2f} s, back {back:.2f} s after its end, ", end="")
        print(f"curve whole {caught_up:.2f} s later", flush=True)
        worst = max(worst, back)
    return worst


def bench_late(live: Live, page: Page) -> float:
    """The page is opened while a reconstruction runs: until picture and whole curve are there, at worst."""
    worst = 0.0
    for _ in range(TIMES):
        page.goto("about:blank")
        rows, since = live.newest()[1]["metrics"], time.monotonic()
        page.goto(live.url, wait_until="commit")
        seconds_until(lambda rows=rows: page.evaluate(PICTURE) and page.evaluate(OPEN_ROWS) >= rows)
        worst = max(worst, time.monotonic() - since)
        print(
            f"  opened late: picture and {rows:,} points of the curve after {time.monotonic() - since:.2f} s",
            flush=True,
        )
    return worst


def main() -> None:
    print(f"load of the machine before: {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name, serving() as live, sync_playwright() as playwright:
        scan = Path(name) / "star.h5"
        subprocess.run(
            command("simulate", str(scan), "--positions=120", "--size=128"), check=True, stdout=-3, stderr=-3
        )
        replay = command("replay", str(scan), f"--to={live.endpoint}", "--final-iterations=1000000", PROBE)
        subprocess.run(replay, check=True, stderr=-3)
        wait_until("all frames", lambda: live.newest()[1]["state"] == "finishing", live.process)
        wire = Wire(int(live.url.rpartition(":")[2]))
        page = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS).new_page()
        page.goto(wire.url)
        seconds_until(lambda: page.evaluate(STATE) == "open")
        killed, cut = bench_killed(live, page), bench_cut(live, page, wire)
        late = bench_late(live, page)
        page.close()
        wire.close()
    print(
        f"worst of {TIMES}: back {killed:.2f} s after the service, {cut:.2f} s after the network (bound {BOUND_S:g} s)"
    )
    print(f"a page that is opened late shows all after {late:.2f} s at worst (bound {LATE_BOUND_S:g} s)")
    assert max(killed, cut) <= BOUND_S, f"back after {max(killed, cut):.2f} s"
    assert late <= LATE_BOUND_S, f"a late one sees all after {late:.2f} s"


if __name__ == "__main__":
    main()
