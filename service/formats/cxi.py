"""CXI 1.6 (cxidb.org), as far as ptychography scans use it.

Frames lie in ``entry_1/data_1/data`` or ``entry_1/instrument_1/detector_1/data``; the translation (n, 3) is the
*sample's*, in metres along x, y, z. ``basis_vectors`` say along which of x and y, and which way, the rows and
columns of the detector go, so they give the axes and signs of the positions; the frames stay as they are.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from service.descriptions import LIGHT_M_S, PLANCK_J_S, Geometry, Metadata, Orientation
from service.formats.scanfile import Format, ScanFile, ScanFileError, as_modes, dataset_at, geometry_of

DATA = ("entry_1/data_1/data", "entry_1/instrument_1/detector_1/data")
TRANSLATION = (
    "entry_1/data_1/translation",
    "entry_1/sample_1/geometry_1/translation",
    "entry_1/instrument_1/detector_1/translation",
)
DETECTOR = "entry_1/instrument_1/detector_1"
SOURCE = "entry_1/instrument_1/source_1"
HAS_SIGNAL = 0x1000
"""The one bit of a CXI mask that says nothing against a pixel."""
DEFAULT_BASIS = ((0.0, -1.0), (-1.0, 0.0), (0.0, 0.0))
"""(xyz, row and col) without ``basis_vectors``: rows go down (-y), columns to the right as the beam sees it (-x)."""
MAX_TILT = 0.05
"""Share of a basis vector that may point off its main axis (3 degrees); more would need a resampling of frames."""
MAX_ANISOTROPY = 1e-3


def _recognises(file: h5py.File) -> bool:
    return "entry_1" in file


def _open(path: Path, file: h5py.File) -> ScanFile:
    frames, translation = dataset_at(file, *DATA), dataset_at(file, *TRANSLATION)
    if frames is None:
        result = "; this is a result, which holds no frames" if "entry_1/image_1/data" in file else ""
        raise ScanFileError(f"{path}: expected frames at {' or '.join(DATA)}{result}")
    if translation is None:
        raise ScanFileError(f"{path}: expected positions at {' or '.join(TRANSLATION)}")
    if translation.ndim != 2 or translation.shape[1] not in (2, 3):
        raise ScanFileError(f"{path}: {translation.name}: expected shape (n, 3), got {translation.shape}")
    probe = dataset_at(file, f"{SOURCE}/illumination", f"{SOURCE}/probe")
    return ScanFile(
        path=path,
        format=FORMAT.name,
        store=frames,
        geometry=_geometry(path, file),
        positions_m=translation[:, :2].astype(np.float64),
        orientation=_orientation(path, file),
        motion="sample",
        mask=_mask(file),
        probe_guess=None if probe is None else as_modes(probe),
        title=_text(file, "entry_1/title") or path.stem,
        metadata=_metadata(file),
    )


FORMAT = Format("CXI", f"{DATA[0]} and {TRANSLATION[1]}", _recognises, _open)


def _number(path: Path, file: h5py.File, *names: str) -> float:
    found = dataset_at(file, *names)
    if found is None or found.size != 1:
        came = "nothing" if found is None else f"shape {found.shape}"
        raise ScanFileError(f"{path}: expected one number at {' or '.join(names)}, got {came}")
    return float(np.asarray(found).item())


def _geometry(path: Path, file: h5py.File) -> Geometry:
    """Energy in J (or from the wavelength in m), distance and pixel edge in m."""
    if f"{SOURCE}/energy" in file:
        energy = _number(path, file, f"{SOURCE}/energy")
    else:
        energy = PLANCK_J_S * LIGHT_M_S / _number(path, file, f"{SOURCE}/wavelength", f"{SOURCE}/energy")
    x, y = (_number(path, file, f"{DETECTOR}/{axis}_pixel_size") for axis in "xy")
    if abs(x - y) > MAX_ANISOTROPY * x:
        raise ScanFileError(f"{path}: expected square detector pixels, got {y} m x {x} m")
    return geometry_of(path, energy, _number(path, file, f"{DETECTOR}/distance"), (x + y) / 2)


def _orientation(path: Path, file: h5py.File) -> Orientation:
    """Axes and signs of (x, y) positions on the detector's (row, col), from the basis vectors."""
    stored = dataset_at(file, f"{DETECTOR}/basis_vectors")
    basis = np.asarray(DEFAULT_BASIS if stored is None else stored, dtype=np.float64)
    if basis.shape == (2, 3):
        basis = basis.T
    if basis.shape != (3, 2) or not np.isfinite(basis).all() or not basis.any(axis=0).all():
        raise ScanFileError(f"{path}: basis_vectors: expected two vectors (x, y, z), got {basis.tolist()}")
    row, col = (basis / np.linalg.norm(basis, axis=0)).T
    main = int(np.argmax(np.abs(row))), int(np.argmax(np.abs(col)))
    tilt = max(np.linalg.norm(np.delete(row, main[0])), np.linalg.norm(np.delete(col, main[1])))
    if sorted(main) != [0, 1] or tilt > MAX_TILT:
        raise ScanFileError(f"{path}: basis_vectors: expected one along x and one along y, got {basis.T.tolist()}")
    return Orientation(
        axes="row,col" if main == (0, 1) else "col,row",
        signs=(1 if row[main[0]] > 0 else -1, 1 if col[main[1]] > 0 else -1),
    )


def _mask(file: h5py.File) -> NDArray[np.uint8] | None:
    """(h, w), 1 where no bit speaks against a pixel, in any frame if there is a mask for each."""
    stored = dataset_at(file, f"{DETECTOR}/mask")
    if stored is None:
        return None
    valid: NDArray[np.bool_] = (stored[()].astype(np.uint32) & ~np.uint32(HAS_SIGNAL)) == 0
    trusted: NDArray[np.bool_] = np.logical_and.reduce(valid, axis=0) if valid.ndim == 3 else valid
    return trusted.astype(np.uint8)


def _text(file: h5py.File, name: str) -> str:
    found = dataset_at(file, name)
    value = "" if found is None or found.size != 1 else np.asarray(found).item()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _metadata(file: h5py.File) -> Metadata:
    names = {
        "sample": "entry_1/sample_1/name",
        "start_time": "entry_1/start_time",
        "instrument": "entry_1/instrument_1/name",
        "description": "entry_1/experiment_description",
    }
    return {key: text for key, name in names.items() if (text := _text(file, name))}
