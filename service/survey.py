"""What is known of each frame of a scan: the scan map, and diffraction patterns, kept and shown.

The worker makes surveys (surveyor.py) and sends them to the API, as it does snapshots. No torch here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import msgpack
import numpy as np
from numpy.typing import NDArray

from service.browser import POINT_COLUMNS, Image, ImageRequest, Layer, Points

ARRAYS = ("points", "latest", "summed", "saturated")
NUMBERS = ("number", "iteration", "frames", "latest_index", "summed_frames", "data_ns")


@dataclass(frozen=True)
class Survey:
    """A scan's frames at a moment."""

    number: int
    """Counts the surveys of a reconstruction."""
    iteration: int
    frames: int
    """Frames paired."""
    latest_index: int
    """Frame index of `latest`; -1 before the first."""
    summed_frames: int
    """How many are added up in `summed`."""
    data_ns: int
    """Service clock when the latest frame arrived."""
    points: NDArray[np.float32]  # (point, column)
    latest: NDArray[np.float32]  # (y, x)
    """Counts as the reconstruction sees them, zero frequency at [n // 2, n // 2]; NaN where not trusted."""
    summed: NDArray[np.float32]  # (y, x)
    """Trusted counts added up over frames; NaN where no frame was trusted."""
    saturated: NDArray[np.bool_]  # (y, x)
    """Where the latest frame has more counts than can be trusted."""

    def to_parts(self) -> list[bytes | memoryview]:
        """The survey as parts of a ZeroMQ message: header, points, latest, summed, saturated (a byte a pixel)."""
        header = self._numbers() | {"points": self.points.shape, "pattern": self.latest.shape}
        arrays = [np.ascontiguousarray(getattr(self, name)) for name in ARRAYS]
        return [msgpack.packb(header), *(array.data for array in arrays)]

    @classmethod
    def from_parts(cls, parts: Sequence[bytes | memoryview]) -> Survey:
        """The reverse of `to_parts`."""
        header = msgpack.unpackb(parts[0])
        points, pattern = tuple(header.pop("points")), tuple(header.pop("pattern"))
        shapes = (points, pattern, pattern, pattern)
        kinds = (np.float32, np.float32, np.float32, np.bool_)
        arrays: Any = {
            name: np.frombuffer(part, kind).reshape(shape)
            for name, part, kind, shape in zip(ARRAYS, parts[1:], kinds, shapes, strict=True)
        }
        return cls(**header, **arrays)

    def save(self, path: Path) -> None:
        """Write as HDF5, replacing the file as a whole."""
        temporary = path.with_name(f".{path.name}")
        with h5py.File(temporary, "w") as file:
            for name in ARRAYS:
                file[name] = getattr(self, name)
            for name, value in self._numbers().items():
                file.attrs[name] = value
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> Survey:
        """Read what `save` wrote; raises OSError or KeyError if it is not there or not whole."""
        with h5py.File(path, "r") as file:
            numbers: Any = {name: int(file.attrs[name]) for name in NUMBERS}
            return cls(**numbers, **{name: file[name][()] for name in ARRAYS})

    def _numbers(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in NUMBERS}


def make_points(survey: Survey, reconstruction: str, now_ns: int) -> Points:
    """The scan map as a message."""
    return Points(
        reconstruction=reconstruction,
        number=survey.number,
        now_ns=now_ns,
        columns=POINT_COLUMNS,
        data=survey.points.astype("<f4").tobytes(),
    )


def make_pattern(survey: Survey, request: ImageRequest, reconstruction: str, now_ns: int) -> Image:
    """The latest or the summed diffraction pattern, on a logarithmic scale, as a message."""
    counts = survey.latest if request.name == "latest" else survey.summed
    step = -(-max(counts.shape) // request.max_px)
    layers = [_counts_layer(_brightest(counts, step))]
    if request.name == "latest":
        layers.append(_saturated_layer(_brightest(survey.saturated, step)))
    rows, cols = _brightest(counts, step).shape
    return Image(
        reconstruction=reconstruction,
        name=request.name,
        snapshot=survey.number,
        iteration=survey.iteration,
        frames=survey.frames if request.name == "latest" else survey.summed_frames,
        newest_index=survey.latest_index,
        data_ns=survey.data_ns,
        now_ns=now_ns,
        shape=(1, rows, cols),
        origin=(0, 0),
        step=step,
        full_shape=(counts.shape[0], counts.shape[1]),
        pixel_m=0.0,
        origin_m=(0.0, 0.0),
        ramp=(0.0, 0.0),
        distance_m=0.0,
        powers=(),
        layers=tuple(layers),
    )


def _brightest(pattern: NDArray[Any], step: int) -> NDArray[Any]:
    """The brightest of step x step pixels, so that a single hot or saturated one is still seen."""
    if step <= 1:
        return pattern
    rows, cols = (length // step for length in pattern.shape)
    blocks = pattern[: rows * step, : cols * step].reshape(rows, step, cols, step)
    brightest: NDArray[Any] = np.fmax.reduce(np.fmax.reduce(blocks, axis=3), axis=1)
    return brightest


def _counts_layer(counts: NDArray[np.float32]) -> Layer:
    trusted = np.isfinite(counts)
    values = np.log10(1 + np.where(trusted, np.maximum(counts, 0), 0))
    high = float(values.max()) or 1.0
    codes = np.where(trusted, np.rint(values * (65534 / high)) + 1, 0).astype("<u2")
    return Layer(quantity="counts", bits=16, low=0.0, high=high, histogram=None, data=codes.tobytes())


def _saturated_layer(saturated: NDArray[np.bool_]) -> Layer:
    codes = np.where(saturated, 255, 1).astype("u1")
    return Layer(quantity="saturated", bits=8, low=0.0, high=1.0, histogram=None, data=codes.tobytes())
