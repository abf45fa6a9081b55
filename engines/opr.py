"""Orthogonal probe relaxation: a probe that changes during the scan."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Le
from jaxtyping import Complex
from torch import Tensor

from engines.arrays import Probe
from engines.pie import RPIE
from engines.state import Data, State

SINGULAR = 1e-6
"""Added to the diagonal of the equations for the variations, as a share of its largest element."""
DARK = 1e-20
"""That element's least value, where no frame differs from the mean."""

Coefficients = Complex[Tensor, "frame variation"]


@dataclass(frozen=True, kw_only=True)
class OPRState(State):
    """Every frame's probe is ``probe + sum_k coefficients[frame, k] variations[k]``."""

    stack: Complex[Tensor, "all y x"]
    """The probe's modes, of each variation and of each sum, which move together; `probe` is its beginning."""
    coefficients: Coefficients
    """How far along each variation the frames are, the variations being orthonormal."""
    weights: Coefficients
    """With which frames are summed: these coefficients, or what stands for them while no variation is known."""
    deviation: Complex[Tensor, pixel]
    """Of the present frame's probe from the mean."""
    known: bool = False
    """Whether any variation was found yet."""

    @property
    def variations(self) -> Complex[Tensor, "variation pixel"]:
        """Orthonormal; all zero while none is known."""
        return self._parts[: self.weights.shape[1]]

    @property
    def sums(self) -> Complex[Tensor, "variation pixel"]:
        """Of conj(w_j) (P_j - P) over the frames of this iteration, w being the weights."""
        return self._parts[self.weights.shape[1] :]

    @property
    def finite(self) -> bool:
        """Whether they can be decomposed."""
        numbers = self.sums, self.coefficients, self.probe
        return all(bool(torch.isfinite(torch.view_as_real(each)).all()) for each in numbers)

    @property
    def _parts(self) -> Tensor:
        return self.stack[len(self.probe) :].view(2 * self.weights.shape[1], -1)


@dataclass(frozen=True, kw_only=True)
class OPR(RPIE):
    """rPIE with orthogonal probe relaxation (Odstrcil et al., Opt. Express 24 (2016) 8360): each frame has a probe of
    its own, and the matrix of all of them is held at a low rank, by their mean and a truncated singular value
    decomposition of what they differ by. A pass over the frames does one round of alternating least squares::

        P_j = P + sum_k c_jk V_k,   P_j' by rPIE's update line,   P <- P + (P_j' - P_j)
        c_j <- c_j + <V, P_j' - P_j>,   V <- (sum_j c_j^H c_j)^-1 sum_j c_j^H (P_j' - P),   C V = U S V^H

    so that no frame's probe is kept. It begins with the slowest changes, cosines of the frames' order of arrival. Where
    one probe stands for all, as in what is shown and in refined positions and intensities, it is their mean.
    """

    purpose: ClassVar[str] = "like rPIE, for a beam that changes during the scan"
    citation: ClassVar[str] = "Odstrcil et al., Opt. Express 24 (2016) 8360"

    batch: Annotated[int, Ge(1), Le(1)] = 1
    """Each frame has its own probe, and is corrected alone."""
    variations: Annotated[int, Ge(1), Le(8)] = 2
    """Directions in which the probe may change."""
    variation_start: Annotated[int, Ge(2)] = 10
    """First iteration that looks for them."""

    def admit(self, state: State, data: Data) -> State:
        """The probe of new frames starts as that of the ones that came before."""
        state = super().admit(state, data)
        if not isinstance(state, OPRState):
            return state
        coefficients = _extended(state.coefficients, data.count)
        return replace(state, coefficients=coefficients, weights=coefficients)

    def step(self, state: State, data: Data) -> State:
        """One sweep, and the variations from it."""
        iteration = state.iteration + 1
        if not isinstance(state, OPRState) and iteration < max(self.variation_start, self.probe_start):
            return super().step(state, data)
        state = super().step(self._begun(state, data), data)
        assert isinstance(state, OPRState)
        return _settled(state) if state.finite else state

    def moving(self, state: State) -> Complex[Tensor, "all y x"]:
        """Probe, variations and sums."""
        return state.stack if isinstance(state, OPRState) else state.probe

    def probe_of(self, state: State, frames: list[int]) -> Probe:
        """A frame's own."""
        if not isinstance(state, OPRState):
            return state.probe
        torch.mv(state.variations.T, state.coefficients[frames[0]], out=state.deviation)
        return state.probe + state.deviation.view_as(state.probe)

    def learn_(self, state: State, frames: list[int], probe: Probe) -> None:
        """The mean takes the frame's correction, and the sums its difference to the mean."""
        if not isinstance(state, OPRState):
            return
        own = (probe - state.probe).flatten()
        correction = torch.sub(own, state.deviation, out=state.deviation)
        state.probe.add_(correction.view_as(probe))
        if state.known:
            state.coefficients[frames[0]] += (state.variations @ correction.conj()).conj()
        for total, weight in zip(state.sums, state.weights[frames[0]].conj().tolist(), strict=True):
            total.add_(own, alpha=weight)

    def working_bytes(self, probe_shape: tuple[int, int, int], object_shape: tuple[int, int], threads: int) -> int:
        """What rPIE allocates, and variations with their sums, more than thrice while they are decomposed."""
        own = 8 * math.prod(probe_shape) * (7 * self.variations + 6)
        return super().working_bytes(probe_shape, object_shape, threads) + own

    def _begun(self, state: State, data: Data) -> OPRState:
        """The state with empty sums, its probe and variations side by side."""
        k, probe = self.variations, state.probe
        own = {name: getattr(state, name) for name in State.__dataclass_fields__}
        if isinstance(state, OPRState) and state.coefficients.shape[1] == k:
            variations, coefficients = state.variations, state.coefficients
            weights, known = coefficients, True
        else:
            variations, coefficients = probe.new_zeros((k, probe.numel())), probe.new_zeros((data.count, k))
            weights, known = _slow(data.count, k).to(probe), False
        stack = _stacked(probe, variations)
        return OPRState(
            **own | {"probe": stack[: len(probe)]},
            stack=stack,
            coefficients=coefficients,
            weights=weights,
            deviation=torch.empty_like(probe).flatten(),
            known=known,
        )


def _settled(state: OPRState) -> OPRState:
    """Least squares for the variations, made orthonormal, strongest first, and free of what all frames share."""
    gram = state.weights.mH @ state.weights
    damped = gram + SINGULAR * gram.diagonal().real.max().clamp(min=DARK) * torch.eye(len(gram), device=gram.device)
    basis, upper = torch.linalg.qr(torch.linalg.solve(damped, state.sums).T)
    coefficients = state.coefficients @ upper.T
    shared = coefficients.mean(dim=0)
    left, size, turn = torch.linalg.svd(coefficients - shared, full_matrices=False)
    probe = state.probe + (basis @ shared).view_as(state.probe)
    variations = turn @ basis.T if state.known else basis.T
    stack = _stacked(probe, variations)
    return replace(state, stack=stack, probe=stack[: len(probe)], coefficients=left * size)


def _stacked(probe: Probe, variations: Tensor) -> Tensor:
    """Probe, variations and sums of none yet."""
    return torch.cat([each.reshape(-1, *probe.shape[1:]) for each in (probe, variations, torch.zeros_like(variations))])


def _slow(count: int, orders: int) -> Tensor:
    """The slowest changes (frame, order) that are none on average."""
    return torch.cos(torch.pi * torch.arange(1, orders + 1) * (torch.arange(count)[:, None] + 0.5) / count)


def _extended(known: Coefficients, count: int) -> Complex[Tensor, "extended variation"]:
    """With those of new frames: the mean of as many that came before."""
    new = count - len(known)
    return torch.cat([known, known[-new:].mean(dim=0).expand(new, -1)]) if new else known
