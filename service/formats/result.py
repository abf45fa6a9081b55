"""The result of a reconstruction as CXI-like HDF5: written whole, read back as it was.

    entry_1/image_1/data                          object (mode, row, col) complex64        also /object
    entry_1/instrument_1/source_1/illumination    probe (mode, y, x) complex64             also /probe
    entry_1/instrument_1/source_1/energy, wavelength; detector_1/distance, x_pixel_size, y_pixel_size
    entry_1/instrument_1/source_1/focus_distance  focus to sample, where it is near field
    entry_1/sample_1/geometry_1/translation       (n, 3) of the sample, as CXI wants it
    entry_1/image_1/process_1                     program, version, configuration, metrics
    positions_m, positions_px, frame_index        (n, 2), (n, 2), (n,) as used, of the probe's window
    metadata                                      of the scan, JSON
    attributes                                    pixel_m, origin_m, started_ns, ended_ns

An object pixel [row, col] lies at origin_m + [row, col] * pixel_m; a probe window at positions_px[i] begins there.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from service.descriptions import Geometry, Metadata
from service.formats.cxi import DETECTOR, HAS_SIGNAL, SOURCE
from service.formats.scanfile import ScanFileError, dataset_at, open_hdf5

IMAGE = "entry_1/image_1"
PROCESS = f"{IMAGE}/process_1"
CXI_VERSION = 160
PROGRAM = "ptycholive"


@dataclass(frozen=True)
class Result:
    """Everything a finished reconstruction leaves behind."""

    object: NDArray[np.complex64]
    """(mode, row, col)."""
    probe: NDArray[np.complex64]
    """(mode, y, x)."""
    pixel_m: float
    """Edge of an object pixel, in metres."""
    origin_m: tuple[float, float]
    """Metres (row, col) of object pixel [0, 0]."""
    positions_m: NDArray[np.float64]
    """(n, 2) of the probe's window as used (refined, if they were), in metres."""
    positions_px: NDArray[np.float64]
    """(n, 2), the same in pixels of the object."""
    frame_index: NDArray[np.int64]
    """(n,) index of the frame at each position."""
    metrics: NDArray[np.float64]
    """(iteration, column)."""
    metric_columns: tuple[str, ...]
    geometry: Geometry
    configuration: dict[str, Any] = field(default_factory=dict)
    """All that is needed to do it again, as JSON can hold it."""
    version: str = ""
    """Of this software."""
    started_ns: int = 0
    """Start of the reconstruction, nanoseconds since 1970."""
    ended_ns: int = 0
    metadata: Metadata = field(default_factory=dict)
    """Of the scan: sample, proposal, user and whatever came with it."""
    coverage: NDArray[np.float32] | None = None
    """(row, col): how much light each object pixel got; 0 where the probe never went."""

    def __post_init__(self) -> None:
        n = len(self.positions_m)
        expected = {
            "object": (self.object.ndim, 3),
            "probe": (self.probe.ndim, 3),
            "positions_m": (self.positions_m.shape, (n, 2)),
            "positions_px": (self.positions_px.shape, (n, 2)),
            "frame_index": (self.frame_index.shape, (n,)),
            "metrics": (self.metrics.shape, (len(self.metrics), len(self.metric_columns))),
        }
        for name, (came, wanted) in expected.items():
            if came != wanted:
                what = "axes" if isinstance(wanted, int) else "shape"
                raise ValueError(f"{name}: expected {what} {wanted}, got {came}")


def write_result(path: Path, result: Result) -> None:
    """Write a result; the file appears under its name once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with h5py.File(partial, "w") as file:
            _write_images(file, result)
            _write_instrument(file, result)
            _write_process(file, result)
            _write_plain_names(file, result)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_images(file: h5py.File, result: Result) -> None:
    file["cxi_version"], file["number_of_entries"] = CXI_VERSION, 1
    file["entry_1/program_name"] = PROGRAM
    file["entry_1/start_time"], file["entry_1/end_time"] = _iso(result.started_ns), _iso(result.ended_ns)
    file["entry_1/title"] = str(result.metadata.get("title", ""))
    image = file.create_group(IMAGE)
    image["data"] = result.object.astype(np.complex64, copy=False)
    image["data_space"], image["data_type"], image["is_fft_shifted"] = "real", "complex transmission", 0
    extent = np.array(result.object.shape[:0:-1]) * result.pixel_m
    image["image_size"] = np.append(extent, 0.0)  # x, y, z in metres
    if result.coverage is not None:
        image["coverage"] = result.coverage
        image["mask"] = np.where(result.coverage > 0, HAS_SIGNAL, 0).astype(np.uint32)


def _write_instrument(file: h5py.File, result: Result) -> None:
    geometry = result.geometry
    source = file.create_group(SOURCE)
    source["energy"], source["wavelength"] = geometry.energy_J, geometry.wavelength_m
    if geometry.focus_distance_m is not None:
        source["focus_distance"] = geometry.focus_distance_m
    source["illumination"] = result.probe.astype(np.complex64, copy=False)
    source["probe"] = h5py.SoftLink(f"/{SOURCE}/illumination")
    detector = file.create_group(DETECTOR)
    detector["distance"] = geometry.distance_m
    detector["x_pixel_size"] = detector["y_pixel_size"] = geometry.detector_pixel_m
    # with these basis vectors the sample's (x, y) are the probe's (col, row): the two negations cancel
    detector["basis_vectors"] = np.array([[0, -1], [-1, 0], [0, 0]]) * geometry.detector_pixel_m
    sample = file.create_group("entry_1/sample_1")
    sample["name"] = str(result.metadata.get("sample", ""))
    sample["geometry_1/translation"] = np.pad(result.positions_m[:, ::-1], ((0, 0), (0, 1)))
    file[f"{IMAGE}/source_1"] = h5py.SoftLink(f"/{SOURCE}")
    file[f"{IMAGE}/instrument_1"] = h5py.SoftLink("/entry_1/instrument_1")


def _write_process(file: h5py.File, result: Result) -> None:
    process = file.create_group(PROCESS)
    process["program"], process["version"], process["date"] = PROGRAM, result.version, _iso(result.ended_ns)
    process["configuration"] = json.dumps(result.configuration)
    process["metrics"] = result.metrics
    process["metrics"].attrs["columns"] = list(result.metric_columns)


def _write_plain_names(file: h5py.File, result: Result) -> None:
    """The same by names that need no knowledge of CXI, and what CXI has no place for."""
    links = {"object": f"{IMAGE}/data", "probe": f"{SOURCE}/illumination", "metrics": f"{PROCESS}/metrics"}
    for name, target in links.items():
        file[name] = h5py.SoftLink(f"/{target}")
    file["positions_m"], file["positions_px"] = result.positions_m, result.positions_px
    file["frame_index"], file["metadata"] = result.frame_index, json.dumps(result.metadata)
    file.attrs.update(
        pixel_m=result.pixel_m,
        origin_m=result.origin_m,
        started_ns=result.started_ns,
        ended_ns=result.ended_ns,
    )


def read_result(path: Path) -> Result:
    """Read what `write_result` wrote; raises `ScanFileError` for any other file."""
    with open_hdf5(path) as file:
        program = dataset_at(file, f"{PROCESS}/program")
        if program is None or program[()] != PROGRAM.encode():
            raise ScanFileError(f"{path}: expected a result of {PROGRAM}, found {', '.join(file) or 'nothing'}")
        energy, distance, pixel = (
            float(file[name][()]) for name in (f"{SOURCE}/energy", f"{DETECTOR}/distance", f"{DETECTOR}/x_pixel_size")
        )
        focus = dataset_at(file, f"{SOURCE}/focus_distance")
        row, col = (float(each) for each in file.attrs["origin_m"])
        coverage = file.get(f"{IMAGE}/coverage")
        return Result(
            object=file["object"][()],
            probe=file["probe"][()],
            pixel_m=float(file.attrs["pixel_m"]),
            origin_m=(row, col),
            positions_m=file["positions_m"][()],
            positions_px=file["positions_px"][()],
            frame_index=file["frame_index"][()],
            metrics=file["metrics"][()],
            metric_columns=tuple(str(name) for name in file["metrics"].attrs["columns"]),
            geometry=Geometry(
                energy_J=energy,
                distance_m=distance,
                detector_pixel_m=pixel,
                focus_distance_m=None if focus is None else float(focus[()]),
            ),
            configuration=json.loads(file[f"{PROCESS}/configuration"].asstr()[()]),
            version=file[f"{PROCESS}/version"].asstr()[()],
            started_ns=int(file.attrs["started_ns"]),
            ended_ns=int(file.attrs["ended_ns"]),
            metadata=json.loads(file["metadata"].asstr()[()]),
            coverage=None if coverage is None else coverage[()],
        )


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat()
