"""An open scan file, whatever its format: geometry, positions and conventions at once, frames when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import h5py
import hdf5plugin  # noqa: F401 - registers the filters (bslz4 and others) that frames may be compressed with
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError

from service.descriptions import Geometry, Metadata, Orientation, explain
from service.wire import WireError, frame_dtype


class ScanFileError(ValueError):
    """A file that cannot be used as a scan; says what was expected and what came."""


class FrameStore(Protocol):
    """Where frames come from: an open HDF5 dataset, an array, or whatever makes them when asked."""

    shape: tuple[int, ...]
    """(n, h, w)."""
    dtype: Any

    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


IDENTITY = Orientation()


@dataclass(frozen=True)
class Truth:
    """What a simulated scan was made from."""

    object: NDArray[np.complex64]
    """(row, col); the window of a probe at position 0 m begins at pixel [0, 0]."""
    probe: NDArray[np.complex64]
    """(mode, y, x)."""
    positions_m: NDArray[np.float64] | None = None
    """(n, 2), where they differ from the nominal ones."""


@dataclass(frozen=True)
class ScanFile:
    """An open scan; all but the frames is in memory. A context manager that closes the file, where there is one.

    A scan that was simulated into memory is one of these too, with an array for its `store`.
    """

    path: Path
    format: str
    """Name of the format it was read as."""
    store: FrameStore
    """(n, h, w), the frames as stored."""
    geometry: Geometry
    positions_m: NDArray[np.float64]
    """(n, 2) as stored, in metres; see `orientation` and `motion`."""
    orientation: Orientation = IDENTITY
    motion: Literal["probe", "sample"] = "probe"
    """Which of the two the positions describe."""
    mask: NDArray[np.uint8] | None = None
    """(h, w), 1 where a pixel can be trusted."""
    valid_max: float | None = None
    """Counts above this are not trusted."""
    centre: tuple[float, float] | None = None
    """Pixel (row, col) of zero frequency; None for (h // 2, w // 2)."""
    probe_guess: NDArray[np.complex64] | None = None
    """(mode, y, x)."""
    i0: NDArray[np.float64] | None = None
    """(n,) relative intensity of the beam at each frame."""
    truth: Truth | None = None
    title: str = ""
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def n(self) -> int:
        """Number of frames."""
        return int(self.store.shape[0])

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(rows, cols) of a frame."""
        return int(self.store.shape[1]), int(self.store.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the frames as stored."""
        dtype: np.dtype[Any] = np.dtype(self.store.dtype)
        return dtype

    def frames(self, i0: int, n: int) -> NDArray[Any]:
        """Frames i0 to i0 + n - 1 as stored, (n, h, w)."""
        if not 0 <= i0 <= i0 + n <= self.n:
            raise IndexError(f"frames: expected some of 0 to {self.n - 1}, got {i0} to {i0 + n - 1}")
        try:
            return self.store[i0 : i0 + n]
        except OSError as error:
            raise ScanFileError(f"{self.path}: frames {i0} to {i0 + n - 1} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file; frames cannot be read from it afterwards."""
        if isinstance(self.store, h5py.Dataset) and self.store:  # false once its file is closed
            self.store.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Format:
    """A scan file format."""

    name: str
    needs: str
    """What a file must hold to be recognised, for people."""
    recognises: Callable[[h5py.File], bool]
    open: Callable[[Path, h5py.File], ScanFile]


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading; raises `ScanFileError` saying whether it is missing, cut off or no HDF5."""
    if not path.is_file():
        raise ScanFileError(f"{path}: expected a file, there is none")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if not h5py.is_hdf5(path):
            raise ScanFileError(f"{path}: expected an HDF5 file, its content is not HDF5") from error
        reason = "it is truncated" if "truncated" in str(error) else "it is damaged or open for writing elsewhere"
        raise ScanFileError(f"{path}: expected a complete HDF5 file, {reason}: {error}") from error


def geometry_of(
    path: Path, energy_j: float, distance_m: float, detector_pixel_m: float, focus_distance_m: float | None = None
) -> Geometry:
    """A file's geometry; raises `ScanFileError` for numbers that cannot be one."""
    try:
        return Geometry(
            energy_J=energy_j,
            distance_m=distance_m,
            detector_pixel_m=detector_pixel_m,
            focus_distance_m=focus_distance_m,
        )
    except ValidationError as error:
        raise ScanFileError(f"{path}: geometry: {explain(error)}") from error


def dataset_at(file: h5py.File, *names: str) -> h5py.Dataset | None:
    """The first of these datasets that there is."""
    found = (file.get(name) for name in names)
    return next((each for each in found if isinstance(each, h5py.Dataset)), None)


def as_modes(probe: ArrayLike) -> NDArray[np.complex64]:
    """A probe as (mode, y, x), whether it is stored with or without its mode axis."""
    array = np.asarray(probe).astype(np.complex64)
    return array[np.newaxis] if array.ndim == 2 else array


def plain_metadata(attributes: h5py.AttributeManager, leave_out: frozenset[str] = frozenset()) -> Metadata:
    """Attributes that are text, finite numbers or truth values, as Python's own types."""
    values = {name: np.asarray(value).item() for name, value in attributes.items() if np.size(value) == 1}
    plain = {k: v for k, v in values.items() if k not in leave_out and isinstance(v, str | int | float | bool)}
    return {k: v for k, v in plain.items() if not isinstance(v, float) or math.isfinite(v)}


def _check(scan: ScanFile) -> None:
    """Whether frames, positions, mask and probe fit each other; raises `ScanFileError`."""

    def expect(holds: bool, what: str, came: object) -> None:
        if not holds:
            raise ScanFileError(f"{scan.path}: expected {what}, got {came}")

    shape = tuple(scan.store.shape)
    expect(len(shape) == 3 and 0 not in shape, "frames of shape (n, h, w)", f"shape {shape}")
    try:
        frame_dtype(scan.dtype.str)
    except WireError as error:
        raise ScanFileError(f"{scan.path}: frames: {error}") from error
    positions = scan.positions_m
    expect(positions.ndim == 2 and positions.shape[1] == 2, "positions of shape (n, 2)", f"shape {positions.shape}")
    expect(len(positions) == scan.n, f"a position for each of {scan.n} frames", f"{len(positions)} positions")
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    expect(not bad.size, "finite positions", f"{positions[bad[:1]].tolist()} at index {bad[:1].tolist()}")
    if scan.mask is not None:
        expect(scan.mask.shape == shape[1:], f"a mask of shape {shape[1:]}", f"shape {scan.mask.shape}")
    if scan.probe_guess is not None:
        expect(scan.probe_guess.ndim == 3, "a probe of shape (mode, y, x)", f"shape {scan.probe_guess.shape}")
    if scan.i0 is not None:
        expect(scan.i0.shape == (scan.n,), f"i0 of shape ({scan.n},)", f"shape {scan.i0.shape}")
