"""What is refused before a reconstruction starts, with the bound, the value and the figure, and what is warned of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from engines.arrays import Probe
from engines.overlap_measure import ENOUGH, Overlap, step_px, width_px
from engines.probes import initial_probe, probe_from_array
from engines.propagation import NearField
from service.specs import AUTO, GIVEN, SpecError

if TYPE_CHECKING:
    from service.setup import Setup


def check_setup(setup: Setup) -> None:
    """Refuse what can be known to be impossible before any frame is there; raises `SpecError`."""
    try:
        check_mask(setup)
        check_background(setup)
        check_probe(setup)
        if setup.plan_m is not None:
            check_overlap(setup, setup.plan_m)
    except SpecError:
        raise
    except ValueError as error:
        raise SpecError(str(error)) from error


def check_mask(setup: Setup) -> None:
    """Refuse a mask that leaves no pixel of what is used of a frame."""
    mask, size = setup.arrays.get("mask"), setup.preparation.size
    if mask is not None and mask.shape != setup.start.frame_shape:
        raise SpecError(f"mask: expected the frame's shape {setup.start.frame_shape}, got {mask.shape}")
    if mask is not None and not setup.preparation.trusted(mask):
        outside = int(np.count_nonzero(mask))
        raise SpecError(
            f"mask: expected at least 1 trusted pixel in the {size} x {size} px that are used of a frame, got 0 "
            f"({outside} in the frame of {mask.shape[0]} x {mask.shape[1]}); 1 means that a pixel can be trusted"
        )


def check_background(setup: Setup) -> None:
    """Refuse a background that no detector could count."""
    background = setup.arrays.get("background")
    if background is None:
        return
    if background.shape != setup.start.frame_shape:
        raise SpecError(f"background: expected the frame's shape {setup.start.frame_shape}, got {background.shape}")
    if background.dtype.kind not in "iuf":
        raise SpecError(f"background: expected counts as real numbers, got {background.dtype}")
    bad = int(np.count_nonzero(~(np.isfinite(background) & (background >= 0))))
    if bad:
        raise SpecError(f"background: expected counts from 0 on, got {bad} pixels that are negative or not finite")


def check_probe(setup: Setup) -> None:
    """Refuse a probe that no frame could make possible."""
    if setup.probe_source == GIVEN and "probe" not in setup.arrays:
        raise SpecError("probe: expected an array with the scan's start for 'given', got none")
    if setup.probe_source == AUTO and isinstance(setup.optics, NearField):
        raise SpecError("probe: expected a far-field geometry for 'auto'; in near field 'data' starts from the frames")
    stated_probe(setup)


def stated_probe(setup: Setup) -> Probe | None:
    """The initial probe as far as it is known without a frame; none where it comes from the data."""
    if setup.probe_source == GIVEN:
        return probe_from_array(setup.given_probe, setup.preparation.size, 1.0, len(setup.given_probe))
    if setup.probe_source == AUTO or setup.probe_source.startswith("data"):
        return None
    return initial_probe(setup.probe_source, setup.optics, 1.0)


def overlap(setup: Setup, positions_m: NDArray[np.float64], probe: Probe | None) -> Overlap:
    """Of neighbouring frames: of their probes, or of their windows where the probe is not known."""
    width = setup.preparation.size if probe is None else width_px(probe)
    return Overlap(step_px(positions_m / setup.optics.pixel_m), width)


def check_overlap(setup: Setup, positions_m: NDArray[np.float64]) -> None:
    """Refuse positions whose neighbours share nothing at all."""
    found = overlap(setup, positions_m, stated_probe(setup))
    if not found.linear:
        raise SpecError(f"positions: {found}; more than 0 % is needed, {ENOUGH * 100:.0f} % or more is good")


def overlap_warning(setup: Setup, positions_m: NDArray[np.float64], probe: Probe) -> str:
    """What to tell of a small overlap; nothing where it is enough, or the probe begins as a mere focus."""
    found = overlap(setup, positions_m, None if setup.probe_source == "data" else probe)
    return "" if found.linear >= ENOUGH else f"{found}; {ENOUGH * 100:.0f} % or more is good"


def memory_refusal(setup: Setup, frames: int, device: torch.device, allowed: int) -> str:
    """Why so many frames do not fit into the bytes that are allowed; nothing where they do."""
    needed, modes = setup.memory_bytes(frames), setup.modes
    if needed <= allowed:
        return ""
    one, two = (_with_modes(setup, count).memory_bytes(frames) for count in (1, 2))
    most = 1 + (allowed - one) // (two - one) if allowed >= one else 0
    fits = f"; at most {most} of its {modes} modes fit" if modes > 1 else ""
    return f"memory: needs {needed / 1e9:.3g} GB on {device}, {allowed / 1e9:.3g} GB are free and allowed{fits}"


def _with_modes(setup: Setup, modes: int) -> Setup:
    return replace(setup, spec=setup.spec.model_copy(update={"modes": modes}))
