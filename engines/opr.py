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
    gram: Complex[Tensor, "variation variation"]
    """The sum of conj(c_j) c_j over the frames of this iteration."""
    known: bool = False
    """Whether any variation was found yet."""

    @property
    def variations(self) -> Complex[Tensor, "variation pixel"]:
        """Orthonormal; all zero while none is known."""
        return self._parts[: len(self.gram)]

    @property
    def sums(self) -> Complex[Tensor, "variation pixel"]:
        """Of conj(c_j) (P_j - P) over the frames of this iteration."""
        return self._parts[len(self.gram) :]

    @property
    def finite(self) -> bool:
        """Whether they can be decomposed."""
        numbers = self.sums, self.gram, self.coefficients, self.probe
        return all(bool(torch.isfinite(torch.view_as_real(each)).all()) for each in numbers)

    @property
    def _parts(self) -> Tensor:
        return self.stack[len(self.probe) :].view(2 * len(self.gram), -1)


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
        return replace(state, coefficients=_extended(state.coefficients, data.count))

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
        return state.probe + (state.coefficients[frames[0]] @ state.variations).view_as(state.probe)

    def learn_(self, state: State, frames: list[int], probe: Probe) -> None:
        """The mean takes the frame's correction, and the sums its difference to the mean."""
        if not isinstance(state, OPRState):
            return
        (frame,), variations = frames, state.variations
        own = (probe - state.probe).flatten()
        correction = own - state.coefficients[frame] @ variations
        if state.known:
            state.coefficients[frame] += variations.conj() @ correction
            weights = state.coefficients[frame]
        else:
            weights = _slow(frame, len(state.coefficients), len(variations)).to(own)
        state.sums.addr_(weights.conj(), own)
        state.gram.addr_(weights.conj(), weights)
        state.probe.add_(correction.view_as(state.probe))

    def working_bytes(self, probe_shape: tuple[int, int, int], object_shape: tuple[int, int], threads: int) -> int:
        """What rPIE allocates, and variations with their sums, more than thrice while they are decomposed."""
        own = 8 * math.prod(probe_shape) * (7 * self.variations + 6)
        return super().working_bytes(probe_shape, object_shape, threads) + own

    def _begun(self, state: State, data: Data) -> OPRState:
        """The state with empty sums, its probe and variations side by side."""
        k, probe = self.variations, state.probe
        own = {name: getattr(state, name) for name in State.__dataclass_fields__}
        known = isinstance(state, OPRState) and len(state.gram) == k
        if isinstance(state, OPRState) and known:
            variations, coefficients = state.variations, state.coefficients
        else:
            variations, coefficients = probe.new_zeros((k, probe.numel())), probe.new_zeros((data.count, k))
        stack = _stacked(probe, variations)
        return OPRState(
            **own | {"probe": stack[: len(probe)]},
            stack=stack,
            coefficients=coefficients,
            gram=probe.new_zeros((k, k)),
            known=known,
        )


def _settled(state: OPRState) -> OPRState:
    """Least squares for the variations, made orthonormal, strongest first, and free of what all frames share."""
    level = state.gram.diagonal().real.max().clamp(min=DARK)
    damped = state.gram + SINGULAR * level * torch.eye(len(state.gram), device=state.gram.device)
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


def _slow(frame: int, count: int, orders: int) -> Tensor:
    """The slowest changes that are none on average."""
    return torch.cos(torch.pi * torch.arange(1, orders + 1) * (frame + 0.5) / count)


def _extended(known: Coefficients, count: int) -> Complex[Tensor, "extended variation"]:
    """With those of new frames: the mean of as many that came before."""
    new = count - len(known)
    return torch.cat([known, known[-new:].mean(dim=0).expand(new, -1)]) if new else known
