"""The measured star (velociprobe, given probe guess, one mode, rPIE, 40 iterations): offline, and live through the
socket. Needs the scan beside the checkout, in ../shared/data; says so where it is absent.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from benchmarks.bench_live import serving
from engines.compare import likeness, scanned
from service.demo import command
from service.formats.result import Result, read_result

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "velociprobe_siemens"
ERROR_BOUND, CORRELATION_BOUND, LIVE_BOUND = 0.13, 0.85, 1.02
ITERATIONS = 40


def correlation(result: Result, reference: NpzFile) -> float:
    """Complex correlation with the reference over the scanned area, constant and ramp removed."""
    window = (result.probe.shape[1], result.probe.shape[2])
    area = scanned(result.positions_px.astype(int), window, (result.object.shape[1], result.object.shape[2]))
    shift = np.rint(np.median(result.positions_px - reference["positions_px_used"][result.frame_index], axis=0))
    rows, cols = (np.flatnonzero(area.any(axis=axis)) for axis in (1, 0))
    ours = result.object[0][np.ix_(rows, cols)]
    theirs = reference["object"][np.ix_(rows - int(shift[0]), cols - int(shift[1]))]
    return likeness(ours, theirs, np.ones(ours.shape, bool)).correlation


def main() -> None:
    if not FOLDER.exists():
        print(f"skipped: no measured scan in {FOLDER}")
        return
    scan, probe = str(FOLDER / "siemens_repackaged.cxi"), f"--probe={FOLDER / 'siemens.h5'}:/probe_guess"
    reference = np.load(FOLDER / "reference_reconstruction.npz")
    with tempfile.TemporaryDirectory() as name, serving() as live:
        out = Path(name) / "offline.cxi"
        offline = ["reconstruct", scan, "--engine=rpie", f"--iterations={ITERATIONS}", probe, f"--out={out}"]
        subprocess.run(command(*offline), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        send = ["replay", scan, f"--to={live.endpoint}", "--frame-delay=0.02", "--chunk=25", probe]
        policy = f"--final-iterations={ITERATIONS}"
        subprocess.run(command(*send, policy), check=True, stderr=subprocess.DEVNULL)
        results = {"offline": read_result(out), "live": read_result(live.data / live.over()["result"])}
        errors = {name: float(result.metrics[-1, 2]) for name, result in results.items()}
        for name, result in results.items():
            found = correlation(result, reference)
            print(
                f"{name}: relative amplitude error {errors[name]:.4f} (bound {ERROR_BOUND}), correlation with the ",
                end="",
            )
            print(f"reference {found:.3f} (bound {CORRELATION_BOUND}), {int(result.metrics[-1, 0])} iterations")
            assert errors[name] <= ERROR_BOUND and found >= CORRELATION_BOUND, name
        assert errors["live"] <= LIVE_BOUND * errors["offline"], errors


if __name__ == "__main__":
    main()
