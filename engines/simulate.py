"""Simulated scans with known truth: a Siemens star, a zone plate out of focus, Poisson noise; all seeded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt
from numpy import ndarray
from numpy.typing import NDArray
from torch import Tensor

from engines.arrays import Metres, Object, Probe
from engines.canvas import Canvas
from engines.optics import ELECTRON_VOLT_J, FarField, exit_waves, fft2, intensity, wavelength_m
from engines.probes import scaled, zone_plate

GOLD_DELTA_8KEV = 4.77e-5
"""Refractive index decrement of gold at 8 keV."""
GOLD_BETA_8KEV = 4.96e-6
"""Absorption index of gold at 8 keV."""


@dataclass(frozen=True, kw_only=True)
class Star:
    """A Siemens star of metal on a membrane."""

    spokes: int = 18
    """Pairs of metal and gap around the centre."""
    rings: tuple[tuple[float, float], ...] = ((0.30, 0.34), (0.62, 0.66), (0.96, 1.0))
    """Solid rings from and to these fractions of the radius."""
    hub: float = 0.06
    """Fraction of the radius within which there is no metal."""
    thickness_m: float = 600e-9
    """Of the metal."""
    delta: float = GOLD_DELTA_8KEV
    """Decrement of its refractive index."""
    beta: float = GOLD_BETA_8KEV
    """Its absorption index."""
    membrane: complex = 1.0
    """Transmission of what carries the metal."""

    def transmission(self, shape: tuple[int, int], radius_px: float, wavelength_m: float) -> Object:
        """exp(-2 pi t (beta + i delta) / lambda) behind the metal, 1 elsewhere, times the membrane; anti-aliased."""
        s = 4
        y, x = (torch.arange(length * s, dtype=torch.float32) / s - length / 2 + 0.5 / s for length in shape)
        radius = torch.hypot(y[:, None], x[None, :]) / radius_px
        angle = torch.atan2(y[:, None], x[None, :])
        metal = (torch.cos(self.spokes * angle) > 0) & (radius > self.hub) & (radius < 1)
        for inner, outer in self.rings:
            metal |= (radius >= inner) & (radius <= outer)
        metal &= ~((radius < 1) & (torch.abs(angle - 0.35) < 0.06) & (radius > 0.66))  # a mark that shows any flip
        cover = metal.float().reshape(shape[0], s, shape[1], s).mean(dim=(1, 3)).double()
        exponent = -2 * math.pi * self.thickness_m / wavelength_m * complex(self.beta, self.delta)
        return (self.membrane * torch.exp(cover * exponent)).to(torch.complex64)


def spiral(count: int, step: float) -> Float[ndarray, "frame 2"]:
    """Archimedean spiral from the centre out: turns are `step` apart and so are points along it."""
    theta = np.sqrt(4 * np.pi * np.arange(count))
    radius = step * theta / (2 * np.pi)
    return np.stack([radius * np.sin(theta), radius * np.cos(theta)], axis=1)


def raster(rows: int, cols: int, step: float) -> Float[ndarray, "frame 2"]:
    """Line scan: along the columns, line after line, always in the same direction."""
    row, col = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
    return np.stack([row.ravel(), col.ravel()], axis=1) * float(step)


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A simulated scan; its frames are made when they are asked for."""

    geometry: FarField
    """Wavelength, distance and pixels."""
    object: Object
    """The truth, on `canvas`."""
    probe: Probe
    """The truth; sum |P|^2 is the photons of a frame."""
    canvas: Canvas
    """Where the object lies."""
    positions_m: Metres
    """Of the probe's centre."""
    seed: int
    """Of the noise."""
    noise: bool
    """Poisson noise, else expected counts rounded to integers."""

    def __len__(self) -> int:
        return len(self.positions_m)

    def expected(self, start: int, stop: int) -> Float[Tensor, "frame y x"]:
        """Expected counts of some frames, zero frequency at the corner."""
        positions = torch.from_numpy(self.canvas.to_pixels(self.positions_m[start:stop]))
        waves = torch.empty((len(positions), *self.probe.shape), dtype=self.probe.dtype)
        counts: Tensor = intensity(fft2(exit_waves(self.probe, self.object, positions, waves))).sum(dim=1)
        return counts

    def frames(self, start: int, stop: int) -> UInt[ndarray, "frame y x"]:
        """Counts of some frames as a detector sends them, uint32, zero frequency at [n // 2, n // 2]."""
        counts = np.fft.fftshift(self.expected(start, stop).numpy(), axes=(-2, -1))
        if not self.noise:
            noisy = [np.rint(frame) for frame in counts]
        else:
            noisy = [np.random.default_rng((self.seed, start + i)).poisson(frame) for i, frame in enumerate(counts)]
        frames: NDArray[np.uint32] = np.stack(noisy).astype(np.uint32)
        return frames

    def blocks(self, size: int = 25) -> Iterator[NDArray[np.uint32]]:
        """All frames, some at a time."""
        for start in range(0, len(self), size):
            yield self.frames(start, min(start + size, len(self)))


def simulate(
    pattern: Float[ndarray, "frame 2"] | None = None,
    *,
    size: int = 256,
    photons: float = 1e10,
    noise: bool = True,
    seed: int = 0,
    energy_keV: float = 8.0,  # noqa: N803 - the unit's own spelling
    distance_m: float = 3.67,
    detector_pixel_m: float = 75e-6,
    outermost_zone_m: float = 60e-9,
    stop: float = 0.35,
    defocus_m: float = 1.0e-3,
    star: Star | None = None,
    integral: bool = True,
) -> Scan:
    """The demo scan: 8 keV, 29.6 nm pixels, a spiral of 315 positions with 90 % overlap.

    `pattern` are positions in pixels of the object; `integral` rounds them, so that the truth lies on the pixels.
    """
    geometry = FarField(
        wavelength_m=wavelength_m(energy_keV * 1e3 * ELECTRON_VOLT_J),
        distance_m=distance_m,
        detector_pixel_m=detector_pixel_m,
        size=size,
    )
    pixels = (
        spiral(315, 0.1 * zone_plate_diameter_px(geometry, outermost_zone_m, defocus_m)) if pattern is None else pattern
    )
    positions_m = (np.rint(pixels) if integral else pixels) * geometry.pixel_m
    canvas = Canvas.from_positions(positions_m, (size, size), geometry.pixel_m)
    extent = float(np.ptp(pixels, axis=0).max())
    radius = 0.5 * extent + 0.25 * zone_plate_diameter_px(geometry, outermost_zone_m, defocus_m)
    probe = zone_plate(geometry, outermost_zone_m, stop, defocus_m).to(torch.complex64)
    return Scan(
        geometry=geometry,
        object=(star or Star()).transmission(canvas.shape, radius, geometry.wavelength_m),
        probe=scaled(probe[None], photons),
        canvas=canvas,
        positions_m=positions_m,
        seed=seed,
        noise=noise,
    )


def zone_plate_diameter_px(geometry: FarField, outermost_zone_m: float, defocus_m: float) -> float:
    """Diameter of the lit disc in pixels, by geometry: wavelength / outermost zone * defocus."""
    return geometry.wavelength_m / outermost_zone_m * abs(defocus_m) / geometry.pixel_m
