"""How far positions lie apart, compared with the beam."""

from __future__ import annotations

import numpy as np
import pytest

from engines.spacing import linear_overlap, neighbour_gaps


def raster(rows: int, cols: int, step_row: float, step_col: float) -> np.ndarray:
    grid = np.mgrid[:rows, :cols].reshape(2, -1).T
    return grid * np.array([step_row, step_col])


def test_overlap_of_a_raster_is_that_of_its_step() -> None:
    assert linear_overlap(raster(10, 10, 12, 12), 40) == pytest.approx(0.7)


def test_fine_lines_far_apart_are_found_out() -> None:
    assert linear_overlap(raster(6, 60, 36, 4), 40) == pytest.approx(0.1)


def test_first_line_of_a_raster_has_no_neighbours_above_or_below_to_miss() -> None:
    assert linear_overlap(raster(1, 30, 12, 12), 40) == pytest.approx(0.7)


def test_only_the_newest_positions_tell_where_the_scan_is_now() -> None:
    dense, coarse = raster(20, 20, 8, 8), raster(15, 15, 40, 40) + np.array([1000.0, 0.0])
    both = np.concatenate([dense, coarse])
    assert linear_overlap(both, 40, newest=200) == 0
    assert linear_overlap(both[:400], 40, newest=200) == pytest.approx(0.8)


def test_positions_visited_again_are_no_overlap() -> None:
    once = raster(5, 5, 36, 36)
    assert linear_overlap(np.concatenate([once, once]), 40) == pytest.approx(0.1)


def test_too_few_positions_tell_nothing() -> None:
    assert linear_overlap(raster(3, 3, 8, 8), 40) is None
    assert linear_overlap(np.zeros((20, 2)), 40) is None
    assert np.isinf(neighbour_gaps(np.zeros((1, 2)), np.zeros((5, 2)))).all()
