"""Two results, or a result and the truth it was simulated from, on one grid and over what both cover."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.evaluation import Box, Evaluation, evaluate, largest_square
from engines.optics import well_lit
from service.formats import open_scan
from service.formats.result import read_result
from service.formats.scanfile import ScanFile, ScanFileError, open_hdf5

COVERED_SHARE = 0.1
"""A pixel is compared where it got this share of the light that well-lit pixels got."""
LEAST_CROP_PX = 16


@dataclass(frozen=True)
class Picture:
    """An object with its place on the sample."""

    name: str
    object: NDArray[np.complex64]
    """(row, col), the first mode."""
    covered: NDArray[np.bool_]
    """(row, col), where it can be compared."""
    pixel_m: float
    origin_m: tuple[float, float]
    """Metres (row, col) of pixel [0, 0]."""


def picture(path: Path) -> Picture:
    """The object of a result file."""
    result = read_result(path)
    object, light = result.object[0], result.coverage
    covered = np.ones(object.shape, bool) if light is None else light > COVERED_SHARE * well_lit(light)
    return Picture(str(path), object, covered, result.pixel_m, result.origin_m)


def truth_picture(path: Path) -> Picture:
    """The truth of a simulated scan file, or the object of a result."""
    with open_hdf5(path) as file:
        is_scan = "frames" in file
    if not is_scan:
        return picture(path)
    with open_scan(path) as scan:
        if scan.truth is None:
            raise ScanFileError(f"{path}: expected truth/object and truth/probe beside the frames, there are none")
        pixel_m = _pixel_m(scan)
        row, col = (-(length // 2) * pixel_m for length in scan.truth.probe.shape[-2:])
        object = scan.truth.object
        return Picture(str(path), object, np.ones(object.shape, bool), pixel_m, (row, col))


def _pixel_m(scan: ScanFile) -> float:
    """Pixel of the truth, whose window is as large as its probe."""
    geometry = scan.geometry
    window_m = scan.truth.probe.shape[-1] * geometry.detector_pixel_m if scan.truth else np.nan
    return geometry.wavelength_m * geometry.distance_m / window_m


def compare_pictures(first: Picture, second: Picture, crop_px: int | None = None) -> tuple[Evaluation, Box]:
    """Compare over the largest square that both cover, or one of `crop_px` in its middle; pixels of the first.

    Raises `ValueError` where pixels differ in size, or where there is no square that both cover.
    """
    if not math.isclose(first.pixel_m, second.pixel_m, rel_tol=1e-4):
        raise ValueError(
            f"compare: expected pixels of equal size, got {first.pixel_m:.5g} m in {first.name} and "
            f"{second.pixel_m:.5g} m in {second.name}"
        )
    placed = _placed(second, first)
    box = largest_square(first.covered & placed.covered)
    edge = 0 if box is None else box[0].stop - box[0].start
    least = LEAST_CROP_PX if crop_px is None else crop_px
    if box is None or edge < least:
        raise ValueError(
            f"compare: expected a square of {least} px that both {first.name} and {second.name} cover, "
            f"the largest one has {edge} px"
        )
    if crop_px is not None:
        box = _middle(box, crop_px)
    return evaluate(first.object, placed.object, box), box


def _middle(box: Box, edge: int) -> Box:
    rows, cols = ((each.start + each.stop - edge) // 2 for each in box)
    return slice(rows, rows + edge), slice(cols, cols + edge)


def _placed(picture: Picture, onto: Picture) -> Picture:
    """A picture on another's pixels, whole ones: their metres say where."""
    down, right = (
        round((there - here) / picture.pixel_m) for there, here in zip(onto.origin_m, picture.origin_m, strict=True)
    )
    if picture.object.shape == onto.object.shape and (down, right) == (0, 0):
        return picture
    height, width = onto.object.shape
    object, covered = np.ones((height, width), np.complex64), np.zeros((height, width), bool)
    rows = np.arange(height) + down
    cols = np.arange(width) + right
    row_in = (rows >= 0) & (rows < picture.object.shape[0])
    col_in = (cols >= 0) & (cols < picture.object.shape[1])
    here, there = np.ix_(row_in, col_in), np.ix_(rows[row_in], cols[col_in])
    object[here], covered[here] = picture.object[there], picture.covered[there]
    return replace(picture, object=object, covered=covered)
