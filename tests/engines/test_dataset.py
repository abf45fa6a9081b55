from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from engines.blocks import BLOCK_ROWS, Blocks
from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.preparation import Prepared


def prepared(first: int, count: int, size: int = 4) -> Prepared:
    """Frame i holds the magnitude i everywhere."""
    magnitudes = torch.arange(first, first + count, dtype=torch.float32)[:, None, None].expand(count, size, size)
    return Prepared(magnitudes.clone(), magnitudes.square().sum(dim=(1, 2)))


def append(dataset: GrowingDataset, first: int, count: int) -> None:
    positions = np.stack([np.arange(first, first + count)] * 2, axis=1).astype(float)
    dataset.append(prepared(first, count), positions, np.arange(first, first + count) * 10, first)


def test_plan_is_allocated_once_and_zeroed() -> None:
    dataset = GrowingDataset(4, 100, torch.float16)
    assert (dataset.nbytes, dataset.count) == (100 * 16 * 2, 0)
    assert float(dataset.magnitudes.rows(0, 100).abs().sum()) == 0
    where = dataset.magnitudes.rows(0, 1).data_ptr()
    for first in range(0, 100, 25):
        append(dataset, first, 25)
    assert dataset.nbytes == 100 * 16 * 2
    assert dataset.magnitudes.rows(0, 1).data_ptr() == where


@pytest.mark.parametrize("planned", [0, 30])
def test_blocks_beyond_the_plan_never_move(planned: int) -> None:
    dataset = GrowingDataset(4, planned)
    append(dataset, 0, 25)
    where = dataset.magnitudes.rows(0, 1).data_ptr()
    for first in range(25, 625, 25):
        append(dataset, first, 25)
    assert dataset.magnitudes.rows(0, 1).data_ptr() == where
    assert dataset.magnitudes.capacity == planned + BLOCK_ROWS * -(-(625 - planned) // BLOCK_ROWS)
    scratch = torch.empty(8, 4, 4)
    canvas = Canvas.from_positions(dataset.positions_m(), (4, 4), 1.0)
    data = dataset.data(canvas)
    for frames in ([0], [254, 255, 256, 257], [29, 30, 31], [7, 3, 600], [624]):
        assert data.magnitudes(frames, scratch)[:, 0, 0].tolist() == frames
    assert dataset.indices(620).tolist() == [6200, 6210, 6220, 6230, 6240]
    assert dataset.arrived_ns(624).tolist() == [600]
    assert data.counts == pytest.approx(dataset.counts().sum())


def test_spans_do_not_cross_blocks() -> None:
    blocks = Blocks((2,), torch.float32, torch.device("cpu"), 10)
    blocks.reserve(11)
    assert list(blocks.spans(0, 270, 100)) == [(0, 10), (10, 110), (110, 210), (210, 266), (266, 270)]
    with pytest.raises(IndexError, match="expected them in one block, which ends at 10"):
        blocks.rows(8, 12)


def test_frames_outside_the_canvas_are_left_out() -> None:
    dataset = GrowingDataset(4, 10)
    append(dataset, 0, 10)
    canvas = Canvas.from_positions(dataset.positions_m(2, 7), (4, 4), 1.0, margin_px=0)
    data = dataset.data(canvas)
    assert data.rows.tolist() == [2, 3, 4, 5, 6]
    assert data.positions[0].tolist() == [0, 0]
    assert data.magnitudes(range(1, 3), torch.empty(2, 4, 4))[:, 0, 0].tolist() == [3, 4]


def test_data_that_are_extended_are_those_that_are_made_at_once() -> None:
    dataset = GrowingDataset(4, 50)
    append(dataset, 0, 20)
    append(dataset, 20, 20)
    canvas = Canvas.from_positions(dataset.positions_m(), (4, 4), 0.7)
    rows = np.array([0, 3, 5, 19, 20, 22, 39])
    whole, first = dataset.data(canvas, rows), dataset.data(canvas, rows[:4])
    extended = dataset.extended(first, canvas, rows[4:])
    for name in ("positions", "nominal", "counts", "magnitude_sum", "rows"):
        assert np.array_equal(getattr(extended, name), getattr(whole, name)), name
    assert first.count == 4 and extended.storage is whole.storage


def test_readers_see_only_what_is_complete() -> None:
    dataset = GrowingDataset(16, 100)
    wrong: list[str] = []

    def read() -> None:
        canvas = Canvas.from_positions(np.array([[0.0, 0.0], [2000.0, 2000.0]]), (16, 16), 1.0)
        scratch = torch.empty(1, 16, 16)
        while dataset.count < 1000:
            if count := dataset.count:
                data = dataset.data(canvas)
                got = data.magnitudes([count - 1], scratch)[0]
                if bool((got != count - 1).any()) or dataset.indices(count - 1, count)[0] != (count - 1) * 10:
                    wrong.append(f"frame {count - 1}: got {got[0, 0]}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for first in range(0, 1000, 5):
        positions = np.stack([np.arange(first, first + 5)] * 2, axis=1).astype(float)
        dataset.append(prepared(first, 5, 16), positions, np.arange(first, first + 5) * 10)
    for reader in readers:
        reader.join()
    assert wrong == []


def test_mean_magnitudes_leave_untrusted_pixels_out() -> None:
    dataset = GrowingDataset(4, 4)
    magnitudes = torch.full((2, 4, 4), 3.0)
    magnitudes[0, 0, 0] = magnitudes[:, 1, 1] = -1
    dataset.append(Prepared(magnitudes, torch.ones(2)), np.zeros((2, 2)), np.arange(2))
    mean = dataset.mean_magnitudes()
    assert (float(mean[0, 0]), float(mean[1, 1]), float(mean[2, 2])) == (3, 0, 3)


def test_append_says_what_it_expected() -> None:
    dataset = GrowingDataset(4, 4)
    with pytest.raises(ValueError, match=r"expected magnitudes \(2, 4, 4\).*got \(2, 5, 5\)"):
        dataset.append(prepared(0, 2, 5), np.zeros((2, 2)), np.arange(2))
