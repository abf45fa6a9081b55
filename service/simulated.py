"""A simulated scan as a file that can be replayed and reconstructed, with its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engines.optics import LIGHT_M_S, PLANCK_J_S
from engines.simulate import Scan
from service.descriptions import Geometry, Metadata
from service.formats.plain_hdf5 import write_plain
from service.formats.scanfile import Truth


def write_simulated(path: Path, scan: Scan, about: Metadata, tell: Callable[[int], None] = lambda frames: None) -> None:
    """Write a scan as plain HDF5, some frames at a time; `tell` hears how many came. Positions are counted from the
    truth's first pixel, so that the file says where its truth lies.
    """
    geometry = Geometry(
        energy_J=PLANCK_J_S * LIGHT_M_S / scan.geometry.wavelength_m,
        distance_m=scan.geometry.distance_m,
        detector_pixel_m=scan.geometry.detector_pixel_m,
    )

    def blocks() -> Iterator[Any]:
        for block in scan.blocks():
            yield block
            tell(len(block))

    path.parent.mkdir(parents=True, exist_ok=True)
    positions_m = scan.canvas.to_exact_pixels(scan.positions_m) * scan.geometry.pixel_m
    truth = Truth(scan.object.numpy(), scan.probe.numpy())
    write_plain(path, blocks(), positions_m, geometry, truth=truth, metadata=about)
