"""The study of real time against offline on a scan so small that its figures mean nothing, but its files do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from engines import parallel
from engines.dm import DM
from engines.policy import LivePolicy
from engines.simulate import spiral
from service.cli import app
from studies.command import Selection, run_realtime
from studies.pace import paced
from studies.presets import QUICK, Bounds, Case, RealtimePreset, read_preset
from studies.realtime import RealtimeCase
from studies.reconstruction import Start, feed_of, run_of
from studies.report import outcomes_of
from studies.rules import rules
from studies.sample import paper_scan
from studies.store import Store
from studies.work import Task

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "studies"
TINY = RealtimePreset(
    size=32,
    frames=40,
    steps_px=(2, 3),
    seeds=(0, 1),
    photons=1e8,
    further=(Case(step_px=2, photons=1e6),),
    chunk=10,
    iterations_per_chunk=10,
    more_iterations_per_chunk={3: 15},
    final_iterations=10,
    crop_px=12,
    early_frames=30,
    early_crop_px=8,
    rpie_iterations=5,
    bounds=Bounds(floor=1e-9, penalty={2: 1e9}, between={}, control=1e9, early={2: 1e9}),
)


class Silent:
    def __init__(self) -> None:
        self.names: list[str] = []

    def begin(self, total: float) -> None:
        self.names.append("begin")

    def show(self, name: str, done: float) -> None:
        self.names.append(name)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    parallel.set_threads(1)
    yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study."""
    parallel.set_threads(1)
    path = tmp_path_factory.mktemp("study")
    run_realtime(path, TINY, Selection(), Silent(), by_service=False, threads=1, with_figures=True)
    return path


def store_of(folder: Path) -> Store:
    return Store(folder, TINY.model_dump(mode="json"))


@pytest.mark.parametrize(("name", "preset"), [("realtime-vs-offline", RealtimePreset()), ("quick", QUICK)])
def test_preset_files_are_the_presets(name: str, preset: RealtimePreset) -> None:
    path = CONFIGS / f"{name}.yaml"
    assert read_preset(path, RealtimePreset) == preset
    assert set(yaml.safe_load(path.read_text())) == set(RealtimePreset.model_fields), "every field is in the file"


def test_a_step_that_converges_slowly_gets_more_iterations(folder: Path) -> None:
    store = store_of(folder)
    for step, chunks, final in ((2, 10, 10), (3, 15, 10)):
        live, offline = (store.load(f"step{step}-1e08-seed0-{kind}") for kind in ("live", "offline"))
        assert live is not None and offline is not None
        assert live.column("frames").tolist() == [30] * chunks + [40] * final
        assert len(offline.curve) == chunks + final
    assert "10, 15 at 3 px, and 10 after the last;" in (folder / "results.txt").read_text()


def test_a_misspelt_field_of_a_preset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("sise: 128\n")
    with pytest.raises(ValueError, match=r"mine\.yaml.*sise"):
        read_preset(path, RealtimePreset)


def test_all_runs_of_all_cases_are_there(folder: Path) -> None:
    kept = {path.stem for path in (folder / "runs").glob("*.npz")}
    full = {"live", "offline", "control", "small-chunks", "rpie-then-dm"}
    expected = {f"step{step}-1e08-seed{seed}-{kind}" for step in (2, 3) for seed in (0, 1) for kind in full}
    assert kept == expected | {f"step2-1e06-seed0-{kind}" for kind in ("live", "offline", "control")}


def test_live_sees_frames_as_they_come_and_as_many_iterations_as_offline(folder: Path) -> None:
    store = store_of(folder)
    live, offline = (store.load(f"step2-1e08-seed0-{kind}") for kind in ("live", "offline"))
    assert live is not None and offline is not None
    assert live.column("frames").tolist() == [30] * 10 + [40] * 10, "the default waits for 25 frames"
    assert offline.column("frames").tolist() == [40] * 20
    known = np.isfinite(offline.column("nmse"))
    assert offline.column("iteration")[known].tolist() == [i for i in range(1, len(known) + 1) if i % 10 == 0]


def test_frames_at_each_iteration_are_kept() -> None:
    preset = TINY.model_copy(update={"frames": 60, "chunk": 25})
    case = RealtimeCase(preset, preset.cases[0])
    scan = case.scan()
    feed = feed_of(scan, 25)
    run = run_of(scan, DM(), case.policy(25), case.start(), feed[:1])
    from engines.offline import drive

    seen = [progress.frames for progress in drive(run, feed[1:])]
    assert seen == [25] * 10 + [50] * 10 + [60] * 10
    assert case.planned == 30


def test_control_starts_elsewhere() -> None:
    case = RealtimeCase(TINY, TINY.cases[0])
    scan = case.scan()
    feed = feed_of(scan, 10)
    policy = LivePolicy(start_after=1, chunk=1, final_iterations=3)
    usual = run_of(scan, DM(), policy, case.start(), feed)
    another = run_of(scan, DM(), policy, case.start(another=True), feed)
    assert np.allclose(another.state.probe.numpy(), 0.8 * usual.state.probe.numpy())
    assert np.allclose(another.state.object.numpy(), 0.9)
    assert np.allclose(usual.state.object.numpy(), 1)


def test_a_finished_study_is_not_done_again_and_says_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads((folder / "results.json").read_text())
    monkeypatch.setattr(RealtimeCase, "_perform", lambda *_: pytest.fail("done again"))
    run_realtime(folder, TINY, Selection(), Silent(), by_service=False, threads=1, with_figures=False)
    assert json.loads((folder / "results.json").read_text()) == before


def test_rules_take_the_worst_seed_and_know_what_holds(folder: Path) -> None:
    outcomes = [outcome for outcome, _ in outcomes_of(store_of(folder), TINY)]
    found = rules(outcomes, TINY)
    floor = next(rule for rule in found if rule.number == 1 and rule.step_px == 2)
    each = [o.nmse("live", "truth") / o.floor for o in outcomes if o.bounded and o.case.step_px == 2]  # type: ignore[operator]
    assert floor.figure == max(each) and floor.seeds == 2
    assert floor.holds is False, "the bound of this preset cannot be met"
    penalty = {rule.step_px: rule for rule in found if rule.number == 2}
    assert penalty[2].holds is True and penalty[3].holds is None, "a bound only where one is given"
    assert [rule.step_px for rule in found if rule.number == 4] == [2]
    assert {rule.number for rule in found} == {1, 2, 3, 4, 5, 6}


def test_missing_runs_leave_their_rules_out(folder: Path) -> None:
    outcome = outcomes_of(store_of(folder), TINY)[0][0]
    pairs = {names: pair for names, pair in outcome.pairs.items() if "control" not in names}
    found = rules([replace(outcome, pairs=pairs)], TINY)
    assert [rule.what for rule in found if rule.number == 3] == ["live against offline, NMSE"]


def test_tables_figures_and_page_are_written(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {f"results.{kind}" for kind in ("txt", "csv", "json")} | {"index.html"} <= names
    assert {"frames.png", "errors.png", "rings.png"} <= names
    assert {"objects-2px.png", "differences-2px.png", "differences-3px.png"} <= names
    page = (folder / "index.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "nothing is loaded from elsewhere"
    assert page.count("<img") == 7 and "MISSED" in page
    lines = (folder / "results.csv").read_text().splitlines()
    told = json.loads((folder / "results.json").read_text())
    assert len(lines) == 1 + len(told["figures"]) == 1 + 4 * 7 + 1 * 5
    assert told["preset"]["alpha"] == 0.8 and told["rules"][0]["holds"] is False


def test_a_selection_does_its_part_only(tmp_path: Path) -> None:
    chosen = Selection.parse("3", "1", "live")
    run_realtime(tmp_path, TINY, chosen, Silent(), by_service=False, threads=1, with_figures=False)
    assert [path.stem for path in (tmp_path / "runs").glob("*.npz")] == ["step3-1e08-seed1-live"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ten", None, None), "expected numbers with commas"),
        ((None, "1.5", None), "expected numbers with commas"),
        ((None, None, "life"), "expected some of live, offline"),
    ],
)
def test_a_selection_that_says_nothing_is_refused(words: tuple[str | None, str | None, str | None], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Selection.parse(*words)


def test_a_selection_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="steps of 2, 3 px and seeds 0, 1"):
        Selection.parse("7", None, None).runs(TINY)


@pytest.mark.parametrize(
    ("frame_delay_s", "expected"),
    [(1e6, [10] * 3 + [20] * 3 + [30] * 5), (1e-9, [10] + [30] * 5)],
)
def test_by_the_clock_frames_come_when_they_are_due(frame_delay_s: float, expected: list[int]) -> None:
    """Slow frames are waited for, without waiting; fast ones are all there after the first iteration."""
    scan = paper_scan(spiral(30, 2), size=32, photons=1e8, seed=0)
    feed = feed_of(scan, 10)
    policy = LivePolicy(start_after=10, chunk=10, max_iterations_per_chunk=3, final_iterations=5)
    run = run_of(scan, DM(), policy, Start(probe="round:50nm,defocus=100um"), feed[:1])
    assert [progress.frames for progress in paced(run, feed[1:], frame_delay_s)] == expected


def test_tasks_know_what_they_need() -> None:
    case = RealtimeCase(TINY, TINY.cases[0])
    tasks: dict[str, Task] = {task.name.split("-seed0-")[1]: task for task in case.tasks(None, TINY.kinds(case.case))}  # type: ignore[arg-type]
    assert tasks["live"].needs is None
    assert tasks["rpie-then-dm"].needs == case.name("offline")
    assert tasks["offline"].needs == case.name("live")


def test_without_a_terminal_each_run_is_a_line(tmp_path: Path) -> None:
    preset = tmp_path / "tiny.yaml"
    preset.write_text(yaml.safe_dump(TINY.model_dump(mode="json")))
    options = ["--preset", str(preset), "--out", str(tmp_path), "--no-figures", "--steps", "2", "--seeds", "0"]
    told = CliRunner().invoke(app, ["study", "realtime-vs-offline", *options, "--only", "live,offline"]).stderr
    lines = re.findall(r"^\d\d:\d\d:\d\d +(\d+) % (\S+)$", told, re.MULTILINE)
    cases = ("step2-1e08-seed0", "step2-1e06-seed0")
    assert [name for _, name in lines] == [f"{case}-{kind}" for case in cases for kind in ("live", "offline")]
    shares = [int(share) for share, _ in lines]
    assert shares == sorted(shares) and 0 < shares[-1] < 100
