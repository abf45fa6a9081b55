"""The sample and the scan of Lexelius, Kahnt & Maia, Sci. Rep. 15 (2025) 14674, as far as their text fixes them."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from engines.arrays import Probe
from engines.optics import ELECTRON_VOLT_J, wavelength_m
from engines.simulate import Scan, Star, simulate

ENERGY_EV = 8000.0
GOLD, GOLD_G_CM3, GOLD_M = "Au", 19.3, 1e-6
NITRIDE, NITRIDE_G_CM3, NITRIDE_M = "Si3N4", 3.17, 0.5e-6
INITIAL_APERTURE_NM, INITIAL_DEFOCUS_UM = 50, 980
OUTERMOST_ZONE_M = 45e-9
STOP = 0.45
DEFOCUS_M = 0.975e-3
SAMPLE = {"gold_m": GOLD_M, "outermost_zone_m": OUTERMOST_ZONE_M, "stop": STOP, "defocus_m": DEFOCUS_M}
"""What results depend on beside a preset."""


class MissingPackageError(OSError):
    """A package that only studies need is not installed; says how to get it."""


def refractive_index(formula: str, density_g_cm3: float, energy_eV: float) -> tuple[float, float]:  # noqa: N803 - unit
    """(delta, beta) of n = 1 - delta - i beta, from tabulated scattering factors; raises `MissingPackageError`."""
    try:
        import xraydb
    except ImportError as error:
        raise MissingPackageError(
            "studies: expected the package xraydb, which holds refractive indices: pip install 'ptycholive[study]'"
        ) from error
    delta, beta, _ = xraydb.xray_delta_beta(formula, density_g_cm3, energy_eV)
    return float(delta), float(beta)


def gold_star() -> Star:
    """1 um of gold on 0.5 um of silicon nitride at 8 keV."""
    delta, beta = refractive_index(GOLD, GOLD_G_CM3, ENERGY_EV)
    thinner, absorbing = refractive_index(NITRIDE, NITRIDE_G_CM3, ENERGY_EV)
    wavelength = wavelength_m(ENERGY_EV * ELECTRON_VOLT_J)
    exponent = -2 * math.pi * NITRIDE_M / wavelength * complex(absorbing, thinner)
    return Star(thickness_m=GOLD_M, delta=delta, beta=beta, membrane=complex(np.exp(exponent)))


def paper_scan(pattern: Float[ndarray, "frame 2"], *, size: int, photons: float, seed: int) -> Scan:
    """8 keV, 3.67 m, 75 um: 29.62 nm in the sample plane with frames of 256 x 256. Smaller frames are what the central
    part of a detector with larger pixels would see: the same pixel in the sample plane, and the probe so much
    smaller, with its zones as they are.
    """
    share = size / 256
    return simulate(
        pattern,
        size=size,
        photons=photons,
        seed=seed,
        energy_keV=ENERGY_EV / 1e3,
        detector_pixel_m=75e-6 / share,
        outermost_zone_m=OUTERMOST_ZONE_M,
        stop=STOP,
        defocus_m=DEFOCUS_M * share,
        star=gold_star(),
    )


def initial_probe_words(size: int) -> str:
    """A round aperture of 50 nm, 980 um before the sample, as the paper begins with; nearer for smaller frames."""
    return f"round:{INITIAL_APERTURE_NM}nm,defocus={INITIAL_DEFOCUS_UM * size / 256:g}um"


def overlap(probe: Probe, step_px: float, directions: int = 72) -> float:
    """Overlap of neighbouring frames by Huang et al., Opt. Express 22 (2014) 12634: sum |P(r)| |P(r - s)| / sum |P|^2,
    averaged over directions of the step s, in pixels. Of the first mode.
    """
    amplitude = probe[0].abs().double()
    n = amplitude.shape[0]
    spectrum = torch.fft.fft2(amplitude, s=(2 * n, 2 * n)).abs().square()
    frequency = 2 * math.pi * torch.fft.fftfreq(2 * n, dtype=torch.float64)
    total = 0.0
    for angle in np.linspace(0, 2 * np.pi, directions, endpoint=False):
        row = frequency[:, None] * (step_px * math.sin(angle))
        col = frequency[None, :] * (step_px * math.cos(angle))
        total += float((spectrum * torch.cos(row + col)).sum())
    return total / directions / float(spectrum.sum())
