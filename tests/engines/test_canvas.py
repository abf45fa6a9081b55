from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.canvas import MAX_CANVAS_PX, Canvas

PIXEL = 30e-9


def pixels(*positions: tuple[float, float]) -> np.ndarray:
    return np.array(positions, dtype=float) * PIXEL


def test_planned_canvas_holds_half_a_probe_and_a_margin() -> None:
    canvas = Canvas.from_positions(pixels((0, 0), (10, 20)), (8, 8), PIXEL, margin_px=3)
    assert canvas.shape == (10 + 8 + 6, 20 + 8 + 6)
    corners = canvas.to_pixels(pixels((0, 0), (10, 20)))
    assert corners.tolist() == [[3, 3], [13, 23]]
    assert canvas.inside(corners).all()
    # the window's centre [n // 2, n // 2] lies at the position
    assert np.allclose(np.array(canvas.origin_m) + (corners[1] + 4) * PIXEL, pixels((10, 20))[0])


def test_positions_outside_are_flagged_not_clamped() -> None:
    canvas = Canvas.from_positions(pixels((0, 0), (10, 20)), (8, 8), PIXEL, margin_px=3)
    corners = canvas.to_pixels(pixels((-3, 0), (-4, 0), (13, 23), (14, 0), (np.nan, 0), (1e12, 0), (-np.inf, 0)))
    assert canvas.inside(corners).tolist() == [True, False, True, False, False, False, False]


def test_rounding_to_the_nearest_pixel() -> None:
    canvas = Canvas.from_positions(pixels((0, 0)), (8, 8), PIXEL, margin_px=2)
    assert (canvas.to_pixels(pixels((0.4, -0.4), (0.6, 1.4))) - canvas.to_pixels(pixels((0, 0)))).tolist() == [
        [0, 0],
        [1, 1],
    ]


def test_growth_in_blocks_moves_no_pixel() -> None:
    canvas = Canvas.from_positions(pixels((0, 0)), (8, 8), PIXEL, margin_px=2, growable=True)
    grown = canvas.grown(pixels((-135, -3), (3, 300)))
    assert all((new - old) % 128 == 0 for new, old in zip(grown.shape, canvas.shape, strict=True))
    assert grown.inside(grown.to_pixels(pixels((-135, -3), (3, 300), (0, 0)))).all()
    shift = np.array(canvas.origin_px) - np.array(grown.origin_px)
    assert shift.tolist() == [128 * 2, 128]
    object = torch.randn(canvas.shape, dtype=torch.complex64)
    moved = grown.regrid(object, canvas)
    assert torch.equal(moved[256 : 256 + 12, 128 : 128 + 12], object)
    assert float((moved != 1).sum()) == object.numel()
    assert np.allclose(np.array(grown.origin_m) + shift * PIXEL, canvas.origin_m)
    assert torch.equal(canvas.regrid(moved, grown), object)


def test_a_planned_canvas_does_not_grow_and_no_canvas_grows_without_end() -> None:
    planned = Canvas.from_positions(pixels((0, 0)), (8, 8), PIXEL)
    assert planned.grown(pixels((500, 0))) == planned
    free = Canvas.from_positions(pixels((0, 0)), (8, 8), PIXEL, growable=True)
    assert free.grown(pixels((MAX_CANVAS_PX, 0), (np.nan, np.nan))) == free


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match="at least one and all finite, got 1"):
        Canvas.from_positions(pixels((np.nan, 0)), (8, 8), PIXEL)
    with pytest.raises(ValueError, match=f"edges up to {MAX_CANVAS_PX} px"):
        Canvas.from_positions(pixels((0, 0), (1e6, 0)), (8, 8), PIXEL)
    one = Canvas.from_positions(pixels((0, 0)), (8, 8), PIXEL)
    other = Canvas.from_positions(pixels((0, 0)), (8, 8), 2 * PIXEL)
    with pytest.raises(ValueError, match="expected the lattice"):
        one.regrid(torch.ones(other.shape, dtype=torch.complex64), other)
