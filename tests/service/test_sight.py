"""What is noticed of the frames as they come: saturation and light."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.saturation import Saturation
from service.sight import light

TOP = np.iinfo(np.uint16).max


def frames(*pixels: tuple[int, int, float], n: int = 1, dtype: Any = np.uint16) -> NDArray[Any]:
    made = np.full((n, 8, 8), 10, dtype)
    for row, col, value in pixels:
        made[-1, row, col] = value
    return made


def look(watch: Saturation, *many: NDArray[Any]) -> int:
    for each in many:
        watch.look(each)
    return watch.pixels


def test_pixels_above_the_valid_counts_are_saturated() -> None:
    watch = Saturation(1000.0, every_s=0)
    assert look(watch, frames((1, 1, 1000))) == 0
    assert look(watch, frames((1, 1, 1001), (2, 2, 5000))) == 2


def test_gaps_that_always_read_the_maximum_are_not_saturated_but_what_joins_them_is() -> None:
    watch = Saturation(every_s=0)
    gap = (0, 0, TOP)
    assert look(watch, frames(gap), frames(gap)) == 0
    assert look(watch, frames(gap, (4, 4, TOP))) == 1


def test_mask_says_what_to_look_at_from_the_first_frame_on() -> None:
    mask = np.ones((8, 8), np.uint8)
    mask[0, 0] = 0
    watch = Saturation(1000.0, mask, every_s=0)
    assert look(watch, frames((0, 0, TOP), (3, 3, TOP), (4, 4, 2000))) == 2


def test_only_the_latest_looks_count_and_only_when_it_is_time() -> None:
    watch = Saturation(1000.0, every_s=0)
    assert look(watch, frames((1, 1, 2000)), *[frames()] * 5) == 0
    rare = Saturation(1000.0, every_s=3600)
    assert look(rare, frames(), frames((1, 1, 2000))) == 0


def test_floats_have_no_maximum() -> None:
    watch = Saturation(every_s=0)
    assert look(watch, frames((1, 1, 1e30), dtype=np.float32)) == 0


@pytest.mark.parametrize(
    ("counts", "newest", "usual"),
    [([100.0] * 19, None, None), ([100.0] * 30, 100.0, 100.0), ([100.0] * 30 + [5.0] * 10, 5.0, 100.0)],
)
def test_light(counts: list[float], newest: float | None, usual: float | None) -> None:
    assert light(np.array(counts)) == {"counts_newest": newest, "counts_usual": usual}
