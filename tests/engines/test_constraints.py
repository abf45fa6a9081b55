from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engines.beam import Beam, BeamFit
from engines.constraints import bounded, moved, of_power, off_centre, smoothed, supported, supported_in_fourier_space
from engines.dataset import GrowingDataset
from engines.dm import DM
from engines.live import LiveRun
from engines.offline import drive, offline_run
from engines.optics import exit_waves, fft2, intensity
from engines.pie import RPIE
from engines.policy import LivePolicy
from engines.preparation import Prepared
from engines.probes import initial_probe
from engines.projections import magnitude_projection_, model_misfit
from engines.propagation import NearField, propagator
from engines.registry import ENGINES
from engines.simulate import Scan
from engines.state import Data, State
from engines.upkeep import upkeep, with_beam

SEED = torch.Generator().manual_seed(0)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=SEED)


@pytest.fixture
def probe(scan: Scan, dataset: GrowingDataset) -> torch.Tensor:
    mean = dataset.mean_magnitudes()
    return initial_probe("data,defocus=2.8mm", scan.geometry, float(dataset.counts().mean()), mean)


def flickering(scan: Scan, scales: np.ndarray, background: float) -> Data:
    """Expected counts of the truth under a beam, one frame without any."""
    counts = scan.expected(0, len(scan)) * torch.from_numpy(scales).float()[:, None, None] + background
    return Data.of(counts.sqrt(), torch.from_numpy(scan.canvas.to_pixels(scan.positions_m)))


def test_amplitude_and_phase_are_bounded() -> None:
    object = noise(20, 20) * 2
    inside = bounded(object, 0.5, 1.0, 0.3)
    assert float(inside.abs().min()) >= 0.499 and float(inside.abs().max()) <= 1.001
    assert float(inside.angle().abs().max()) <= 0.3001
    assert torch.allclose(bounded(object, 0.0, 100.0, None), object)


def test_a_probe_is_dark_outside_its_support() -> None:
    lit = supported(noise(2, 32, 32), 0.5)
    assert lit[0, 16, 16] != 0 and lit[0, 16, 25] == 0 and lit[1, 7, 16] == 0
    pupil = fft2(supported_in_fourier_space(noise(1, 32, 32), 0.5))[0]
    assert abs(pupil[0, 0]) > 1e-3 and abs(pupil[16, 16]) < 1e-5 and abs(pupil[0, 9]) < 1e-5


def test_power_moves_between_object_and_probe() -> None:
    object, probe = of_power(noise(40, 40), noise(2, 32, 32), 1e4)
    assert float(intensity(probe).sum()) == pytest.approx(1e4, rel=1e-5)
    again = of_power(object * 3, probe / 3, 1e4)
    assert torch.allclose(again[0], object, rtol=1e-4)


def test_only_dark_places_are_smoothed() -> None:
    object, light = noise(20, 20), torch.ones(20, 20)
    light[:, :10] = 0
    smooth = smoothed(object, light, 0.1)
    assert torch.equal(smooth[:, 10:], object[:, 10:])
    assert torch.allclose(smooth[5, 5], (object[4, 5] + object[6, 5] + object[5, 4] + object[5, 6]) / 4)


@pytest.mark.parametrize(("kind", "options"), [(DM, {}), (DM, {"half_waves": True}), (RPIE, {})])
def test_a_probe_that_wandered_comes_back_with_object_and_exit_waves(
    scan: Scan, dataset: GrowingDataset, kind: type[DM | RPIE], options: dict[str, bool]
) -> None:
    engine, data = kind(probe_centred=True, **options), dataset.data(scan.canvas)
    object = torch.roll(scan.object, (3, -4), dims=(0, 1))
    state = engine.admit(State(object=object, probe=moved(scan.probe, (3, -4))), data)
    before = model_misfit(state.object, state.probe, data).error
    back = upkeep(engine, state, data)
    assert off_centre(back.probe) == (0, 0)
    assert model_misfit(back.object, back.probe, data).error == pytest.approx(before, rel=1e-3)
    if back.exit_waves is not None:
        out = torch.empty(1, *back.probe.shape, dtype=torch.complex64)
        expected = exit_waves(back.probe, back.object, data.positions[7:8], out)
        found = back.exit_waves.load(7, 8, torch.empty_like(out))
        assert torch.allclose(found, expected, atol=1e-3 * float(expected.abs().max()))


def test_a_probe_in_near_field_stays_where_the_detector_sees_it(scan: Scan, dataset: GrowingDataset) -> None:
    geometry = NearField(
        wavelength_m=1e-10, distance_m=1.0, focus_distance_m=0.01, detector_pixel_m=6.5e-6, size=scan.geometry.size
    )
    data = replace(dataset.data(scan.canvas), propagator=propagator(geometry, torch.device("cpu")))
    state = State(object=scan.object, probe=moved(scan.probe, (3, -4)))
    assert torch.equal(upkeep(RPIE(probe_centred=True), state, data).probe, state.probe)


def test_nothing_is_done_that_was_not_asked_for(scan: Scan, dataset: GrowingDataset, probe: torch.Tensor) -> None:
    state = State(object=scan.object, probe=probe)
    after = upkeep(RPIE(), state, dataset.data(scan.canvas))
    assert after.object is state.object and after.probe is state.probe and after.beam is None


def test_a_beam_is_part_of_the_projection() -> None:
    waves, magnitudes = noise(3, 1, 8, 8), noise(3, 8, 8).abs()
    beam = Beam(scales=torch.tensor([1.0, 0.5, 0.0]), background=torch.full((8, 8), 0.2)).of(range(3))
    projected = magnitude_projection_(waves.clone(), magnitudes, beam=beam)
    ratio = (projected / waves)[:, 0].real
    assert torch.allclose(ratio[1], magnitudes[1] / (0.5 * waves[1, 0].abs().square() + 0.2).sqrt(), rtol=1e-4)
    assert torch.equal(projected[2], waves[2]), "a frame without beam says nothing"


def test_a_frame_that_is_not_fitted_yet_counts_as_one() -> None:
    beam = Beam(scales=torch.tensor([0.9, 1.1]), background=torch.zeros(4, 4))
    assert beam.of(range(1, 4)).scales.flatten().tolist() == pytest.approx([1.1, 1, 1])


@pytest.mark.parametrize("name", ["rpie", "dm", "ml"])
def test_every_kind_of_engine_models_the_beam(scan: Scan, name: str) -> None:
    """At the truth nothing is left to explain, if flicker and background are known."""
    scales = np.random.default_rng(0).uniform(0.8, 1.2, len(scan))
    data = flickering(scan, scales, 0.3)
    beam = Beam(scales=torch.from_numpy(scales).float(), background=torch.full((64, 64), 0.3))
    engine = ENGINES[name](metrics_every=1)  # type: ignore[call-arg]
    truth = State(object=scan.object.clone(), probe=scan.probe.clone())
    with_beam = engine.admit(replace(truth, beam=beam), data)
    assert engine.step(with_beam, data).error < 1e-3
    assert engine.step(engine.admit(truth, data), data).error > 0.02


@pytest.mark.parametrize("name", ["rpie", "ml"])
def test_a_measured_background_is_held_from_the_first_iteration(scan: Scan, name: str) -> None:
    """Pixels that glow, told of beforehand: the truth stays the truth, and what is not told of is not."""
    glow = torch.zeros(64, 64)
    glow[25:40, 25:40] = 300.0
    counts = scan.expected(0, len(scan)) + glow
    dataset = GrowingDataset(64, len(scan), torch.float32)
    prepared = Prepared(counts.sqrt(), counts.sum(dim=(1, 2)))
    dataset.append(prepared, scan.positions_m, np.arange(len(scan)))
    policy = LivePolicy(start_after=1, chunk=1, final_iterations=2)
    errors = []
    for background in (glow, None):
        run = LiveRun(ENGINES[name](), policy, dataset, scan.canvas, scan.probe, background=background)
        run.state = replace(run.state, object=scan.object.clone())
        errors.append([progress.error for progress in drive(run)])
    assert max(errors[0]) < 1e-3 and min(errors[1]) > 0.02
    assert run.state.beam is None


def test_a_measured_background_and_a_constant_add_up(scan: Scan, dataset: GrowingDataset) -> None:
    frame = torch.arange(64.0 * 64).reshape(64, 64)
    data = replace(dataset.data(scan.canvas), background=frame)
    state = with_beam(RPIE(background_counts=2.0), State(object=scan.object, probe=scan.probe), data)
    assert state.beam is not None
    assert torch.equal(state.beam.background, frame + 2)
    assert torch.equal(frame, torch.arange(64.0 * 64).reshape(64, 64)), "it is shared, and stays as it is"


def test_flicker_background_and_lost_frames_are_found(scan: Scan, probe: torch.Tensor) -> None:
    scales = np.random.default_rng(0).uniform(0.9, 1.1, len(scan))
    scales[17] = 0.0
    data = flickering(scan, scales, 2.0)
    engine = RPIE(fit_intensities=True, background="constant", fit_start=1)
    state = State(object=scan.object, probe=scan.probe)
    for iteration in range(1, 60, 5):
        state = upkeep(engine, replace(state, iteration=iteration), data)
    assert state.beam is not None
    assert state.beam.lost.tolist() == [17]
    kept = np.arange(len(scan)) != 17
    assert np.corrcoef(state.beam.scales.numpy()[kept], scales[kept])[0, 1] > 0.9
    assert float(state.beam.background.mean()) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("dark", [0.0, 0.002])
def test_frames_with_beam_are_told_from_a_majority_without(dark: float) -> None:
    rows, cols = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    positions = torch.stack([rows.flatten(), cols.flatten()], dim=1)
    truth = torch.where(positions[:, 1] % 5 < 2, 1 + 0.02 * (positions[:, 0] - 3.5), dark)
    fit = BeamFit(Beam.even(64, torch.zeros(4, 4)), 64, "none", True)
    fit.add(list(range(64)), torch.ones(64, 4, 4), truth.sqrt()[:, None, None].expand(64, 4, 4))
    found = fit.result(positions)
    assert torch.equal(torch.from_numpy(found.lost), torch.nonzero(truth == dark).flatten())
    torch.testing.assert_close(found.scales[truth > dark], torch.ones(32), atol=0.1, rtol=0)


def test_constraints_hold_in_a_run(scan: Scan, dataset: GrowingDataset, probe: torch.Tensor) -> None:
    engine = RPIE(object_amplitude_max=1.0, object_phase_max=math.pi / 2, probe_support=0.9, probe_power=True)
    run = offline_run(engine, 5, dataset, scan.canvas, probe)
    assert list(drive(run))[-1].error < 0.3
    assert float(run.state.object.abs().max()) <= 1.001
    assert float(intensity(run.state.probe).sum()) == pytest.approx(float(dataset.counts().mean()), rel=1e-3)
