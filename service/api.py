"""REST, WebSocket and the dashboard's files: ``/api/v1``, ``/metrics`` and ``/``.

Commands go to ingest and the worker; state comes from the hub. docs/openapi.json describes what create_app makes,
held true by a test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from service.authorship import Actor
from service.commands import CommandError
from service.config import Settings
from service.control_routes import control_routes
from service.download_routes import download_routes
from service.guard import Guard
from service.hub import Hub
from service.picture_routes import picture_routes
from service.reconstruction_routes import reconstruction_routes, scan_reconstruction_routes
from service.replays import ReplayRequest, Replays, ReplayStatus
from service.result_routes import array_routes, result_routes
from service.scan_routes import scan_routes
from service.telemetry import prometheus_text
from service.version import VERSION
from service.viewer import Viewer


class Health(BaseModel):
    """Whether the three processes answer."""

    status: Literal["ok", "degraded"]
    version: str
    ingest: bool
    worker: bool


class ReplayList(BaseModel):
    """What may be replayed, and what was."""

    files: list[str]
    replays: list[ReplayStatus]


def create_app(settings: Settings, web: Path | None = None) -> FastAPI:
    """The application; `web` is the folder of the built dashboard."""
    hub, replays = Hub(settings), Replays(settings)
    guard = Guard(hub)
    app = FastAPI(
        title="ptycholive",
        version=VERSION,
        description="Live ptychography.",
        lifespan=lambda _: life(hub, guard, replays),
        docs_url=None,
        redoc_url=None,
    )
    app.state.guard = guard
    routers = (
        service_routes(hub),
        control_routes(hub, guard),
        scan_routes(hub),
        scan_reconstruction_routes(hub),
        reconstruction_routes(hub),
        result_routes(hub),
        picture_routes(hub),
        download_routes(hub),
        array_routes(hub),  # after all that have names of their own below a reconstruction
        replay_routes(replays),
    )
    for router in routers:
        app.include_router(router, prefix="/api/v1")
    app.include_router(root_routes(hub, guard))
    answer_errors(app)
    if web is not None and web.is_dir():
        app.mount("/", StaticFiles(directory=web, html=True), name="dashboard")
    return app


@asynccontextmanager
async def life(hub: Hub, guard: Guard, replays: Replays) -> AsyncIterator[None]:
    """Everything that runs beside the answers, from the application's start to its end."""
    await asyncio.to_thread(hub.load)
    tasks = [asyncio.create_task(work) for work in (hub.run(), guard.run())]
    try:
        yield
    finally:
        await replays.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def root_routes(hub: Hub, guard: Guard) -> APIRouter:
    """What is no REST: its description to try out, numbers for Prometheus, the live stream."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """REST to try out; its files come with the dashboard, as beamlines have no internet to load them from."""
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="ptycholive REST",
            swagger_js_url="swagger/swagger-ui-bundle.js",
            swagger_css_url="swagger/swagger-ui.css",
            swagger_favicon_url="swagger/favicon-32x32.png",
        )

    @router.get("/metrics", response_class=PlainTextResponse, tags=["service"])
    async def prometheus() -> str:
        """Numbers for Prometheus."""
        return prometheus_text(hub, guard)

    @router.websocket("/api/v1/live")
    async def live(socket: WebSocket) -> None:
        origin = socket.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
            await socket.close(4403, "this page comes from another host")
            return
        await Viewer(socket, hub, guard, VERSION).run()

    return router


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
