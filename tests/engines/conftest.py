"""A tiny scan, small enough that every engine can run on it many times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engines import parallel
from engines.dataset import GrowingDataset
from engines.offline import Chunk, chunks
from engines.preparation import Preparation
from engines.simulate import Scan, simulate, spiral

MEASURED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    parallel.set_threads(1)
    yield
    parallel.set_threads(1)


@pytest.fixture(scope="session")
def scan() -> Scan:
    """60 frames of 64 x 64."""
    return simulate(spiral(60, 3.0), size=64, photons=1e7, outermost_zone_m=240e-9, defocus_m=3.0e-3, seed=1)


@pytest.fixture(scope="session")
def frames(scan: Scan) -> np.ndarray:
    return np.concatenate(list(scan.blocks()))


@pytest.fixture(scope="session")
def feed(scan: Scan, frames: np.ndarray) -> list[Chunk]:
    preparation = Preparation(frame_shape=(64, 64), frame_dtype=frames.dtype)
    return list(chunks(frames, scan.positions_m, preparation, chunk=10))


@pytest.fixture
def dataset(feed: list[Chunk]) -> GrowingDataset:
    dataset = GrowingDataset(64, 60, torch.float32)
    for chunk in feed:
        dataset.append(*chunk)
    return dataset


@pytest.fixture(scope="session")
def measured() -> Path:
    if not MEASURED.exists():
        pytest.skip(f"measured scans: expected them in {MEASURED}")
    return MEASURED
