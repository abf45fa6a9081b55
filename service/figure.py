"""A figure for the logbook: object and probe with colour bar and scale bar, and in words what they are of."""

from __future__ import annotations

import io
import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from service.lettering import font, letters
from service.pictures import LEVEL_PERCENTILES, Quantity
from service.snapshot import Snapshot
from service.statuses import ReconstructionStatus

PANEL_PX = 640
PROBE_PX = 280
MARGIN_PX = 24
BAR_PX = 18
TOP_PX = MARGIN_PX + 30
RIGHT_PX = MARGIN_PX + PANEL_PX + 102
TEXT_PX = 15
LINE_PX = 22
INK, PAPER, UNCOVERED = (20, 28, 36), (255, 255, 255), (222, 228, 233)
VIRIDIS = (
    (68, 1, 84), (72, 36, 117), (65, 68, 135), (53, 95, 141), (42, 120, 142), (33, 145, 140),
    (34, 168, 132), (68, 191, 112), (122, 209, 81), (189, 223, 38), (253, 231, 37),
)  # fmt: skip
"""The colormap of this name at eleven even steps."""
GREYS = ((0, 0, 0), (255, 255, 255))
NICE = (1.0, 2.0, 5.0)
Colours = tuple[tuple[int, int, int], ...]


def figure_png(snapshot: Snapshot, status: ReconstructionStatus, quantity: Quantity, key: str) -> bytes:
    """The figure; `key` is the sender's name of the scan."""
    covered, pixel_m = snapshot.covered, snapshot.pixel_m
    field = snapshot.plane.removed(snapshot.object)
    whole, levels = _painted(field, covered, quantity)
    object = _trimmed(whole, covered)
    probe, _ = _painted(snapshot.probe[0], np.ones(snapshot.probe.shape[1:], bool), "complex")
    sheet = Picture.new("RGB", (RIGHT_PX + PROBE_PX + MARGIN_PX, TOP_PX + PANEL_PX + MARGIN_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (MARGIN_PX, 10), f"{key}  ·  {status.id}  ·  object, {quantity}", TEXT_PX + 3)
    height = _place(sheet, draw, object, (MARGIN_PX, TOP_PX), PANEL_PX, pixel_m)
    _colour_bar(sheet, draw, (MARGIN_PX + PANEL_PX + 12, TOP_PX), min(height, 420), quantity, levels)
    top = TOP_PX + _place(sheet, draw, probe, (RIGHT_PX, TOP_PX), PROBE_PX, pixel_m) + 14
    words = _words(snapshot, status)
    for line, text in enumerate(words):
        _write(draw, (RIGHT_PX, top + LINE_PX * line), text)
    bottom = max(TOP_PX + height, top + LINE_PX * len(words)) + MARGIN_PX
    buffer = io.BytesIO()
    sheet.crop((0, 0, sheet.width, min(sheet.height, bottom))).save(buffer, "PNG")
    return buffer.getvalue()


def nice_length(at_most_m: float) -> float:
    """The longest of 1, 2, 5, 10, ... that is not longer."""
    decade = 10.0 ** math.floor(math.log10(at_most_m))
    return max(step * decade for step in NICE if step * decade <= at_most_m * (1 + 1e-9))


def length_text(metres: float) -> str:
    """A length with its unit."""
    for unit, factor in (("mm", 1e3), ("µm", 1e6)):
        if metres * factor >= 1:
            return f"{metres * factor:.3g} {unit}"
    return f"{metres * 1e9:.3g} nm"


def value_text(value: float, span: float) -> str:
    """A value of a scale of this span, with the digits that the span needs."""
    if not 1e-3 <= span < 1e5:
        return f"{value:.1e}"
    text = f"{value:.{max(0, 2 - math.floor(math.log10(span)))}f}"
    return text.lstrip("-") if float(text) == 0 else text


def _words(snapshot: Snapshot, status: ReconstructionStatus) -> list[str]:
    error = "none yet" if status.error is None else f"{status.error:.3g}"
    return [
        "probe, first mode (hue: phase)",
        f"engine: {status.chain or status.engine}",
        f"iteration {snapshot.iteration:,}, {snapshot.frames:,} frames",
        f"error {error}",
        f"pixel {length_text(snapshot.pixel_m)}",
        f"object {snapshot.object.shape[0]} × {snapshot.object.shape[1]} px",
        f"probe modes: {len(snapshot.probe)}",
        *([status.label] if status.label else []),
        time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(snapshot.data_ns / 1e9)),
    ]


def _painted(
    field: NDArray[np.complexfloating[Any, Any]], covered: NDArray[np.bool_], quantity: Quantity
) -> tuple[Picture.Image, tuple[float, float]]:
    """Colours of a field, and the values at both ends of the colour bar."""
    values = np.angle(field) if quantity == "phase" else np.abs(field)
    low, high = np.percentile(values[covered], LEVEL_PERCENTILES) if covered.any() else (0.0, 1.0)
    low, high = (0.0 if quantity == "complex" else float(low)), float(high)
    shares = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    if quantity == "complex":
        hue = (np.angle(field) / (2 * np.pi) % 1 * 255).astype(np.uint8)
        planes = np.stack([hue, np.full_like(hue, 255), (255 * shares).astype(np.uint8)], axis=-1)
        colours = np.asarray(Picture.fromarray(planes, "HSV").convert("RGB")).copy()
    else:
        colours = _coloured(shares, VIRIDIS if quantity == "phase" else GREYS)
    colours[~covered] = UNCOVERED
    return Picture.fromarray(colours), (low, high)


def _coloured(shares: NDArray[Any], colours: Colours) -> NDArray[np.uint8]:
    steps = np.linspace(0, 1, len(colours))
    planes = [np.interp(shares, steps, [colour[plane] for colour in colours]) for plane in range(3)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def _trimmed(picture: Picture.Image, covered: NDArray[np.bool_]) -> Picture.Image:
    """Only the square hull of what is covered."""
    rows, cols = (np.flatnonzero(covered.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return picture
    return picture.crop((int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1))


def _fitted(picture: Picture.Image, edge_px: int) -> Picture.Image:
    scale = edge_px / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Picture.Resampling.NEAREST if scale > 1 else Picture.Resampling.BOX)


def _place(
    sheet: Picture.Image,
    draw: ImageDraw.ImageDraw,
    picture: Picture.Image,
    corner: tuple[int, int],
    edge_px: int,
    pixel_m: float,
) -> int:
    """Put a picture with its scale bar on the sheet; returns its height there."""
    fitted = _fitted(picture, edge_px)
    sheet.paste(fitted, corner)
    px_per_m = fitted.width / picture.width / pixel_m
    length_m = nice_length(fitted.width / 4 / px_per_m)
    left, bottom, length_px = corner[0] + 12, corner[1] + fitted.height - 14, round(length_m * px_per_m)
    draw.rectangle((left - 6, bottom - 30, left + max(length_px, 56) + 6, bottom + 6), fill=INK)
    draw.rectangle((left, bottom - 4, left + length_px, bottom), fill=PAPER)
    _write(draw, (left, bottom - 26), length_text(length_m), colour=PAPER)
    return fitted.height


def _colour_bar(
    sheet: Picture.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    height: int,
    quantity: Quantity,
    levels: tuple[float, float],
) -> None:
    left, top = corner
    shares = np.repeat(np.linspace(1, 0, height)[:, None], BAR_PX, axis=1)
    sheet.paste(Picture.fromarray(_coloured(shares, VIRIDIS if quantity == "phase" else GREYS)), corner)
    draw.rectangle((left, top, left + BAR_PX, top + height), outline=INK)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = top + round((1 - share) * height)
        value = levels[0] + share * (levels[1] - levels[0])
        draw.line((left + BAR_PX, at, left + BAR_PX + 4, at), fill=INK)
        _write(draw, (left + BAR_PX + 7, at - 9), value_text(value, levels[1] - levels[0]))
    _write(draw, (left, top + height + 8), "rad" if quantity == "phase" else "amplitude")


def _write(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    text: str,
    size: int = TEXT_PX,
    colour: tuple[int, int, int] = INK,
) -> None:
    draw.text(corner, letters(text, font(size)), fill=colour, font=font(size))
