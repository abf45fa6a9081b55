"""The state of everything, as REST answers with it and as the messages of `service.browser` carry it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from service.states import ReconstructionState, ScanState


class Record(BaseModel):
    """What is told of one thing as it stands."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ScanStatus(Record):
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


class ReconstructionStatus(Record):
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


class Moment(Record):
    """A snapshot that was kept, as REST lists them."""

    iteration: int
    frames: int
    data_ns: int


class ProbeFocus(Record):
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


class ScanEvent(Record):
    """A line of a scan's event log."""

    ts_ns: int
    author: str
    """A person's name, or the process: sender, ingest, worker, service; rest for REST without a name."""
    event: str
    details: dict[str, Any] = {}


class Asker(Record):
    """A browser that asks for control."""

    viewer: str
    name: str
    asked_ns: int


class Control(Record):
    """Who may act from a browser; while nobody holds it, whoever acts first takes it."""

    holder: str = ""
    """Public id of the browser that has it; empty while it is free."""
    name: str = ""
    """The holder's name."""
    since_ns: int = 0
    asking: tuple[Asker, ...] = ()
    """Those who ask for it, the first one first."""


class ServiceStatus(Record):
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


class Alarm(Record):
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
