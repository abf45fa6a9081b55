"""docs/engines.md and docs/adding-an-engine.md say what the code does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from engines.dataset import GrowingDataset
from engines.offline import drive, offline_run
from engines.overlap import OverlapEngine
from engines.probes import initial_probe
from engines.projections import FourierConstraint, ProjectingEngine
from engines.simulate import Scan
from engines.table import engine_table
from engines.upkeep import upkeep

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_is_the_registry() -> None:
    assert engine_table() in (DOCS / "engines.md").read_text()


def test_every_field_that_is_named_exists() -> None:
    section = (DOCS / "engines.md").read_text().split("## What is known beside the data")[1].split("\n\n")[2]
    named = re.findall(r"`(\w+)`", section)
    assert named and set(named) <= set(ProjectingEngine.__dataclass_fields__)


def test_the_example_runs(scan: Scan, dataset: GrowingDataset) -> None:
    code = (DOCS / "adding-an-engine.md").read_text().split("```python\n")[1].split("```")[0]
    names = {
        "dataclass": dataclass,
        "ClassVar": ClassVar,
        "OverlapEngine": OverlapEngine,
        "Waves": object,
        "FourierConstraint": FourierConstraint,
    }
    exec(code, names)
    kind = names["AAR"]
    probe = initial_probe(
        "data,defocus=2.8mm", scan.geometry, float(dataset.counts().mean()), dataset.mean_magnitudes()
    )
    run = offline_run(kind(metrics_every=1), 30, dataset, scan.canvas, probe)  # type: ignore[operator]
    errors = [progress.error for progress in drive(run)]
    assert errors[-1] < 0.5 * errors[0]
    assert upkeep(run.engine, run.state, dataset.data(scan.canvas)).object is run.state.object  # type: ignore[arg-type]
