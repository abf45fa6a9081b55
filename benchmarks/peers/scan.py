"""The scan on which all programs are measured, and how near to its truth an object is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.compare import likeness
from engines.optics import illumination
from engines.probes import initial_probe
from engines.simulate import simulate

PROBE = "data,defocus=1mm"
"""The probe from which all start: made from the data, with the defocus that is known from the setup."""
WELL_LIT = 0.5
"""Share of the light on well-lit pixels above which a pixel is compared."""


def write_scan(path: Path) -> None:
    """Simulate the demo scan (315 frames of 256 x 256, whole pixels, Poisson noise) and write it for all programs.

    The object is cut to the smallest box that holds all windows: `corners` (row, col) count from its top-left pixel.
    """
    scan = simulate()
    corners = scan.canvas.to_pixels(scan.positions_m)
    low, high = corners.min(axis=0), corners.max(axis=0) + scan.geometry.size
    frames = np.concatenate(list(scan.blocks()))  # zero frequency at [n // 2, n // 2]
    magnitudes = torch.from_numpy(np.fft.ifftshift(np.sqrt(frames).mean(axis=0))).float()
    counts = float(frames.sum(axis=(1, 2), dtype=np.float64).mean())
    light = illumination(scan.probe, torch.from_numpy(corners - low), tuple((high - low).tolist())).numpy()
    np.savez(
        path,
        frames=frames,
        corners=corners - low,
        probe=initial_probe(PROBE, scan.geometry, counts, magnitudes)[0].numpy(),
        wavelength_m=scan.geometry.wavelength_m,
        distance_m=scan.geometry.distance_m,
        detector_pixel_m=scan.geometry.detector_pixel_m,
        truth=scan.object[low[0] : high[0], low[1] : high[1]].numpy(),
        region=light > WELL_LIT * np.percentile(light, 95),
    )


def error(object: NDArray[np.complexfloating[Any, Any]], scan: Mapping[str, NDArray[Any]]) -> float:
    """NMSE of an object (row, col) against the truth, where the scan put light, after constant and ramp; infinite for
    one that is not finite.
    """
    if not np.isfinite(object).all():
        return float("inf")
    return likeness(object, scan["truth"], scan["region"]).nmse
