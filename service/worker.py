"""The worker process: fills datasets from recordings and runs the reconstructions, on one device.

Three threads: the main one answers commands and hears what ingest says, the filler follows the recordings, and the
compute thread advances the reconstructions round robin, those of running scans first.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgpack
import zmq

from engines import kernels, parallel
from service.commands import Handler, answer
from service.config import Settings
from service.logs import get_log
from service.roster import Roster
from service.runner import Publisher, Runner
from service.setup import choose_device
from service.snapshot import Snapshot
from service.specs import schemas
from service.statuses import ReconstructionStatus
from service.stepback import step_back
from service.survey import Survey

TICK_S = 0.5
"""How long the main thread waits for commands at most."""
LOOK_S = 2.0
"""How often the folder of scans is looked at even if ingest says nothing."""
REST_S = 0.02
"""How long the compute thread rests when there is nothing to iterate on."""
POLL_S = 0.1
"""How often the filler looks at the recordings even if ingest says nothing."""


class Worker:
    """Threads and sockets around a roster."""

    def __init__(self, settings: Settings) -> None:
        self.device = choose_device(settings.device)
        parallel.set_threads(settings.threads or max(1, len(os.sched_getaffinity(0)) - 1))
        self._settings = settings
        self._context = zmq.Context()
        self._events = self._context.socket(zmq.PUB)
        self._publishing = threading.Lock()
        publisher = Publisher(self._publish_status, self._publish_snapshot, self._publish_survey)
        self._roster = Roster(settings, self.device, publisher)
        self._wake_filler = threading.Event()
        self._stopping = threading.Event()
        self._asked_to_stop = False
        self._log = get_log()

    def run(self) -> None:
        """Work until `stop`."""
        self._events.sndhwm = 50
        self._events.bind(self._settings.socket("worker-events"))
        threads = [threading.Thread(target=work, name=work.__name__) for work in (self._fill, self._compute)]
        self._log.info("worker ready", device=str(self.device), threads=parallel.threads())
        for thread in threads:
            thread.start()
        try:
            self._serve()
        finally:
            self._stopping.set()
            self._wake_filler.set()
            for thread in threads:
                thread.join()
            self._roster.suspend()
            self._context.destroy(linger=200)

    def stop(self) -> None:
        """End `run`; may be called from a signal handler, which must not touch the lock of an event."""
        self._asked_to_stop = True

    @property
    def _handlers(self) -> Mapping[str, Handler]:
        roster = self._roster
        return {
            "ping": lambda: "worker",
            "status": roster.statuses,
            "machine": roster.machine,
            "engines": schemas,
            "validate": roster.validate,
            "start": roster.start,
            "restart": roster.restart,
            "change": roster.change,
            "pause": partial(roster.wish, action="pause"),
            "resume": partial(roster.wish, action="resume"),
            "stop": partial(roster.wish, action="stop"),
        }

    def _serve(self) -> None:
        """Main thread: commands, and what ingest says."""
        commands, ingest = self._context.socket(zmq.REP), self._context.socket(zmq.SUB)
        commands.bind(self._settings.socket("worker-commands"))
        ingest.subscribe(b"")
        ingest.connect(self._settings.socket("ingest-events"))
        poller = zmq.Poller()
        poller.register(commands, zmq.POLLIN)
        poller.register(ingest, zmq.POLLIN)
        next_look = 0.0
        while not self._asked_to_stop:
            ready = dict(poller.poll(round(TICK_S * 1000)))
            if commands in ready:
                answer(commands, self._handlers)
            news = ingest in ready and self._hear(ingest)
            if news or time.monotonic() >= next_look:
                self._roster.discover()
                next_look = time.monotonic() + LOOK_S

    def _hear(self, ingest: zmq.Socket[bytes]) -> bool:
        """Take what ingest said; True if some scan's state is news."""
        news = False
        with suppress(zmq.Again):
            while True:
                topic, body = ingest.recv_multipart(zmq.NOBLOCK)[:2]
                if topic == b"status":
                    fields = msgpack.unpackb(body)
                    news |= not self._roster.knows(fields["id"], fields["state"])
                self._wake_filler.set()
        return news

    def _fill(self) -> None:
        while not self._stopping.is_set():
            self._wake_filler.clear()
            busy = False
            for session in self._roster.sessions:
                try:
                    busy |= session.fill()
                except Exception:  # one scan's trouble must not stop the others
                    self._log.exception("scan cannot be filled", scan=session.record.id)
            if not busy:
                self._wake_filler.wait(POLL_S)

    def _compute(self) -> None:
        step_back()
        if self.device.type == "cpu":
            kernels.load()
        while not self._stopping.is_set():
            if not any([advance(runner) for runner in self._roster.runners]):
                self._stopping.wait(REST_S)

    def _publish_status(self, status: ReconstructionStatus) -> None:
        self._publish([b"reconstruction", msgpack.packb(status.model_dump())])

    def _publish_snapshot(self, reconstruction: str, snapshot: Snapshot) -> None:
        self._publish([b"snapshot", reconstruction.encode(), *snapshot.to_parts()])

    def _publish_survey(self, reconstruction: str, survey: Survey) -> None:
        self._publish([b"survey", reconstruction.encode(), *survey.to_parts()])

    def _publish(self, parts: list[Any]) -> None:
        with self._publishing:
            self._events.send_multipart(parts, copy=False)


def advance(runner: Runner) -> bool:
    """One turn of a reconstruction; True if there was anything to do. Whatever happens to it, the others go on."""
    try:
        return runner.advance()
    except Exception as error:
        runner.give_up(error)
        return True


def run_worker(settings: Settings) -> None:
    """The worker process, until SIGTERM or SIGINT."""
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()
