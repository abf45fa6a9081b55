"""Threads that step back: what they do may come late, what others do beside them may not."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

NICENESS = 10
"""Of iterating, and of making pictures: a late iteration is no loss, a late frame may be."""
LEAST = 19
"""Of what nobody waits for."""


def step_back(niceness: int = NICENESS) -> None:
    """Let others go first, from now on: of this thread and those it starts; on Linux each has its own."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def quiet_thread(name: str, niceness: int = NICENESS) -> ThreadPoolExecutor:
    """One thread that takes one piece of work after the other, and steps back."""
    return ThreadPoolExecutor(1, thread_name_prefix=name, initializer=step_back, initargs=(niceness,))
