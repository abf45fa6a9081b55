"""REST for scans: list, arm, stop, abort, and what happened to them."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from service.authorship import Actor
from service.commands import CommandError
from service.descriptions import Metadata, ReconstructionSpec
from service.hub import Hub
from service.scans import find_scan, read_events
from service.statuses import ScanStatus


class ArmRequest(BaseModel):
    """What is to run on the next scan of this key."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: str
    """The sender's own name of the scan."""
    reconstruction: ReconstructionSpec | None = None
    metadata: Metadata = {}
    """Kept with the scan; wins over what `start` says."""


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

    return router


def matches(scan: ScanStatus, search: str) -> bool:
    """Whether all words are found in a scan's id, key, state or metadata, in any case."""
    text = " ".join([scan.id, scan.key, scan.state, *map(str, scan.metadata.values())]).casefold()
    return all(word in text for word in search.casefold().split())
