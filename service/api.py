"""REST, WebSocket and the dashboard's files: ``/api/v1``, ``/metrics`` and ``/``.

Commands go to ingest and the worker; state comes from the hub. docs/openapi.json is this file's description,
held true by a test.
"""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import numpy as np
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response, WebSocket
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from service.authorship import Actor
from service.commands import CommandError
from service.config import Settings
from service.control_routes import control_routes
from service.descriptions import Metadata, ReconstructionSpec
from service.download_routes import download_routes
from service.guard import Guard
from service.hub import Hub
from service.picture_routes import picture_routes
from service.pictures import Quantity, png
from service.reconstructions import find_reconstruction, read_config
from service.replays import ReplayRequest, Replays, ReplayStatus
from service.scans import find_scan, read_events
from service.snapshot import Snapshot
from service.statuses import ReconstructionStatus, ScanStatus
from service.tables import METRIC_COLUMNS
from service.telemetry import prometheus_text
from service.version import VERSION
from service.viewer import Viewer


class Health(BaseModel):
    """Whether the three processes answer."""

    status: Literal["ok", "degraded"]
    version: str
    ingest: bool
    worker: bool


class ArmRequest(BaseModel):
    """What is to run on the next scan of this key."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: str
    """The sender's own name of the scan."""
    reconstruction: ReconstructionSpec | None = None
    metadata: Metadata = {}
    """Kept with the scan; wins over what `start` says."""


class ParameterChange(BaseModel):
    """Parameters to change from the next iteration on."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    parameters: dict[str, Any] = {}
    """Of the engine; of a chain, of the one whose turn it is."""
    engine: str | None = None
    """Another one of the chain, by its name."""
    live: dict[str, Any] = {}
    """Of the live policy."""


class MetricsTable(BaseModel):
    """All rows of a reconstruction's metrics."""

    columns: tuple[str, ...]
    rows: list[list[float | None]]


class ReplayList(BaseModel):
    """What may be replayed, and what was."""

    files: list[str]
    replays: list[ReplayStatus]


def create_app(settings: Settings, web: Path | None = None) -> FastAPI:
    """The application; `web` is the folder of the built dashboard."""
    hub, replays = Hub(settings), Replays(settings)
    guard = Guard(hub)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(hub.load)
        tasks = [asyncio.create_task(work) for work in (hub.run(), guard.run())]
        try:
            yield
        finally:
            await replays.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        title="ptycholive",
        version=VERSION,
        description="Live ptychography.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
    )
    routers = (
        service_routes(hub),
        control_routes(hub, guard),
        scan_routes(hub),
        reconstruction_routes(hub),
        picture_routes(hub),
        download_routes(hub),
        array_routes(hub),
        replay_routes(replays),
    )
    app.state.guard = guard
    for router in routers:
        app.include_router(router, prefix="/api/v1")
    answer_errors(app)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """REST to try out; its files come with the dashboard, as beamlines have no internet to load them from."""
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="ptycholive REST",
            swagger_js_url="swagger/swagger-ui-bundle.js",
            swagger_css_url="swagger/swagger-ui.css",
            swagger_favicon_url="swagger/favicon-32x32.png",
        )

    @app.get("/metrics", response_class=PlainTextResponse, tags=["service"])
    async def prometheus() -> str:
        """Numbers for Prometheus."""
        return prometheus_text(hub, guard)

    @app.websocket("/api/v1/live")
    async def live(socket: WebSocket) -> None:
        origin = socket.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
            await socket.close(4403, "this page comes from another host")
            return
        await Viewer(socket, hub, guard, VERSION).run()

    if web is not None and web.is_dir():
        app.mount("/", StaticFiles(directory=web, html=True), name="dashboard")
    return app


def answer_errors(app: FastAPI) -> None:
    """What was refused, or is not there, is an answer that says why."""

    @app.exception_handler(CommandError)
    async def refused(_: Request, error: CommandError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.status)

    @app.exception_handler(LookupError)
    async def unknown(_: Request, error: LookupError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 404)


def service_routes(hub: Hub) -> APIRouter:
    """Health and engines."""
    router = APIRouter(tags=["service"])

    @router.get("/health")
    async def health() -> Health:
        """Whether ingest and the worker answer; 200 as long as this process does."""
        status: Literal["ok", "degraded"] = "ok" if all(hub.alive.values()) else "degraded"
        return Health(status=status, version=VERSION, **hub.alive)

    @router.get("/engines")
    async def engines() -> dict[str, Any]:
        """JSON schemas of every engine's parameters and of the live policy."""
        schemas: dict[str, Any] = await hub.command("worker", "engines")
        return schemas

    return router


def scan_routes(hub: Hub) -> APIRouter:
    """List, arm, stop and abort scans."""
    router = APIRouter(prefix="/scans", tags=["scans"])

    @router.get("")
    async def list_scans(
        limit: Annotated[int, Query(gt=0, le=10_000)] = 200, search: Annotated[str, Query(max_length=100)] = ""
    ) -> list[ScanStatus]:
        """Scans, newest first, armed ones included; those with all the words of `search` in id, key or metadata."""
        found = [scan for scan in hub.scans.values() if matches(scan, search)]
        return sorted(found, key=lambda scan: scan.created_ns, reverse=True)[:limit]

    @router.post("", status_code=201)
    async def arm(request: ArmRequest, _: Actor) -> ScanStatus:
        """Say what is to run on the next scan of this key."""
        spec = None if request.reconstruction is None else request.reconstruction.model_dump(exclude_defaults=True)
        if spec is not None:
            await hub.command("worker", "validate", spec=spec)
        return await hub.control_scan("arm", key=request.key, reconstruction=spec, metadata=request.metadata)

    @router.get("/{scan}")
    async def show(scan: str) -> ScanStatus:
        """A scan's state."""
        return hub.scan(scan)

    @router.post("/{scan}/stop")
    async def stop(scan: str, author: Actor) -> ScanStatus:
        """End the scan's reconstructions; the recording goes on to the scan's end."""
        for reconstruction in hub.scan(scan).reconstructions:
            with suppress(CommandError):
                await hub.reconstruct("stop", reconstruction=reconstruction, author=author)
        return hub.scan(scan)

    @router.post("/{scan}/abort")
    async def abort(scan: str, author: Actor) -> ScanStatus:
        """Accept nothing more of this scan; what is recorded is reconstructed to its end."""
        return await hub.control_scan("abort", scan=hub.scan(scan).id, author=author)

    @router.get("/{scan}/missing")
    async def missing(scan: str) -> dict[str, list[tuple[int, int]]]:
        """Ranges of indices (first, last) that have not come, by stream."""
        ranges: dict[str, list[tuple[int, int]]] = await hub.command("ingest", "missing", scan=hub.scan(scan).id)
        return ranges

    @router.get("/{scan}/events")
    async def events(scan: str) -> list[dict[str, Any]]:
        """What happened to the scan and who did it."""
        return list(read_events(find_scan(hub.settings.data, scan)))

    @router.get("/{scan}/reconstructions")
    async def reconstructions(scan: str) -> list[ReconstructionStatus]:
        """The scan's reconstructions, oldest first."""
        return [hub.reconstructions[each] for each in hub.scan(scan).reconstructions]

    @router.post("/{scan}/reconstructions", status_code=201)
    async def start(scan: str, spec: ReconstructionSpec, author: Actor) -> ReconstructionStatus:
        """Start a reconstruction on a running or finished scan, beside those there are."""
        fields = spec.model_dump(exclude_defaults=True)
        return await hub.reconstruct("start", scan=hub.scan(scan).id, spec=fields, author=author)

    return router


def matches(scan: ScanStatus, search: str) -> bool:
    """Whether all words are found in a scan's id, key, state or metadata, in any case."""
    text = " ".join([scan.id, scan.key, scan.state, *map(str, scan.metadata.values())]).casefold()
    return all(word in text for word in search.casefold().split())


def reconstruction_routes(hub: Hub) -> APIRouter:
    """Look at and steer reconstructions."""
    router = APIRouter(prefix="/reconstructions", tags=["reconstructions"])

    @router.get("/{reconstruction}")
    async def show(reconstruction: str) -> ReconstructionStatus:
        """A reconstruction's state."""
        return hub.reconstruction(reconstruction)

    @router.patch("/{reconstruction}")
    async def change(reconstruction: str, change: ParameterChange, author: Actor) -> ReconstructionStatus:
        """Change parameters from the next iteration on."""
        known = hub.reconstruction(reconstruction).id
        return await hub.reconstruct("change", reconstruction=known, author=author, **change.model_dump())

    @router.get("/{reconstruction}/spec", response_model_exclude_defaults=True)
    async def spec(reconstruction: str) -> ReconstructionSpec:
        """What it was asked to be, every engine of a chain with its parameters, with what was changed since."""
        return read_config(find_reconstruction(hub.settings.data, hub.reconstruction(reconstruction).id))

    @router.post("/{reconstruction}/restart", status_code=201)
    async def restart(reconstruction: str, spec: ReconstructionSpec, author: Actor) -> ReconstructionStatus:
        """Stop this one and start a new one with the fields given here in place of its own; engines, where there are
        any, are the whole chain, and the first one keeps the parameters that are not given.
        """
        fields = spec.model_dump(exclude_defaults=True)
        known = hub.reconstruction(reconstruction).id
        return await hub.reconstruct("restart", reconstruction=known, spec=fields, author=author)

    @router.post("/{reconstruction}/{action}")
    async def act(
        reconstruction: str, action: Literal["pause", "resume", "stop"], author: Actor
    ) -> ReconstructionStatus:
        """Pause, resume or stop; stopping writes the result."""
        return await hub.reconstruct(action, reconstruction=hub.reconstruction(reconstruction).id, author=author)

    @router.get("/{reconstruction}/metrics")
    async def metrics(reconstruction: str) -> MetricsTable:
        """The whole convergence curve; what is not a number reads null."""
        rows = hub.table(hub.reconstruction(reconstruction).id, "metrics", 0).tolist()
        clean = [[value if math.isfinite(value) else None for value in row] for row in rows]
        return MetricsTable(columns=METRIC_COLUMNS, rows=clean)

    @router.get("/{reconstruction}/positions", response_class=Response)
    async def positions(reconstruction: str) -> Response:
        """Where each frame's window lies now, refined if positions are: (frame, 3) float64 as npy, each row the frame's
        index and the window's centre (row, col) in pixels of the object.
        """
        taken = await latest(hub, reconstruction)
        return npy_response(taken.positions, f"{reconstruction}-positions")

    @router.get("/{reconstruction}/result", response_class=FileResponse)
    async def result(reconstruction: str) -> FileResponse:
        """The result file (CXI), once it is written."""
        path = hub.folder(reconstruction) / "result.cxi"
        if not path.is_file():
            state = hub.reconstruction(reconstruction).state
            raise HTTPException(409, f"reconstruction {reconstruction} is {state} and has no result yet")
        return FileResponse(path, media_type="application/x-hdf5", filename=f"{reconstruction}.cxi")

    return router


def array_routes(hub: Hub) -> APIRouter:
    """Object and probe, as arrays and as pictures."""
    router = APIRouter(prefix="/reconstructions", tags=["reconstructions"])

    @router.get("/{reconstruction}/{name}", response_class=Response)
    async def array(
        reconstruction: str,
        name: Literal["object", "probe"],
        file_format: Annotated[Literal["npy", "png"], Query(alias="format")] = "npy",
        quantity: Quantity = "phase",
    ) -> Response:
        """Object (row, col) or probe (mode, y, x), complex64 as npy, or as a picture."""
        taken = await latest(hub, reconstruction)
        return array_response(taken, name, file_format, quantity, f"{reconstruction}-{name}")

    return router


async def latest(hub: Hub, reconstruction: str) -> Snapshot:
    """The latest snapshot; raises LookupError, or HTTPException before the first."""
    hub.reconstruction(reconstruction)
    snapshot = await asyncio.to_thread(hub.snapshot, reconstruction)
    if snapshot is None:
        raise HTTPException(409, f"reconstruction {reconstruction} has no picture yet")
    return snapshot


def array_response(
    snapshot: Snapshot,
    name: Literal["object", "probe"],
    file_format: Literal["npy", "png"],
    quantity: Quantity,
    stem: str,
) -> Response:
    """Object or probe of a snapshot as a file."""
    if file_format == "npy":
        return npy_response(snapshot.object if name == "object" else snapshot.probe, stem)
    field = snapshot.object[None] if name == "object" else snapshot.probe
    covered = snapshot.covered[None] if name == "object" else np.ones(field.shape, bool)
    headers = {"Content-Disposition": f'inline; filename="{stem}.png"'}
    return Response(png(field, covered, quantity), media_type="image/png", headers=headers)


def npy_response(array: NDArray[Any], stem: str) -> Response:
    """An array as a file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    headers = {"Content-Disposition": f'inline; filename="{stem}.npy"'}
    return Response(buffer.getvalue(), media_type="application/octet-stream", headers=headers)


def replay_routes(replays: Replays) -> APIRouter:
    """Replays of recorded scans."""
    router = APIRouter(prefix="/replays", tags=["replays"])

    @router.get("")
    async def offered() -> ReplayList:
        """Files that may be replayed, and the replays since this process began."""
        return ReplayList(files=await asyncio.to_thread(replays.files), replays=replays.statuses())

    @router.post("", status_code=201)
    async def start(request: ReplayRequest, _: Actor) -> ReplayStatus:
        """Send a recorded scan as if it were measured now, from a process of its own."""
        return await replays.start(request)

    @router.post("/{replay}/stop")
    async def stop(replay: str, _: Actor) -> ReplayStatus:
        """Ask a replay to end."""
        return replays.stop(replay)

    return router
