"""pty-chi at the driver's word, with its leanest settings, by its public interface.

Positions are whole pixels, so that its bilinear shift does nothing, where the Fourier one (its default) would transform
every probe; nothing is corrected, constrained or orthogonalised that this scan does not need; single precision.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from benchmarks.peers.clock import Clock, Scan

# Of torchvision, whose wheel does not load beside a torch without CUDA, it imports a blur that nothing here uses.
sys.modules["torchvision"] = ModuleType("torchvision")
sys.modules["torchvision.transforms"] = ModuleType("torchvision.transforms")
sys.modules["torchvision.transforms"].GaussianBlur = None

import ptychi.api as api  # noqa: E402
from ptychi.api.task import PtychographyTask  # noqa: E402

MARGIN = 2
"""Pixels around the object without which it pads on every access."""


def options(method: str) -> Any:
    """The settings of a method; chunks and batches were tried out for the least time an iteration. `defaults`: as the
    program comes.
    """
    if method.endswith("defaults"):
        return common(api.DMOptions() if method.startswith("dm") else api.RPIEOptions())
    if method == "dm":
        chosen = api.DMOptions()
        chosen.reconstructor_options.chunk_length = 16
    elif method == "lsqml":
        chosen = api.LSQMLOptions()
        chosen.reconstructor_options.batch_size = 8
    else:
        chosen = api.RPIEOptions()
        single = method == "rpie, one by one"
        chosen.reconstructor_options.batch_size = 1 if single else 8
        chosen.object_options.alpha = 0.05 if single else 0.5  # in batches it diverges at 0.05, as frames' steps add up
        chosen.probe_options.alpha = 1.0
    chosen.reconstructor_options.displayed_loss_function = None
    chosen.object_options.patch_interpolation_method = api.PatchInterpolationMethods.BILINEAR
    chosen.object_options.remove_object_probe_ambiguity.enabled = False
    chosen.probe_options.orthogonalize_incoherent_modes.enabled = False
    chosen.probe_options.orthogonalize_opr_modes.enabled = False
    return common(chosen)


def common(chosen: Any) -> Any:
    """What all methods need."""
    chosen.data_options.fft_shift = True
    chosen.reconstructor_options.default_device = api.Devices.CPU
    chosen.reconstructor_options.random_seed = 0
    chosen.object_options.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    return chosen


def task(scan: Scan, method: str) -> PtychographyTask:
    """A reconstruction that is ready to run. Its transform is not unitary: the probe is smaller by the edge."""
    chosen = options(method)
    centre = (scan.size - 1) / 2 + MARGIN
    chosen.object_options.position_origin_coords = [centre, centre]
    rows, cols = scan.shape
    return PtychographyTask(
        chosen,
        diffraction_data=scan.frames,
        object_data=torch.ones(1, rows + 2 * MARGIN, cols + 2 * MARGIN, dtype=torch.complex64),
        probe_data=torch.from_numpy(scan.probe / scan.size)[None, None],
        probe_position_x_px=scan.corners[:, 1].astype(np.float32),
        probe_position_y_px=scan.corners[:, 0].astype(np.float32),
    )


def main(path: str, method: str, objects: str) -> None:
    running = task(Scan.read(Path(path)), method)
    clock = Clock(f"pty-chi {version('ptychi')}", Path(objects))
    while True:
        running.run(1)
        object = running.get_data_to_cpu("object", as_numpy=True)[0]
        clock.iterated(object[MARGIN:-MARGIN, MARGIN:-MARGIN])


if __name__ == "__main__":
    main(*sys.argv[1:])
