from __future__ import annotations

import numpy as np
import pytest

from engines.compare import likeness, scanned, shifted
from engines.optics import intensity
from engines.simulate import Scan, raster, simulate, spiral


def image(seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return 1 + 0.3 * (generator.standard_normal((60, 50)) + 1j * generator.standard_normal((60, 50)))


def test_constant_and_ramp_do_not_count() -> None:
    truth, region = image(), np.ones((60, 50), bool)
    y, x = np.mgrid[:60, :50]
    ramped = truth * 3 * np.exp(1j * (0.4 + 0.013 * y - 0.021 * x))
    same = likeness(ramped, truth, region)
    assert same.correlation == pytest.approx(1, abs=1e-3)
    assert same.nmse == pytest.approx(0, abs=1e-3)
    assert likeness(ramped, truth, region, ramp=False).nmse > 0.05


def test_unlike_objects_are_unlike() -> None:
    unlike = likeness(image(1), image(2), np.ones((60, 50), bool))
    assert unlike.correlation < 0.1
    with pytest.raises(ValueError, match="expected equal shapes"):
        likeness(image(), image()[1:], np.ones((60, 50), bool))
    with pytest.raises(ValueError, match="at least one pixel"):
        likeness(image(), image(), np.zeros((60, 50), bool))


def test_scanned_rectangle() -> None:
    region = scanned(np.array([[3, 4], [10, 20]]), (8, 8), (40, 40))
    assert np.argwhere(region).min(axis=0).tolist() == [7, 8]
    assert np.argwhere(region).max(axis=0).tolist() == [14, 24]


def test_spiral_turns_are_a_step_apart_and_so_are_its_points() -> None:
    points = spiral(315, 10.0)
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert np.median(steps) == pytest.approx(10, rel=0.02)
    assert np.hypot(*points.T).max() == pytest.approx(10 * np.sqrt(314 / np.pi), rel=1e-6)
    nearest = [np.sort(np.hypot(*(points - p).T))[1] for p in points[20:]]
    assert min(nearest) > 5


def test_line_scan() -> None:
    assert raster(2, 3, 2.0).tolist() == [[0, 0], [0, 2], [0, 4], [2, 0], [2, 2], [2, 4]]


def test_the_demo_scan_is_what_the_paper_measured() -> None:
    scan = simulate()
    assert (len(scan), scan.geometry.size) == (315, 256)
    assert scan.geometry.pixel_m == pytest.approx(29.62e-9, rel=1e-3)
    assert float(intensity(scan.probe).sum()) == pytest.approx(1e10, rel=1e-4)
    pixels = scan.positions_m / scan.geometry.pixel_m
    assert np.allclose(pixels, np.rint(pixels), atol=1e-6)
    assert scan.object.abs().min() > 0.8 and scan.object.angle().min() < -1


def test_frames_are_seeded_one_by_one_and_have_poisson_noise(scan: Scan) -> None:
    frames = scan.frames(10, 14)
    assert frames.dtype == np.uint32
    assert np.array_equal(frames[2:], scan.frames(12, 14))
    expected = np.fft.fftshift(scan.expected(10, 14).numpy(), axes=(1, 2))
    bright = expected > 20
    pulls = (frames - expected)[bright] / np.sqrt(expected[bright])
    assert pulls.mean() == pytest.approx(0, abs=0.05)
    assert pulls.std() == pytest.approx(1, abs=0.05)


def test_a_shift_of_a_fraction_of_a_pixel_is_found(scan: Scan) -> None:
    object = scan.object.numpy()
    region = scanned(scan.canvas.to_pixels(scan.positions_m), (64, 64), object.shape)
    smooth = np.fft.ifft2(np.fft.fft2(object) * np.fft.fft2(np.hanning(7)[:, None] * np.hanning(7), object.shape))
    ramp = np.exp(0.02j * np.arange(object.shape[0]))[:, None]
    moved = shifted(smooth, np.array([0.4, -0.7])) * ramp * (2 - 1j)
    assert likeness(moved, smooth, region).nmse > 1e-3
    assert likeness(moved, smooth, region, shift=True).nmse < 1e-6
