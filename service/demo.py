"""``ptycholive demo``: the whole thing on one machine, with a simulated scan; nothing is left behind.

Starts the service and a replay as processes of their own, as a person would in two shells, and tells what
happens until Ctrl-C.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import httpx

from service.states import RECONSTRUCTION_OVER
from service.supervisor import WATCH_PARENT

START_TIMEOUT_S = 60.0
POLL_S = 0.5
END_S = 20.0


class Stage(Protocol):
    """Where the demo speaks and shows its progress."""

    def say(self, sentence: str) -> None:
        """Print a sentence."""

    def show(self, scan: dict[str, Any], reconstruction: dict[str, Any]) -> None:
        """Show how far both are."""


class DemoError(OSError):
    """The demo cannot go on; says why."""


def command(*arguments: str) -> list[str]:
    """A command line of this program."""
    return [sys.executable, "-m", "service", *arguments]


@contextmanager
def running(arguments: list[str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to `log` and is ended when the block is left, or when this process is killed."""
    environment = os.environ | {WATCH_PARENT: "1"}
    process = subprocess.Popen(
        arguments, start_new_session=True, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.stdin is not None
        process.stdin.close()


def wait_until(what: str, ready: Callable[[], bool], *processes: subprocess.Popen[bytes]) -> None:
    """Wait for something; raises `DemoError` when it takes too long or a process ends before."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        ended = [process for process in processes if process.poll() not in (None, 0)]
        if ended:
            raise DemoError(f"{what}: a process ended with exit code {ended[0].returncode}")
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not within {START_TIMEOUT_S:g} s")
        time.sleep(POLL_S)


def fetch(client: httpx.Client, path: str) -> Any:
    """JSON from the service, or None where it does not answer."""
    try:
        response = client.get(f"/api/v1/{path}")
    except httpx.HTTPError:
        return None
    return response.json() if response.is_success else None


def run_demo(serve: list[str], replay: list[str], url: str, data: Path, stage: Stage, stay: bool = True) -> None:
    """Serve, replay and tell how it goes; goes on serving after the scan until interrupted, unless told not to.

    What the processes say goes to `data`/demo.log.
    """
    data.mkdir(parents=True, exist_ok=True)
    path = data / "demo.log"
    with path.open("wb") as log, httpx.Client(base_url=url, timeout=5) as client, running(serve, log) as service:
        try:
            wait_until("service", lambda: (fetch(client, "health") or {}).get("status") == "ok", service)
            earlier = {scan["id"] for scan in fetch(client, "scans") or []}
            with running(replay, log) as sender:
                stage.say(f"Open [bold]{url}[/bold] in a browser: the scan runs, and the picture grows with it.")
                wait_until("scan", lambda: _live(client, earlier) is not None, service, sender)
                follow(client, service, earlier, data, stage)
        except DemoError as error:
            raise DemoError(f"{error}; what the processes said is in {path}") from error
        if stay:
            stage.say(f"The dashboard stays at [bold]{url}[/bold] until you press Ctrl-C.")
            service.wait()


def free_port(wanted: int) -> int:
    """A TCP port on the loopback for which the next one is free too: the wanted one, or the first above it."""
    for port in range(wanted, wanted + 1000, 2):
        if _is_free(port) and _is_free(port + 1):
            return port
    raise DemoError(f"port: expected a free one from {wanted} on, found none in a thousand")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def follow(client: httpx.Client, service: subprocess.Popen[bytes], earlier: set[str], data: Path, stage: Stage) -> None:
    """Show progress, and say each change of state, until the reconstruction of the scan that is new is over."""
    told = ""
    while service.poll() is None:
        if (live := _live(client, earlier)) is not None:
            scan, status = live
            stage.show(scan, status)
            if status["state"] != told:
                told = status["state"]
                stage.say(_sentence(status, data))
        if told in RECONSTRUCTION_OVER:
            return
        time.sleep(POLL_S)
    raise DemoError(f"the service ended with exit code {service.returncode}")


def _live(client: httpx.Client, earlier: set[str]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The newest scan with a reconstruction that was not there earlier, and that reconstruction."""
    for scan in fetch(client, "scans") or []:
        if scan["reconstructions"] and scan["id"] not in earlier:
            status = fetch(client, f"reconstructions/{scan['reconstructions'][-1]}")
            return (scan, status) if status else None
    return None


def _sentence(status: dict[str, Any], data: Path) -> str:
    state, error = status["state"], status["error"]
    done = f"{status['iteration']} iterations on {status['frames']} frames"
    quality = "" if error is None else f", relative amplitude error {error:.4f}"
    where = f"; the result is in [bold]{data / status['result']}[/bold]" if status["result"] else ""
    return f"The reconstruction is {state}: {done}{quality}{where}"
