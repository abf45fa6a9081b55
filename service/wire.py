"""Own wire protocol, version 1: what a detector or a replay says to ingest over ZeroMQ.

A message is two parts, ``[msgpack header][raw C-order buffer]``, PUSH to PULL. The header is one of
`Start`, `Frames`, `Positions`, `End`, `Abort`; arrays never travel inside msgpack. Encoding and decoding
are pure functions of bytes: no socket is opened here, and no torch is loaded.
Beside the PULL socket ingest binds a PUB socket one port higher, which says what is recorded (`Recorded`).
"""

from __future__ import annotations

import itertools
import math
import re
from typing import Annotated, Any, Literal

import msgpack
import numpy as np
from annotated_types import Ge, Gt, Le, Len
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from service.descriptions import Geometry, Metadata, Orientation, ReconstructionSpec, Strict, explain

VERSION = 1
MAX_HEADER_BYTES = 65_536
MAX_BUFFER_BYTES = 1 << 30
MAX_INTEGER = 1 << 62
"""Indices and times are kept as 64-bit integers; msgpack may carry more."""
HIGH_WATER_MARK = 8
"""Messages that ZeroMQ buffers on each side; small, so that back-pressure reaches the sender."""
GROUP_BYTES = 1_000_000
GROUP_SECONDS = 0.05
"""A message of frames carries what came within `GROUP_BYTES` or `GROUP_SECONDS`, whichever is first."""

Encoding = Literal["raw", "bslz4", "lz4"]


class WireError(ValueError):
    """A message that does not follow the protocol; says what was expected and what came."""


class ArraySpec(Strict):
    """An array that travels in the buffer of `start`."""

    name: Literal["plan", "probe", "mask", "background"]
    """plan: (n, 2) metres, in the order and orientation of the positions; probe: (mode, y, x) complex64;
    mask: (h, w) uint8, 1 where a pixel can be trusted, in the frame's own orientation; background: (h, w) float32,
    counts of every frame that are not the sample's light, in the same orientation."""
    shape: Annotated[tuple[Annotated[int, Ge(1)], ...], Len(1, 3)]
    dtype: str


class Header(Strict):
    """What every header carries."""

    v: Literal[1] = 1
    """Major version of the protocol."""
    scan: Annotated[str, Len(1, 128)]
    """The sender's own key of the scan; ingest mints the scan's id, so that keys may repeat."""
    run: Annotated[str, Len(0, 64)] = ""
    """Drawn by the sender for each `start`, for example 8 random hex characters, and carried by all that belongs to it:
    a scan takes only what carries its own. Empty: a sender that does not tell its runs apart."""

    @field_validator("scan", "run")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("expected printable text")
        return value


class Start(Header):
    """A scan begins."""

    t: Literal["start"] = "start"
    frame_shape: tuple[Annotated[int, Gt(0)], Annotated[int, Gt(0)]]
    """(rows, cols) of a frame as sent."""
    dtype: str
    """NumPy name of the frames with byte order, for example ``<u2``."""
    geometry: Geometry
    orientation: Orientation = Orientation()
    motion: Literal["probe", "sample"] = "probe"
    """Which of the two the positions describe; CXI's translation is the sample's."""
    planned: Annotated[int, Gt(0)] | None = None
    """Number of frames that are planned."""
    valid_min: float | None = None
    """Counts below this are not trusted."""
    valid_max: float | None = None
    """Counts above this are not trusted; the dtype's own maximum never is."""
    centre: tuple[float, float] | None = None
    """Pixel (row, col) of zero frequency in the frame as sent; default (h // 2, w // 2)."""
    metadata: Metadata = Field({})
    """sample, proposal, user and whatever else should be kept with the scan."""
    reconstruction: ReconstructionSpec | None = None
    """What is to run on this scan unless REST armed it otherwise."""
    arrays: tuple[ArraySpec, ...] = ()
    """What the buffer holds, one after the other."""
    ts_ns: Annotated[int, Ge(0), Le(MAX_INTEGER)] = 0
    """Sender's clock, nanoseconds since 1970. A `start` that repeats key and ts_ns is the same one, sent again
    because ingest was restarted."""

    @model_validator(mode="after")
    def _known_dtype(self) -> Start:
        frame_dtype(self.dtype)
        return self


class Block(Header):
    """What `frames` and `positions` share: n rows with the indices i0 to i0 + n - 1."""

    seq: Annotated[int, Ge(0)]
    """Counts this stream's messages from 0."""
    i0: Annotated[int, Ge(0), Le(MAX_INTEGER)]
    n: Annotated[int, Gt(0), Le(MAX_INTEGER)]
    ts_ns: Annotated[int, Ge(0), Le(MAX_INTEGER)] = 0
    """Sender's clock when the newest row was taken, nanoseconds since 1970."""


class Frames(Block):
    """Diffraction patterns."""

    t: Literal["frames"] = "frames"
    shape: tuple[Annotated[int, Gt(0)], Annotated[int, Gt(0)]]
    dtype: str
    enc: Encoding = "raw"
    sizes: tuple[Annotated[int, Gt(0)], ...] = ()
    """Bytes of each frame when compressed (HDF5 filter framing, frame by frame)."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame once decompressed."""
        return math.prod(self.shape) * frame_dtype(self.dtype).itemsize


class Positions(Block):
    """Positions, (n, 2) float64 in metres."""

    t: Literal["positions"] = "positions"


class End(Header):
    """One stream is over."""

    t: Literal["end"] = "end"
    stream: Literal["frames", "positions"]
    count: Annotated[int, Ge(0)]
    """Rows that were sent, so that loss is detectable."""


class Abort(Header):
    """The scan is given up."""

    t: Literal["abort"] = "abort"
    reason: Annotated[str, Len(0, 500)] = ""


class Recorded(Strict):
    """What ingest says on its PUB socket: up to where it recorded a stream of a scan without a gap.

    `ranges` are the message numbers (first, last) recorded so far that a sender need not keep.
    """

    t: Literal["recorded"] = "recorded"
    scan: str
    stream: Literal["frames", "positions"]
    ranges: tuple[tuple[int, int], ...]
    start_ns: int = 0
    """`ts_ns` of the scan's start: a key may repeat, and what was recorded of the scan before concerns no sender."""
    ended: bool = False
    """The stream's `end` is recorded too; until then a sender keeps it and sends it again to a restarted ingest."""
    run: str = ""
    """Of the sender that is spoken to."""
    refused: str = ""
    """Why nothing more of this run is taken, once something had to be refused for that; nothing of it need be kept."""


Message = Start | Frames | Positions | End | Abort
_message: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="t")])
_DTYPE = re.compile(r"[<>|=]?([ui][1248]|f[248])")


def frame_dtype(name: str) -> np.dtype[Any]:
    """A frame's dtype from its name; raises `WireError` for what no detector sends."""
    if not _DTYPE.fullmatch(name):
        raise WireError(f"dtype: expected an integer or float with byte order such as '<u2', got {name!r}")
    return np.dtype(name)


def encode(message: Message | Recorded) -> bytes:
    """A header's bytes."""
    packed: bytes = msgpack.packb(message.model_dump(exclude_defaults=True) | {"v": VERSION, "t": message.t})
    return packed


def decode(header: bytes | memoryview) -> Message:
    """The header of a message; raises `WireError` if it is not one."""
    if len(header) > MAX_HEADER_BYTES:
        raise WireError(f"header: expected at most {MAX_HEADER_BYTES} bytes, got {len(header)}")
    try:
        fields = msgpack.unpackb(header, raw=False)
    except (ValueError, msgpack.exceptions.UnpackException, RecursionError) as error:
        raise WireError(f"header: expected msgpack, got {bytes(header[:24])!r} ({error})") from error
    if not isinstance(fields, dict):
        raise WireError(f"header: expected a map, got {type(fields).__name__}")
    if fields.get("v") != VERSION:
        raise WireError(f"header: expected version {VERSION}, got {fields.get('v')!r}")
    try:
        return _message.validate_python(fields)
    except ValidationError as error:
        raise WireError(explain(error)) from error


def decode_recorded(data: bytes | memoryview) -> Recorded:
    """What ingest said on its PUB socket; raises `WireError` if it is not that."""
    try:
        fields = msgpack.unpackb(data, raw=False)
        if not isinstance(fields, dict) or fields.pop("v", None) != VERSION:
            raise WireError(f"acknowledgement: expected a map of version {VERSION}, got {str(fields)[:80]}")
        return Recorded.model_validate(fields)
    except ValidationError as error:
        raise WireError(explain(error)) from error
    except (ValueError, msgpack.exceptions.UnpackException, RecursionError) as error:
        raise WireError(f"acknowledgement: expected msgpack, got {bytes(data[:24])!r} ({error})") from error


def buffer_bytes(message: Message) -> int:
    """How many bytes the buffer of a message must have, by its header; raises `WireError`."""
    match message:
        case Frames(enc="raw"):
            expected = message.n * message.frame_bytes
        case Frames():
            if len(message.sizes) != message.n:
                raise WireError(f"sizes: expected {message.n} of them, got {len(message.sizes)}")
            expected = sum(message.sizes)
        case Positions():
            expected = message.n * 16
        case Start():
            expected = sum(math.prod(each.shape) * _array_dtype(each).itemsize for each in message.arrays)
        case _:
            expected = 0
    if expected > MAX_BUFFER_BYTES:
        raise WireError(f"buffer: expected at most {MAX_BUFFER_BYTES} bytes, the header asks for {expected}")
    return expected


def split_frames(message: Frames, buffer: memoryview) -> list[memoryview]:
    """The frames of a message, each as it came, without a copy."""
    sizes = message.sizes or (message.frame_bytes,) * message.n
    starts = np.cumsum([0, *sizes])
    return [buffer[a:b] for a, b in itertools.pairwise(starts)]


def positions_array(message: Positions, buffer: bytes | memoryview) -> NDArray[np.float64]:
    """Positions of a message, (n, 2) in metres."""
    return np.frombuffer(buffer, "<f8").reshape(message.n, 2).astype(np.float64)


def pack_start(start: Start, **arrays: NDArray[Any]) -> tuple[bytes, bytes]:
    """Header and buffer of a `start` that carries arrays."""
    parts = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    specs = [ArraySpec.model_validate({"name": k, "shape": a.shape, "dtype": a.dtype.str}) for k, a in parts.items()]
    header = encode(start.model_copy(update={"arrays": tuple(specs)}))
    return header, b"".join(a.tobytes() for a in parts.values())


def start_arrays(start: Start, buffer: bytes | memoryview) -> dict[str, NDArray[Any]]:
    """The arrays that came with a `start`, by name; raises `WireError` for a shape that does not fit."""
    arrays: dict[str, NDArray[Any]] = {}
    offset = 0
    for spec in start.arrays:
        dtype = _array_dtype(spec)
        count = math.prod(spec.shape)
        arrays[spec.name] = np.frombuffer(buffer, dtype, count, offset).reshape(spec.shape).copy()
        offset += count * dtype.itemsize
    for name, ndim in (("plan", 2), ("probe", 3), ("mask", 2), ("background", 2)):
        if name in arrays and arrays[name].ndim != ndim:
            raise WireError(f"{name}: expected {ndim} axes, got shape {arrays[name].shape}")
    if "plan" in arrays and arrays["plan"].shape[1] != 2:
        raise WireError(f"plan: expected shape (n, 2), got {arrays['plan'].shape}")
    for name in ("mask", "background"):
        if name in arrays and arrays[name].shape != start.frame_shape:
            raise WireError(f"{name}: expected the frame's shape {start.frame_shape}, got {arrays[name].shape}")
    return arrays


def acknowledge_endpoint(ingest: str) -> str:
    """The PUB endpoint beside an ingest endpoint: the next port, or the path with ``.ack``."""
    scheme, _, rest = ingest.partition("://")
    if scheme == "ipc" and rest:
        return f"{ingest}.ack"
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isdigit() and 0 < int(port) < 65535:
        return f"tcp://{host}:{int(port) + 1}"
    raise ValueError(f"expected tcp://HOST:PORT or ipc://PATH, got {ingest!r}")


def _array_dtype(spec: ArraySpec) -> np.dtype[Any]:
    allowed = {
        "plan": ("<f8",),
        "probe": ("<c8", "<c16"),
        "mask": ("|u1", "|b1"),
        "background": ("<f4", "<f8"),
    }[spec.name]
    if spec.dtype not in allowed:
        raise WireError(f"{spec.name}: expected dtype {' or '.join(allowed)}, got {spec.dtype!r}")
    return np.dtype(spec.dtype)
