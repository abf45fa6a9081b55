"""Browser protocol, version 1: binary msgpack over one WebSocket, ``/api/v1/live``.

Every message is one msgpack map with the tag ``t``. State messages are small and whole. Series (metrics and
positions) are append-only with a from-index and never dropped: a client that knows `n` rows asks from `n` on.
Images are latest-only with credits: after an image the server sends the next of that subscription only when
the client has said `credit`. Actions (start, stop, ...) go through REST, not through here.
The TypeScript twin of this file is clients/web/src/protocol.ts; a test holds the two against each other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgpack
from annotated_types import Ge, Gt, Le, Len
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.states import ReconstructionState, ScanState

PROTOCOL_VERSION = 1
MAX_IMAGE_PX = 1024
"""Longest edge of an overview image; more by cropping."""
METRIC_COLUMNS = ("iteration", "frames", "error", "r_factor", "seconds")
"""iteration number; frames admitted; relative amplitude error; R-factor (NaN where not computed); seconds of
wall time since the reconstruction started."""
POSITION_COLUMNS = ("index", "row", "col")
"""frame index; position of the probe window's centre on the object, in pixels of the full object."""
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


class Asker(BrowserMessage):
    """A browser that asks for control."""

    viewer: str
    name: str
    asked_ns: int


class Control(BrowserMessage):
    """Who may act from a browser; while nobody holds it, whoever acts first takes it."""

    holder: str = ""
    """Public id of the browser that has it; empty while it is free."""
    name: str = ""
    """The holder's name."""
    since_ns: int = 0
    asking: tuple[Asker, ...] = ()
    """Those who ask for it, the first one first."""


class ServiceStatus(BrowserMessage):
    """The service itself as it stands."""

    ingest: bool = False
    """Whether the process that receives answers."""
    worker: bool = False
    """Whether the process that reconstructs answers."""
    device: str = ""
    """Where reconstructions run."""
    memory_bytes: int = 0
    """Memory of the device; 0 where it is not known yet."""
    memory_free_bytes: int = 0
    disk_bytes: int = 0
    """Of the disk that the data folder is on."""
    disk_free_bytes: int = 0
    disk_left_s: float | None = None
    """Seconds until the disk is full at the rate of the last two minutes; none while it does not fill."""
    viewers: int = 0
    """Browsers connected."""
    control: Control = Control()


class Alarm(BrowserMessage):
    """Something an operator must know, with what it means and what to do."""

    id: str
    """``<code>``, ``<scan>/<code>`` or ``<reconstruction>/<code>``."""
    code: str
    severity: Literal["alarm", "warning"]
    scan: str = ""
    """Empty where it concerns the whole service."""
    reconstruction: str = ""
    text: str
    """What is wrong, with the numbers."""
    meaning: str
    advice: str
    since_ns: int
    acknowledged_by: str = ""
    acknowledged_ns: int = 0


class ScanEvent(BrowserMessage):
    """A line of a scan's event log."""

    ts_ns: int
    author: str
    """A person's name, or the process: sender, ingest, worker, service; rest for REST without a name."""
    event: str
    details: dict[str, Any] = {}


class ScanStatus(BrowserMessage):
    """A scan as it stands; REST answers with the same."""

    id: str
    key: str
    """The sender's own name for it."""
    state: ScanState
    message: str = ""
    """Why it is in this state, where there is something to say."""
    created_ns: int
    planned: int | None = None
    received: int = 0
    """Frames recorded."""
    positions: int = 0
    """Positions recorded."""
    paired: int = 0
    """Frames that have their position."""
    lost: int = 0
    """Indices below the highest seen (or below the count, once the stream ended) that never came."""
    duplicated: int = 0
    refused: int = 0
    """Messages or rows refused: wrong shape, beyond the count, NaN positions, outside the canvas."""
    frame_rate_hz: float = 0.0
    newest_ns: int = 0
    """Clock of this service when the newest frame arrived; 0 before the first."""
    frame_shape: tuple[int, int] | None = None
    metadata: dict[str, str | int | float | bool] = {}
    reconstructions: tuple[str, ...] = ()


class ReconstructionStatus(BrowserMessage):
    """A reconstruction as it stands; REST answers with the same."""

    id: str
    scan: str
    label: str = ""
    state: ReconstructionState
    message: str = ""
    created_ns: int
    engine: str
    """Of engines that follow one another, the one whose turn it is."""
    parameters: dict[str, Any] = {}
    """Of this engine."""
    live: dict[str, Any] = {}
    modes: int = 1
    probe: str = ""
    """Where the initial probe came from."""
    restarted_from: str | None = None
    chain: str = ""
    """Engines that follow one another, as on the command line (``rpie:20,dm``); empty where there is only one."""
    iteration: int = 0
    total_iterations: int | None = None
    """Iterations in all, once they are known (after the scan's end)."""
    frames: int = 0
    """Frames admitted."""
    lag: int = 0
    """Frames paired but not yet iterated on."""
    outside: int = 0
    """Frames left out because their position leaves the canvas."""
    without_beam: int = 0
    """Frames left out because they have no counts, or the fit of intensities found no light in them."""
    without_beam_at: tuple[tuple[int, int], ...] = ()
    """Their indices, as ranges (first, last)."""
    iteration_rate_hz: float = 0.0
    frame_rate_hz: float = 0.0
    """Frames processed a second: iterations a second times frames admitted."""
    error: float | None = None
    """Relative amplitude error of the last iteration."""
    metrics: int = 0
    """Rows of metrics there are."""
    snapshot: int = 0
    """Counts the snapshots published."""
    moments: int = 0
    """Snapshots that were kept as history."""
    memory_bytes: int = 0
    """What the reconstruction was computed to need on the device, the shared frames included."""
    device: str = ""
    object_shape: tuple[int, int] | None = None
    pixel_m: float | None = None
    probe_shape: tuple[int, int, int] | None = None
    result: str | None = None
    """Path of the result file under the data folder, once it is written."""
    finite: bool = True
    """False where it was paused because an iteration gave NaN or infinity; the last good state is kept."""
    counts_newest: float | None = None
    """Median of the trusted counts of the newest ten frames."""
    counts_usual: float | None = None
    """Median of the trusted counts of all frames."""
    saturated_px: int = 0
    """Most pixels saturated in one of the newest frames that were looked at."""
    overlap: float | None = None
    """Linear overlap of neighbouring probe positions that nine of ten of the newest positions reach, in [0, 1]."""


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


class Moment(BrowserMessage):
    """A snapshot that was kept, as REST lists them."""

    iteration: int
    frames: int
    data_ns: int


class ProbeFocus(BrowserMessage):
    """The latest probe in numbers, as REST tells them."""

    iteration: int
    defocus_m: float
    """From the focus to the sample, along the beam."""
    fwhm_m: tuple[float, float]
    """Full width at half maximum of the intensity in the focus, (y, x)."""
    reach_m: float
    """The focus was looked for up to so far before and behind the sample."""
    inside: bool
    """False where the probe is still getting sharper at the end of that reach: no focus was found."""
    photons: float
    """Counts of a frame, were there no sample."""


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
