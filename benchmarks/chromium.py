"""A headless Chromium that is looked at and otherwise left alone.

Playwright listens to the network of every page and worker: each message of the WebSocket then goes a second time, as
base64 in JSON, from the worker through the browser to Playwright, which here cost more than receiving and painting it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

FLAGS = (
    "--headless=new --no-sandbox --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-gpu --disable-software-rasterizer --disable-3d-apis"
).split()
WAIT_S = 60.0
VIEWPORT = {"width": 1600, "height": 900, "deviceScaleFactor": 1, "mobile": False}


class Line:
    """One connection of the DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0
        self.events: list[dict[str, Any]] = []
        """Heard while waiting for an answer."""

    def send(self, method: str, **parameters: Any) -> Any:
        """Ask, and wait for the answer; raises RuntimeError where it is refused."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while (message := json.loads(self._socket.recv(WAIT_S))).get("id") != self._sent:
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        return message["result"]

    def hear_until(self, method: str) -> list[dict[str, Any]]:
        """All events up to the one of this name."""
        while not self.events or self.events[-1]["method"] != method:
            self.events.append(json.loads(self._socket.recv(WAIT_S)))
        heard, self.events = self.events, []
        return heard


class Chromium:
    """One page, and the browser around it."""

    def __init__(self, page: Line, browser: Line) -> None:
        self.page, self._browser = page, browser

    def go(self, url: str) -> None:
        """Open a page."""
        self.page.send("Page.navigate", url=url)

    def evaluate(self, function: str) -> Any:
        """What a JavaScript function without arguments returns."""
        answer = self.page.send("Runtime.evaluate", expression=f"({function})()", returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", "an exception"))
        return answer["result"].get("value")

    def until(self, function: str) -> None:
        """Wait until a JavaScript function returns something true."""
        deadline = time.monotonic() + WAIT_S
        while not self.evaluate(function):
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {WAIT_S:.0f} s still not: {function}")
            time.sleep(0.1)

    def heap_bytes(self) -> float:
        """JavaScript heap of the page after a garbage collection."""
        self.page.send("Performance.enable")
        self.page.send("HeapProfiler.collectGarbage")
        metrics = self.page.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize"))

    def trace(self, categories: list[str], seconds: float) -> list[dict[str, Any]]:
        """Trace events of some seconds."""
        self._browser.send("Tracing.start", traceConfig={"includedCategories": categories})
        time.sleep(seconds)
        self._browser.send("Tracing.end")
        heard = self._browser.hear_until("Tracing.tracingComplete")
        return [each for event in heard for each in event["params"].get("value", [])]


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium without WebGL at 1600 x 900, ended when the block is left."""
    program = shutil.which("chromium") or "chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [*FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
        with subprocess.Popen([program, *options], stdout=-3, stderr=-3) as process:
            try:
                url = f"http://127.0.0.1:{_port(Path(profile))}/json"
                page_url = httpx.put(f"{url}/new").json()["webSocketDebuggerUrl"]
                browser_url = httpx.get(f"{url}/version").json()["webSocketDebuggerUrl"]
                with connect(page_url, max_size=None) as page, connect(browser_url, max_size=None) as browser:
                    made = Chromium(Line(page), Line(browser))
                    made.page.send("Emulation.setDeviceMetricsOverride", **VIEWPORT)
                    yield made
            finally:
                process.terminate()


def _port(profile: Path) -> int:
    """Where the browser listens, once it says so."""
    told, deadline = profile / "DevToolsActivePort", time.monotonic() + WAIT_S
    while not told.exists() or not told.read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Chromium did not start within {WAIT_S:.0f} s")
        time.sleep(0.05)
    return int(told.read_text().split()[0])
