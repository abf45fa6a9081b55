"""Growing subsets, odd orders, early over-optimisation and disjoint subsets: the schemes of Weber et al. (2024)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from engines import parallel
from engines.compare import likeness
from engines.evaluation import Box, nmse
from engines.live import LiveRun, Progress
from engines.offline import Chunk, chunks, drive
from engines.policy import LivePolicy
from engines.preparation import Preparation
from engines.simulate import Scan
from studies.algorithms import engine_of
from studies.orders import Order, fermat, jittered_raster, ordered
from studies.presets import EngineName, GrowingPreset
from studies.reconstruction import Frames, Start, noise_floor, reconstruct, run_of
from studies.sample import initial_probe_words, paper_scan
from studies.store import Record, Store
from studies.work import Task, Tell

ORDERS: tuple[Order, ...] = ("line", "snake", "random", "spirangle", "fermat")


@dataclass(frozen=True)
class Scheme:
    """A way through the same frames."""

    name: str
    order: Order = "line"
    iterations_per_step: int | None = None
    """On each subset before it grows; None: all frames from the start."""
    subsets: int = 1
    """Disjoint ones, each iterated on by itself and averaged now and then."""
    threads: int = 1
    """Shares into which the sums over all frames are split."""
    work: float = 1.0
    """How long it takes, in reconstructions of all frames."""


def schemes(preset: GrowingPreset) -> list[Scheme]:
    """All of them; the reference of the raster first, and Fermat's own one."""
    each = preset.iterations_per_step
    found = [Scheme("reference"), Scheme("reference-fermat", "fermat")]
    found += [Scheme(f"growing-{order}", order, each) for order in ORDERS]
    steps = preset.side**2 / preset.patterns_per_step
    heavy = preset.over_iterations * (steps + 1) / 2 / preset.iterations + 1
    found.append(Scheme("over-optimised-line", "line", preset.over_iterations, work=heavy))
    found.append(Scheme("four-subsets-averaged", "random", subsets=4))
    found += [Scheme(f"sums-in-{shares}-shares", threads=shares) for shares in preset.shares]
    return found


@dataclass(frozen=True)
class GrowingStudy:
    """The schemes on one simulated scan."""

    preset: GrowingPreset

    def scan(self, order: Order) -> Scan:
        """The raster in line order, or Fermat's spiral."""
        preset = self.preset
        positions = (
            fermat(preset.side**2, preset.step_px)
            if order == "fermat"
            else jittered_raster(preset.side, preset.step_px, preset.seed)
        )
        return paper_scan(positions, size=preset.size, photons=preset.photons, seed=preset.seed)

    def box(self, scan: Scan) -> Box:
        """The central square that is compared."""
        middle = scan.canvas.to_exact_pixels(scan.positions_m).mean(axis=0) + scan.geometry.size / 2
        row, col = (round(float(each)) - self.preset.crop_px // 2 for each in middle)
        return slice(row, row + self.preset.crop_px), slice(col, col + self.preset.crop_px)

    def tasks(self, engines: tuple[EngineName, ...]) -> Iterator[Task]:
        """One for each engine and scheme; those that average or split are for sums alone."""
        for engine in engines:
            for scheme in schemes(self.preset):
                if scheme.threads == 1 or engine == "dm":
                    yield Task(f"{engine}-{scheme.name}", scheme.work, partial(self._perform, engine, scheme))

    def rows(self, store: Store, engines: tuple[EngineName, ...]) -> list[dict[str, Any]]:
        """What each scheme came to, beside its reference."""
        found = []
        for engine in engines:
            for scheme in schemes(self.preset):
                record = store.load(f"{engine}-{scheme.name}")
                of = "reference-fermat" if scheme.order == "fermat" else "reference"
                reference = store.load(f"{engine}-{of}")
                if record is not None and reference is not None:
                    found.append(self._row(engine, scheme, record, reference))
        return found

    def _row(self, engine: str, scheme: Scheme, record: Record, reference: Record) -> dict[str, Any]:
        scan = self.scan(scheme.order)
        box, truth = self.box(scan), scan.object.numpy()
        error, of = (nmse(each.object, truth, box) for each in (record, reference))
        everywhere = np.ones(truth[box].shape, bool)
        plain = np.linalg.norm(record.object[box] - reference.object[box]) / np.linalg.norm(reference.object[box])
        return {
            "engine": engine,
            "scheme": scheme.name,
            "iterations": len(record.curve),
            "NMSE to truth": error,
            "over noise floor": error / noise_floor(scan, box),
            "over reference": error / of,
            "NMSE to reference": likeness(record.object[box], reference.object[box], everywhere).nmse,
            "plain difference": float(plain),
        }

    def _perform(self, name: EngineName, scheme: Scheme, tell: Tell) -> Record:
        preset, scan = self.preset, self.scan(scheme.order)
        engine = engine_of(name, preset.alpha)
        start = Start(probe=initial_probe_words(preset.size))
        feed = self._feed(scan, scheme.order)
        if scheme.subsets > 1:
            steps, run = self._averaged(scan, name, start, feed, scheme.subsets)
        elif scheme.iterations_per_step is None:
            run = run_of(scan, engine, _whole(preset.iterations), start, feed)
            steps = drive(run)
        else:
            run = run_of(scan, engine, self._policy(scheme.iterations_per_step), start, feed[:1])
            steps = drive(run, feed[1:])
        work = scheme.work * preset.iterations * len(scan)
        before = parallel.threads()
        parallel.set_threads(scheme.threads)
        try:
            return reconstruct(scan, run, steps, self.box(scan), frame_iterations=work, tell=tell)
        finally:
            parallel.set_threads(before)

    def _policy(self, iterations_per_step: int) -> LivePolicy:
        """So many iterations a step; what is left of the total, or as many as the reference had, on all frames."""
        preset = self.preset
        over = iterations_per_step >= preset.over_iterations
        return LivePolicy(
            start_after=preset.patterns_per_step,
            chunk=preset.patterns_per_step,
            iterations_per_chunk=iterations_per_step,
            final_iterations=preset.iterations if over else 1,
            total_iterations=None if over else preset.iterations,
        )

    def _feed(self, scan: Scan, order: Order) -> list[Chunk]:
        """The scan in steps; a frame has the same noise whenever it comes."""
        preset, size = self.preset, self.preset.size
        preparation = Preparation(frame_shape=(size, size), frame_dtype=np.dtype(np.uint32))
        frames = Frames(scan)[0 : len(scan)]
        places = ordered(order, preset.side, preset.seed)
        return list(chunks(frames[places], scan.positions_m[places], preparation, chunk=preset.patterns_per_step))

    def _averaged(
        self, scan: Scan, name: EngineName, start: Start, feed: list[Chunk], count: int
    ) -> tuple[Iterator[Progress], LiveRun]:
        """Disjoint subsets, each with an object and a probe of its own, and their mean every so often (Nashed et al.,
        Opt. Express 22 (2014) 32082); the first run holds the mean.
        """
        policy, engine = _whole(self.preset.iterations), engine_of(name, self.preset.alpha)
        runs = [run_of(scan, engine, policy, start, feed[number::count]) for number in range(count)]
        return together(runs, self.preset.iterations_per_step), runs[0]


def together(runs: list[LiveRun], every: int) -> Iterator[Progress]:
    """Advance runs side by side; after every so many iterations each gets the mean of all objects and probes."""
    for run in runs:
        run.ended = True
    while not runs[0].finished:
        for run in runs:
            progress = run.advance()
        if runs[0].state.iteration % every == 0 or runs[0].finished:
            object = torch.stack([run.state.object for run in runs]).mean(dim=0)
            probe = torch.stack([run.state.probe for run in runs]).mean(dim=0)
            for run in runs:
                run.state = replace(run.state, object=object.clone(), probe=probe.clone())
        assert progress is not None
        yield replace(progress, frames=sum(run.frames for run in runs))


def _whole(iterations: int) -> LivePolicy:
    return LivePolicy(start_after=1, chunk=1, final_iterations=iterations)
