"""A measured background comes with a scan's start and is part of the worker's model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from service.descriptions import EngineSpec, ReconstructionSpec
from tests.service.work import FRAMES, SIZE, Work


def test_a_background_of_the_start_reaches_the_model(tmp_path: Path) -> None:
    """One that is not there makes the true probe fit worse."""
    live = {"start_after": 10, "chunk": 10, "final_iterations": 5}
    errors = {}
    for counts in (0.0, 50.0):
        spec = ReconstructionSpec(engine=EngineSpec(name="rpie"), live=live)
        work = Work(tmp_path / str(counts), spec, background=np.full((SIZE, SIZE), counts, np.float32))
        laid = work.runner.setup.background(torch.device("cpu"))
        assert laid is not None and float(laid.mean()) == counts
        work.record(range(FRAMES))
        work.end()
        assert work.finish().state == "finished"
        errors[counts] = work.runner.status.error
        work.close()
    assert errors[0.0] is not None and errors[50.0] is not None
    assert errors[50.0] > 1.2 * errors[0.0]
