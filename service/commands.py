"""Questions and answers between the processes: REQ to REP, msgpack, one map each way.

The API asks, ingest and the worker answer between two turns of their loops. What a handler raises becomes the answer's
error; the loop goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgpack
import zmq
import zmq.asyncio

from service.logs import get_log

Handler = Callable[..., Any]


class CommandError(ValueError):
    """The other process refused; `status` is what REST should answer with."""

    def __init__(self, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(CommandError):
    """The other process did not answer in time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=503)


def answer(socket: zmq.Socket[bytes], handlers: Mapping[str, Handler]) -> None:
    """Answer one waiting request on a REP socket."""
    socket.send(_answer(socket.recv(), handlers))


def _answer(request: bytes, handlers: Mapping[str, Handler]) -> bytes:
    try:
        fields = msgpack.unpackb(request)
        name = fields.pop("command")
        if name not in handlers:
            raise CommandError(f"command: expected one of {', '.join(handlers)}, got {name!r}", 422)
        value: bytes = msgpack.packb({"value": handlers[name](**fields)})
        return value
    except CommandError as error:
        reply: dict[str, Any] = {"error": str(error), "status": error.status}
    except LookupError as error:
        reply = {"error": str(error.args[0] if error.args else error), "status": 404}
    except (ValueError, TypeError) as error:
        reply = {"error": str(error), "status": 422}
    except OSError as error:
        reply = {"error": str(error), "status": 500}
    except Exception as error:  # a mistake of ours ends neither the process nor what else it does
        get_log().exception("command failed", request=request[:200])
        reply = {"error": f"{type(error).__name__}: {error}", "status": 500}
    packed: bytes = msgpack.packb(reply)
    return packed


async def ask(context: zmq.asyncio.Context, endpoint: str, command: str, timeout_s: float = 10.0, **fields: Any) -> Any:
    """Ask another process; raises `CommandError` if it refuses, `UnreachableError` if it does not answer."""
    try:
        request = msgpack.packb({"command": command} | fields)
    except (OverflowError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise CommandError(f"{command}: expected numbers of 64 bits and text that can be sent: {error}", 422) from error
    with context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(endpoint)
        await socket.send(request)
        if not await socket.poll(round(timeout_s * 1000)):
            raise UnreachableError(f"no answer to {command!r} within {timeout_s:g} s; is the process running?")
        reply = msgpack.unpackb(await socket.recv())
    if "error" in reply:
        raise CommandError(reply["error"], reply["status"])
    return reply["value"]
