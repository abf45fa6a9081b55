"""From the sample to the detector and back: one operator a geometry, the same for all engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from engines.optics import FarField, fft2, ifft2


class Propagator(ABC):
    """A unitary operator on waves (..., y, x), centred at [n // 2, n // 2] on the sample."""

    corner: bool
    """On the detector the beam's axis comes at the corner [0, 0] (as a Fourier transform has it), else at the centre
    [n // 2, n // 2]. Frames are turned to that once, at preparation.
    """

    @abstractmethod
    def forward(self, waves: Complex[Tensor, "*batch y x"]) -> Complex[Tensor, "*batch y x"]:
        """From sample to detector, into a new tensor."""

    @abstractmethod
    def adjoint(self, waves: Complex[Tensor, "*batch y x"]) -> Complex[Tensor, "*batch y x"]:
        """From detector to sample: the adjoint, and inverse, of `forward`."""

    def held(self, fraction: Float[Tensor, 2]) -> Propagator:
        """For windows that lie this fraction of a pixel beyond their corner, while detector and beam stay in place: the
        wave, drawn with a moved probe, is moved back. In far field no intensity shows it.
        """
        return self


class Fourier(Propagator):
    """Far field: the Fourier transform. The quadratic phase on the detector, which no intensity shows, is left out."""

    corner = True

    def forward(self, waves: Complex[Tensor, "*batch y x"]) -> Complex[Tensor, "*batch y x"]:
        """``F[waves]``."""
        return fft2(waves)

    def adjoint(self, waves: Complex[Tensor, "*batch y x"]) -> Complex[Tensor, "*batch y x"]:
        """``F^-1[waves]``."""
        return ifft2(waves)


FOURIER = Fourier()


class Fresnel(Propagator):
    """Near field: ``F^-1[ F[waves] H ]``, ``H = exp(-i pi lambda z f^2)`` (Goodman, Introduction to Fourier Optics,
    eq. 4-21, without the constant phase); the adjoint multiplies with conj(H).
    """

    corner = False

    def __init__(self, geometry: NearField, device: torch.device, fraction: Float[Tensor, 2] | None = None) -> None:
        f = torch.fft.fftfreq(geometry.size, geometry.pixel_m, dtype=torch.float64)
        squared = f[:, None] ** 2 + f[None, :] ** 2
        phase = -torch.pi * geometry.wavelength_m * geometry.effective_distance_m * squared
        self._geometry, self._device = geometry, device
        if fraction is not None:  # exp(2 pi i k f) moves up and left by f
            cycles = torch.fft.fftfreq(geometry.size, dtype=torch.float64)
            phase = phase + 2 * torch.pi * (cycles[:, None] * fraction[0] + cycles[None, :] * fraction[1])
        self._kernel = torch.polar(torch.ones_like(phase), phase).to(device, torch.complex64)
        self._conjugate = self._kernel.conj().resolve_conj()

    def forward(self, waves: Complex[Tensor, "*batch y x"]) -> Complex[Tensor, "*batch y x"]:
        """``F^-1[ F[waves] H ]``."""
        return ifft2(fft2(waves).mul_(self._kernel))

    def adjoint(self, waves: Complex[Tensor, "*batch y x"]) -> Complex[Tensor, "*batch y x"]:
        """``F^-1[ F[waves] conj(H) ]``."""
        return ifft2(fft2(waves).mul_(self._conjugate))

    def held(self, fraction: Float[Tensor, 2]) -> Propagator:
        """With the ramp that moves the wave back in its kernel."""
        return Fresnel(self._geometry, self._device, fraction) if fraction.any() else self


@dataclass(frozen=True, kw_only=True)
class NearField:
    """A cone beam: the detector sees a magnified Fresnel hologram of the sample.

    By the Fresnel scaling theorem (Paganin, Coherent X-Ray Optics, sec. 1.5) it is that of a parallel beam over
    z2 / M, drawn with pixels of p / M, where M = (z1 + z2) / z1. A parallel beam has its focus very far away.
    """

    wavelength_m: float
    """In metres."""
    distance_m: float
    """z2, from sample to detector, in metres."""
    focus_distance_m: float
    """z1, from the beam's focus to the sample, in metres."""
    detector_pixel_m: float
    """p, the edge of a square detector pixel, in metres."""
    size: int
    """Pixels along one edge of a frame."""

    @property
    def magnification(self) -> float:
        """M = (z1 + z2) / z1."""
        return (self.focus_distance_m + self.distance_m) / self.focus_distance_m

    @property
    def pixel_m(self) -> float:
        """Edge of a pixel of object and probe in metres: detector pixel / M."""
        return self.detector_pixel_m / self.magnification

    @property
    def effective_distance_m(self) -> float:
        """z2 / M: how far a parallel beam would travel for the same hologram, in metres."""
        return self.distance_m / self.magnification


Geometry = FarField | NearField


def propagator(geometry: Geometry, device: torch.device) -> Propagator:
    """The operator of a geometry."""
    return Fresnel(geometry, device) if isinstance(geometry, NearField) else FOURIER
