"""How far two images are apart, to a fraction of a pixel, many pairs at a time: matrix products, no loop."""

from __future__ import annotations

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from engines.arrays import Views


def phase_correlation(images: Views, references: Views, upsampling: int = 50) -> Float[Tensor, "frame 2"]:
    """Where each image lies relative to its reference, ``image(r) = reference(r - s)``: the peak of their
    cross-correlation, found first on whole pixels, then on a grid of 1 / `upsampling` within 3/4 of a pixel around
    it by a matrix-multiply Fourier transform (Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33 (2008) 156).
    """
    spectrum = torch.fft.fft2(images) * torch.fft.fft2(references).conj()
    y, x = images.shape[-2:]
    peaks = torch.fft.ifft2(spectrum).abs().flatten(1).argmax(dim=1)
    coarse = torch.stack([_signed(peaks // x, y), _signed(peaks % x, x)], dim=1)  # (frame, 2)
    reach = torch.arange(-(3 * upsampling // 4), 3 * upsampling // 4 + 1, device=images.device) / upsampling
    rows = _kernel(coarse[:, 0, None] + reach, y)  # (frame, point, y)
    cols = _kernel(coarse[:, 1, None] + reach, x)
    fine = (rows @ spectrum @ cols.transpose(1, 2)).abs().flatten(1).argmax(dim=1)
    return coarse + torch.stack([reach[fine // len(reach)], reach[fine % len(reach)]], dim=1)


def _signed(index: Tensor, length: int) -> Tensor:
    """Places of a periodic axis as distances from its first."""
    return torch.where(index > length // 2, index - length, index).float()


def _kernel(points: Float[Tensor, "frame point"], length: int) -> Complex[Tensor, "frame point length"]:
    """exp(2 pi i f p) for all frequencies of an axis: the inverse transform at these points only."""
    phase = 2 * torch.pi * points[..., None] * torch.fft.fftfreq(length, device=points.device)
    return torch.polar(torch.ones_like(phase), phase)
