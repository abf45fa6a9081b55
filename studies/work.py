"""Tasks of a study, done one after another: skipped where they are done, left to others where those are at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from studies.store import Record, Store

Tell = Callable[[float], None]
"""Takes the share of a task that is done, 0 to 1."""


@dataclass(frozen=True)
class Task:
    """One run."""

    name: str
    """Of its file."""
    weight: float
    """How long it takes, in any unit that all tasks of a study share."""
    perform: Callable[[Tell], Record]
    needs: str | None = None
    """Another run that must be done before."""


class Stage(Protocol):
    """Where progress is shown."""

    def begin(self, total: float) -> None:
        """So much work in all."""

    def show(self, name: str, done: float) -> None:
        """What is being done, and how much work is done in all."""


def work_through(tasks: Sequence[Task], store: Store, stage: Stage) -> list[str]:
    """Do what is not done; returns the names of those that another process is at, or that wait for such a one."""
    stage.begin(sum(task.weight for task in tasks))
    done, elsewhere = 0.0, []
    for task in tasks:
        if not store.has(task.name):
            with store.claim(task.name) as mine:
                if not mine or (task.needs and not store.has(task.needs)):
                    elsewhere.append(task.name)
                elif not store.has(task.name):  # another may have done it between the two looks
                    store.keep(task.name, task.perform(_part(stage, task, done)))
        done += task.weight
        stage.show(task.name, done)
    return elsewhere


def _part(stage: Stage, task: Task, before: float) -> Tell:
    return lambda share: stage.show(task.name, before + share * task.weight)
