"""What the dashboard looks at beside the live stream: the history, other reconstructions, and the focus."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import ValidationError

from service.browser import ImageRequest
from service.descriptions import explain
from service.hub import Hub
from service.statuses import Moment, ProbeFocus

MSGPACK = "application/vnd.msgpack"


def picture_routes(hub: Hub) -> APIRouter:
    """The routes of this file."""
    router = APIRouter(prefix="/reconstructions", tags=["reconstructions"])

    @router.get("/{reconstruction}/moments")
    async def moments(reconstruction: str) -> list[Moment]:
        """The snapshots that are kept as history, in order."""
        return await asyncio.to_thread(hub.show.moments, hub.reconstruction(reconstruction).id)

    @router.get("/{reconstruction}/image", response_class=Response)
    async def image(
        reconstruction: str,
        request: Annotated[str, Query(description="ImageRequest of the browser protocol, as JSON")],
        iteration: Annotated[int | None, Query(description="A moment of the history; default: the latest")] = None,
    ) -> Response:
        """A picture as the WebSocket sends it: an `Image` of the browser protocol, in msgpack."""
        name = hub.reconstruction(reconstruction).id
        try:
            wanted = ImageRequest.model_validate_json(request)
        except ValidationError as error:
            raise HTTPException(422, f"request: expected an ImageRequest as JSON; {explain(error)}") from error
        if iteration is not None:
            return Response(await hub.show.moment_image(name, wanted, iteration), media_type=MSGPACK)
        latest = await hub.show.image(name, wanted)
        if latest is None:
            raise HTTPException(409, f"reconstruction {name} has no picture yet")
        return Response(latest.data, media_type=MSGPACK)

    @router.get("/{reconstruction}/focus")
    async def focus(reconstruction: str) -> ProbeFocus:
        """The latest probe in numbers, at most some seconds old."""
        name = hub.reconstruction(reconstruction).id
        found = await hub.show.focus(name)
        if found is None:
            raise HTTPException(409, f"reconstruction {name} has no probe yet whose focus could be looked for")
        return found

    return router
