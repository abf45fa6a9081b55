"""The parent of the three processes: told to stop by a signal, at whatever it is."""

from __future__ import annotations

import signal

from pytest import MonkeyPatch

from service import supervisor
from service.supervisor import Supervisor


def test_a_signal_ends_it_wherever_it_comes(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PROCESSES", ())
    monkeypatch.setattr(supervisor, "POLL_S", 1e-6)  # so that the signal comes at all places
    before = signal.getsignal(signal.SIGALRM)
    try:
        for turn in range(200):
            parent = Supervisor([])
            signal.signal(signal.SIGALRM, lambda *_, parent=parent: parent.stop())
            signal.setitimer(signal.ITIMER_REAL, 1e-3 + 1e-6 * turn)
            assert parent.run() == 0
    finally:
        signal.signal(signal.SIGALRM, before)
