from __future__ import annotations

import math

import pytest
import torch

from engines.optics import (
    CountMap,
    FarField,
    add_patches_,
    exit_waves,
    fast_length,
    fft2,
    ifft2,
    illumination,
    intensity,
    propagate,
    views,
    wavelength_m,
    well_lit,
)


def wave(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


POSITIONS = torch.tensor([[0, 0], [3, 1], [3, 1], [12, 9], [7, 11]])


def test_views_and_add_patches_are_adjoint() -> None:
    object, patches = wave(20, 19), wave(5, 8, 8, seed=1)
    left = torch.vdot(views(object, POSITIONS, (8, 8)).flatten(), patches.flatten())
    right = torch.vdot(object.flatten(), add_patches_(torch.zeros_like(object), POSITIONS, patches).flatten())
    assert torch.allclose(left, right, rtol=1e-12)


def test_transforms_are_unitary_and_adjoint() -> None:
    a, b = wave(3, 16, 12), wave(3, 16, 12, seed=1)
    assert torch.allclose(intensity(fft2(a)).sum(), intensity(a).sum(), rtol=1e-12)
    assert torch.allclose(ifft2(fft2(a)), a, atol=1e-12)
    assert torch.allclose(torch.vdot(fft2(a).flatten(), b.flatten()), torch.vdot(a.flatten(), ifft2(b).flatten()))


def test_exit_waves_of_modes() -> None:
    probe, object = wave(2, 8, 8), wave(20, 19, seed=1)
    waves = exit_waves(probe, object, POSITIONS, torch.empty(5, 2, 8, 8, dtype=torch.complex128))
    assert torch.equal(waves[3, 1], probe[1] * object[12:20, 9:17])


def test_demo_geometry_has_the_papers_pixel() -> None:
    geometry = FarField(
        wavelength_m=wavelength_m(8e3 * 1.602176634e-19), distance_m=3.67, detector_pixel_m=75e-6, size=256
    )
    assert geometry.pixel_m == pytest.approx(29.62e-9, rel=1e-3)


def test_plane_wave_stays_a_plane_wave() -> None:
    plane = torch.ones(32, 32, dtype=torch.complex128)
    assert torch.allclose(propagate(plane, 1e-3, 1.55e-10, 30e-9), plane, atol=1e-12)


def test_gaussian_beam_widens_and_curves_as_it_should() -> None:
    length, pixel, waist, z = 1.55e-10, 30e-9, 400e-9, 2e-3
    axis = (torch.arange(256, dtype=torch.float64) - 128) * pixel
    squared = axis[:, None] ** 2 + axis[None, :] ** 2
    rayleigh = math.pi * waist**2 / length
    q = torch.tensor(1 + 1j * z / rayleigh, dtype=torch.complex128)
    # exp(ikz) convention: u = exp(-r^2 / w0^2 q) / q
    expected = torch.exp(-squared / (waist**2 * q)) / q
    got = propagate(torch.exp(-squared / waist**2).to(torch.complex128), z, length, pixel)
    assert torch.allclose(got, expected, atol=1e-5)


def test_propagation_is_unitary_and_reversible() -> None:
    start = wave(2, 32, 32)
    there = propagate(start, 5e-4, 1.55e-10, 30e-9)
    assert torch.allclose(intensity(there).sum(), intensity(start).sum(), rtol=1e-10)
    assert torch.allclose(propagate(there, -5e-4, 1.55e-10, 30e-9), start, atol=1e-9)


def test_count_map_gives_the_sums_over_frames() -> None:
    object, kernel = wave(20, 19), intensity(wave(8, 8, seed=1)).contiguous()
    counts = CountMap(POSITIONS, (20, 19), object.device)
    spread = add_patches_(torch.zeros_like(object), POSITIONS, kernel.expand(5, 8, 8).to(object.dtype)).real
    assert torch.allclose(counts.spread(kernel), spread.float(), atol=1e-5)
    gathered = views(object, POSITIONS, (8, 8)).abs().square().sum(dim=0)
    assert torch.allclose(counts.gather(intensity(object), (8, 8)), gathered.float(), rtol=1e-5)


def test_illumination_is_zero_where_the_scan_has_not_been() -> None:
    seen = illumination(torch.ones(1, 8, 8, dtype=torch.complex64), POSITIONS[:1], (20, 19))
    assert torch.allclose(seen[:8, :8], torch.ones(8, 8))
    assert float(seen[8:].max()) < 1e-6


def test_fast_length() -> None:
    assert [fast_length(n) for n in (1, 7, 11, 457, 512)] == [1, 8, 12, 480, 512]


@pytest.mark.parametrize("edge", [80, 400])
def test_well_lit_pixels_are_told_from_rounding_and_skirts(edge: int) -> None:
    radius = torch.hypot(*torch.meshgrid(torch.arange(64) - 32.0, torch.arange(64) - 32.0, indexing="ij"))
    amplitude = torch.where(radius < 3, 1000.0, torch.exp(-radius))  # skirts of 1e-9 of the light, and less
    positions = torch.cartesian_prod(torch.arange(0, 16, 2), torch.arange(0, 16, 2))
    light = illumination(amplitude.to(torch.complex64)[None], positions, (edge, edge)).numpy()
    assert 0.5 * light.max() < well_lit(light) <= light.max()
