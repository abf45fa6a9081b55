"""What was asked for, from all sides, becomes one thing that can run, or a refusal that says why."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from engines.dm import DM
from engines.pie import RPIE
from service.descriptions import ELECTRON_VOLT_J, EngineSpec, Geometry, Orientation, ReconstructionSpec
from service.setup import Setup
from service.specs import SpecError, build_engine, build_policy, check_spec, merge_specs, schemas
from service.wire import Start

RPIE_SPEC = ReconstructionSpec(engine=EngineSpec(name="rpie"))


def start(**fields: object) -> Start:
    geometry = Geometry(energy_J=8e3 * ELECTRON_VOLT_J, distance_m=3.67, detector_pixel_m=75e-6)
    given = {"scan": "a", "frame_shape": (64, 96), "dtype": "<u2", "geometry": geometry}
    return Start.model_validate(given | fields)


def test_later_layers_win_field_by_field() -> None:
    first = ReconstructionSpec(engine=EngineSpec(name="rpie", parameters={"object_step": 0.5}), modes=3)
    second = ReconstructionSpec(engine=EngineSpec(name="rpie", parameters={"probe_step": 0.2}), live={"chunk": 5})
    merged = merge_specs(first, None, second, ReconstructionSpec(live={"start_after": 7}))
    assert merged.engine == EngineSpec(name="rpie", parameters={"object_step": 0.5, "probe_step": 0.2})
    assert (merged.modes, merged.live) == (3, {"chunk": 5, "start_after": 7})


def test_another_engine_brings_only_its_own_parameters() -> None:
    first = ReconstructionSpec(engine=EngineSpec(name="rpie", parameters={"object_step": 0.5}))
    merged = merge_specs(first, ReconstructionSpec(engine=EngineSpec(name="dm", parameters={"alpha": 1})))
    assert merged.engine is not None
    assert build_engine(merged.engine) == DM(alpha=1)


def test_seed_goes_to_engines_that_draw_numbers() -> None:
    assert build_engine(EngineSpec(name="rpie"), 5) == RPIE(seed=5)
    assert build_engine(EngineSpec(name="rpie", parameters={"seed": 2}), 5) == RPIE(seed=2)
    assert build_engine(EngineSpec(name="dm"), 5) == DM()


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        (EngineSpec(name="dmm"), r"expected one of dm, .*got 'dmm'"),
        (EngineSpec(name="dm", parameters={"alpha": 1.5}), r"alpha: .*less than or equal to 1, got 1.5"),
        (EngineSpec(name="dm", parameters={"alfa": 0.5}), r"alfa: .*Unexpected keyword argument"),
        (EngineSpec(name="rpie", parameters={"batch": "many"}), r"batch: .*integer.*got many"),
    ],
)
def test_impossible_engines_are_refused_with_bound_and_value(engine: EngineSpec, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        build_engine(engine)


def test_impossible_policies_and_probes_are_refused() -> None:
    with pytest.raises(SpecError, match=r"chunk: .*greater than or equal to 1, got 0"):
        build_policy({"chunk": 0})
    with pytest.raises(SpecError, match="expected one of round"):
        check_spec(merge_specs(RPIE_SPEC, ReconstructionSpec(probe="square:1um")))
    with pytest.raises(SpecError, match="with the scan's start"):
        Setup.of(start(), {}, merge_specs(RPIE_SPEC, ReconstructionSpec(probe="given")))
    with pytest.raises(SpecError, match=r"expected \(mode, 64, 64\)"):
        Setup.of(start(), {"probe": np.ones((1, 32, 32), np.complex64)}, RPIE_SPEC)


def test_schemas_carry_bounds_and_meaning() -> None:
    found = schemas()
    alpha = found["engines"]["dm"]["properties"]["alpha"]
    assert (alpha["minimum"], alpha["maximum"]) == (0, 1) and alpha["description"]
    assert found["live"]["properties"]["chunk"]["description"]


def test_geometry_and_orientation_belong_to_the_reconstruction() -> None:
    turned = Orientation(frames="rot90", axes="col,row", signs=(-1, 1))
    setup = Setup.of(
        start(centre=(10, 20), motion="sample"), {}, merge_specs(RPIE_SPEC, ReconstructionSpec(orientation=turned))
    )
    assert setup.preparation.size == 64
    assert setup.preparation.centre == (95 - 20, 10), "the centre turns with the frame"
    assert np.array_equal(setup.positions_m(np.array([[1.0, 2.0]])), [[2.0, -1.0]]), "swapped, signed, the sample's"
    assert setup.optics.pixel_m == pytest.approx(1.5498e-10 * 3.67 / (64 * 75e-6), rel=1e-4)


def test_canvas_without_a_plan_is_not_stretched_by_a_wild_position() -> None:
    setup = Setup.of(start(), {}, RPIE_SPEC)
    positions = np.zeros((30, 2))
    positions[7] = 1.0
    canvas = setup.canvas(positions)
    assert max(canvas.shape) < 200
    assert canvas.inside(canvas.to_pixels(positions)).sum() == 29


def test_memory_grows_with_frames_and_plan() -> None:
    setup = Setup.of(start(planned=5000), {}, RPIE_SPEC)
    assert setup.memory_bytes(10) == setup.memory_bytes(5000) < setup.memory_bytes(50_000)
    assert setup.memory_bytes(0) > 5000 * 64 * 64 * 2


def test_an_engine_s_own_parameters_come_first() -> None:
    names = list(schemas()["engines"]["rpie"]["properties"])
    places = [names.index(name) for name in ("object_regularisation", "object_step", "batch", "probe_start")]
    assert places == sorted(places)
    assert len(names) == len(set(names)) == len(TypeAdapter(RPIE).json_schema()["properties"])


def test_every_parameter_is_explained_in_its_schema() -> None:
    found = schemas()
    every = [*found["engines"].items(), ("live", found["live"]), ("positions", found["positions"])]
    bare = [
        (name, field) for name, each in every for field, its in each["properties"].items() if not its.get("description")
    ]
    assert not bare
