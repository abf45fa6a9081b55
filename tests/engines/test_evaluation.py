"""Two objects compared: what must not count does not, and what does is found with its size."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evaluation import aligned, centred_box, evaluate, largest_square, nmse, without_own_ramp
from engines.ring_correlation import half_bit, ring_correlation

SHAPE = (96, 90)
BOX = centred_box((48, 45), 60)
PIXELS = 60 * 60


def picture(seed: int = 0) -> np.ndarray:
    """Something with hard edges."""
    generator = np.random.default_rng(seed)
    blocks = generator.standard_normal((16, 15)).repeat(6, axis=0).repeat(6, axis=1)
    image: np.ndarray = np.exp((-0.05 + 0.4j) * blocks)
    return image


def noise(seed: int, size: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values: np.ndarray = generator.standard_normal((2, *SHAPE)) @ np.eye(SHAPE[1]) * size
    return values[0] + 1j * values[1]


def ramp(down: float, right: float) -> np.ndarray:
    y, x = np.indices(SHAPE)
    turned: np.ndarray = np.exp(1j * (down * y + right * x))
    return turned


def test_scale_phase_and_ramp_do_not_count() -> None:
    truth = picture()
    found = evaluate(3 * np.exp(0.7j) * ramp(0.02, -0.05) * truth, truth, BOX)
    assert found.nmse < 1e-20 and found.nmse_relative < 1e-20
    assert found.optical_density.mean < 1e-10 and found.phase.mean < 1e-10
    assert found.correlation == pytest.approx(1)
    assert found.shift_px == (0, 0)


def test_noise_is_found_with_its_size_and_its_standard_error() -> None:
    truth, size = np.ones(SHAPE, complex), 1e-3
    found = evaluate(truth + noise(1, size), truth, BOX)
    assert found.nmse_relative == pytest.approx(2 * size**2, rel=0.05)
    assert found.nmse == pytest.approx(found.nmse_relative, rel=0.01)
    mean, spread = size * np.sqrt(2 / np.pi), size * np.sqrt(1 - 2 / np.pi)  # of |x|, x normal
    assert found.phase.mean == pytest.approx(mean, rel=0.05)
    assert found.phase.error == pytest.approx(spread / np.sqrt(PIXELS), rel=0.05)
    assert found.optical_density.mean == pytest.approx(2 * mean, rel=0.05), "OD is -ln |object|^2"


def test_one_pixel_that_differs_gives_exactly_its_share() -> None:
    truth = np.ones(SHAPE, complex)
    other = truth.copy()
    other[48, 45] = 1.5
    found = evaluate(other, truth, BOX)
    assert found.nmse_relative == pytest.approx(0.25 / PIXELS, rel=0.01)
    assert found.optical_density_map[30, 30] == pytest.approx(2 * np.log(1.5), rel=0.01)


def test_whole_pixels_are_aligned_by_moving_the_crop_which_changes_no_value() -> None:
    truth = picture()
    moved = np.roll(truth, (3, -5), axis=(0, 1)) * ramp(0.01, 0.03)
    found = evaluate(moved, truth, BOX)
    assert found.shift_px == (3, -5)
    assert found.nmse_relative < 1e-20, "a sub-pixel shift of hard edges would leave 1e-3"


def test_fractions_of_a_pixel_are_used_only_where_they_help() -> None:
    y, x = np.indices(SHAPE)

    def smooth(down: float) -> np.ndarray:
        return 1 + 0.5 * np.exp(-((y - 44 - down) ** 2 + (x - 41) ** 2) / 60 + 1j)

    assert nmse(smooth(0.4), smooth(0), BOX) > 1e-5, "by whole pixels alone"
    assert evaluate(smooth(0.4), smooth(0), BOX).nmse_relative < 1e-8
    sharp = picture()
    image, shift = aligned(sharp + noise(2, 1e-3), sharp, BOX)
    assert shift == (0, 0)
    assert np.array_equal(image, sharp + noise(2, 1e-3))


def test_own_ramp_is_gone_after_one_pass() -> None:
    tilted = ramp(0.3, -0.2) * (1 + 0.1 * noise(3, 1))
    level = without_own_ramp(tilted)
    assert np.allclose(without_own_ramp(level), level)
    assert abs(np.angle(np.vdot(level[:-1], level[1:]))) < 1e-12


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_reported_not_averaged(value: float) -> None:
    truth = picture()
    broken = truth.copy()
    broken[40:42, 40] = value
    with pytest.raises(ValueError, match="first object has NaN or infinity in 2 of 3600"):
        evaluate(broken, truth, BOX)
    with pytest.raises(ValueError, match="second object has NaN"):
        evaluate(truth, broken, BOX)
    broken[40:42, 40] = 1
    broken[0, 0] = value
    evaluate(truth, broken, BOX)  # outside the crop nobody looks


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="equal shape"):
        evaluate(picture()[:-1], picture(), BOX)
    with pytest.raises(ValueError, match="crop from 8 px"):
        evaluate(picture(), picture(), centred_box((4, 4), 40))
    far = np.roll(picture(), (24, 0), axis=(0, 1))
    with pytest.raises(ValueError, match="overlap in the crop, they lie 24, 0 px apart"):
        evaluate(far, picture(), BOX)


def test_largest_square() -> None:
    region = np.zeros(SHAPE, bool)
    region[10:40, 20:45] = True
    rows, cols = largest_square(region) or (slice(0), slice(0))
    assert (rows.stop - rows.start, cols.start, cols.stop) == (25, 20, 45)
    assert 10 <= rows.start and rows.stop <= 40
    assert largest_square(np.zeros(SHAPE, bool)) is None


def test_rings_of_the_same_image_correlate_fully_and_never_cross() -> None:
    rings = ring_correlation(picture(), picture())
    assert np.allclose(rings.correlation, 1)
    assert rings.crossing is None
    assert rings.resolution_m(10e-9) == pytest.approx(20e-9), "two pixels"


def test_rings_of_independent_noise_correlate_as_chance_has_it() -> None:
    rings = ring_correlation(noise(1, 1), noise(2, 1))
    many = rings.frequency > 0.2
    expected = rings.threshold[many]
    assert np.all(rings.correlation[many] < expected)
    samples = 2 * np.pi * rings.frequency[many] * 90 * 96 / 90
    assert np.std(rings.correlation[many] * np.sqrt(2 * samples)) == pytest.approx(1.1, abs=0.35)


def test_rings_of_a_known_signal_to_noise_ratio() -> None:
    """Two images of one white signal with independent noise: correlation = SNR / (SNR + 1)."""
    signal = noise(0, 1)
    rings = ring_correlation(signal + noise(1, 0.5), signal + noise(2, 0.5))
    assert rings.correlation[10:].mean() == pytest.approx(4 / 5, abs=0.02)


def test_resolution_is_where_the_signal_ends() -> None:
    spectrum = np.fft.fft2(noise(0, 1))
    rows, cols = (np.fft.fftfreq(length) for length in SHAPE)
    spectrum[np.hypot(rows[:, None], cols) > 0.25] = 0
    signal = np.fft.ifft2(spectrum)
    rings = ring_correlation(signal + noise(1, 0.4), signal + noise(2, 0.4))
    assert rings.crossing == pytest.approx(0.25, abs=0.02)
    assert rings.resolution_m(10e-9) == pytest.approx(40e-9, rel=0.08)


def test_half_bit_threshold() -> None:
    assert half_bit(np.array([1.0]))[0] == pytest.approx(1, abs=1e-4)
    assert half_bit(np.array([1e12]))[0] == pytest.approx(0.2071 / 1.2071, abs=1e-4)


def test_rings_of_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="equal shapes"):
        ring_correlation(picture(), picture()[1:])
