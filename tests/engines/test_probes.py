from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engines.optics import FarField, fft2, intensity
from engines.probes import ProbeSpec, initial_probe, of_part, parse_length, probe_from_array, with_modes, zone_plate

GEOMETRY = FarField(wavelength_m=1.55e-10, distance_m=3.67, detector_pixel_m=75e-6, size=128)
PIXEL = GEOMETRY.pixel_m


@pytest.mark.parametrize(
    ("text", "metres"), [("50nm", 50e-9), ("-1.2 mm", -1.2e-3), ("980um", 980e-6), ("1e2µm", 1e-4), (".5m", 0.5)]
)
def test_lengths(text: str, metres: float) -> None:
    assert parse_length(text) == pytest.approx(metres)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("round:50nm,defocus=980um", ProbeSpec(kind="round", sizes_m=(50e-9,), defocus_m=980e-6)),
        ("rect:1umx2um", ProbeSpec(kind="rect", sizes_m=(1e-6, 2e-6))),
        ("annulus:3um,1um,defocus=-1mm", ProbeSpec(kind="annulus", sizes_m=(3e-6, 1e-6), defocus_m=-1e-3)),
        ("gaussian:1um", ProbeSpec(kind="gaussian", sizes_m=(1e-6,))),
        ("data", ProbeSpec(kind="data")),
        ("data,defocus=1mm", ProbeSpec(kind="data", defocus_m=1e-3)),
    ],
)
def test_specifications(text: str, spec: ProbeSpec) -> None:
    parsed = ProbeSpec.parse(text)
    assert parsed.kind == spec.kind
    assert parsed.sizes_m == pytest.approx(spec.sizes_m)
    assert parsed.defocus_m == pytest.approx(spec.defocus_m)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("square:1um", "expected one of round, rect, annulus, gaussian, data, got 'square:1um'"),
        ("round", "expected round:DIAMETER"),
        ("round:50", "expected a number with nm, um, mm or m such as '50nm', got '50'"),
        ("rect:1um", "expected rect:HEIGHTxWIDTH"),
        ("annulus:1um,2um", "inner diameter below the outer"),
        ("round:1um,focus=2mm", "no option but defocus=LENGTH, got 'focus'"),
        ("data:1um", "expected data"),
        ("round:-1um", "sizes above 0"),
        ("", "expected one of"),
    ],
)
def test_errors_say_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        ProbeSpec.parse(text)


@pytest.mark.parametrize(
    "text", ["round:500nm,defocus=300um", "rect:1umx2um", "annulus:3um,1um", "gaussian:1um,defocus=-1mm"]
)
def test_power_is_that_of_a_mean_frame_and_the_centre_is_at_the_middle(text: str) -> None:
    probe = initial_probe(text, GEOMETRY, 1e6)
    assert float(intensity(probe).sum()) == pytest.approx(1e6, rel=1e-4)
    weights = intensity(probe[0]).double()
    axis = torch.arange(128, dtype=torch.float64)
    centre = (
        float((weights.sum(dim=1) * axis).sum() / weights.sum()),
        float((weights.sum(dim=0) * axis).sum() / weights.sum()),
    )
    assert centre == pytest.approx((64, 64), abs=0.05)


def test_sizes_are_in_metres() -> None:
    rect = initial_probe(f"rect:{10 * PIXEL * 1e9}nmx{20 * PIXEL * 1e9}nm", GEOMETRY, 1.0)[0].abs()
    assert float(rect[:, 64].gt(0.1 * rect.max()).sum()) == pytest.approx(10, abs=1)
    assert float(rect[64].gt(0.1 * rect.max()).sum()) == pytest.approx(20, abs=1)
    gaussian = intensity(initial_probe(f"gaussian:{16 * PIXEL * 1e9}nm", GEOMETRY, 1.0)[0])
    assert float(gaussian[64 + 8, 64] / gaussian[64, 64]) == pytest.approx(0.5, rel=1e-4)
    disc = initial_probe("round:500nm", GEOMETRY, 1.0)[0].abs()
    area = float(disc.sum() / disc.max()) * PIXEL**2
    assert area == pytest.approx(math.pi * 250e-9**2, rel=0.01)


def test_the_datas_probe_is_the_focus_that_the_mean_frame_shows() -> None:
    truth = zone_plate(GEOMETRY, 120e-9, 0.3, 5e-4).to(torch.complex64)[None]
    magnitudes = fft2(truth)[0].abs()
    probe = initial_probe("data,defocus=0.5mm", GEOMETRY, float(intensity(truth).sum()), magnitudes)
    assert float((probe - truth).abs().max() / truth.abs().max()) < 1e-3
    with pytest.raises(ValueError, match="expected the mean magnitudes"):
        initial_probe("data", GEOMETRY, 1.0)


def test_a_given_array_must_fit() -> None:
    array = np.ones((128, 128), np.complex128)
    assert probe_from_array(array, 128, 5.0).shape == (1, 128, 128)
    assert float(intensity(probe_from_array(array[None], 128, 5.0, modes=3)).sum()) == pytest.approx(5)
    with pytest.raises(ValueError, match=r"expected \(mode, 64, 64\) or \(64, 64\), got \(128, 128\)"):
        probe_from_array(array, 64, 1.0)
    with pytest.raises(ValueError, match="finite values that are not all 0"):
        probe_from_array(array * np.nan, 128, 1.0)


def test_further_modes_differ_from_the_first() -> None:
    probe = with_modes(initial_probe("gaussian:500nm", GEOMETRY, 1.0), 4)
    flat = probe.flatten(1)
    overlaps = (flat @ flat.conj().T).abs()
    assert float(overlaps[1, 1] / overlaps[0, 0]) == pytest.approx(0.05, rel=1e-3)
    assert float(overlaps[0, 1]) < 1e-3 and float(overlaps[1, 2]) < 1e-3


@pytest.mark.parametrize("text", ["round:50nm", "rect:50nmx1um", "rect:1umx50nm", "data"])
def test_further_modes_of_a_probe_of_one_pixel_differ_too(text: str) -> None:
    flat = initial_probe(text, GEOMETRY, 1e6, torch.ones(128, 128), modes=6).flatten(1)
    powers = (flat @ flat.mH).diagonal().real
    assert torch.allclose(powers, powers[0] * torch.tensor([1, 0.05, 0.05, 0.05, 0.05, 0.05]), rtol=1e-3)
    assert int(torch.linalg.matrix_rank(flat)) == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("round:1nm", "expected more than a pixel of 5.93e-08 m, got 'round:1nm', which lets no light through"),
        ("rect:1nmx1um", "lets no light through"),
        ("data", "expected frames with counts"),
    ],
)
def test_a_probe_without_light_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        initial_probe(text, GEOMETRY, 1e6, torch.zeros(128, 128), modes=2)


@pytest.mark.parametrize(("size", "crop", "binning"), [(64, 32, 1), (64, 31, 1), (65, 32, 2), (64, 64, 2)])
def test_a_probe_for_a_part_of_the_frames_gives_that_part_of_its_light(size: int, crop: int, binning: int) -> None:
    """Off centre and astigmatic, so that neither the centre nor the order of the axes can be wrong unseen."""
    rows, cols = np.mgrid[:size, :size] - size // 2
    wave = np.exp(-((rows - 2) ** 2 / 18 + (cols + 1) ** 2 / 32) + 0.03j * rows * cols)[None]
    part = of_part(wave, crop, binning)

    def light(probe: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(probe[0])))) ** 2

    begin = size // 2 - crop // 2
    whole = light(wave)[begin : begin + crop, begin : begin + crop]
    assert part.shape == (1, crop // binning, crop // binning)
    if binning == 1:
        np.testing.assert_allclose(light(part), whole, rtol=1e-9, atol=1e-12 * whole.max())
    else:  # a window half as wide holds all of this probe, and sees every second frequency
        centre = crop // 2 % binning
        expected = whole[centre::binning, centre::binning]
        np.testing.assert_allclose(light(part), expected, atol=2e-3 * whole.max())
