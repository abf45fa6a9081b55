"""How far neighbours are apart, how wide the light is, and what they share."""

import numpy as np
import pytest
import torch

from engines.overlap_measure import Overlap, step_px, width_px


def raster(step: float, n: int = 12) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), axis=-1).reshape(-1, 2) * step


def test_step_of_a_raster_that_was_visited_twice_with_jitter() -> None:
    positions = np.concatenate([raster(140.0), raster(140.0) + 0.1, np.full((1, 2), 1e7), np.full((1, 2), np.nan)])
    assert step_px(np.random.default_rng(0).permutation(positions)) == pytest.approx(140)


def test_one_place_has_no_neighbour() -> None:
    assert step_px(np.zeros((30, 2))) == 0
    assert step_px(np.zeros((0, 2))) == 0


def test_step_of_many_positions_is_that_of_some() -> None:
    assert step_px(raster(3.0, 120)) == pytest.approx(3)


@pytest.mark.parametrize("centre", [(32, 32), (20, 40)])
def test_width_of_a_disc_wherever_it_lies(centre: tuple[int, int]) -> None:
    rows, cols = np.mgrid[:64, :64]
    disc = torch.from_numpy(np.hypot(rows - centre[0], cols - centre[1]) <= 10).to(torch.complex64)
    assert width_px(torch.stack([disc, 0.1 * disc])) == pytest.approx(20, abs=1.5)


def test_the_figure_says_what_is_missing() -> None:
    assert str(Overlap(140, 90)) == "neighbouring positions are 140 px apart, the light is 90 px wide: overlap 0 %"
    assert Overlap(45, 90).linear == pytest.approx(0.5)
    assert Overlap(140, 90).linear == 0
