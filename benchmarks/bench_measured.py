"""The measured star (velociprobe, rPIE): offline, and live through the socket, with a given probe guess in one mode and
in three, and from a start that is computed from the frames; live, from the first ones. Needs the scan beside the
checkout, in ../shared/data; says so where it is absent.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile

from benchmarks.bench_live import Live, serving
from engines.compare import likeness, scanned
from service.demo import command, wait_until
from service.formats.result import Result, read_result

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "velociprobe_siemens"
GUESS = f"{FOLDER / 'siemens.h5'}:/probe_guess"
LIVE_BOUND = 1.02
"""Times the offline error."""


class Case(NamedTuple):
    """What is reconstructed, and what it must reach."""

    name: str
    modes: int
    probe: str
    iterations: int
    start_after: int
    error: float
    correlation: float


CASES = (
    Case("one-mode", 1, GUESS, 40, 25, 0.13, 0.85),
    Case("three-modes", 3, GUESS, 60, 25, 0.101, 0.98),
    Case("computed-start", 3, "auto", 60, 100, 0.105, 0.95),
)


def correlation(result: Result, reference: NpzFile) -> float:
    """Complex correlation with the reference over the scanned area, constant and ramp removed."""
    window = (result.probe.shape[1], result.probe.shape[2])
    area = scanned(result.positions_px.astype(int), window, (result.object.shape[1], result.object.shape[2]))
    shift = np.rint(np.median(result.positions_px - reference["positions_px_used"][result.frame_index], axis=0))
    rows, cols = (np.flatnonzero(area.any(axis=axis)) for axis in (1, 0))
    ours = result.object[0][np.ix_(rows, cols)]
    theirs = reference["object"][np.ix_(rows - int(shift[0]), cols - int(shift[1]))]
    return likeness(ours, theirs, np.ones(ours.shape, bool)).correlation


def run(live: Live, folder: Path, case: Case) -> dict[str, Result]:
    """The same offline, and replayed through the socket."""
    scan = str(FOLDER / "siemens_repackaged.cxi")
    asked = ["--engine=rpie", f"--modes={case.modes}", f"--probe={case.probe}"]
    out = folder / f"{case.name}.cxi"
    offline = ["reconstruct", scan, *asked, f"--iterations={case.iterations}", f"--out={out}"]
    subprocess.run(command(*offline), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    known = len(live.scans())
    policy = [f"--start-after={case.start_after}", f"--final-iterations={case.iterations}", "--chunk=25"]
    send = ["replay", scan, f"--to={live.endpoint}", "--frame-delay=0.02", *asked, *policy]
    subprocess.run(command(*send), check=True, stderr=subprocess.DEVNULL)
    wait_until("the scan", lambda: len(live.scans()) > known, live.process)
    return {"offline": read_result(out), "live": read_result(live.data / live.over()["result"])}


def report(case: Case, results: dict[str, Result], reference: NpzFile) -> list[str]:
    """Print a line each and what they are to each other; returns what missed a bound."""
    errors = {which: float(result.metrics[-1, 2]) for which, result in results.items()}
    found = {which: correlation(result, reference) for which, result in results.items()}
    for which, result in results.items():
        print(f"{case.name}, {which}: relative amplitude error {errors[which]:.4f}, ", end="")
        print(f"correlation {found[which]:.3f}, {int(result.metrics[-1, 0])} iterations")
    print(f"  bounds offline: error {case.error}, correlation {case.correlation}; live / offline: ", end="")
    error, alike = errors["live"] / errors["offline"], found["live"] / found["offline"]
    print(f"error {error:.4f} (bound {LIVE_BOUND}), correlation {alike:.4f} (bound {2 - LIVE_BOUND:.2f})", flush=True)
    reached = errors["offline"] <= case.error and found["offline"] >= case.correlation
    same = error <= LIVE_BOUND and alike >= 2 - LIVE_BOUND
    return [] if reached and same else [case.name]


def main() -> None:
    """All cases; a name on the command line runs that one only."""
    if not FOLDER.exists():
        print(f"skipped: no measured scan in {FOLDER}")
        return
    reference, missed = np.load(FOLDER / "reference_reconstruction.npz"), []
    with tempfile.TemporaryDirectory() as name, serving() as live:
        for case in CASES:
            if len(sys.argv) > 1 and case.name not in sys.argv[1:]:
                continue
            missed += report(case, run(live, Path(name), case), reference)
    assert not missed, f"the measured star: out of bounds are {', '.join(missed)}"


if __name__ == "__main__":
    main()
