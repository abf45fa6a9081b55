"""The sample, the scan and the overlap that the study says it simulates."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
import pytest
import torch

from engines.optics import intensity
from engines.simulate import spiral
from studies.sample import MissingPackageError, gold_star, overlap, paper_scan, refractive_index


def test_refractive_indices_are_those_of_the_tables() -> None:
    """Henke's tables, https://henke.lbl.gov: gold at 8 keV has delta 4.77e-5, beta 4.96e-6."""
    delta, beta = refractive_index("Au", 19.3, 8000.0)
    assert delta == pytest.approx(4.77e-5, rel=0.02)
    assert beta == pytest.approx(4.96e-6, rel=0.1)


def test_gold_on_its_membrane() -> None:
    scan = paper_scan(spiral(4, 10), size=64, photons=1e6, seed=0)
    star = gold_star()
    wavelength = scan.geometry.wavelength_m
    amplitudes = scan.object.abs()
    assert float(amplitudes.max()) == pytest.approx(abs(star.membrane))
    assert 0.99 < abs(star.membrane) < 1
    behind = abs(star.membrane) * math.exp(-2 * math.pi * 1e-6 / wavelength * star.beta)
    assert float(amplitudes.min()) == pytest.approx(behind, rel=1e-4)


@pytest.mark.parametrize("size", [256, 128])
def test_geometry_is_the_papers_and_smaller_frames_keep_the_pixel(size: int) -> None:
    scan = paper_scan(spiral(3, 10), size=size, photons=1e8, seed=0)
    assert scan.geometry.pixel_m == pytest.approx(29.62e-9, rel=1e-3)
    assert scan.geometry.distance_m == 3.67
    assert float(intensity(scan.probe).sum()) == pytest.approx(1e8, rel=1e-4)


def test_overlap_is_near_the_papers() -> None:
    """90.0, 80.7, 71.0, 60.9 and 54.2 % with their measured probe; ours is a zone plate's."""
    probe = paper_scan(spiral(2, 10), size=256, photons=1, seed=0).probe
    found = [overlap(probe, step) for step in (10, 19, 27, 35, 40)]
    assert found == pytest.approx([0.900, 0.807, 0.710, 0.609, 0.542], abs=0.045)


def test_overlap_of_a_gaussian_is_known() -> None:
    y, x = torch.meshgrid(torch.arange(64.0) - 32, torch.arange(64.0) - 32, indexing="ij")
    probe = torch.exp(-(x**2 + y**2) / (2 * 5.0**2)).to(torch.complex64)[None]
    assert overlap(probe, 6.0) == pytest.approx(math.exp(-(6.0**2) / (4 * 5.0**2)), rel=1e-4)
    assert overlap(probe, 0.0) == pytest.approx(1)


def test_overlap_does_not_wrap_around() -> None:
    probe = torch.ones(1, 32, 32, dtype=torch.complex64)
    along_axes = overlap(probe, 16.0, directions=4)
    assert along_axes == pytest.approx(0.5, rel=1e-3)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import_one = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "xraydb":
            raise ImportError(name)
        return import_one(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r"pip install 'ptycholive\[study\]'"):
        refractive_index("Au", np.float64(19.3), 8000.0)
