"""What cannot be reconstructed is refused before it starts, with the bound, the value and the figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from service.checks import memory_refusal, overlap_warning
from service.descriptions import EngineSpec, Geometry, ReconstructionSpec
from service.formats import open_scan
from service.formats.plain_hdf5 import write_plain
from service.offline import reconstruct_scan
from service.setup import Setup
from service.specs import SpecError
from service.wire import Start
from tests.service.work import FRAMES, Work

GEOMETRY = Geometry(energy_J=1.28e-15, distance_m=2.0, detector_pixel_m=75e-6)
START = Start(scan="s", frame_shape=(32, 32), dtype="<u2", geometry=GEOMETRY)
RPIE = ReconstructionSpec(engine=EngineSpec(name="rpie"))
PIXEL_M = Setup.of(START, {}, RPIE).optics.pixel_m


def disc(size: int, radius: float, modes: int = 1) -> np.ndarray:
    rows, cols = np.mgrid[:size, :size] - size // 2
    return np.repeat((np.hypot(rows, cols) <= radius)[None], modes, axis=0).astype(np.complex64)


def plan(step_px: float) -> np.ndarray:
    steps = np.arange(5) * step_px * PIXEL_M
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


def with_(**fields: object) -> ReconstructionSpec:
    return RPIE.model_copy(update=fields)


def test_positions_without_overlap_are_refused_with_the_figure() -> None:
    with pytest.raises(SpecError, match=r"are 18 px apart, the light is 13 px wide: overlap 0 %; more than 0 %"):
        Setup.of(START, {"plan": plan(18), "probe": disc(32, 6)}, RPIE)
    with pytest.raises(SpecError, match=r"are 40 px apart, the light is 32 px wide: overlap 0 %"):
        Setup.of(START, {"plan": plan(40)}, RPIE)
    with pytest.raises(SpecError, match="positions: neighbouring positions are 10 px apart"):
        Setup.of(START, {"plan": plan(10)}, with_(probe=f"round:{4 * PIXEL_M * 1e9}nm"))
    assert Setup.of(START, {"plan": plan(18)}, RPIE), "the probe is not known yet: the window is as wide as it can be"


@pytest.mark.parametrize(("step_px", "warned"), [(10, True), (7, False)])
def test_little_overlap_is_warned_of(step_px: float, warned: bool) -> None:
    setup = Setup.of(START, {"plan": plan(step_px), "probe": disc(32, 6)}, RPIE)
    warning = overlap_warning(setup, plan(step_px), torch.from_numpy(disc(32, 6)))
    assert bool(warning) is warned
    assert not warned or "overlap 21 %; 40 % or more is good" in warning


def test_offline_warns_of_little_overlap_too(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).poisson(20, (25, 32, 32)).astype(np.uint16)
    write_plain(tmp_path / "scan.h5", [frames], plan(10), GEOMETRY)
    warnings: list[str] = []
    spec = with_(live={"start_after": 1, "chunk": 1, "final_iterations": 1})
    with open_scan(tmp_path / "scan.h5") as scan:
        start = START.model_copy(update={"dtype": scan.dtype.str, "reconstruction": spec})
        arrays = {"probe": disc(32, 6)}
        out, cpu = tmp_path / "result.cxi", torch.device("cpu")
        reconstruct_scan(scan, start, arrays, out, device=cpu, warn=warnings.append)
    assert len(warnings) == 1 and "overlap 21 %" in warnings[0]


@pytest.mark.parametrize(
    ("background", "says"),
    [
        (np.zeros((8, 8)), r"background: expected the frame's shape \(32, 32\), got \(8, 8\)"),
        (np.full((32, 32), 1j), "background: expected counts as real numbers, got complex128"),
        (np.where(np.eye(32) > 0, np.nan, 1), "background: expected counts from 0 on, got 32 pixels"),
        (-np.eye(32), "background: expected counts from 0 on, got 32 pixels"),
    ],
)
def test_a_background_that_no_detector_counts_is_refused(background: np.ndarray, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        Setup.of(START, {"background": background}, RPIE)
    laid = Setup.of(START, {"background": np.eye(32)}, RPIE).background(torch.device("cpu"))
    assert laid is not None and float(laid.sum()) == 32


def test_a_mask_that_leaves_nothing_is_refused() -> None:
    mask = np.zeros((32, 32), np.uint8)
    with pytest.raises(SpecError, match=r"mask: expected at least 1 trusted pixel in the 32 x 32 px .* got 0 \(0 in"):
        Setup.of(START, {"mask": mask}, RPIE)
    mask[0, 0] = 1
    assert Setup.of(START, {"mask": mask}, RPIE)
    with pytest.raises(SpecError, match=r"in the 16 x 16 px .* got 0 \(1 in the frame of 32 x 32\)"):
        Setup.of(START, {"mask": mask}, with_(crop=16))
    with pytest.raises(SpecError, match="got 0"):
        Setup.of(START, {"mask": mask}, with_(binning=2))
    with pytest.raises(SpecError, match=r"mask: expected the frame's shape \(32, 32\), got \(8, 8\)"):
        Setup.of(START, {"mask": mask[:8, :8]}, RPIE)


def test_thresholds_that_leave_nothing_are_refused() -> None:
    with pytest.raises(SpecError, match=r"valid_min: expected at most valid_max, 5.0, got 6.0"):
        Setup.of(START.model_copy(update={"valid_min": 6.0, "valid_max": 5.0}), {}, RPIE)


@pytest.mark.parametrize(("size", "fit"), [(48, "crop"), (47, "crop"), (20, "pad"), (21, "pad")])
def test_a_probe_of_another_size_is_refused_with_an_offer_that_works(size: int, fit: str) -> None:
    arrays = {"probe": disc(size, 6, 2)}
    with pytest.raises(SpecError, match=rf"expected \(mode, 32, 32\) .*\(2, {size}, {size}\); .*--probe-fit {fit}"):
        Setup.of(START, arrays, RPIE)
    other = "pad" if fit == "crop" else "crop"
    with pytest.raises(SpecError, match=f"--probe-fit {fit}"):
        Setup.of(START, arrays, with_(probe_fit=other))
    assert np.array_equal(Setup.of(START, arrays, with_(probe_fit=fit)).given_probe, disc(32, 6, 2))


@pytest.mark.parametrize(
    ("fields", "size"), [({"crop": 24}, 24), ({"binning": 2}, 16), ({"crop": 28, "binning": 2}, 14)]
)
def test_a_probe_of_the_whole_frame_goes_with_frames_that_are_cropped_or_binned(fields: dict, size: int) -> None:
    rows, cols = np.mgrid[:32, :32] - 16
    arrays = {"probe": np.exp(-(rows**2 + cols**2) / 4**2)[None].astype(np.complex64)}
    given = Setup.of(START, arrays, with_(**fields)).given_probe
    assert given.shape == (1, size, size) and given.dtype == np.complex64
    power = np.abs(given[0]) ** 2
    spread_px = np.sqrt((power * (np.mgrid[:size] - size // 2) ** 2).sum() / power.sum())
    assert spread_px == pytest.approx(2 * fields.get("crop", 32) / 32, rel=0.02), "its width in metres stays"


def test_a_probe_that_is_larger_one_way_and_smaller_the_other_has_no_offer() -> None:
    with pytest.raises(SpecError, match=r"got \(1, 20, 48\)$"):
        Setup.of(START, {"probe": np.ones((1, 20, 48), np.complex64)}, with_(probe_fit="crop"))


def test_more_modes_than_memory_are_refused_with_what_fits() -> None:
    cpu = torch.device("cpu")
    setup = Setup.of(START, {"probe": disc(32, 6)}, with_(modes=1_000_000))
    allowed = Setup.of(START, {}, with_(modes=7)).memory_bytes(100)
    says = memory_refusal(setup, 100, cpu, allowed)
    assert f"{allowed / 1e9:.3g} GB are free and allowed; at most 7 of its 1000000 modes fit" in says
    assert f"needs {setup.memory_bytes(100) / 1e9:.3g} GB on cpu" in says
    assert not memory_refusal(Setup.of(START, {}, with_(modes=7)), 100, cpu, allowed)
    assert "at most 0 of its" in memory_refusal(setup, 100, cpu, 10)


@pytest.mark.parametrize("then", [(), (EngineSpec(name="ml", iterations=5),)])
def test_a_refusal_for_memory_offers_exit_waves_in_half(then: tuple[EngineSpec, ...]) -> None:
    cpu, dm = torch.device("cpu"), EngineSpec(name="dm", iterations=9)
    half = EngineSpec(name="dm", iterations=9, parameters={"half_waves": True})
    needed = Setup.of(START, {}, with_(engine=half, then=then)).memory_bytes(5000)
    says = memory_refusal(Setup.of(START, {}, with_(engine=dm, then=then)), 5000, cpu, 1000)
    assert says.endswith(f"; with half_waves {needed / 1e9:.3g} GB")
    assert "half_waves" not in memory_refusal(Setup.of(START, {}, with_(engine=half, then=then)), 5000, cpu, 1000)


def test_a_scan_without_a_plan_is_refused_once_all_its_positions_are_known(tmp_path: Path) -> None:
    live = {"start_after": 100, "chunk": 10, "final_iterations": 2}
    for spread, state in ((1, "finished"), (20, "refused")):
        work = Work(tmp_path / state, with_(live=live), planned=False)
        work.record(range(FRAMES), spread * work.scan.positions_m)
        work.iterate(1)
        assert work.runner.status.state == "waiting"
        work.end()
        assert work.finish().state == state
        assert ("overlap 0 %" in work.status.message) is (state == "refused")
        work.close()
