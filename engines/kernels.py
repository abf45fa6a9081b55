"""Inner loops of the CPU, compiled by numba: one pass over the pixels of a frame where torch makes one an operation.

Whatever is here stands somewhere else in torch too, for a GPU and for whatever lies otherwise in memory, and a test
holds the two together. Arrays are NumPy's, C-contiguous; rows are cut first, because numba then knows that their pixels
lie side by side, and uses the wide instructions. Compiled once on a machine, and kept (`NUMBA_CACHE_DIR`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

DARKEST = 1e-6
"""Magnitude below which a model pixel is taken to be dark."""
LOST = 0.1
"""A frame that got less than this share of its neighbours' intensity had no beam, and is left out."""

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
"""NaN and infinity are passed on, unlike with all of `fastmath`."""


def compiled(loop):
    """Have a function compiled when it is first called; kept on disk, where there is any that may be written to."""
    try:
        return njit(cache=True, **OPTIONS)(loop)
    except RuntimeError:  # numba's word for that there is none
        return njit(**OPTIONS)(loop)


def suit(*tensors: Tensor) -> bool:
    """Whether the loops can have these tensors."""
    return all(each.device.type == "cpu" and each.is_contiguous() and not each.is_conj() for each in tensors)


def load() -> None:
    """Compile what most runs need, seconds on a new machine, or read what was compiled: before a frame waits for it."""
    object, waves = np.ones((4, 4), np.complex64), np.ones((1, 1, 4, 4), np.complex64)
    magnitudes = np.ones((1, 4, 4), np.float32)
    misfits(waves, magnitudes, None, None)
    project_(waves, magnitudes, None, None, None)
    correct_(object.ravel(), 4, waves[0], waves[0].copy(), 1.0, 1.0, 1.0, 1.0)
    corners = np.zeros((1, 2), np.int64)
    add_to_object_(object, corners, waves, waves[0].copy())
    add_to_probe_(waves[0].copy(), corners, waves, object)
    equations(object, 0, 0, waves[0], waves[0].copy())


def rows_of(window: Tensor) -> tuple[NDArray[np.complexfloating], int]:
    """A window on something larger as one run of pixels, and how far its rows are apart in it."""
    stride, last = window.stride(0), window.stride(0) * (window.shape[0] - 1) + window.shape[1]
    run = window.as_strided((last,), (1,), window.storage_offset())
    return run.numpy(), stride


@compiled
def check_inside(object, top, left, height, width):
    """Compiled loops look at no bounds: what lies beyond the object would be whatever lies there in memory."""
    if top < 0 or left < 0 or top + height > object.shape[0] or left + width > object.shape[1]:
        raise IndexError("expected each frame's window to lie on the object")


@compiled
def counts_of(waves, j, y, scales, background, counts):
    """Counts of one row of one frame, ``s sum_modes |f|^2 + b``, and never less than those of a dark pixel."""
    counts[:] = 0
    for mode in range(waves.shape[1]):
        row = waves[j, mode, y]
        for x in range(len(row)):
            counts[x] += row[x].real * row[x].real + row[x].imag * row[x].imag
    if scales is not None:
        scale, pedestal = scales[j], background[y]
        for x in range(len(counts)):
            counts[x] = scale * counts[x] + pedestal[x]
    dark = counts.dtype.type(DARKEST * DARKEST)
    for x in range(len(counts)):
        if counts[x] < dark:
            counts[x] = dark


@compiled
def misfits(waves, magnitudes, scales, background):
    """Of each frame, over its trusted pixels: the sums of (|f| - sqrt I)^2 and of ||f| - sqrt I|, and their number."""
    sums, counts = np.zeros((len(waves), 3)), np.empty(waves.shape[3], magnitudes.dtype)
    squares, sizes, trusted = np.empty_like(counts), np.empty_like(counts), np.empty_like(counts)
    zero, one = counts.dtype.type(0), counts.dtype.type(1)
    for j in range(len(waves)):
        squares[:], sizes[:], trusted[:] = zero, zero, zero
        for y in range(waves.shape[2]):
            counts_of(waves, j, y, scales, background, counts)
            wanted = magnitudes[j, y]
            for x in range(len(wanted)):
                difference = np.sqrt(counts[x]) - wanted[x] if wanted[x] >= 0 else zero
                squares[x] += difference * difference
                sizes[x] += abs(difference)
                trusted[x] += one if wanted[x] >= 0 else zero
        sums[j, 0], sums[j, 1], sums[j, 2] = squares.sum(), sizes.sum(), trusted.sum()
    return sums


@compiled
def project_(waves, magnitudes, shares, scales, background):
    """The magnitude projection in place, see `projections.magnitude_projection_`; each frame goes its share of the
    way, or all of it where there are none.
    """
    counts = np.empty(waves.shape[3], magnitudes.dtype)
    for j in range(len(waves)):
        if scales is not None and scales[j] < LOST:
            continue
        for y in range(waves.shape[2]):
            counts_of(waves, j, y, scales, background, counts)
            wanted, one = magnitudes[j, y], counts.dtype.type(1)
            for x in range(len(wanted)):
                counts[x] = wanted[x] / np.sqrt(counts[x]) if wanted[x] >= 0 else one
            if shares is not None:
                for x in range(len(wanted)):
                    counts[x] = one + shares[j] * (counts[x] - one)
            for mode in range(waves.shape[1]):
                row = waves[j, mode, y]
                for x in range(len(row)):
                    row[x] = row[x] * counts[x]


@compiled
def add_to_object_(total, corners, waves, probe):
    """Add ``waves * probe`` of all frames and modes to the object, each at its window."""
    modes, height, width = probe.shape
    for j in range(len(waves)):
        top, left = corners[j]
        check_inside(total, top, left, height, width)
        for mode in range(modes):
            for y in range(height):
                row, wave, light = total[top + y, left : left + width], waves[j, mode, y], probe[mode, y]
                for x in range(width):
                    row[x] += wave[x] * light[x]


@compiled
def add_to_probe_(total, corners, waves, object):
    """Add ``waves * object[window]`` of all frames to the probe."""
    modes, height, width = total.shape
    for j in range(len(waves)):
        top, left = corners[j]
        check_inside(object, top, left, height, width)
        for mode in range(modes):
            for y in range(height):
                row, wave, light = object[top + y, left : left + width], waves[j, mode, y], total[mode, y]
                for x in range(width):
                    light[x] += wave[x] * row[x]


@compiled
def greatest(window, stride, probe):
    """The greatest |O|^2 of a window, and the greatest |P|^2, summed over the modes; neither of them 0. By columns:
    the greatest of many numbers is not found in wide instructions, the greater ones of two rows are.
    """
    modes, height, width = probe.shape
    power = np.empty(width, probe.real.dtype)
    brightest = np.full(width, DARKEST * DARKEST, probe.real.dtype)
    strongest = brightest.copy()
    for y in range(height):
        row = window[y * stride : y * stride + width]
        power[:] = 0
        for mode in range(modes):
            light = probe[mode, y]
            for x in range(width):
                power[x] += light[x].real * light[x].real + light[x].imag * light[x].imag
        for x in range(width):
            transmission = row[x].real * row[x].real + row[x].imag * row[x].imag
            brightest[x] = transmission if transmission > brightest[x] else brightest[x]
            strongest[x] = power[x] if power[x] > strongest[x] else strongest[x]
    return brightest.max(), strongest.max()


@compiled
def correct_(window, stride, probe, difference, alpha, beta, object_step, probe_step):
    """The update lines of `pie.PIE` for one frame, in place: window and probe, both from the old ones."""
    modes, height, width = probe.shape
    if len(window) != stride * (height - 1) + width:
        raise IndexError("expected a window of the probe's size")
    numerator, power = np.empty(width, probe.dtype), np.empty(width, probe.real.dtype)
    real = power.dtype.type
    brightest, strongest = greatest(window, stride, probe)
    most_light, light_share = real(alpha) * strongest, real(1 - alpha)
    most_passed, passed_share = real(beta) * brightest, real(1 - beta)
    object_step, probe_step = real(object_step), real(probe_step)
    for y in range(height):
        row = window[y * stride : y * stride + width]
        numerator[:] = 0
        power[:] = 0
        for mode in range(modes):
            light, wave = probe[mode, y], difference[mode, y]
            for x in range(width):
                numerator[x] += np.conj(light[x]) * wave[x]
                power[x] += light[x].real * light[x].real + light[x].imag * light[x].imag
            if probe_step > 0:
                for x in range(width):
                    transmission = row[x].real * row[x].real + row[x].imag * row[x].imag
                    light[x] += np.conj(row[x]) * wave[x] * (probe_step / (passed_share * transmission + most_passed))
        for x in range(width):
            row[x] += numerator[x] * (object_step / (light_share * power[x] + most_light))


@compiled
def equations(object, top, left, probe, difference):
    """Of one frame, for its position: b and A of `positions`, as b_row, b_col, A_row_row, A_row_col, A_col_col."""
    modes, height, width = probe.shape
    check_inside(object, top, left, height, width)
    asked, power = np.empty(width, probe.dtype), np.empty(width, probe.real.dtype)
    sums = np.zeros((5, width), power.dtype)
    pull_row, pull_col, row_row, row_col, col_col = sums
    half = power.dtype.type(0.5)
    for y in range(1, height - 1):
        above, below = object[top + y - 1, left : left + width], object[top + y + 1, left : left + width]
        here = object[top + y, left : left + width]
        asked[:] = 0
        power[:] = 0
        for mode in range(modes):
            light, wave = probe[mode, y], difference[mode, y]
            for x in range(width):
                asked[x] += np.conj(light[x]) * wave[x]
                power[x] += light[x].real * light[x].real + light[x].imag * light[x].imag
        for x in range(1, width - 1):
            down, right = (below[x] - above[x]) * half, (here[x + 1] - here[x - 1]) * half
            pull_row[x] += down.real * asked[x].real + down.imag * asked[x].imag
            pull_col[x] += right.real * asked[x].real + right.imag * asked[x].imag
            row_row[x] += (down.real * down.real + down.imag * down.imag) * power[x]
            row_col[x] += (down.real * right.real + down.imag * right.imag) * power[x]
            col_col[x] += (right.real * right.real + right.imag * right.imag) * power[x]
    return sums.sum(axis=1)
