"""REST that starts and steers reconstructions."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from service.authorship import Actor
from service.descriptions import ReconstructionSpec
from service.hub import Hub
from service.reconstructions import find_reconstruction, read_config
from service.statuses import ReconstructionStatus


class ParameterChange(BaseModel):
    """Parameters to change from the next iteration on."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    parameters: dict[str, Any] = {}
    """Of the engine; of a chain, of the one whose turn it is."""
    engine: str | None = None
    """Another one of the chain, by its name."""
    live: dict[str, Any] = {}
    """Of the live policy."""


def scan_reconstruction_routes(hub: Hub) -> APIRouter:
    """The reconstructions of a scan."""
    router = APIRouter(prefix="/scans", tags=["scans"])

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

    return router
