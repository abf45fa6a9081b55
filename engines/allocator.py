"""How the C library hands memory back, which decides the speed of everything that makes and drops small arrays."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""
KEPT_BYTES = 64 * 2**20
"""Freed memory that the process keeps."""
MAPPED_BYTES = 32 * 2**20
"""Size from which an array gets pages of its own, the most that glibc allows."""


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed instead of giving it back to the kernel, from where it would come as fresh pages,
    each at the cost of a fault: the scratch arrays of a frame of 256 x 256 were seen to cost 690 of them, with which a
    sweep of rPIE took 5.3 times the time of its transforms instead of 2.2.

    True where it was done; another C library is left as it is.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)
    )
