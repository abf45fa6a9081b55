"""Orders, schemes and the grid, on scans so small that only what is done can be judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from engines import parallel
from engines.dm import DM
from studies.grid import GridStudy
from studies.growing import GrowingStudy, schemes, together
from studies.orders import Order, fermat, jittered_raster, ordered
from studies.others import run_grid, run_growing
from studies.presets import GridPoint, GridPreset, GrowingPreset, Preset, read_preset
from studies.reconstruction import Start, run_of
from studies.store import Record, Store

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "studies"
GROWING = GrowingPreset(
    size=32,
    side=4,
    step_px=2,
    photons=1e8,
    engines=("dm",),
    patterns_per_step=5,
    iterations_per_step=5,
    iterations=40,
    over_iterations=40,
    shares=(2,),
    crop_px=10,
)
GRID = GridPreset(
    size=32,
    frames=30,
    iterations=20,
    crop_px=10,
    overlap_steps_px=(2,),
    steps_px=(2,),
    chunk=(5, 25),
    start_after=(5, 25),
    iterations_per_chunk=(5,),
    photons=(1e8,),
    alpha=(1.0,),
    engine=("rpie",),
)


class Silent:
    def begin(self, total: float) -> None: ...

    def show(self, name: str, done: float) -> None: ...


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    parallel.set_threads(1)
    yield
    parallel.set_threads(1)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parallel.set_threads(1)
    folder = tmp_path_factory.mktemp("growing")
    run_growing(folder, GROWING, Silent(), with_figures=True)
    return folder


def record(folder: Path, name: str) -> Record:
    found = Store(folder, GROWING.model_dump(mode="json")).load(name)
    assert found is not None
    return found


@pytest.mark.parametrize("preset", [GrowingPreset(), GridPreset()], ids=["growing-subsets", "where-it-stops"])
def test_preset_files_are_the_presets(preset: Preset, request: pytest.FixtureRequest) -> None:
    path = CONFIGS / f"{request.node.callspec.id}.yaml"
    assert read_preset(path, type(preset)) == preset
    assert set(yaml.safe_load(path.read_text())) == set(type(preset).model_fields), "every field is in the file"


@pytest.mark.parametrize("order", ["line", "snake", "random", "spirangle"])
def test_an_order_visits_each_place_once(order: Order) -> None:
    assert sorted(ordered(order, 5, 0).tolist()) == list(range(25))


def test_orders_go_as_their_names_say() -> None:
    assert ordered("snake", 3, 0).tolist() == [0, 1, 2, 5, 4, 3, 6, 7, 8]
    assert ordered("spirangle", 3, 0).tolist() == [0, 1, 2, 5, 8, 7, 6, 3, 4], "inwards"
    assert ordered("random", 5, 1).tolist() == ordered("random", 5, 1).tolist() != ordered("random", 5, 2).tolist()


def test_fermat_is_as_dense_as_the_raster() -> None:
    points = fermat(400, 3.0)
    radius = np.hypot(*points.T).max()
    assert np.pi * radius**2 / 400 == pytest.approx(9, rel=0.01)
    nearest = np.sort(np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)), axis=1)[:, 1]
    assert nearest.min() > 0.5 * 3


def test_jitter_stays_within_its_share() -> None:
    moved = jittered_raster(6, 10.0, 0) - jittered_raster(6, 10.0, 1)
    assert 0 < np.abs(moved).max() <= 6


def test_a_frame_is_the_same_whenever_it_comes() -> None:
    study = GrowingStudy(GROWING)
    scan = study.scan("line")
    line, random = (
        np.concatenate([chunk.prepared.magnitudes.numpy() for chunk in study._feed(scan, order)])
        for order in ("line", "random")
    )
    places = ordered("random", 4, 0)
    assert np.array_equal(random, line[places])


def test_subsets_grow_and_the_total_is_kept(grown: Path) -> None:
    growing, whole, over = (
        record(grown, f"dm-{name}") for name in ("growing-line", "reference", "over-optimised-line")
    )
    assert growing.column("frames").tolist() == [5] * 5 + [10] * 5 + [15] * 5 + [16] * 25
    assert whole.column("frames").tolist() == [16] * 40
    assert over.column("frames").tolist() == [5] * 40 + [10] * 40 + [15] * 40 + [16] * 40


def test_sums_in_shares_give_the_serial_result(grown: Path) -> None:
    rows = {row["scheme"]: row for row in json.loads((grown / "results.json").read_text())["rows"]}
    assert 0 < rows["sums-in-2-shares"]["plain difference"] < 1e-4, "forty iterations: rounding has not been forgotten"
    assert rows["growing-line"]["plain difference"] > 1e-2


def test_disjoint_subsets_that_are_averaged_end_elsewhere(grown: Path) -> None:
    rows = {row["scheme"]: row for row in json.loads((grown / "results.json").read_text())["rows"]}
    assert rows["four-subsets-averaged"]["over reference"] > 10
    assert rows["reference"]["over reference"] == 1
    assert set(rows) == {scheme.name for scheme in schemes(GROWING)}


def test_averaged_runs_share_the_mean() -> None:
    study = GrowingStudy(GROWING)
    scan = study.scan("line")
    feed = study._feed(scan, "line")
    policy = GridStudy(GRID)._policy(GridPoint())
    runs = [run_of(scan, DM(), policy, Start(probe="round:50nm,defocus=100um"), feed[i::2]) for i in range(2)]
    steps = together(runs, every=3)
    for _ in range(2):
        next(steps)
    assert not np.array_equal(runs[0].state.object, runs[1].state.object)
    mean = (runs[0].state.object + runs[1].state.object) / 2
    assert next(steps).frames == 16, "all frames together"
    assert np.array_equal(runs[0].state.object, runs[1].state.object)
    assert np.array_equal(runs[0].state.probe, runs[1].state.probe)
    assert not np.array_equal(runs[0].state.object, mean), "the third iteration came before the mean"


def test_grid_writes_a_row_for_each_point(tmp_path: Path) -> None:
    rows, elsewhere = run_grid(tmp_path, GRID, None, Silent(), with_figures=True)
    assert elsewhere == []
    assert [row["varied"] for row in rows] == [what for what, _ in GRID.points]
    assert all(row["iterations"] == 20 for row in rows), "live and offline get the same total"
    assert {"where-it-stops.png", "index.html"} <= {p.name for p in tmp_path.iterdir()}


def test_grid_does_the_part_that_is_asked_for(tmp_path: Path) -> None:
    rows, _ = run_grid(tmp_path, GRID, ("engine",), Silent(), with_figures=False)
    assert [row["varied"] for row in rows] == ["engine"]
    with pytest.raises(ValueError, match="expected some of overlap, chunk, start-after"):
        run_grid(tmp_path, GRID, ("engines",), Silent(), with_figures=False)


def test_only_what_is_done_is_told_when_no_work_is_asked_for(tmp_path: Path) -> None:
    assert run_grid(tmp_path, GRID, None, Silent(), with_figures=True, work=False) == ([], [])
    assert not list((tmp_path / "runs").iterdir())
    assert run_growing(tmp_path / "growing", GROWING, Silent(), with_figures=False, work=False) == ([], [])


def test_points_that_differ_only_live_share_their_offline_run() -> None:
    names = [task.name for task in GridStudy(GridPreset()).tasks()]
    assert len(names) == len(set(names))
    assert GridPoint(chunk=5).offline_name == GridPoint(start_after=5).offline_name != GridPoint(alpha=1).offline_name
