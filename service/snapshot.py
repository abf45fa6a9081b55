"""A moment of a reconstruction: what is shown, and kept as checkpoint and history.

The worker sends it to the API as one multipart message and keeps it as a small HDF5 file; the API makes
pictures of it (pictures.py). No torch here: the arrays are NumPy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import msgpack
import numpy as np
from numpy.typing import NDArray

from engines.ramp import PhasePlane, phase_plane

MORE = "learnt"
"""Group of the arrays that are kept for going on."""


@dataclass(frozen=True)
class Snapshot:
    """Object, probe and what was known when they were copied."""

    number: int
    """Counts the snapshots of a reconstruction."""
    iteration: int
    frames: int
    """Frames admitted."""
    newest_index: int
    """Highest frame index admitted; -1 before the first."""
    data_ns: int
    """Service clock when the newest frame in it arrived."""
    pixel_m: float
    origin_m: tuple[float, float]
    """Metres (row, col) of the object's pixel [0, 0]."""
    wavelength_m: float
    """0 in files from before it was kept."""
    object: NDArray[np.complex64]  # (row, col)
    probe: NDArray[np.complex64]  # (mode, y, x)
    covered: NDArray[np.bool_]  # (row, col)
    """Where the probe has been."""
    positions: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    """Rows of POSITION_COLUMNS: where each frame's window lies now, refined if positions are."""

    @cached_property
    def plane(self) -> PhasePlane:
        """The ramp of the object's phase, and its constant."""
        return phase_plane(self.object, self.covered)

    def to_parts(self) -> list[bytes | memoryview]:
        """The snapshot as parts of a ZeroMQ message: header, object, probe, covered (a bit a pixel), positions."""
        header = self._numbers() | {"object": self.object.shape, "probe": self.probe.shape}
        packed = np.packbits(self.covered)
        return [msgpack.packb(header), self.object.data, self.probe.data, packed.data, self.positions.tobytes()]

    @classmethod
    def from_parts(cls, parts: Sequence[bytes | memoryview]) -> Snapshot:
        """The reverse of `to_parts`."""
        header = msgpack.unpackb(parts[0])
        shape, probe_shape = tuple(header.pop("object")), tuple(header.pop("probe"))
        bits = np.unpackbits(np.frombuffer(parts[3], np.uint8), count=shape[0] * shape[1])
        return cls(
            **header | {"origin_m": tuple(header["origin_m"])},
            object=np.frombuffer(parts[1], np.complex64).reshape(shape),
            probe=np.frombuffer(parts[2], np.complex64).reshape(probe_shape),
            covered=bits.astype(bool).reshape(shape),
            positions=np.frombuffer(parts[4], np.float64).reshape(-1, 3),
        )

    def save(self, path: Path, more: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Write as HDF5, replacing the file as a whole; with arrays that only who goes on from it wants to know."""
        temporary = path.with_name(f".{path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(temporary, "w") as file:
            for name in ("object", "probe", "covered", "positions"):
                file[name] = getattr(self, name)
            for name, value in self._numbers().items():
                file.attrs[name] = value
            for name, array in (more or {}).items():
                file[f"{MORE}/{name}"] = array
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Read what `save` wrote; raises OSError or KeyError if it is not there or not whole."""
        with h5py.File(path, "r") as file:
            attributes: Any = file.attrs
            return cls(
                **{
                    name: int(attributes[name]) for name in ("number", "iteration", "frames", "newest_index", "data_ns")
                },
                pixel_m=float(attributes["pixel_m"]),
                origin_m=(float(attributes["origin_m"][0]), float(attributes["origin_m"][1])),
                wavelength_m=float(attributes.get("wavelength_m", 0.0)),
                object=file["object"][()],
                probe=file["probe"][()],
                covered=file["covered"][()].astype(bool),
                positions=file["positions"][()] if "positions" in file else np.zeros((0, 3)),
            )

    @staticmethod
    def load_more(path: Path) -> dict[str, NDArray[Any]]:
        """The further arrays that `save` wrote; none where there are none."""
        with h5py.File(path, "r") as file:
            return {name: array[()] for name, array in file.get(MORE, {}).items()}

    @classmethod
    def numbers_of(cls, path: Path) -> dict[str, int]:
        """What a file says of when it was taken, without its arrays: iteration, frames and data_ns; raises OSError."""
        with h5py.File(path, "r") as file:
            return {name: int(file.attrs[name]) for name in ("iteration", "frames", "data_ns")}

    def _numbers(self) -> dict[str, Any]:
        names = ("number", "iteration", "frames", "newest_index", "data_ns", "pixel_m", "origin_m", "wavelength_m")
        return {name: getattr(self, name) for name in names}
