from __future__ import annotations

import subprocess
import sys

import pytest

FREED = """
import ctypes, sys
from engines.allocator import keep_freed_memory

class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

c = ctypes.CDLL(None)
if not hasattr(c, "mallinfo2"):
    sys.exit("no mallinfo2(3)")
c.mallinfo2.restype, c.malloc.restype, c.free.argtypes = Info, ctypes.c_void_p, [ctypes.c_void_p]
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit("no mallopt(3)")
before = c.mallinfo2().fordblks
c.free(c.malloc(20 * 2**20))
print((c.mallinfo2().fordblks - before) / 2**20)
"""


def kept_mb(how: str) -> float:
    done = subprocess.run([sys.executable, "-c", FREED, how], capture_output=True, text=True, check=False)
    if done.stderr.startswith("no m"):
        pytest.skip(f"this C library has {done.stderr.strip()}")
    return float(done.stdout)


def test_what_is_freed_is_kept_for_the_next_array() -> None:
    assert kept_mb("dropped") < 1 < 19 < kept_mb("kept")
