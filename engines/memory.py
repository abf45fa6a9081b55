"""What a reconstruction will need, computed before it starts."""

from __future__ import annotations

import math

import torch

from engines import parallel
from engines.blocks import BLOCK_ROWS
from engines.chain import Chain
from engines.positions import Refinement
from engines.state import Engine


def rows_allocated(frames: int, planned: int) -> int:
    """Rows that a growing array has room for when it holds so many frames."""
    return planned + max(0, -(-(frames - planned) // BLOCK_ROWS)) * BLOCK_ROWS


def dataset_bytes(frames: int, size: int, dtype: torch.dtype, planned: int = 0) -> int:
    """Bytes of a dataset of square frames that holds so many."""
    return rows_allocated(frames, planned) * size * size * dtype.itemsize


def run_bytes(
    engine: Engine | Chain,
    frames: int,
    probe_shape: tuple[int, int, int],
    object_shape: tuple[int, int],
    planned: int = 0,
    threads: int | None = None,
    refinement: Refinement | None = None,
) -> int:
    """Bytes of a reconstruction on such a dataset, the dataset not included: object and probe with the copy that is
    kept in case of a fault, stored exit waves, and what an iteration allocates, or the refinement after it.
    """
    count = threads or parallel.threads()
    if isinstance(engine, Chain):
        return max(
            run_bytes(stage.engine, frames, probe_shape, object_shape, planned, count, refinement)
            for stage in engine.stages
        )
    kept = 2 * 8 * (math.prod(object_shape) + math.prod(probe_shape))
    stored = rows_allocated(frames, planned) * engine.exit_wave_bytes(probe_shape)
    refining = refinement.working_bytes(probe_shape, frames, count) if refinement else 0
    return kept + stored + max(refining, engine.working_bytes(probe_shape, object_shape, count))
