"""Incoherent modes of the probe: a basis of one mixed state, and the one basis that is shown."""

from __future__ import annotations

import torch

from engines.arrays import Probe


def orthogonalised(probe: Probe) -> Probe:
    """The same mixed state in orthogonal modes, the strongest first (Thibault & Menzel, Nature 494 (2013) 68): a copy,
    turned by the eigenvectors of ``G_kl = sum P_k conj(P_l)``.

    The intensities are the same, and every update here turns with the modes: it need not be done while iterating.
    """
    flat = probe.flatten(1)
    _, vectors = torch.linalg.eigh(flat @ flat.mH)
    turned: Probe = (vectors.mH @ flat).flip(0).reshape(probe.shape)
    return turned if len(probe) > 1 else probe.clone()
