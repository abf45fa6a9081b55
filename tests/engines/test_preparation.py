from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engines.preparation import D4, Preparation, magnitude_dtype, orient, orient_point

D4_BY_NUMPY: dict[D4, Any] = {
    "identity": lambda a: a,
    "rot90": np.rot90,
    "rot180": lambda a: np.rot90(a, 2),
    "rot270": lambda a: np.rot90(a, 3),
    "flip_rows": np.flipud,
    "flip_cols": np.fliplr,
    "transpose": np.transpose,
    "antitranspose": lambda a: np.rot90(a, 2).T,
}


def frames(*shape: int, dtype: str = "<u2", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1000, shape).astype(dtype)


def prepare(values: np.ndarray, mask: np.ndarray | None = None, **options: Any) -> torch.Tensor:
    preparation = Preparation(frame_shape=values.shape[1:], frame_dtype=values.dtype, **options)
    return preparation(values, mask).magnitudes


@pytest.mark.parametrize("name", D4_BY_NUMPY)
def test_orientations_are_numpys(name: D4) -> None:
    stack = frames(3, 6, 8)
    assert all(np.array_equal(orient(stack, name)[i], D4_BY_NUMPY[name](stack[i])) for i in range(3))
    point = orient_point((1, 6), (6, 8), name)
    assert orient(stack, name)[0][int(point[0]), int(point[1])] == stack[0, 1, 6]
    got = prepare(stack, orientation=name)
    turned = D4_BY_NUMPY[name](stack[1])
    n, (row, col) = 6, (turned.shape[0] // 2 - 3, turned.shape[1] // 2 - 3)
    expected = np.fft.ifftshift(np.sqrt(turned[row : row + n, col : col + n].astype(np.float32)))
    assert np.allclose(got[1].numpy(), expected)


@pytest.mark.parametrize("n", [7, 8])
@pytest.mark.parametrize("dtype", ["<u1", "<u2", ">u2", "<u4", "<i4", "<u8", "<f4", "<f8"])
def test_zero_frequency_comes_to_the_corner(n: int, dtype: str) -> None:
    stack = np.zeros((2, n, n), dtype)
    stack[:, n // 2, n // 2] = 81
    got = prepare(stack)
    assert float(got[1, 0, 0]) == 9
    assert float(got.sum()) == 18


def test_crop_about_a_centre_and_beyond_the_edge() -> None:
    stack = frames(1, 10, 12)
    got = prepare(stack, crop=6, centre=(2, 8))[0]
    square = np.full((6, 6), -1, np.float32)
    square[1:, :] = np.sqrt(stack[0, 0:5, 5:11].astype(np.float32))
    assert np.allclose(got.numpy(), np.fft.ifftshift(square))


def test_crop_with_the_centre_near_the_far_corner() -> None:
    stack = frames(1, 10, 12)
    got = prepare(stack, crop=8, centre=(9.2, 0))[0]
    square = np.full((8, 8), -1, np.float32)
    square[:5, 4:] = np.sqrt(stack[0, 5:10, 0:4].astype(np.float32))
    assert np.allclose(got.numpy(), np.fft.ifftshift(square))


@pytest.mark.parametrize("dtype", ["<u1", "<u2", ">u2", "<u4", "<i2", "<i4"])
def test_the_dtypes_maximum_is_never_trusted(dtype: str) -> None:
    stack = np.zeros((1, 4, 4), dtype)
    stack[0, 2, 2] = np.iinfo(dtype).max
    stack[0, 2, 3] = 9
    got = prepare(stack)[0]
    assert float(got[0, 0]) == -1
    assert float(got[0, 1]) == 3


def test_untrusted_pixels_leave_before_any_arithmetic() -> None:
    stack = np.full((1, 4, 4), 16.0)
    stack[0, 0, :] = [np.nan, np.inf, -1, 1e9]
    stack[0, 1, 0] = 0.5
    mask = np.ones((4, 4), np.uint8)
    mask[3, 3] = 0
    preparation = Preparation(frame_shape=(4, 4), frame_dtype=stack.dtype, valid_min=1, valid_max=1e6)
    magnitudes, counts = preparation(stack, mask)
    expected = np.full((4, 4), 4.0, np.float32)
    expected[0, :] = expected[1, 0] = expected[3, 3] = -1
    assert np.allclose(np.fft.fftshift(magnitudes[0].numpy()), expected)
    assert float(counts[0]) == 160


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"orientation": "rot90"},
        {"crop": 6, "centre": (2.0, 8.0)},
        {"crop": 8, "binning": 2, "centre": (2.0, 8.0)},
        {"corner": False},
    ],
)
def test_a_background_is_laid_out_as_a_frame(options: dict[str, Any]) -> None:
    stack = frames(1, 10, 12)
    preparation = Preparation(frame_shape=(10, 12), frame_dtype=stack.dtype, **options)
    laid = preparation.background(stack[0].astype(np.float64))
    assert torch.allclose(laid, preparation(stack).magnitudes[0].relu().square(), rtol=1e-5)
    assert float(laid.sum()) > 0


def test_the_mask_turns_with_the_frames() -> None:
    stack, mask = frames(1, 6, 6), np.ones((6, 6), bool)
    mask[0, 1] = False
    got = np.fft.fftshift(prepare(stack, mask, orientation="rot90")[0].numpy())
    assert np.argwhere(got == -1).tolist() == np.argwhere(~np.rot90(mask)).tolist()


def test_read_only_buffers_are_fine() -> None:
    stack = np.frombuffer(frames(2, 4, 4).tobytes(), "<u2").reshape(2, 4, 4)
    assert prepare(stack).shape == (2, 4, 4)


def test_width_of_the_stored_magnitudes() -> None:
    assert magnitude_dtype(np.dtype("<u2")) == torch.float16
    assert magnitude_dtype(np.dtype("<u4")) == torch.float32
    assert magnitude_dtype(np.dtype("<u4"), 2e5) == torch.float16
    assert magnitude_dtype(np.dtype("<f4")) == torch.float32
    counts = torch.arange(0.0, 2.6e5)
    rounded = counts.sqrt().half().float().square()
    assert bool(((rounded - counts).abs() <= counts.sqrt().clamp(min=1)).all())


def test_errors_say_what_was_expected_and_what_came() -> None:
    preparation = Preparation(frame_shape=(4, 6), frame_dtype=np.dtype("<u2"))
    with pytest.raises(ValueError, match=r"expected \(n, 4, 6\) uint16, got \(1, 4, 4\) uint16"):
        preparation(frames(1, 4, 4))
    with pytest.raises(ValueError, match="mask: expected"):
        preparation(frames(1, 4, 6), np.ones((4, 4)))
    with pytest.raises(ValueError, match="crop: expected 1 to 4 px"):
        Preparation(frame_shape=(4, 6), frame_dtype=np.dtype("<u2"), crop=5)
    with pytest.raises(ValueError, match="centre: expected a pixel"):
        Preparation(frame_shape=(4, 6), frame_dtype=np.dtype("<u2"), centre=(4, 0))


@pytest.mark.parametrize("corner", [True, False])
def test_binning_adds_up_squares_of_trusted_pixels(corner: bool) -> None:
    frames = np.random.default_rng(1).integers(0, 50, (2, 16, 16)).astype(np.uint16)
    mask = np.ones((16, 16), np.uint8)
    mask[5, 9] = 0
    prepared = Preparation(
        frame_shape=(16, 16), frame_dtype=frames.dtype, crop=12, binning=2, valid_max=49.0, corner=corner
    )(frames, mask)
    sums = frames[:, 2:14, 2:14].astype(float).reshape(2, 6, 2, 6, 2).sum(axis=(2, 4))
    sums[:, 1, 3] = 1.0  # squared again, -1 means the same
    expected = np.fft.ifftshift(sums, axes=(1, 2)) if corner else sums
    assert np.allclose(prepared.magnitudes.square(), expected, rtol=1e-5)
    assert int((prepared.magnitudes < 0).sum()) == 2
    sums[:, 1, 3] = 0
    assert np.allclose(prepared.counts, sums.sum(axis=(1, 2)))


def test_binning_must_divide_the_crop_and_widens_what_is_stored() -> None:
    with pytest.raises(ValueError, match="binning: expected a crop that is an even number of squares, got 3 for 16"):
        Preparation(frame_shape=(16, 16), frame_dtype=np.dtype("u2"), binning=3)
    dtype = Preparation(frame_shape=(16, 16), frame_dtype=np.dtype("u2"), binning=4).magnitude_dtype
    assert dtype == torch.float32
