"""Pictures of a snapshot: quantised for browsers, or as PNG. No torch here: the arrays are NumPy's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from engines.freespace import propagated
from engines.ramp import PhasePlane, mean_phase
from service.browser import FieldPart, Histogram, Image, ImageRequest, Layer
from service.snapshot import Snapshot

Quantity = Literal["phase", "amplitude", "complex"]
HISTOGRAM_PX = 256
"""Longest edge of what a histogram counts, in evenly spread pixels."""
HISTOGRAM_BINS = 96
HISTOGRAM_PERCENTILES = (0.2, 1, 99, 99.8)
"""Where it ends before room is made, and automatic levels."""
HISTOGRAM_ROOM = 0.5
"""On each side, as a share of its span."""
LEVEL_PERCENTILES = (0.5, 99.5)
"""Where 8-bit pictures clip, so that a few wild pixels at the rim do not take all the contrast."""


def make_image(snapshot: Snapshot, request: ImageRequest, reconstruction: str, now_ns: int) -> Image:
    """The picture that a browser asked for."""
    powers: tuple[float, ...] = ()
    plane = PhasePlane(0.0, 0.0, 0.0)
    if request.name == "object":
        field, covered = snapshot.object[None], snapshot.covered[None]
        plane = snapshot.plane if request.flat else mean_phase(snapshot.object, snapshot.covered)
    else:
        field = probe_at(snapshot, request.distance_m)
        covered = np.ones(field.shape, bool)
        powers = tuple(float(share) for share in mode_powers(snapshot.probe))
    full_shape = field.shape[-2:]
    row, col, height, width = clamp_crop(request.crop or (0, 0, *full_shape), full_shape)
    seen = (slice(None), slice(row, row + height), slice(col, col + width))
    step = -(-max(height, width) // request.max_px)
    cut = field[seen] if request.name == "probe" else plane.removed(field[seen], row, col)
    sent, lit = shrink(cut, step), shrink(covered[seen], step) > 0.5
    histograms = whole_histograms(snapshot, plane, request.quantities) if request.name == "object" else {}
    return Image(
        reconstruction=reconstruction,
        name=request.name,
        snapshot=snapshot.number,
        iteration=snapshot.iteration,
        frames=snapshot.frames,
        newest_index=snapshot.newest_index,
        data_ns=snapshot.data_ns,
        now_ns=now_ns,
        shape=(sent.shape[0], sent.shape[1], sent.shape[2]),
        origin=(row, col),
        step=step,
        full_shape=(full_shape[0], full_shape[1]),
        pixel_m=snapshot.pixel_m,
        origin_m=snapshot.origin_m,
        ramp=(plane.along_rows, plane.along_cols),
        distance_m=0.0 if request.name == "object" else request.distance_m,
        powers=powers,
        layers=tuple(
            make_layer(sent, lit, quantity, request.bits, histograms.get(quantity)) for quantity in request.quantities
        ),
    )


def probe_at(snapshot: Snapshot, distance_m: float) -> NDArray[np.complex64]:
    """The probe so far along the beam from the sample; where it is, if the wavelength is not known."""
    if distance_m == 0 or snapshot.wavelength_m <= 0:
        return snapshot.probe
    return propagated(snapshot.probe, distance_m, snapshot.wavelength_m, snapshot.pixel_m)


def make_layer(
    field: NDArray[np.complexfloating[Any, Any]],
    covered: NDArray[np.bool_],
    quantity: FieldPart,
    bits: Literal[8, 16],
    histogram: Histogram | None = None,
) -> Layer:
    """Quantise one quantity; see `Layer` for the code."""
    values = part_of(field, quantity)
    seen = values[covered]
    low, high = (0.0, 1.0) if not seen.size else (float(seen.min()), float(seen.max()))
    if bits == 8 and seen.size:
        low, high = (float(level) for level in np.percentile(seen[:: 1 + seen.size // 100_000], LEVEL_PERCENTILES))
    if not high > low:
        high = low + 1e-6
    steps = 2**bits - 2
    values -= low
    values *= steps / (high - low)
    values += 1.5
    np.clip(values, 1, steps + 1, out=values)
    codes = values.astype("<u2" if bits == 16 else "u1")
    codes *= covered
    return Layer(quantity=quantity, bits=bits, low=low, high=high, histogram=histogram, data=codes.tobytes())


def part_of(field: NDArray[np.complexfloating[Any, Any]], quantity: FieldPart) -> NDArray[Any]:
    """Phase in rad, or amplitude."""
    values: NDArray[Any] = np.angle(field) if quantity == "phase" else np.abs(field)
    return values


def whole_histograms(
    snapshot: Snapshot, plane: PhasePlane, quantities: Sequence[FieldPart]
) -> dict[FieldPart, Histogram]:
    """Of each quantity, over all that is covered: a crop must not change what its colours mean."""
    thin = 1 + max(snapshot.object.shape) // HISTOGRAM_PX
    covered = snapshot.covered[::thin, ::thin]
    if not covered.any():
        return {}
    thinned = PhasePlane(plane.constant, thin * plane.along_rows, thin * plane.along_cols)
    field = thinned.removed(snapshot.object[::thin, ::thin])[covered]
    return {quantity: histogram_of(part_of(field, quantity)) for quantity in quantities}


def histogram_of(values: NDArray[Any]) -> Histogram:
    """A histogram of where nearly all values lie, with room on both sides."""
    low, auto_low, auto_high, high = (float(level) for level in np.percentile(values, HISTOGRAM_PERCENTILES))
    room = HISTOGRAM_ROOM * max(high - low, 1e-6)
    low, high = max(low - room, float(values.min())), min(high + room, float(values.max()))
    if not high > low:
        low, high = low - 1e-6, high + 1e-6
    places = np.clip((values - low) * (HISTOGRAM_BINS / (high - low)), 0, HISTOGRAM_BINS - 1).astype(np.int64)
    counts = np.bincount(places, minlength=HISTOGRAM_BINS)
    return Histogram(low=low, high=high, auto_low=auto_low, auto_high=auto_high, counts=tuple(counts.tolist()))


def mode_powers(probe: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Share of each mode in the probe's power."""
    powers = (np.abs(probe.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    total = powers.sum()
    shares: NDArray[np.float64] = powers / total if total > 0 else powers
    return shares


def shrink(array: NDArray[Any], step: int) -> NDArray[Any]:
    """Average over step x step pixels; a rest at the far edges is left out."""
    if step <= 1:
        return array
    modes, rows, cols = array.shape
    trimmed = array[:, : rows // step * step, : cols // step * step]
    blocks = trimmed.reshape(modes, rows // step, step, cols // step, step)
    averaged: NDArray[Any] = blocks.mean(axis=(2, 4), dtype=_sum_dtype(array))
    return averaged


def _sum_dtype(array: NDArray[Any]) -> type[np.generic]:
    return np.complex64 if np.iscomplexobj(array) else np.float32


def clamp_crop(crop: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A crop that lies in the picture and has at least one pixel."""
    row, col = (min(max(start, 0), size - 1) for start, size in zip(crop[:2], shape, strict=True))
    height, width = (
        min(max(length, 1), size - start) for length, size, start in zip(crop[2:], shape, (row, col), strict=True)
    )
    return row, col, height, width


def png(field: NDArray[np.complex64], covered: NDArray[np.bool_], quantity: Quantity) -> bytes:
    """A picture for a logbook: grey levels between percentiles, or hue for phase and value for amplitude.

    Several modes stand side by side; what is not covered is transparent.
    """
    flat, seen = np.concatenate(list(field), axis=1), np.concatenate(list(covered), axis=1)
    amplitude = scale(np.abs(flat), seen)
    if quantity == "complex":
        hue = (np.angle(flat) / (2 * np.pi) % 1 * 255).astype(np.uint8)
        planes = np.stack([hue, np.full_like(hue, 255), amplitude], axis=-1)
        picture = Picture.fromarray(planes, "HSV").convert("RGBA")
    else:
        grey = amplitude if quantity == "amplitude" else scale(np.angle(flat), seen)
        picture = Picture.fromarray(grey).convert("RGBA")
    picture.putalpha(Picture.fromarray(seen.astype(np.uint8) * 255))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def scale(values: NDArray[Any], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Grey levels 0 to 255 between the percentiles of what is covered."""
    low, high = np.percentile(values[seen], LEVEL_PERCENTILES) if seen.any() else (0, 1)
    return np.clip((values - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
