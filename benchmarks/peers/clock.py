"""A program's side of the comparison: it iterates when the driver says so, on a clock that stands still in between.

NumPy and the standard library only, because it runs with each peer's own Python.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Scan(NamedTuple):
    """What a program is given; see `benchmarks.peers.scan`."""

    frames: NDArray[np.float32]  # (frame, y, x), counts, zero frequency at [n // 2, n // 2]
    corners: NDArray[np.int64]  # (frame, 2), each window's top-left pixel on the object
    probe: NDArray[np.complex64]  # (y, x), centre at [n // 2, n // 2]
    wavelength_m: float
    distance_m: float
    detector_pixel_m: float

    @classmethod
    def read(cls, path: Path) -> Scan:
        """From the file that the driver wrote."""
        with np.load(path) as file:
            numbers = (float(file[name]) for name in ("wavelength_m", "distance_m", "detector_pixel_m"))
            return cls(file["frames"].astype(np.float32), file["corners"], file["probe"], *numbers)

    @property
    def size(self) -> int:
        """Edge of a frame in pixels."""
        return self.frames.shape[-1]

    @property
    def shape(self) -> tuple[int, int]:
        """Of the object (row, col): the smallest box that holds all windows."""
        rows, cols = (self.corners.max(axis=0) + self.size).tolist()
        return rows, cols

    @property
    def pixel_m(self) -> float:
        """Edge of an object's pixel."""
        return self.wavelength_m * self.distance_m / (self.size * self.detector_pixel_m)


class Clock:
    """Between two calls of `iterated` lies one iteration, timed; in between the process waits for the driver's word.

    One line of JSON a time on the real standard output; what the program itself prints goes to standard error.
    """

    def __init__(self, version: str, objects: Path) -> None:
        self._out: IO[str] = sys.stdout
        sys.stdout = sys.stderr
        self._objects = objects
        self._report({"version": version})

    def iterated(self, object: NDArray[Any]) -> None:
        """Stop the clock, hand over the object (row, col), and start it again at the driver's word; ends with it."""
        wall_s, cpu_s = time.perf_counter() - self._wall_s, time.process_time() - self._cpu_s
        np.save(self._objects, object)
        self._report({"wall_s": wall_s, "cpu_s": cpu_s})

    def _report(self, line: dict[str, Any]) -> None:
        print(json.dumps(line), file=self._out, flush=True)
        if not sys.stdin.readline():
            raise SystemExit
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()
