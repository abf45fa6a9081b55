"""The live loop: one iteration at a time over frames that may still be arriving."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from engines.arrays import ExactCorners, Probe, Rows
from engines.canvas import Canvas
from engines.chain import Chain
from engines.checkpoint import Checkpoint, Learnt, finite
from engines.dataset import GrowingDataset
from engines.modes import orthogonalised
from engines.policy import LivePolicy
from engines.positions import Refinement
from engines.projections import model_misfit
from engines.propagation import FOURIER, Propagator
from engines.state import Data, Engine, Offsets, State, initial_state
from engines.upkeep import upkeep, with_beam

Phase = Literal["waiting", "running", "finishing", "finished"]


class NonFiniteError(ArithmeticError):
    """An iteration gave NaN or infinity; the run holds the last good state."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a reconstruction stands after an iteration."""

    iteration: int
    """Iterations done."""
    frames: int
    """Frames that the iteration saw."""
    error: float
    """Relative amplitude error; NaN where not computed."""
    r_factor: float
    """R-factor; NaN where not computed."""
    phase: Phase
    """waiting for frames, running while they arrive, finishing after the last, finished."""
    total_iterations: int | None
    """Iterations in all, once they are known."""


class LiveRun:
    """One reconstruction on a dataset that may be growing.

    The caller calls `advance` again and again, sets `ended` when no frame will follow, and may replace `engine` and
    `policy` at any time: they take effect at the next iteration. One thread at a time.
    """

    def __init__(
        self,
        engine: Engine | Chain,
        policy: LivePolicy,
        dataset: GrowingDataset,
        canvas: Canvas,
        probe: Probe,
        checkpoint: Checkpoint | None = None,
        propagator: Propagator = FOURIER,
        refinement: Refinement | None = None,
        background: Float[Tensor, "y x"] | None = None,
    ) -> None:
        """Start with this probe and an empty object, or go on from a checkpoint, whose frames are taken in anew; the
        background is in counts and laid out as the magnitudes.
        """
        self.engine = engine
        self.policy = policy
        self.dataset = dataset
        self.canvas = canvas
        self.propagator = propagator
        self.refinement = refinement
        self.background = background
        self.ended = False
        """Set by the caller when all frames are in the dataset."""
        self.taken = 0
        """Frames of the dataset that were looked at, in order of arrival."""
        self.state = initial_state(probe if checkpoint is None else checkpoint.probe, canvas.shape)
        if checkpoint is not None:
            object = canvas.regrid(checkpoint.object, checkpoint.canvas)
            self.state = replace(self.state, object=object, iteration=checkpoint.iteration)
        self._resumed = checkpoint
        self._admitted_by: type[Engine] | None = None
        self._rows = np.zeros(0, np.int64)
        self._dark = np.zeros(0, np.int64)
        self._nominal: Data | None = None  # as given
        self._data: Data | None = None  # where the windows were found
        self._since = 0
        self._complete_at: int | None = None
        self._good = self.snapshot()

    @property
    def frames(self) -> int:
        """Frames that iterations see."""
        return len(self._rows)

    @property
    def outside(self) -> int:
        """Frames left out because their window leaves the canvas."""
        return self.taken - self.frames - len(self._dark)

    @property
    def without_beam(self) -> Rows:
        """Indices in the scan, ascending, of frames without counts and of those that fitted intensities leave out."""
        beam = self.state.beam
        lost = np.zeros(0, np.int64) if beam is None else beam.lost
        found: Rows = np.sort(self.dataset.indices()[np.concatenate([self._dark, self._rows[lost]])])
        return found

    @property
    def lag(self) -> int:
        """Frames in the dataset that no iteration has seen."""
        return self.dataset.count - self.taken

    @property
    def data(self) -> Data | None:
        """What iterations see; none before the first frames were taken in."""
        return self._data

    @property
    def refined_px(self) -> ExactCorners | None:
        """The frames' windows as they were found, in pixels of the canvas; none where positions are not refined."""
        if self._data is None or self._data.fractions is None:
            return None
        found: ExactCorners = (self._data.positions + self._data.fractions).numpy()
        return found

    @property
    def finished(self) -> bool:
        """True when the last iteration is done, or the scan ended without a frame that could be used."""
        if self.frames == 0:
            return self.ended and self.taken == self.dataset.count
        return self._last is not None and self.state.iteration >= self._last

    @property
    def progress(self) -> Progress:
        """Where the reconstruction stands."""
        phase: Phase = "running" if self._since else "waiting"
        if self._complete_at is not None:
            phase = "finishing"
        return Progress(
            iteration=self.state.iteration,
            frames=self.frames,
            error=self.state.error,
            r_factor=self.state.r_factor,
            phase="finished" if self.finished else phase,
            total_iterations=self._last or self.policy.total_iterations,
        )

    @torch.inference_mode()  # spares torch its bookkeeping for gradients: 5 % of a sweep of rPIE
    def advance(self) -> Progress | None:
        """Take in frames that are due and do one iteration; None where there is nothing to do but wait (or the end).

        Raises `NonFiniteError` when the iteration gave NaN or infinity; the last good state is then kept.
        """
        self.take_due()
        if self._data is None or self.finished:
            return None
        if self._complete_at is None and not self.policy.may_iterate(self._since, self.state.iteration):
            return None
        if type(self._active) is not self._admitted_by:
            self._admit(self._bare(), self._data)
        engine = self._active
        lit = with_beam(engine, replace(self.state, since=self._since), self._data)
        self.state = engine.step(lit, self._data)
        self._check(engine)
        self.state = upkeep(engine, self.state, self._data)
        if self.refinement is not None and self.refinement.due(self.state.iteration) and not self.finished:
            self.state = self.refinement.step(self.state, self._data)
            self._check(engine)
            self._data = self._placed(self._data)
        self._check(engine)
        self._since += 1
        self._good = self.snapshot()
        if self.finished and math.isnan(self.state.error):
            self._measure(self._data)
        return self.progress

    def snapshot(self) -> Checkpoint:
        """A copy of object and probe as they are."""
        return Checkpoint(
            object=self.state.object.clone(),
            probe=self.state.probe.clone(),
            canvas=self.canvas,
            iteration=self.state.iteration,
            frames=self.frames,
            learnt=self.learnt,
        )

    @property
    def learnt(self) -> Learnt:
        """What is known beside object and probe."""
        return Learnt(
            index=self.dataset.indices()[self._rows],
            since=self._since,
            complete_at=self._complete_at,
            offsets=self.state.offsets,
            beam=self.state.beam,
        )

    @property
    def modes(self) -> Probe:
        """The probe as it is to be shown and kept: orthogonal modes, the strongest first."""
        return orthogonalised(self.state.probe)

    @property
    def _last(self) -> int | None:
        if self._complete_at is None:
            return None
        closing = self.engine.closing if isinstance(self.engine, Chain) else 0
        return max(self.policy.finish(self._complete_at), self._complete_at + closing)

    @property
    def turn(self) -> int:
        """Number of the engine in a chain whose turn it is; 0 without one."""
        return self.engine.turn(self.state.iteration, self._last) if isinstance(self.engine, Chain) else 0

    @property
    def _active(self) -> Engine:
        """The engine whose turn it is."""
        return self.engine.at(self.state.iteration, self._last) if isinstance(self.engine, Chain) else self.engine

    def take_due(self) -> None:
        """Take in the frames that the policy says are due; `advance` does so first."""
        ended = self.ended  # read before the count, which is complete if it was set
        available = self.dataset.count
        since = self._since if self.frames else sys.maxsize  # there is nothing to iterate on before the next chunk
        due = self.policy.take(self.taken, available, ended, since, self.state.iteration)
        if self._resumed and not self.taken:
            back = ended or available >= self._resumed.frames  # what is on the disk comes back within moments
            due = (available if ended else self.policy.whole_chunks(available)) if back else 0
        if due > self.taken:
            self._take(due)
        if self._complete_at is None and ended and self.frames and self.taken == available:
            self._complete_at = self.state.iteration

    def _take(self, due: int) -> None:
        positions_m = self.dataset.positions_m(self.taken, due)
        lit = self.dataset.lit(self.taken, due)
        grown = self.canvas.grown(positions_m[lit])
        if grown != self.canvas:
            self.state = replace(self.state, object=grown.regrid(self.state.object, self.canvas))
            self.canvas, self._nominal = grown, None
        inside = grown.inside(grown.to_pixels(positions_m))
        new = self.taken + np.flatnonzero(inside & lit)
        self._rows = np.concatenate([self._rows, new])
        self._dark = np.concatenate([self._dark, self.taken + np.flatnonzero(inside & ~lit)])
        if not self.taken and self._resumed and self._resumed.learnt:
            self._recall(self._resumed.learnt)
        else:
            self._since = 0
        self.taken = due
        if self.frames:
            known = self._nominal
            self._nominal = (
                replace(self.dataset.data(self.canvas, self._rows, self.propagator), background=self.background)
                if known is None
                else self.dataset.extended(known, self.canvas, new)
            )
            self._data = self._placed(self._nominal)
            self._admit(self.state, self._data)
            self._good = self.snapshot()

    def _placed(self, data: Data) -> Data:
        """The data with their windows where they were found; new frames start where the last ones are."""
        if self.refinement is None:
            return data
        offsets = (self.state.offsets or Offsets.none()).extended(data.count)
        self.state = replace(self.state, offsets=offsets)
        return data.moved(offsets.pixels, self.canvas.shape)

    def _recall(self, learnt: Learnt) -> None:
        """Go on with what was known of the frames there are."""
        mine = learnt.of(self.dataset.indices()[self._rows])
        self.state = replace(self.state, offsets=mine.offsets, beam=mine.beam)
        self._since, self._complete_at = mine.since, mine.complete_at

    def _admit(self, state: State, data: Data) -> None:
        engine = self._active
        self.state = engine.admit(state, data)
        self._admitted_by = type(engine)

    def _bare(self) -> State:
        """Object, probe and count of iterations, without what an algorithm remembers."""
        state = self.state
        return State(
            object=state.object,
            probe=state.probe,
            iteration=state.iteration,
            beam=state.beam,
            offsets=state.offsets,
        )

    def _check(self, engine: Engine) -> None:
        """Go back to the last good state where anything is not finite; raises `NonFiniteError`."""
        if finite(self.state):
            return
        failed = self.state.iteration
        self.restore(self._good)
        raise NonFiniteError(
            f"iteration {failed} of {type(engine).__name__}: expected finite values, got NaN or infinity; "
            f"iteration {self._good.iteration} is kept"
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint with the frames there are; exit waves start anew."""
        object = self.canvas.regrid(checkpoint.object, checkpoint.canvas)
        self.state = State(object=object, probe=checkpoint.probe.clone(), iteration=checkpoint.iteration)
        if checkpoint.learnt is not None:
            self._recall(checkpoint.learnt)
        if self._data is not None:
            self._data = self._placed(self._data)
            self._admit(self.state, self._data)

    def _measure(self, data: Data) -> None:
        last = model_misfit(self.state.object, self.state.probe, data, self.state.beam)
        self.state = replace(self.state, error=last.error, r_factor=last.r_factor)
