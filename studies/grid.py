"""Where real time stops being as good as offline: a grid of live runs beside offline ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from engines.compare import likeness
from engines.evaluation import Box, centred_box, nmse
from engines.offline import drive
from engines.policy import LivePolicy
from engines.simulate import Scan, spiral
from studies.algorithms import engine_of
from studies.presets import GridPoint, GridPreset
from studies.reconstruction import Start, centre_px, feed_of, noise_floor, reconstruct, run_of
from studies.sample import initial_probe_words, overlap, paper_scan
from studies.store import Record, Store
from studies.work import Task, Tell

LEAST_FINAL = 100


@dataclass(frozen=True)
class GridStudy:
    """The grid of a preset."""

    preset: GridPreset

    def scan(self, point: GridPoint) -> Scan:
        """What is measured at a point."""
        preset = self.preset
        pattern = spiral(preset.frames, point.step_px)
        return paper_scan(pattern, size=preset.size, photons=point.photons, seed=preset.seed)

    def box(self, scan: Scan) -> Box:
        """The central square that is compared."""
        return centred_box(centre_px(scan), self.preset.crop_px)

    def tasks(self, varied: tuple[str, ...] | None = None) -> Iterator[Task]:
        """Each run once, of the variations that are wanted."""
        seen = set()
        for what, point in self.preset.points:
            for name, live in ((point.offline_name, False), (point.name, True)):
                if name not in seen and (varied is None or what in varied):
                    seen.add(name)
                    yield Task(name, 0.8 if live else 1.0, partial(self._perform, point, live))

    def rows(self, store: Store) -> list[dict[str, Any]]:
        """What is done of it, one row a point."""
        found = []
        for what, point in self.preset.points:
            live, offline = store.load(point.name), store.load(point.offline_name)
            if live is not None and offline is not None:
                found.append(self._row(what, point, live, offline))
        return found

    def _row(self, what: str, point: GridPoint, live: Record, offline: Record) -> dict[str, Any]:
        scan = self.scan(point)
        box, truth = self.box(scan), scan.object.numpy()
        ours, theirs = (nmse(each.object, truth, box) for each in (live, offline))
        everywhere = np.ones(truth[box].shape, bool)
        floor = noise_floor(scan, box)
        return {
            "varied": what,
            "overlap": f"{overlap(scan.probe, point.step_px):.0%}",
            **point.model_dump(),
            "iterations": len(live.curve),
            "live / floor": ours / floor,
            "offline / floor": theirs / floor,
            "live / offline": ours / theirs,
            "NMSE live - offline": likeness(live.object[box], offline.object[box], everywhere).nmse,
        }

    def _perform(self, point: GridPoint, live: bool, tell: Tell) -> Record:
        preset, scan = self.preset, self.scan(point)
        engine, start = engine_of(point.engine, point.alpha), Start(probe=initial_probe_words(preset.size))
        if live:
            feed = feed_of(scan, point.chunk)
            first = -(-point.start_after // point.chunk)
            run = run_of(scan, engine, self._policy(point), start, feed[:first])
            steps = drive(run, feed[first:])
        else:
            policy = LivePolicy(start_after=1, chunk=1, final_iterations=preset.iterations)
            run = run_of(scan, engine, policy, start, feed_of(scan, preset.frames))
            steps = drive(run)
        work = float(preset.iterations * preset.frames)
        return reconstruct(scan, run, steps, self.box(scan), frame_iterations=work, tell=tell)

    def _policy(self, point: GridPoint) -> LivePolicy:
        """As many iterations in all as offline, of which at least a hundred on all frames."""
        return LivePolicy(
            start_after=point.start_after,
            chunk=point.chunk,
            iterations_per_chunk=max(1, round(point.iterations_per_chunk * min(1.0, point.chunk / 25))),
            final_iterations=min(LEAST_FINAL, self.preset.iterations // 2),
            total_iterations=self.preset.iterations,
        )
