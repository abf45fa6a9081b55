"""Plain HDF5: the layout that needs no profile, and the one that `ptycholive simulate` writes.

frames              (n, h, w), zero frequency at [h // 2, w // 2]
positions_m         (n, 2) float64, (row, col) of the probe's window on the object
attributes          detector_pixel_m, distance_m, energy_keV; focus_distance_m for near field; others are metadata
mask_valid          (h, w), 1 or true where a pixel can be trusted        optional, as all below
i0                  (n,) relative intensity of the beam
probe_guess         (mode, y, x) or (y, x) complex
truth/object        (row, col) complex; the window of a probe at position 0 m begins at pixel [0, 0]
truth/probe         (mode, y, x) complex
truth_positions_m   (n, 2), where positions_m are nominal; or truth_positions_px, in pixels of truth/object
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from service.descriptions import ELECTRON_VOLT_J, Geometry
from service.formats.scanfile import (
    Format,
    ScanFile,
    ScanFileError,
    Truth,
    as_modes,
    dataset_at,
    geometry_of,
    plain_metadata,
)

GEOMETRY_ATTRIBUTES = ("detector_pixel_m", "distance_m", "energy_keV")
FOCUS = "focus_distance_m"
NOT_METADATA = frozenset((*GEOMETRY_ATTRIBUTES, FOCUS, "title", "valid_max"))


def _recognises(file: h5py.File) -> bool:
    return dataset_at(file, "frames") is not None


def _open(path: Path, file: h5py.File) -> ScanFile:
    positions = dataset_at(file, "positions_m")
    if positions is None:
        raise ScanFileError(f"{path}: expected positions_m (n, 2) in metres beside frames, found {', '.join(file)}")
    geometry = _geometry(path, file)
    mask, i0, probe = (dataset_at(file, name) for name in ("mask_valid", "i0", "probe_guess"))
    return ScanFile(
        path=path,
        format=FORMAT.name,
        store=file["frames"],
        geometry=geometry,
        positions_m=np.asarray(positions, dtype=np.float64),
        mask=None if mask is None else (mask[()] != 0).astype(np.uint8),
        valid_max=_number(file, "valid_max") if "valid_max" in file.attrs else None,
        probe_guess=None if probe is None else as_modes(probe),
        i0=None if i0 is None else np.asarray(i0, dtype=np.float64),
        truth=_truth(file, geometry),
        title=str(file.attrs.get("title", path.stem)),
        metadata=plain_metadata(file.attrs, NOT_METADATA),
    )


FORMAT = Format("plain HDF5", "frames (n, h, w) and positions_m (n, 2) at the top", _recognises, _open)


def _number(file: h5py.File, name: str) -> float:
    """An attribute, also where it is stored as an array of one."""
    return float(np.asarray(file.attrs[name]).item())


def _geometry(path: Path, file: h5py.File) -> Geometry:
    missing = [name for name in GEOMETRY_ATTRIBUTES if name not in file.attrs]
    if missing:
        raise ScanFileError(f"{path}: expected attributes {', '.join(GEOMETRY_ATTRIBUTES)}, missing {missing}")
    try:
        pixel, distance, energy = (_number(file, name) for name in GEOMETRY_ATTRIBUTES)
        focus = _number(file, FOCUS) if FOCUS in file.attrs else None
    except (TypeError, ValueError) as error:
        raise ScanFileError(
            f"{path}: attributes {', '.join(GEOMETRY_ATTRIBUTES)}, {FOCUS}: expected numbers: {error}"
        ) from error
    return geometry_of(path, energy * 1e3 * ELECTRON_VOLT_J, distance, pixel, focus)


def _truth(file: h5py.File, geometry: Geometry) -> Truth | None:
    object_, probe = dataset_at(file, "truth/object"), dataset_at(file, "truth/probe")
    if object_ is None or probe is None:
        return None
    positions = None
    if (in_metres := dataset_at(file, "truth_positions_m")) is not None:
        positions = np.asarray(in_metres, dtype=np.float64)
    elif (in_pixels := dataset_at(file, "truth_positions_px")) is not None:
        window_m = np.asarray(file["frames"].shape[1:]) * geometry.detector_pixel_m  # (2,)
        positions = in_pixels[()] * (geometry.wavelength_m * geometry.distance_m / window_m)
    return Truth(object_[()].astype(np.complex64), as_modes(probe), positions)


def write_plain(
    path: Path,
    blocks: Iterable[NDArray[Any]],
    positions_m: NDArray[np.float64],
    geometry: Geometry,
    *,
    mask: NDArray[Any] | None = None,
    probe_guess: NDArray[np.complex64] | None = None,
    truth: Truth | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a scan whose frames come in blocks (any number, h, w), so that it need not fit in memory.

    `positions_m` (n, 2) are the probe's. The file appears under its name once it is complete.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with h5py.File(partial, "w") as file:
            _write_header(file, geometry, metadata or {})
            _append(file, blocks, len(positions_m))
            arrays = {"positions_m": positions_m, "mask_valid": mask, "probe_guess": probe_guess}
            if truth is not None:
                arrays |= {"truth/object": truth.object, "truth/probe": truth.probe}
                arrays["truth_positions_m"] = truth.positions_m
            for name, array in arrays.items():
                if array is not None:
                    file.create_dataset(name, data=array)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_header(file: h5py.File, geometry: Geometry, metadata: Mapping[str, str | int | float | bool]) -> None:
    file.attrs.update(metadata)
    file.attrs["detector_pixel_m"] = geometry.detector_pixel_m
    file.attrs["distance_m"] = geometry.distance_m
    file.attrs["energy_keV"] = geometry.energy_J / ELECTRON_VOLT_J / 1e3
    if geometry.focus_distance_m is not None:
        file.attrs[FOCUS] = geometry.focus_distance_m


def _append(file: h5py.File, blocks: Iterable[NDArray[Any]], n: int) -> None:
    """Write frames one chunk each, in the compression that the wire and the recording use."""
    dataset: h5py.Dataset | None = None
    written = 0
    for block in blocks:
        if dataset is None:
            frame = block.shape[1:]
            dataset = file.create_dataset(
                "frames", (n, *frame), block.dtype, chunks=(1, *frame), **hdf5plugin.Bitshuffle(cname="lz4")
            )
        if written + len(block) <= n:
            dataset[written : written + len(block)] = block
        written += len(block)
    if written != n:
        raise ScanFileError(f"{file.filename}: expected {n} frames, one for each position, got {written}")
