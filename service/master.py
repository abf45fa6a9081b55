"""master.h5: a scan's closed segments as one file of virtual datasets, for other programs.

Our own readers follow the segments (recording.py): a virtual dataset over a segment that is missing reads zeros
silently, and over one that is open or shorter than said it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py

from service.segments import FRAME_TABLES, POSITION_TABLES, Extent

MASTER_FILE = "master.h5"
SEGMENT_FOLDER = "segments"


def write_master(folder: Path, extents: Sequence[Extent]) -> None:
    """Write master.h5 anew: each dataset of the segments as one, with exact extents and relative names."""
    extents = sorted(extents, key=lambda extent: extent.path.name)
    shape, dtype = extents[-1].layout.shape, extents[-1].layout.dtype
    same = [each for each in extents if (each.layout.shape, each.layout.dtype) == (shape, dtype)]
    temporary = folder / f".{MASTER_FILE}.new"
    with h5py.File(temporary, "w", libver=("v110", "v110"), locking=False) as file:
        frames = [(each, each.frames) for each in same]
        positions = [(each, each.positions) for each in same]
        _virtual(file, "frames", frames, shape, dtype)
        _virtual(file, "positions", positions, (2,), "<f8")
        for name in FRAME_TABLES:
            _virtual(file, name, frames, (), "<i8")
        for name in POSITION_TABLES:
            _virtual(file, name, positions, (), "<i8")
    temporary.replace(folder / MASTER_FILE)


def _virtual(file: h5py.File, name: str, rows: Sequence[tuple[Extent, int]], row: tuple[int, ...], dtype: str) -> None:
    layout = h5py.VirtualLayout((sum(count for _, count in rows), *row), dtype)
    start = 0
    for extent, count in rows:
        if count:
            source = h5py.VirtualSource(f"{SEGMENT_FOLDER}/{extent.path.name}", name, (count, *row), dtype)
            layout[start : start + count] = source
            start += count
    file.create_virtual_dataset(name, layout)
