"""Which files can be compared, over what, and why others cannot."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engines.optics import illumination
from engines.simulate import Scan, simulate, spiral
from service.comparison import Picture, compare_pictures, picture, truth_picture
from service.descriptions import ELECTRON_VOLT_J, Geometry
from service.formats.result import Result, write_result
from service.formats.scanfile import ScanFileError
from service.simulated import write_simulated
from service.tables import METRIC_COLUMNS

PIXEL_M = 1e-8


@pytest.fixture(scope="module")
def scan() -> Scan:
    return simulate(spiral(40, 4), size=64, photons=1e6, outermost_zone_m=240e-9, defocus_m=3e-3)


def flat(name: str, shape: tuple[int, int] = (60, 60), origin_px: tuple[int, int] = (0, 0), **other: float) -> Picture:
    """A picture of noise that is fixed to the sample, so that equal places look alike."""
    sample = 1 + 0.1 * np.random.default_rng(0).standard_normal((300, 300)).astype(np.complex64)
    row, col = (100 + each for each in origin_px)
    pixel_m = other.get("pixel_m", PIXEL_M)
    origin_m = (origin_px[0] * pixel_m, origin_px[1] * pixel_m)
    return Picture(name, sample[row : row + shape[0], col : col + shape[1]], np.ones(shape, bool), pixel_m, origin_m)


def write(path: Path, scan: Scan, object: np.ndarray) -> None:
    """A result file of a simulated scan with this object; frames lie where the scan file has them."""
    positions = scan.canvas.to_pixels(scan.positions_m).astype(float)
    pixel_m = scan.geometry.pixel_m
    first_m = -(scan.geometry.size // 2) * pixel_m
    light = illumination(scan.probe, torch.from_numpy(positions.astype(np.int64)), scan.canvas.shape)
    write_result(
        path,
        Result(
            object=object[None].astype(np.complex64),
            probe=scan.probe.numpy(),
            pixel_m=pixel_m,
            origin_m=(first_m, first_m),
            positions_m=positions * pixel_m,
            positions_px=positions,
            frame_index=np.arange(len(positions)),
            metrics=np.zeros((0, len(METRIC_COLUMNS))),
            metric_columns=METRIC_COLUMNS,
            geometry=Geometry(energy_J=8e3 * ELECTRON_VOLT_J, distance_m=3.67, detector_pixel_m=75e-6),
            coverage=light.numpy(),
        ),
    )


def test_a_result_is_held_against_the_truth_of_its_scan(tmp_path: Path, scan: Scan) -> None:
    write_simulated(tmp_path / "scan.h5", scan, {"title": "star"})
    noise = np.random.default_rng(0).standard_normal(scan.canvas.shape) * 1e-3
    write(tmp_path / "result.cxi", scan, 2j * scan.object.numpy() + 2 * noise)
    truth = truth_picture(tmp_path / "scan.h5")
    found, box = compare_pictures(picture(tmp_path / "result.cxi"), truth)
    power = np.mean(np.abs(scan.object.numpy()[box]) ** 2)
    assert found.nmse_relative == pytest.approx(1e-6 / power, rel=0.1)
    assert found.shift_px == (0, 0)
    assert box[0].stop - box[0].start >= 24


def test_a_truth_that_is_larger_is_found_by_its_metres(tmp_path: Path, scan: Scan) -> None:
    write(tmp_path / "result.cxi", scan, scan.object.numpy())
    result = picture(tmp_path / "result.cxi")
    row, col = result.origin_m
    larger = Picture(
        "larger",
        np.pad(result.object, 7, constant_values=1),
        np.pad(result.covered, 7, constant_values=True),
        result.pixel_m,
        (row - 7 * result.pixel_m, col - 7 * result.pixel_m),
    )
    found, _ = compare_pictures(result, larger)
    assert found.nmse_relative < 1e-12


def test_pictures_meet_where_both_are() -> None:
    found, box = compare_pictures(flat("a"), flat("b", (50, 70), (20, 10)))
    assert found.nmse_relative < 1e-12
    assert [(each.start, each.stop) for each in box] == [(20, 60), (15, 55)]


@pytest.mark.parametrize(
    ("other", "crop", "says"),
    [
        (flat("b", pixel_m=1.01e-8), None, r"pixels of equal size, got 1e-08 m in a and 1\.01e-08 m in b"),
        (flat("b", origin_px=(80, 0)), None, "square of 16 px that both a and b cover, the largest one has 0 px"),
        (flat("b", origin_px=(50, 0)), None, "the largest one has 10 px"),
        (flat("b"), 61, "square of 61 px .* the largest one has 60 px"),
    ],
)
def test_what_has_nothing_in_common_is_refused(other: Picture, crop: int | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compare_pictures(flat("a"), other, crop)


def test_a_crop_is_taken_from_the_middle() -> None:
    _, box = compare_pictures(flat("a"), flat("b"), 20)
    assert [(each.start, each.stop) for each in box] == [(20, 40), (20, 40)]


def test_a_scan_without_truth_is_no_truth(tmp_path: Path, scan: Scan) -> None:
    write_simulated(tmp_path / "scan.h5", scan, {})
    with h5py.File(tmp_path / "scan.h5", "a") as file:
        del file["truth"]
    with pytest.raises(ScanFileError, match="expected truth/object"):
        truth_picture(tmp_path / "scan.h5")
