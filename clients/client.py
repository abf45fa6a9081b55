"""Python client of the service: REST as methods, the live view as an iterator. Loads no torch.

>>> with Client("http://127.0.0.1:8000") as client:                               # doctest: +SKIP
...     scan = client.scans()[0]
...     second = client.start(scan.id, ReconstructionSpec(engine=EngineSpec(name="dm")))
...     client.change(second.id, parameters={"alpha": 0.5})
...     for message in client.watch(second.id):
...         if isinstance(message, ReconstructionUpdate):
...             print(message.reconstruction.iteration, message.reconstruction.error)
...             if message.reconstruction.state in RECONSTRUCTION_OVER:
...                 break
...     object = client.object(second.id)  # (row, col) complex64
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidHandshake
from websockets.sync.client import connect

from service.browser import Credit, Image, ImageRequest, Series, ServerMessage, Subscribe, decode_server, encode
from service.descriptions import Metadata, ReconstructionSpec
from service.states import RECONSTRUCTION_OVER
from service.statuses import Alarm, ReconstructionStatus, ScanStatus

API = "/api/v1"
MAX_MESSAGE_BYTES = 64_000_000

Model = TypeVar("Model", bound=BaseModel)


class ServiceError(OSError):
    """The service refused, or cannot be reached; the message is the service's own."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status; None where there was no answer."""


class Client:
    """One service; a context manager. Every method raises `ServiceError` when the service refuses."""

    def __init__(self, base_url: str = "http://127.0.0.1:8000", *, timeout_s: float = 30.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = httpx.Client(base_url=self._base_url + API, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # ---- service

    def health(self) -> dict[str, Any]:
        """Whether ingest and the worker answer, and the version."""
        return self._map("GET", "/health")

    def engines(self) -> dict[str, Any]:
        """JSON schemas of the engines' parameters and of the live policy."""
        return self._map("GET", "/engines")

    # ---- scans

    def scans(self, limit: int = 200) -> list[ScanStatus]:
        """Scans, newest first."""
        return [ScanStatus.model_validate(each) for each in self._json("GET", "/scans", params={"limit": limit})]

    def scan(self, scan: str) -> ScanStatus:
        """A scan as it stands."""
        return self._model(ScanStatus, "GET", f"/scans/{scan}")

    def arm(
        self, key: str, reconstruction: ReconstructionSpec | None = None, metadata: Metadata | None = None
    ) -> ScanStatus:
        """Say what is to run on the next scan of this key."""
        spec = None if reconstruction is None else _fields(reconstruction)
        body = {"key": key, "reconstruction": spec, "metadata": metadata or {}}
        return self._model(ScanStatus, "POST", "/scans", json=body)

    def stop_scan(self, scan: str) -> ScanStatus:
        """End its reconstructions; the recording goes on."""
        return self._model(ScanStatus, "POST", f"/scans/{scan}/stop")

    def abort_scan(self, scan: str) -> ScanStatus:
        """Accept nothing more of this scan."""
        return self._model(ScanStatus, "POST", f"/scans/{scan}/abort")

    def missing(self, scan: str) -> dict[str, list[tuple[int, int]]]:
        """Ranges (first, last) of indices that have not come, by stream."""
        ranges = self._json("GET", f"/scans/{scan}/missing")
        return {stream: [(first, last) for first, last in each] for stream, each in ranges.items()}

    def events(self, scan: str) -> list[dict[str, Any]]:
        """What happened to the scan and who did it, oldest first."""
        events: list[dict[str, Any]] = self._json("GET", f"/scans/{scan}/events")
        return events

    def note(self, scan: str, text: str) -> None:
        """Mark this moment in the scan's event log."""
        self._json("POST", f"/scans/{scan}/notes", json={"text": text})

    def alarms(self) -> list[Alarm]:
        """What is wrong, the worst that nobody has seen yet first."""
        return [Alarm.model_validate(each) for each in self._json("GET", "/alarms")]

    # ---- reconstructions

    def reconstructions(self, scan: str) -> list[ReconstructionStatus]:
        """A scan's reconstructions, oldest first."""
        rows = self._json("GET", f"/scans/{scan}/reconstructions")
        return [ReconstructionStatus.model_validate(each) for each in rows]

    def start(self, scan: str, spec: ReconstructionSpec | None = None) -> ReconstructionStatus:
        """Start a reconstruction on a running or finished scan, beside those there are."""
        body = _fields(spec or ReconstructionSpec())
        return self._model(ReconstructionStatus, "POST", f"/scans/{scan}/reconstructions", json=body)

    def reconstruction(self, reconstruction: str) -> ReconstructionStatus:
        """A reconstruction as it stands."""
        return self._model(ReconstructionStatus, "GET", f"/reconstructions/{reconstruction}")

    def spec(self, reconstruction: str) -> ReconstructionSpec:
        """What it was asked to be, with what was changed since."""
        return self._model(ReconstructionSpec, "GET", f"/reconstructions/{reconstruction}/spec")

    def change(
        self,
        reconstruction: str,
        parameters: dict[str, Any] | None = None,
        live: dict[str, Any] | None = None,
        engine: str | None = None,
    ) -> ReconstructionStatus:
        """Change parameters of the engine or the live policy from the next iteration on.

        Of engines that follow one another, those of the one whose turn it is, or of `engine`.
        """
        body = {"parameters": parameters or {}, "live": live or {}, "engine": engine}
        return self._model(ReconstructionStatus, "PATCH", f"/reconstructions/{reconstruction}", json=body)

    def pause(self, reconstruction: str) -> ReconstructionStatus:
        """Iterate no further for now."""
        return self._model(ReconstructionStatus, "POST", f"/reconstructions/{reconstruction}/pause")

    def resume(self, reconstruction: str) -> ReconstructionStatus:
        """Go on after a pause."""
        return self._model(ReconstructionStatus, "POST", f"/reconstructions/{reconstruction}/resume")

    def stop(self, reconstruction: str) -> ReconstructionStatus:
        """End it and write its result."""
        return self._model(ReconstructionStatus, "POST", f"/reconstructions/{reconstruction}/stop")

    def restart(self, reconstruction: str, spec: ReconstructionSpec | None = None) -> ReconstructionStatus:
        """Stop it and start a new one, with the fields set in `spec` in place of its own."""
        body = _fields(spec or ReconstructionSpec())
        return self._model(ReconstructionStatus, "POST", f"/reconstructions/{reconstruction}/restart", json=body)

    def wait(
        self,
        reconstruction: str,
        tell: Callable[[ReconstructionStatus], None] = lambda status: None,
        every_s: float = 0.5,
    ) -> ReconstructionStatus:
        """Wait until it is over, and tell how it stands on the way."""
        while (status := self.reconstruction(reconstruction)).state not in RECONSTRUCTION_OVER:
            tell(status)
            time.sleep(every_s)
        tell(status)
        return status

    def object(self, reconstruction: str) -> NDArray[np.complex64]:
        """The latest object, (row, col) complex64."""
        return self._array(f"/reconstructions/{reconstruction}/object")

    def probe(self, reconstruction: str) -> NDArray[np.complex64]:
        """The latest probe, (mode, y, x) complex64."""
        return self._array(f"/reconstructions/{reconstruction}/probe")

    def positions(self, reconstruction: str) -> NDArray[np.float64]:
        """Where each frame's window lies now, refined if positions are: rows of frame index, and row and column of its
        centre in pixels of the object.
        """
        return self._array(f"/reconstructions/{reconstruction}/positions")

    def metrics(self, reconstruction: str) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """The convergence curve: names of the columns and (row, column), NaN where not computed."""
        table = self._json("GET", f"/reconstructions/{reconstruction}/metrics")
        columns = tuple(str(name) for name in table["columns"])
        return columns, np.array(table["rows"], dtype=np.float64).reshape(-1, len(columns))

    def save_result(self, reconstruction: str, path: Path) -> Path:
        """Fetch the result file (CXI); `service.formats.result.read_result` reads it."""
        path.write_bytes(self._request("GET", f"/reconstructions/{reconstruction}/result").content)
        return path

    # ---- replays

    def replays(self) -> dict[str, Any]:
        """Files that the service may replay, and the replays it started."""
        return self._map("GET", "/replays")

    def start_replay(self, file: str, **options: Any) -> dict[str, Any]:
        """Let the service send a recorded scan; options: frame_delay_s, chunk and so on."""
        return self._map("POST", "/replays", json={"file": file} | options)

    def stop_replay(self, replay: str) -> dict[str, Any]:
        """Ask a replay to end."""
        return self._map("POST", f"/replays/{replay}/stop")

    # ---- live

    def watch(
        self, reconstruction: str, images: Sequence[ImageRequest] = (), max_hz: float = 5.0
    ) -> Iterator[ServerMessage]:
        """Everything the service says about a reconstruction, from its history on, until the caller leaves.

        The next image of a kind is asked for when the caller comes back for the message after it, so that a
        slow caller gets the latest images and no queue of old ones.
        """
        parts = urlsplit(self._base_url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        url = urlunsplit((scheme, parts.netloc, f"{parts.path}{API}/live", "", ""))
        try:
            with connect(url, compression=None, max_size=MAX_MESSAGE_BYTES) as socket:
                socket.send(encode(Subscribe(reconstruction=reconstruction, images=tuple(images), max_hz=max_hz)))
                for data in socket:
                    message = decode_server(data if isinstance(data, bytes) else data.encode())
                    yield message
                    if isinstance(message, Image):
                        socket.send(encode(Credit(reconstruction=reconstruction, name=message.name)))
        except (OSError, InvalidHandshake) as error:
            raise ServiceError(f"no live view at {url}: {error}") from error
        except ConnectionClosedOK:
            return
        except ConnectionClosed as error:
            raise ServiceError(f"the service closed the live view: {error}") from error

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ServiceError(f"no service at {self._base_url} ({error}); start `ptycholive serve` first") from error
        if not response.is_success:
            raise ServiceError(_detail(response), response.status_code)
        return response

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return self._request(method, path, **options).json()

    def _map(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._json(method, path, **options)
        return answer

    def _model(self, model: type[Model], method: str, path: str, **options: Any) -> Model:
        return model.model_validate(self._json(method, path, **options))

    def _array(self, path: str) -> NDArray[Any]:
        content = self._request("GET", path, params={"format": "npy"}).content
        array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
        return array


def rows_of(series: Series) -> NDArray[np.float64]:
    """Rows of a `Series` message, (row, column)."""
    return np.frombuffer(series.data, "<f8").reshape(-1, len(series.columns))


def layers_of(image: Image) -> dict[str, NDArray[np.float64]]:
    """Quantities of an `Image` message, each (mode, row, col), NaN where not covered."""
    layers: dict[str, NDArray[np.float64]] = {}
    for layer in image.layers:
        codes = np.frombuffer(layer.data, f"<u{layer.bits // 8}").reshape(image.shape).astype(np.float64)
        values = layer.low + (codes - 1) / (2**layer.bits - 2) * (layer.high - layer.low)
        layers[layer.quantity] = np.where(codes == 0, np.nan, values)
    return layers


def _fields(spec: ReconstructionSpec) -> dict[str, Any]:
    """Only what was said, so that the service fills in the rest."""
    return spec.model_dump(mode="json", exclude_unset=True)


def _detail(response: httpx.Response) -> str:
    """The service's own words, whether it refused or found the request malformed."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"{response.request.method} {response.request.url}: {response.status_code} {response.reason_phrase}"
    if isinstance(detail, list):
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in detail)
    return str(detail)
