"""What a specification says of geometry, binning and position refinement, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engines.offline import offline_policy
from engines.propagation import NearField
from service.cli.options import spec_of
from service.descriptions import EngineSpec, Geometry, ReconstructionSpec
from service.formats import open_scan
from service.formats.plain_hdf5 import write_plain
from service.formats.result import read_result
from service.offline import reconstruct_scan
from service.setup import Setup
from service.specs import SpecError, merge_specs
from service.wire import Start

GEOMETRY = Geometry(energy_J=1.28e-15, distance_m=2.0, detector_pixel_m=75e-6)
START = Start(scan="s", frame_shape=(32, 32), dtype="<u2", geometry=GEOMETRY)
RPIE = EngineSpec(name="rpie")


def test_the_focus_makes_it_near_field() -> None:
    near = GEOMETRY.model_copy(update={"focus_distance_m": 1e-2})
    setup = Setup.of(START, {}, ReconstructionSpec(engine=RPIE, geometry=near))
    assert isinstance(setup.optics, NearField) and not setup.preparation.corner
    assert setup.optics.pixel_m == pytest.approx(75e-6 / 201)
    assert Setup.of(START, {}, ReconstructionSpec(engine=RPIE)).preparation.corner


def test_binning_keeps_the_pixel_of_the_object_in_far_field() -> None:
    plain, binned = (Setup.of(START, {}, ReconstructionSpec(engine=RPIE, binning=each)) for each in (None, 2))
    assert (plain.preparation.size, binned.preparation.size) == (32, 16)
    assert binned.optics.pixel_m == pytest.approx(plain.optics.pixel_m)
    with pytest.raises(SpecError, match="binning: expected a crop that is an even number of squares"):
        Setup.of(START, {}, ReconstructionSpec(engine=RPIE, binning=5))


def test_refinement_is_asked_for_on_the_command_line() -> None:
    assert spec_of("rpie", None, False).positions is None
    assert spec_of("rpie", None, True).positions == {}
    spec = spec_of("rpie", ["positions.method=correlation", "rpie.batch=2", "positions.every=2"], True)
    assert spec.positions == {"method": "correlation", "every": 2}
    assert spec.engine is not None and spec.engine.parameters == {"batch": 2}
    merged = merge_specs(spec, ReconstructionSpec(positions={"every": 4}))
    assert merged.positions == {"method": "correlation", "every": 4}
    assert merge_specs(spec, ReconstructionSpec()).positions == spec.positions


@pytest.mark.parametrize(("given", "says"), [({"method": "guess"}, "method"), ({"steps": 3}, "steps")])
def test_a_refinement_that_cannot_be_is_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=f"positions: {says}"):
        Setup.of(START, {}, ReconstructionSpec(engine=RPIE, positions=given))


@pytest.mark.parametrize("refine", [False, True])
def test_the_result_holds_the_positions_that_were_found(tmp_path: Path, refine: bool) -> None:
    generator = np.random.default_rng(0)
    frames = generator.poisson(20, (6, 32, 32)).astype(np.uint16)
    positions_m = generator.uniform(0, 5e-7, (6, 2))
    write_plain(tmp_path / "scan.h5", [frames], positions_m, GEOMETRY)
    policy = asdict(offline_policy(4))
    spec = ReconstructionSpec(engine=RPIE, live=policy, positions={"start": 1, "every": 1} if refine else None)
    with open_scan(tmp_path / "scan.h5") as scan:
        update = {"frame_shape": scan.frame_shape, "dtype": scan.dtype.str, "reconstruction": spec}
        reconstruct_scan(scan, START.model_copy(update=update), {}, tmp_path / "result.cxi", device=torch.device("cpu"))
    result = read_result(tmp_path / "result.cxi")
    assert np.allclose(result.positions_m, positions_m, atol=1e-15) is not refine
    assert np.abs(result.positions_m - positions_m).max() < 12 * result.pixel_m
    found = np.asarray(result.origin_m) + (result.positions_px + 16) * result.pixel_m
    assert np.abs(found - result.positions_m).max() < (1e-12 if refine else 0.51 * result.pixel_m)
    with h5py.File(tmp_path / "result.cxi") as file:
        assert file["positions_m"].shape == (6, 2)
