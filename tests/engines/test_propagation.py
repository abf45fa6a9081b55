from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engines.canvas import Canvas
from engines.dataset import GrowingDataset
from engines.offline import drive, offline_run
from engines.optics import FarField, exit_waves, intensity, propagate
from engines.pie import RPIE
from engines.preparation import Preparation
from engines.probes import initial_probe
from engines.propagation import FOURIER, Fresnel, NearField, Propagator, propagator
from engines.registry import ENGINES
from engines.simulate import Scan, simulate, spiral
from engines.subpixel import shift_

CPU = torch.device("cpu")
CONE = NearField(wavelength_m=1e-10, distance_m=1.12, focus_distance_m=3.65e-3, detector_pixel_m=55e-6, size=64)


def wave(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("operator", [FOURIER, Fresnel(CONE, CPU)])
def test_operators_are_unitary_and_adjoint(operator: Propagator) -> None:
    a, b = wave(3, 64, 64), wave(3, 64, 64, seed=1)
    assert torch.allclose(intensity(operator.forward(a)).sum(), intensity(a).sum(), rtol=1e-5)
    assert torch.allclose(operator.adjoint(operator.forward(a)), a, atol=1e-5)
    left = torch.vdot(operator.forward(a).flatten(), b.flatten())
    right = torch.vdot(a.flatten(), operator.adjoint(b).flatten())
    assert torch.allclose(left, right, rtol=1e-3)


def test_cone_beam_has_the_published_pixels() -> None:
    assert CONE.magnification == pytest.approx(307.85, abs=0.01)
    assert CONE.pixel_m == pytest.approx(178.66e-9, rel=1e-4)
    assert CONE.effective_distance_m == pytest.approx(3.6381e-3, rel=1e-4)


def test_near_the_axis_it_is_the_angular_spectrum() -> None:
    waves = wave(1, 64, 64)
    exact = propagate(waves, CONE.effective_distance_m, CONE.wavelength_m, CONE.pixel_m)
    assert torch.allclose(Fresnel(CONE, CPU).forward(waves), exact, atol=2e-3)


def test_a_window_between_pixels_moves_the_sample_and_not_the_beam() -> None:
    """P(r - f) O(r), moved back by f, is P(r) O(r + f): the hologram of an empty sample stays where it is."""
    operator, probe = Fresnel(CONE, CPU), wave(1, 64, 64)
    fraction = torch.tensor([0.375, -0.25], dtype=torch.float64)
    moved = probe.clone()
    shift_(moved, fraction)
    assert torch.allclose(operator.held(fraction).forward(moved), operator.forward(probe), atol=1e-4)
    assert operator.held(torch.zeros(2, dtype=torch.float64)) is operator


def test_a_geometry_gives_its_operator() -> None:
    far = FarField(wavelength_m=1e-10, distance_m=2, detector_pixel_m=75e-6, size=64)
    assert propagator(far, CPU) is FOURIER
    assert isinstance(propagator(CONE, CPU), Fresnel)


def test_near_field_frames_keep_their_centre() -> None:
    frame = np.arange(48, dtype=np.uint16).reshape(1, 6, 8)
    prepared = Preparation(frame_shape=(6, 8), frame_dtype=frame.dtype, corner=False)(frame)
    assert np.allclose(prepared.magnitudes[0] ** 2, frame[0, :, 1:7], atol=1e-3)
    beyond = Preparation(frame_shape=(6, 8), frame_dtype=frame.dtype, corner=False, centre=(0, 4))(frame)
    assert (beyond.magnitudes[0, :3] == -1).all()
    assert np.allclose(beyond.magnitudes[0, 3:] ** 2, frame[0, :3, 1:7], atol=1e-3)


def hologram(scan: Scan, operator: Propagator) -> GrowingDataset:
    """The scan's object behind a Gaussian beam, as a near-field detector would see it."""
    positions = torch.from_numpy(scan.canvas.to_pixels(scan.positions_m))
    waves = exit_waves(beam(), scan.object, positions, torch.empty(len(scan), 1, 64, 64, dtype=torch.complex64))
    counts = intensity(operator.forward(waves)).sum(dim=1).numpy()
    dataset = GrowingDataset(64, len(scan))
    preparation = Preparation(frame_shape=(64, 64), frame_dtype=counts.dtype, corner=False)
    dataset.append(preparation(counts), scan.positions_m, np.arange(len(scan)))
    return dataset


def beam() -> torch.Tensor:
    axis = torch.arange(64) - 32
    radius = torch.hypot(axis[:, None].float(), axis[None, :].float())
    return (100 * torch.exp(-((radius / 12) ** 2)) * torch.exp(1j * 0.3 * torch.sin(radius))).to(torch.complex64)[None]


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_reconstructs_near_field(name: str) -> None:
    scan = simulate(spiral(60, 3.0), size=64, outermost_zone_m=240e-9, seed=1)
    geometry = NearField(
        wavelength_m=scan.geometry.wavelength_m,
        distance_m=1.0,
        focus_distance_m=2e-3,
        detector_pixel_m=scan.geometry.pixel_m * 501,
        size=64,
    )
    assert math.isclose(geometry.pixel_m, scan.geometry.pixel_m)
    operator = propagator(geometry, CPU)
    dataset = hologram(scan, operator)
    probe = initial_probe("data", geometry, float(dataset.counts().mean()), dataset.mean_magnitudes())
    run = offline_run(ENGINES[name](), 30, dataset, scan.canvas, probe, operator)
    errors = [progress.r_factor for progress in drive(run)]
    assert errors[-1] < 0.3 * errors[0]


def test_the_measured_near_field_star_is_found(measured: Path) -> None:
    with h5py.File(measured / "petra3_p25_nearfield" / "PETRAIII_P25_Near_Field_Ptycho.cxi") as file:
        detector = file["entry_1/instrument_1/detector_1"]
        frames, mask = detector["data"][:], detector["mask"][:] == 0
        positions_m = file["entry_1/sample_1/geometry_1/translation"][:][:, 1::-1].astype(float)
    geometry = NearField(
        wavelength_m=0.9794912e-10, distance_m=1.12, focus_distance_m=3.65e-3, detector_pixel_m=55e-6, size=100
    )
    preparation = Preparation(frame_shape=(100, 100), frame_dtype=frames.dtype, corner=False)
    dataset = GrowingDataset(100, len(frames), preparation.magnitude_dtype)
    dataset.append(preparation(frames, mask), positions_m, np.arange(len(frames)))
    canvas = Canvas.from_positions(positions_m, (100, 100), geometry.pixel_m)
    probe = initial_probe("data", geometry, float(dataset.counts().mean()), dataset.mean_magnitudes())
    run = offline_run(RPIE(), 30, dataset, canvas, probe, propagator(geometry, CPU))
    assert list(drive(run))[-1].error <= 0.107
