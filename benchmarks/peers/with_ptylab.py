"""PtyLab at the driver's word, with its leanest settings, by its public interface.

Frames are shifted once beforehand, errors summed as they come, arrays in single precision, nothing is shown.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PtyLab import Engines
from PtyLab.ExperimentalData.ExperimentalData import ExperimentalData
from PtyLab.Monitor.Monitor import DummyMonitor
from PtyLab.Params.Params import Params
from PtyLab.Reconstruction.Reconstruction import Reconstruction

from benchmarks.peers.clock import Clock, Scan

MANY = 100_000
"""Iterations, of which the driver asks for as many as it wants."""


def reconstruction(scan: Scan) -> tuple[Reconstruction, ExperimentalData, Params, DummyMonitor]:
    """What each of its engines is made with."""
    data = ExperimentalData("test:nodata")
    data.ptychogram, data.encoder = scan.frames, (scan.corners - scan.corners.max(axis=0) // 2) * scan.pixel_m
    data.wavelength, data.zo, data.dxd = scan.wavelength_m, scan.distance_m, scan.detector_pixel_m
    data.reduce_positions(0, len(scan.frames))  # all: it takes the new shape in
    params = Params()
    params.fftshiftSwitch = True
    params.saveMemory = True
    state = Reconstruction(data, params)
    state.initializeObjectProbe()
    state.probe = scan.probe[None, None, None, None].astype(np.complex64)
    return state, data, params, DummyMonitor()


def engine(method: str, parts: Any) -> Any:
    """The method; mPIE's steps were tried out for the least time to the error, ePIE has the same."""
    made = {"epie": Engines.ePIE, "mpie": Engines.mPIE}[method](*parts)
    made.betaObject, made.betaProbe = 1.0, 0.25
    made.alphaObject, made.alphaProbe = 0.05, 1.0
    made.convert2single()
    return made


def main(path: str, method: str, objects: str) -> None:
    scan = Scan.read(Path(path))
    parts = reconstruction(scan)
    state = parts[0]
    running = engine(method, parts)
    top, left = (state.positions - scan.corners)[0].tolist()
    rows, cols = scan.shape

    def object() -> NDArray[np.complex64]:
        return state.object[0, 0, 0, 0, top : top + rows, left : left + cols]

    running.numIterations = 0
    with redirect_stdout(sys.stderr):
        running.reconstruct()  # prepares its arrays, which is not to be timed
    running.numIterations = MANY
    clock = Clock(f"PtyLab {version('ptylab')}", Path(objects))
    if method == "epie":
        for _, place in running.reconstruct_stepwise():
            if place == len(scan.frames) - 1:
                clock.iterated(object())
    else:
        running.reconstruct(vis_after_each_iteration=lambda *_: clock.iterated(object()))


if __name__ == "__main__":
    main(*sys.argv[1:])
