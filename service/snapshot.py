"""A moment of a reconstruction: what is shown, kept as checkpoint and history, and quantised for browsers.

The worker sends it to the API as one multipart message and keeps it as a small HDF5 file; the API makes
pictures of it. No torch here: the arrays are NumPy's.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import msgpack
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from service.browser import Image, ImageRequest, Layer

Quantity = Literal["phase", "amplitude", "complex"]
LEVEL_PERCENTILES = (0.5, 99.5)
"""Where 8-bit pictures clip, so that a few wild pixels at the rim do not take all the contrast."""

MORE = "learnt"
"""Group of the arrays that are kept for going on."""


@dataclass(frozen=True)
class Snapshot:
    """Object, probe and what was known when they were copied."""

    number: int
    """Counts the snapshots of a reconstruction."""
    iteration: int
    frames: int
    """Frames admitted."""
    newest_index: int
    """Highest frame index admitted; -1 before the first."""
    data_ns: int
    """Service clock when the newest frame in it arrived."""
    pixel_m: float
    origin_m: tuple[float, float]
    """Metres (row, col) of the object's pixel [0, 0]."""
    object: NDArray[np.complex64]  # (row, col)
    probe: NDArray[np.complex64]  # (mode, y, x)
    covered: NDArray[np.bool_]  # (row, col)
    """Where the probe has been."""

    def to_parts(self) -> list[bytes | memoryview]:
        """The snapshot as parts of a ZeroMQ message: header, object, probe, covered (a bit a pixel)."""
        header = self._numbers() | {"object": self.object.shape, "probe": self.probe.shape}
        packed = np.packbits(self.covered)
        return [msgpack.packb(header), self.object.data, self.probe.data, packed.data]

    @classmethod
    def from_parts(cls, parts: Sequence[bytes | memoryview]) -> Snapshot:
        """The reverse of `to_parts`."""
        header = msgpack.unpackb(parts[0])
        shape, probe_shape = tuple(header.pop("object")), tuple(header.pop("probe"))
        bits = np.unpackbits(np.frombuffer(parts[3], np.uint8), count=shape[0] * shape[1])
        return cls(
            **header | {"origin_m": tuple(header["origin_m"])},
            object=np.frombuffer(parts[1], np.complex64).reshape(shape),
            probe=np.frombuffer(parts[2], np.complex64).reshape(probe_shape),
            covered=bits.astype(bool).reshape(shape),
        )

    def save(self, path: Path, more: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Write as HDF5, replacing the file as a whole; with arrays that only who goes on from it wants to know."""
        temporary = path.with_name(f".{path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(temporary, "w") as file:
            file["object"], file["probe"], file["covered"] = self.object, self.probe, self.covered
            for name, value in self._numbers().items():
                file.attrs[name] = value
            for name, array in (more or {}).items():
                file[f"{MORE}/{name}"] = array
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Read what `save` wrote; raises OSError or KeyError if it is not there or not whole."""
        with h5py.File(path, "r") as file:
            attributes: Any = file.attrs
            return cls(
                **{
                    name: int(attributes[name]) for name in ("number", "iteration", "frames", "newest_index", "data_ns")
                },
                pixel_m=float(attributes["pixel_m"]),
                origin_m=(float(attributes["origin_m"][0]), float(attributes["origin_m"][1])),
                object=file["object"][()],
                probe=file["probe"][()],
                covered=file["covered"][()].astype(bool),
            )

    @staticmethod
    def load_more(path: Path) -> dict[str, NDArray[Any]]:
        """The further arrays that `save` wrote; none where there are none."""
        with h5py.File(path, "r") as file:
            return {name: array[()] for name, array in file.get(MORE, {}).items()}

    def _numbers(self) -> dict[str, Any]:
        names = ("number", "iteration", "frames", "newest_index", "data_ns", "pixel_m", "origin_m")
        return {name: getattr(self, name) for name in names}


def make_image(snapshot: Snapshot, request: ImageRequest, reconstruction: str, now_ns: int) -> Image:
    """The picture that a browser asked for."""
    powers: tuple[float, ...] = ()
    if request.name == "object":
        field, covered = snapshot.object[None], snapshot.covered[None]
        field = field * np.conj(mean_phase(snapshot.object, snapshot.covered))
    else:
        field, covered = snapshot.probe, np.ones(snapshot.probe.shape, bool)
        powers = tuple(float(share) for share in mode_powers(snapshot.probe))
    full_shape = field.shape[-2:]
    origin = (0, 0)
    if request.crop is not None:
        row, col, height, width = clamp_crop(request.crop, full_shape)
        origin = (row, col)
        field = field[:, row : row + height, col : col + width]
        covered = covered[:, row : row + height, col : col + width]
    step = -(-max(field.shape[-2:]) // request.max_px)
    field, covered = shrink(field, step), shrink(covered, step) > 0.5
    return Image(
        reconstruction=reconstruction,
        name=request.name,
        snapshot=snapshot.number,
        iteration=snapshot.iteration,
        frames=snapshot.frames,
        newest_index=snapshot.newest_index,
        data_ns=snapshot.data_ns,
        now_ns=now_ns,
        shape=(field.shape[0], field.shape[1], field.shape[2]),
        origin=origin,
        step=step,
        full_shape=(full_shape[0], full_shape[1]),
        pixel_m=snapshot.pixel_m,
        powers=powers,
        layers=tuple(make_layer(field, covered, quantity, request.bits) for quantity in request.quantities),
    )


def make_layer(
    field: NDArray[np.complex64],
    covered: NDArray[np.bool_],
    quantity: Literal["phase", "amplitude"],
    bits: Literal[8, 16],
) -> Layer:
    """Quantise one quantity; see `Layer` for the code."""
    values = np.angle(field) if quantity == "phase" else np.abs(field)
    seen = values[covered]
    low, high = (0.0, 1.0) if not seen.size else (float(seen.min()), float(seen.max()))
    if bits == 8 and seen.size:
        low, high = (float(level) for level in np.percentile(seen[:: 1 + seen.size // 100_000], LEVEL_PERCENTILES))
    if not high > low:
        high = low + 1e-6
    steps = 2**bits - 2
    codes = np.clip((values - low) * np.float32(steps / (high - low)) + 1.5, 1, steps + 1)
    codes = np.where(covered, codes, 0).astype("<u2" if bits == 16 else "u1")
    return Layer(quantity=quantity, bits=bits, low=low, high=high, data=codes.tobytes())


def mean_phase(object: NDArray[np.complex64], covered: NDArray[np.bool_]) -> np.complex64:
    """The unit phasor of the object's mean over the covered pixels: ptychography leaves this phase open."""
    mean = object[covered].sum() if covered.any() else 0
    return np.complex64(mean / abs(mean) if abs(mean) > 0 else 1)


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
