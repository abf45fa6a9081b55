"""The scan map and the diffraction patterns: what is said of each frame, and what they look like on their way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engines.dataset import GrowingDataset
from engines.preparation import Preparation
from service.browser import POINT_COLUMNS, POINT_STATES, ImageRequest
from service.pairing import Pairing
from service.patterns import PatternSum, centred, newest_pattern
from service.survey import ARRAYS, NUMBERS, Survey, make_pattern, make_points
from service.surveyor import points

SIZE = 16


def survey() -> Survey:
    random = np.random.default_rng(0)
    latest = random.poisson(50, (SIZE, SIZE)).astype(np.float32)
    latest[3, 4] = np.nan
    latest[5, 6] = 1e6
    saturated = np.zeros((SIZE, SIZE), bool)
    saturated[7, 8] = True
    return Survey(
        number=3,
        iteration=17,
        frames=20,
        latest_index=19,
        summed_frames=18,
        data_ns=5,
        points=random.random((20, len(POINT_COLUMNS))).astype(np.float32),
        latest=latest,
        summed=latest * 18,
        saturated=saturated,
    )


def preparation(**fields: Any) -> Preparation:
    return Preparation(**({"frame_shape": (SIZE, SIZE), "frame_dtype": np.dtype("<u2")} | fields))


def decoded(image: Any, layer: int = 0) -> NDArray[Any]:
    """Values as the browser reads them, NaN where not trusted."""
    one = image.layers[layer]
    codes = np.frombuffer(one.data, "<u2" if one.bits == 16 else "u1").reshape(image.shape[1:])
    values = one.low + (codes - 1.0) / (2**one.bits - 2) * (one.high - one.low)
    return np.where(codes > 0, values, np.nan)


def test_comes_back_from_bytes_and_from_disk(tmp_path: Path) -> None:
    before = survey()
    before.save(tmp_path / "survey.h5")
    for after in (Survey.from_parts([bytes(part) for part in before.to_parts()]), Survey.load(tmp_path / "survey.h5")):
        assert all(np.array_equal(getattr(before, name), getattr(after, name), equal_nan=True) for name in ARRAYS)
        assert all(getattr(before, name) == getattr(after, name) for name in NUMBERS)


def test_pattern_reads_right_on_its_logarithmic_scale() -> None:
    image = make_pattern(survey(), ImageRequest(name="latest"), "r.1", 9)
    counts = 10 ** decoded(image) - 1
    assert np.allclose(counts, survey().latest, rtol=3e-4, atol=1e-3, equal_nan=True)
    assert np.array_equal(decoded(image, 1) == 1, survey().saturated)
    assert (image.frames, image.newest_index, image.pixel_m) == (20, 19, 0.0)
    assert make_pattern(survey(), ImageRequest(name="summed"), "r.1", 9).frames == 18


def test_a_hot_pixel_is_seen_in_the_overview() -> None:
    image = make_pattern(survey(), ImageRequest(name="latest", max_px=4), "r.1", 9)
    assert image.shape == (1, 4, 4) and image.step == 4
    assert np.nanmax(decoded(image)) == pytest.approx(6, abs=1e-3) and decoded(image, 1)[1, 2] == 1


def test_mask_and_saturation_are_told_apart() -> None:
    frame = np.full((SIZE, SIZE), 100, "<u2")
    frame[2, 3], frame[4, 5], frame[6, 7] = 65535, 2000, 65535
    mask = np.ones((SIZE, SIZE), bool)
    mask[6, 7] = mask[8, 9] = False
    prepared = preparation(valid_max=1000.0, valid_min=1.0)
    counts, saturated = (centred(prepared, each) for each in newest_pattern(prepared, frame, mask))
    assert {tuple(at) for at in np.argwhere(saturated).tolist()} == {(2, 3), (4, 5)}
    assert {tuple(at) for at in np.argwhere(np.isnan(counts)).tolist()} == {(2, 3), (4, 5), (6, 7), (8, 9)}
    assert counts[0, 0] == 100


@pytest.mark.parametrize("dtype", ["<u2", "<f4"])
def test_saturation_follows_orientation_crop_and_type(dtype: str) -> None:
    frame = np.zeros((SIZE, SIZE), dtype)
    frame[SIZE // 2, SIZE // 2 + 1] = 900
    prepared = preparation(frame_dtype=np.dtype(dtype), valid_max=800.0, orientation="transpose", crop=8)
    saturated = centred(prepared, newest_pattern(prepared, frame, None)[1])
    assert np.argwhere(saturated).tolist() == [[5, 4]]


def filled(frames: int, orders: NDArray[np.int64]) -> GrowingDataset:
    dataset = GrowingDataset(SIZE, frames)
    stack = np.stack([np.full((SIZE, SIZE), index + 1, "<u2") for index in orders])
    stack[:, 0, 0] = 65535
    dataset.append(preparation()(stack), np.column_stack([orders, orders]) * 1e-6, orders)
    return dataset


def test_a_frame_that_is_taken_in_while_the_scan_map_is_made_does_not_spoil_it() -> None:
    came, dataset = Pairing(), filled(2, np.arange(2))
    came.add_frames(np.arange(2))
    came.add_positions(np.arange(2), np.zeros((2, 2)))

    def then_another() -> Any:
        found = came.came()
        if dataset.count == 2:  # from the thread that fills
            dataset.append(preparation()(np.ones((1, SIZE, SIZE), "<u2")), np.zeros((1, 2)), np.array([7]))
        return found

    session: Any = SimpleNamespace(pairs=[0, 1], came=then_another)
    feed: Any = SimpleNamespace(dataset=dataset, taken=2)
    setup: Any = SimpleNamespace(arrays={}, positions_m=lambda each: each)
    assert points(session, feed, setup, None, np.zeros(0))[:, 0].tolist() == [0, 1]


def test_sum_takes_each_frame_once_however_it_is_cut() -> None:
    dataset = filled(40, np.arange(40))
    before = dataset.magnitudes.rows(0, 40).clone()
    total = PatternSum(dataset)
    for _ in range(4):
        total.catch_up(15)
    pattern = centred(preparation(), total.total())
    assert total.frames == 40 and np.isnan(pattern[0, 0])
    assert pattern[5, 5] == pytest.approx(sum(range(1, 41)), rel=1e-3)
    assert torch.equal(dataset.magnitudes.rows(0, 40), before), "frames are looked at, never changed"


def table_of(came: Pairing, dataset: GrowingDataset, run: Any, plan: NDArray[Any], taken: int, errors: Any) -> Any:
    setup: Any = SimpleNamespace(arrays={"plan": plan} if len(plan) else {}, positions_m=lambda each: each)
    pairs = [0, 1, 2, 3, 5]
    session: Any = SimpleNamespace(pairs=pairs, came=came.came)
    feed: Any = SimpleNamespace(dataset=dataset, taken=taken)
    rows = points(session, feed, setup, run, errors)
    return {int(row[0]): dict(zip(POINT_COLUMNS, row.tolist(), strict=True)) for row in rows}


def state(point: dict[str, float]) -> str:
    return POINT_STATES[int(point["state"])]


def arrived() -> Pairing:
    """Frames 0 to 6 but 4, positions 0 to 5 and 30."""
    pairing = Pairing()
    pairing.add_frames(np.array([0, 1, 2, 3, 5, 6]))
    places = np.array([0, 1, 2, 3, 4, 5, 30])
    pairing.add_positions(places, np.column_stack([places, places]) * 1e-6)
    return pairing


def test_map_says_of_each_frame_what_became_of_it() -> None:
    dataset = filled(10, np.array([0, 1, 2]))
    run: Any = SimpleNamespace(
        data=SimpleNamespace(rows=np.array([0, 2])),
        taken=3,
        without_beam=np.zeros(0, np.int64),
        refined_px=np.array([[4.0, 5.0], [6.0, 7.0]]),
        canvas=SimpleNamespace(to_metres=lambda corners: corners * 1e-7),
    )
    plan = np.column_stack([np.arange(8), np.arange(8)]) * 1e-6
    table = table_of(arrived(), dataset, run, plan, 4, np.array([0.2, 0.3]))
    assert {index: state(point) for index, point in table.items()} == {
        0: "used",
        1: "outside",
        2: "used",
        3: "unreadable",
        4: "position only",
        5: "paired",
        6: "frame only",
        7: "planned",
        30: "position only",
    }
    assert table[2]["error"] == pytest.approx(0.3) and np.isnan(table[1]["error"])
    assert table[2]["refined_row_m"] == pytest.approx(6e-7) and table[30]["row_m"] == pytest.approx(30e-6)
    assert table[1]["intensity"] == pytest.approx(2 * (SIZE * SIZE - 1)) and np.isnan(table[5]["intensity"])


def test_map_without_a_plan_and_before_the_first_iteration() -> None:
    table = table_of(arrived(), filled(10, np.array([0, 1])), None, np.zeros((0, 2)), 2, np.zeros(0))
    assert {state(point) for point in table.values()} == {"paired", "position only", "frame only"}
    assert np.isnan(table[6]["row_m"]), "its position is not known"


@pytest.mark.parametrize("rows", [[0, 1], [0]])
def test_a_frame_without_beam_is_told(rows: list[int]) -> None:
    run: Any = SimpleNamespace(
        data=SimpleNamespace(rows=np.array(rows)),
        taken=2,
        without_beam=np.array([1]),
        refined_px=None,
    )
    table = table_of(arrived(), filled(10, np.array([0, 1])), run, np.zeros((0, 2)), 2, np.zeros(0))
    assert (state(table[0]), state(table[1])) == ("used", "no beam")


def test_map_travels_as_a_table() -> None:
    message = make_points(survey(), "r.1", 9)
    assert message.columns == POINT_COLUMNS and message.number == 3
    rows = np.frombuffer(message.data, "<f4").reshape(-1, len(message.columns))
    assert np.array_equal(rows, replace(survey()).points)
