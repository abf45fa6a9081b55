"""Who acts: dependencies of the REST routes. A browser says which one it is, and must have control to act.

REST without that header needs no control, and is called "rest" in the event log.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from service.commands import CommandError
from service.control import public_id
from service.guard import Guard

REST = "rest"
Key = Annotated[
    str | None,
    Header(
        alias="x-ptycholive-viewer",
        description="key of the browser, as in its WebSocket's address; it must have control",
    ),
]
Act = Annotated[
    str | None,
    Header(
        alias="x-ptycholive-act",
        description="any text that is new for each act; one that comes again is refused, as browsers repeat a request "
        "by themselves when a connection breaks before the answer",
    ),
]


def guard_of(request: Request) -> Guard:
    """The application's guard."""
    guard: Guard = request.app.state.guard
    return guard


async def actor(request: Request, viewer: Key = None, act: Act = None) -> str:
    """Name of who acts; refuses a browser that does not have control, and an act that was asked for before."""
    guard = guard_of(request)
    if act is not None:
        guard.once(act)
    return REST if viewer is None else guard.act(public_id(viewer))


async def speaker(request: Request, viewer: Key = None) -> str:
    """Name of who says something, for which nobody needs control."""
    return REST if viewer is None else guard_of(request).baton.name(public_id(viewer))


async def browser(viewer: Key = None) -> str:
    """Public id of the browser; refuses REST from elsewhere."""
    if viewer is None:
        raise CommandError("control concerns browsers: expected the header x-ptycholive-viewer, got none", 422)
    return public_id(viewer)


Actor = Annotated[str, Depends(actor)]
Speaker = Annotated[str, Depends(speaker)]
Browser = Annotated[str, Depends(browser)]
