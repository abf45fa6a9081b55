"""``ptycholive serve``: a small parent that starts ingest, worker and API, restarts what dies, and nothing else.

Each child gets a pipe as standard input that it never reads from but watches: when the parent dies, even by
``kill -9``, the pipe closes and the child ends itself, so that no process is left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.logs import get_log

PROCESSES = ("ingest", "worker", "api")
POLL_S = 0.1
GRACE_S = 15.0
"""Seconds a child has to close its files after it was asked to end."""
BACKOFF_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses before the first, second, ... restart within `CALM_S`."""
CALM_S = 60.0
USAGE_EXIT = 2
"""A child that ends so could not use its configuration: starting it again would not help."""
WATCH_PARENT = "PTYCHOLIVE_WATCH_PARENT"


@dataclass
class Child:
    """One process and its recent deaths."""

    name: str
    process: subprocess.Popen[bytes]
    deaths: list[float] = field(default_factory=list)
    restart_at: float | None = None


class Supervisor:
    """Runs the three processes until it is told to stop."""

    def __init__(self, options: Sequence[str]) -> None:
        self._options = list(options)
        self._stopping = False
        self._log = get_log()
        self._children: list[Child] = []

    def stop(self) -> None:
        """Ask `run` to end; may be called from a signal handler.

        No `threading.Event`: the handler may interrupt this very thread where it holds the event's lock.
        """
        self._stopping = True

    def run(self) -> int:
        """Start all, restart what dies, until `stop`; returns an exit code."""
        code = 0
        try:
            self._children = [Child(name, self._start(name)) for name in PROCESSES]
            while not self._stopping:
                time.sleep(POLL_S)
                for child in self._children:
                    if self._look_after(child) == USAGE_EXIT:
                        code = USAGE_EXIT
                        self.stop()
        finally:
            self._end_all()
        return code

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "service", name, *self._options],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {WATCH_PARENT: "1"},
        )

    def _look_after(self, child: Child) -> int | None:
        now = time.monotonic()
        if child.restart_at is not None:
            if now >= child.restart_at:
                child.restart_at = None
                child.process = self._start(child.name)
            return None
        code = child.process.poll()
        if code is None or code == USAGE_EXIT:
            return code
        child.deaths = [death for death in child.deaths if now - death < CALM_S] + [now]
        pause = BACKOFF_S[min(len(child.deaths), len(BACKOFF_S)) - 1]
        self._log.error("process died, starting it again", which=child.name, exit_code=code, pause_s=pause)
        child.restart_at = now + pause
        return code

    def _end_all(self) -> None:
        for child in self._children:
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for child in self._children:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._log.error("process does not end, killed", which=child.name)
                child.process.kill()
                child.process.wait()
            if child.process.stdin is not None:
                child.process.stdin.close()


def watch_parent() -> None:
    """In a child of the supervisor: end this process, as by SIGTERM, when the parent is gone."""
    if os.environ.pop(WATCH_PARENT, None) is None:
        return

    def watch() -> None:
        while os.read(0, 1):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
