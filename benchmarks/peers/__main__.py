"""Speed against other programs: ``python -m benchmarks.peers``, with ``--help`` for more.

Each method of each program is a process that iterates when it is told to; they take turns, iteration by iteration, so
that whatever else the machine does falls on all alike. Objects are compared with the truth while all clocks stand.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.environments import ROOT, python_of
from benchmarks.peers.report import ROUNDS, Bound, Curve, table, time_to
from benchmarks.peers.scan import error, write_scan

LIMIT = 1e-3
MOST = 15
"""Iterations after which a method is given up that does not reach the limit."""
REFINED_FROM, REFINED_TO = 10, 25
"""Iterations over which refinement is counted: five steps and one search."""
METHODS = (
    ("ours", "dm"),
    ("ours", "rpie"),
    ("ours", "rpie, defaults"),
    ("ptychi", "dm"),
    ("ptychi", "rpie"),
    ("ptychi", "rpie, one by one"),
    ("ptychi", "dm, defaults"),
    ("ptychi", "rpie, defaults"),
    ("ptychi", "lsqml"),
    ("ptylab", "epie"),
    ("ptylab", "mpie"),
    ("cdtools", "adam"),
    ("ours", "dm, 3 modes"),
    ("ours", "rpie, 3 modes"),
    ("ours", "rpie, refined"),
)
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


class Key(NamedTuple):
    """Which method of which program."""

    program: str
    method: str


class Program:
    """A process that iterates one method."""

    def __init__(self, key: Key, scan: Path, folder: Path) -> None:
        self.key, self.objects = key, folder / f"{key.program} {key.method}.npy"
        python = Path(sys.executable) if key.program == "ours" else python_of(key.program)
        arguments = [str(python), "-m", f"benchmarks.peers.with_{key.program}", str(scan), key.method]
        self.log: IO[bytes] = (folder / f"{key.program} {key.method}.log").open("w+b")
        self.process = subprocess.Popen(
            [*arguments, str(self.objects)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=ROOT,
            env=os.environ | THREADS,
        )
        self.curve = Curve(self._line()["version"], key.method)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.log.close()

    def due(self) -> bool:
        """Whether it has more to do."""
        done, needed = len(self.curve.nmse), REFINED_TO if self.key.method in ("rpie", "rpie, refined") else ROUNDS
        single = "modes" not in self.key.method and "refined" not in self.key.method
        return done < needed or (single and done < MOST and min(self.curve.nmse) > LIMIT)

    def iterate(self, scan: Mapping[str, NDArray[Any]]) -> None:
        """One iteration, and how near to the truth it came."""
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)
        seconds = self._line()
        self.curve.wall_s.append(seconds["wall_s"])
        self.curve.cpu_s.append(seconds["cpu_s"])
        self.curve.nmse.append(error(np.load(self.objects), scan))

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{self.key.program}, {self.key.method} ended:\n{self.log.read().decode()[-2000:]}")
        return json.loads(line)


def measure(methods: Sequence[Key]) -> dict[Key, Curve]:
    """All curves, their iterations interleaved."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        path = Path(name) / "scan.npz"
        write_scan(path)
        with np.load(path) as file:
            scan = {part: file[part] for part in ("truth", "region")}
        programs = [stack.enter_context(Program(key, path, Path(name))) for key in methods]
        while due := [program for program in programs if program.due()]:
            for program in due:
                program.iterate(scan)
        return {program.key: program.curve for program in programs}


def bounds(curves: dict[Key, Curve]) -> list[Bound]:
    """What is promised, from processor times."""
    ours = {key.method: curve for key, curve in curves.items() if key.program == "ours"}
    peers = {key: curve for key, curve in curves.items() if key.program != "ours"}
    times = {key: time_to(LIMIT, curve.nmse, curve.cpu_s) for key, curve in peers.items()}
    best = min((seconds, key) for key, seconds in times.items() if seconds is not None)
    own = time_to(LIMIT, ours["rpie"].nmse, ours["rpie"].cpu_s)
    refined, plain = (ours[name].mean_s(REFINED_FROM) for name in ("rpie, refined", "rpie"))

    def sweep(curve: Curve) -> float:
        return curve.iteration_s()[0]

    def faster(mine: str, program: str, method: str) -> float:
        return sweep(curves[Key(program, method)]) / sweep(ours[mine])

    return [
        Bound("DM, times faster an iteration than pty-chi's", faster("dm", "ptychi", "dm"), least=4),
        Bound("rPIE, times faster a sweep than PtyLab's ePIE", faster("rpie", "ptylab", "epie"), least=1.4),
        Bound("rPIE, times faster a sweep than pty-chi's, in batches of 8", faster("rpie", "ptychi", "rpie"), least=8),
        Bound("rPIE, times faster a sweep than pty-chi's, one by one", faster("rpie", "ptychi", "rpie, one by one"), 8),
        Bound("rPIE, times faster a sweep than pty-chi's, defaults", faster("rpie", "ptychi", "rpie, defaults"), 8),
        Bound(
            f"rPIE, time to an NMSE of {LIMIT:g} by that of the best peer ({' '.join(best[1])})",
            (own or float("inf")) / best[0],
            below=0.5,
        ),
        Bound("DM, three modes by one", sweep(ours["dm, 3 modes"]) / sweep(ours["dm"]), below=3.2),
        Bound("rPIE, three modes by one", sweep(ours["rpie, 3 modes"]) / sweep(ours["rpie"]), below=3.2),
        Bound("rPIE, share that refinement adds", refined / plain - 1, below=0.6),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        epilog="example: python -m benchmarks.peers --only ptylab",
    )
    parser.add_argument("--only", metavar="PROGRAM", help="this software and one peer: no bounds, only the table")
    only = parser.parse_args().only
    methods = [Key(*each) for each in METHODS if only is None or each[0] in ("ours", only)]
    curves = measure(methods)
    print(f"315 frames of 256 x 256, one thread each, interleaved; Python {platform.python_version()}, ", end="")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print(table(list(curves.values()), LIMIT), end="\n\n")
    if only is not None:
        return 0
    found = bounds(curves)
    print("\n".join(map(str, found)))
    return int(not all(bound.holds for bound in found))


if __name__ == "__main__":
    raise SystemExit(main())
