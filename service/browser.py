"""Browser protocol, version 1: binary msgpack over one WebSocket, ``/api/v1/live``.

Every message is one msgpack map with the tag ``t``. State messages are small and whole. Series (metrics and
positions) are append-only with a from-index and never dropped: a client that knows `n` rows asks from `n` on.
Images are latest-only with credits: after an image the server sends the next of that subscription only when
the client has said `credit`. Actions (start, stop, ...) go through REST, not through here.
What they tell of scans, reconstructions and the service itself are the records of `service.statuses`. The TypeScript
twin of both files is clients/web/src/protocol.ts; a test holds them against each other.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgpack
from annotated_types import Ge, Gt, Le, Len
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.statuses import Alarm, ReconstructionStatus, ScanEvent, ScanStatus, ServiceStatus

PROTOCOL_VERSION = 1
MAX_IMAGE_PX = 1024
"""Longest edge of an overview image; more by cropping."""
POINT_COLUMNS = ("index", "state", "row_m", "col_m", "refined_row_m", "refined_col_m", "intensity", "error")
"""frame index; one of POINT_STATES by its number; where the probe is, as given and as refined, in metres on the
sample; trusted counts of the frame; its own relative amplitude error. NaN where not known."""
POINT_STATES = ("planned", "frame only", "position only", "paired", "used", "outside", "no beam", "unreadable")
"""planned and nothing came yet; a frame without its position; a position without its frame; paired and not iterated
on yet; iterated on; paired, but off the canvas; fitted to have had no beam; recorded, but it could not be read."""


class BrowserMessage(BaseModel):
    """A message of this protocol."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


# ---- client to server


FieldPart = Literal["phase", "amplitude"]
ImageName = Literal["object", "probe", "latest", "summed"]
"""The last two are diffraction patterns: of the newest frame, and added up over all frames."""


class ImageRequest(BrowserMessage):
    """What to send of a reconstruction's latest snapshot."""

    name: ImageName
    quantities: Annotated[tuple[FieldPart, ...], Len(1, 2)] = ("phase",)
    """One layer each; the complex view asks for both. Of diffraction patterns counts are sent, whatever is asked."""
    bits: Literal[8, 16] = 16
    max_px: Annotated[int, Gt(0), Le(MAX_IMAGE_PX)] = MAX_IMAGE_PX
    """Longest edge of what is sent; larger ones are averaged down by a whole factor."""
    crop: tuple[int, int, int, int] | None = None
    """(row, col, height, width) in full pixels, for zooming in."""
    flat: bool = True
    """Take the linear phase ramp off the object, which ptychography leaves open."""
    distance_m: Annotated[float, Ge(-1), Le(1)] = 0.0
    """How far along the beam to propagate the probe before it is shown."""


class Subscribe(BrowserMessage):
    """Follow one reconstruction. A second one with the same id replaces the first; images that it asks for in the same
    way go on with the credits that they have, others come at once.
    """

    t: Literal["subscribe"] = "subscribe"
    reconstruction: str
    metrics_from: Annotated[int, Ge(0)] = 0
    """Rows of metrics that the client already has."""
    positions_from: Annotated[int, Ge(0)] = 0
    images: tuple[ImageRequest, ...] = ()
    points: bool = False
    """Send the scan map too."""
    max_hz: Annotated[float, Gt(0), Le(20)] = 5.0


class Unsubscribe(BrowserMessage):
    """No more of this reconstruction."""

    t: Literal["unsubscribe"] = "unsubscribe"
    reconstruction: str


class Credit(BrowserMessage):
    """The last image of this name, or scan map, was shown; the next may come."""

    t: Literal["credit"] = "credit"
    reconstruction: str
    name: Literal["object", "probe", "latest", "summed", "points"]


class Introduce(BrowserMessage):
    """What the person in front of the browser is called; empty for nobody in particular."""

    t: Literal["introduce"] = "introduce"
    name: Annotated[str, Len(0, 60)] = ""


class Watch(BrowserMessage):
    """Follow the event log of one scan; another one replaces it."""

    t: Literal["watch"] = "watch"
    scan: str
    events_from: Annotated[int, Ge(0)] = 0
    """Events that the client already has."""


class Beat(BrowserMessage):
    """Answer to `ServiceUpdate`: this browser is there, so that a controller who is cut off can be told."""

    t: Literal["beat"] = "beat"


ClientMessage = Subscribe | Unsubscribe | Credit | Introduce | Watch | Beat

# ---- server to client


class Hello(BrowserMessage):
    """First message on a connection: everything a late joiner needs to list what there is."""

    t: Literal["hello"] = "hello"
    protocol: int = PROTOCOL_VERSION
    version: str
    now_ns: int
    """The service's clock, so that ages do not depend on the browser's."""
    scans: tuple[ScanStatus, ...]
    reconstructions: tuple[ReconstructionStatus, ...]
    viewer: str = ""
    """Public id of this browser."""
    service: ServiceStatus = ServiceStatus()
    alarms: tuple[Alarm, ...] = ()


class ServiceUpdate(BrowserMessage):
    """The service and all alarms: at every change, and once a second, so that a silent network is noticed."""

    t: Literal["service"] = "service"
    now_ns: int
    service: ServiceStatus
    alarms: tuple[Alarm, ...]


class Events(BrowserMessage):
    """Events of the scan that is watched, from the `start`-th on; never dropped."""

    t: Literal["events"] = "events"
    scan: str
    start: int
    events: tuple[ScanEvent, ...]


class ScanUpdate(BrowserMessage):
    """A scan changed (at most a few times a second for each)."""

    t: Literal["scan"] = "scan"
    now_ns: int
    scan: ScanStatus


class ReconstructionUpdate(BrowserMessage):
    """A reconstruction changed (at most a few times a second for each)."""

    t: Literal["reconstruction"] = "reconstruction"
    now_ns: int
    reconstruction: ReconstructionStatus


class Series(BrowserMessage):
    """Rows of an append-only table, row-major little-endian float64, starting at row `start`."""

    t: Literal["metrics", "positions"]
    reconstruction: str
    start: int
    columns: tuple[str, ...]
    data: bytes


class Histogram(BrowserMessage):
    """How often which value occurs, over everything that is covered, also where a crop leaves it out."""

    low: float
    """Lower edge of the first bin; rarer values beyond are counted in it."""
    high: float
    auto_low: float
    """1st percentile."""
    auto_high: float
    """99th percentile."""
    counts: tuple[int, ...]


class Layer(BrowserMessage):
    """One quantity of an image, quantised: value = low + (code - 1) / (2**bits - 2) * (high - low).

    Code 0 is "not covered" or, in a diffraction pattern, "not trusted". Row-major, little-endian, all modes one after
    another. Phase in rad; counts as log10(1 + counts); saturated is 1 where a pixel was, else 0.
    """

    quantity: Literal["phase", "amplitude", "counts", "saturated"]
    bits: Literal[8, 16]
    low: float
    high: float
    histogram: Histogram | None
    """Of the object; other pictures are sent whole."""
    data: bytes


class Image(BrowserMessage):
    """A picture of a snapshot. The object's phase has its mean removed, and its ramp where that was asked for."""

    t: Literal["image"] = "image"
    reconstruction: str
    name: ImageName
    snapshot: int
    iteration: int
    frames: int
    """Frames admitted when it was taken."""
    newest_index: int
    """Highest frame index that had been admitted; of a diffraction pattern the index of the latest frame."""
    data_ns: int
    """Clock of the service when the newest frame in it arrived: age of what is shown = now - data_ns."""
    now_ns: int
    shape: tuple[int, int, int]
    """(mode, rows, cols) of what is sent; the object has one mode."""
    origin: tuple[int, int]
    """Full pixel (row, col) of the first pixel sent."""
    step: int
    """Full pixels for each pixel sent."""
    full_shape: tuple[int, int]
    pixel_m: float
    """Edge of a full pixel, in metres; 0 on the detector, where pixels are counted."""
    origin_m: tuple[float, float]
    """Metres (row, col) on the sample of the centre of full pixel [0, 0]."""
    ramp: tuple[float, float]
    """Phase ramp that was taken off, in rad a full pixel, along rows and along columns."""
    distance_m: float
    """How far the probe was propagated along the beam."""
    powers: tuple[float, ...]
    """Share of each probe mode, in [0, 1]; empty for the object."""
    layers: tuple[Layer, ...]


class Points(BrowserMessage):
    """The scan map: every frame that is planned or of which anything came, latest only, row-major little-endian
    float32 in the order of POINT_COLUMNS.
    """

    t: Literal["points"] = "points"
    reconstruction: str
    number: int
    """Counts the maps of a reconstruction."""
    now_ns: int
    columns: tuple[str, ...]
    data: bytes


class Problem(BrowserMessage):
    """Something the client asked for cannot be given."""

    t: Literal["problem"] = "problem"
    message: str


ServerMessage = Hello | ScanUpdate | ReconstructionUpdate | Series | Image | Points | Problem | ServiceUpdate | Events

_client: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="t")])
_server: TypeAdapter[ServerMessage] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="t")])


class BrowserError(ValueError):
    """A message that does not follow the protocol."""


def encode(message: ServerMessage | ClientMessage) -> bytes:
    """A message's bytes."""
    packed: bytes = msgpack.packb(message.model_dump())
    return packed


def decode_client(data: bytes) -> ClientMessage:
    """A message from a browser; raises `BrowserError`."""
    try:
        return _client.validate_python(msgpack.unpackb(data))
    except (ValueError, ValidationError, msgpack.exceptions.UnpackException) as error:
        raise BrowserError(f"expected a message of the browser protocol {PROTOCOL_VERSION}: {error}") from error


def decode_server(data: bytes) -> ServerMessage:
    """A message from the service, for clients in Python; raises `BrowserError`."""
    try:
        return _server.validate_python(msgpack.unpackb(data))
    except (ValueError, ValidationError, msgpack.exceptions.UnpackException) as error:
        raise BrowserError(f"expected a message of the browser protocol {PROTOCOL_VERSION}: {error}") from error
