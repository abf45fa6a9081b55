"""REST for people at a browser: control, alarms, notes, presets."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from annotated_types import Len
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from service.authorship import Actor, Browser, Speaker
from service.descriptions import ReconstructionSpec
from service.guard import Guard
from service.hub import Hub
from service.scans import find_scan, log_event
from service.statuses import Alarm, Control, ServiceStatus


class ControlRequest(BaseModel):
    """What a browser wants of control."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    action: Literal["ask", "release", "give", "decline"]
    """ask for it (or take it while it is free); release it, or no longer ask; give it to, or decline, one who asks."""
    to: str = ""
    """Public id of the browser to give it to, or to decline."""


class Acknowledgement(BaseModel):
    """A person has seen an alarm."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    alarm: str
    """Its id."""


class Note(BaseModel):
    """A remark on this moment."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    text: Annotated[str, Len(1, 1000)]
    reconstruction: str = ""
    """What was looked at."""
    iteration: int | None = None


def control_routes(hub: Hub, guard: Guard) -> APIRouter:
    """Control, alarms, notes, presets."""
    router = APIRouter(tags=["operation"])

    @router.get("/service")
    async def service() -> ServiceStatus:
        """The service itself: processes, device and its memory, disk, browsers, who has control."""
        return guard.service

    @router.post("/control")
    async def control(request: ControlRequest, viewer: Browser) -> Control:
        """Ask for control, give it back, hand it over or decline."""
        now_s, now_ns, baton = time.monotonic(), time.time_ns(), guard.baton
        baton.hear(viewer, now_s)
        match request.action:
            case "ask":
                baton.ask(viewer, now_s, now_ns)
            case "release":
                baton.release(viewer, now_ns)
            case "give":
                baton.give(viewer, request.to, now_ns)
            case "decline":
                baton.decline(viewer, request.to)
        guard.control_changed(baton.name(viewer))
        return baton.control

    @router.get("/alarms")
    async def alarms() -> list[Alarm]:
        """What is wrong, the worst that nobody has seen yet first."""
        return list(guard.alarms)

    @router.post("/alarms/acknowledge")
    async def acknowledge(request: Acknowledgement, author: Actor) -> Alarm:
        """Say that an alarm was seen; it stays listed until it is over."""
        return guard.acknowledge(request.alarm, author)

    @router.post("/scans/{scan}/notes", status_code=201)
    async def note(scan: str, note: Note, author: Speaker) -> dict[str, Any]:
        """Mark this moment in the scan's event log; nobody needs control for it."""
        details = note.model_dump(exclude_defaults=True)
        log_event(find_scan(hub.settings.data, hub.scan(scan).id), author, "note", **details)
        hub.tell()
        return {"author": author, **details}

    @router.get("/presets")
    async def presets() -> dict[str, ReconstructionSpec]:
        """Geometries and engines that the configuration names, for forms."""
        return hub.settings.presets

    return router
