"""Questions and answers between the processes."""

from __future__ import annotations

import asyncio
from typing import Any

import msgpack
import pytest
import zmq.asyncio

from service.commands import CommandError, answer, ask


class Socket:
    """Stands in for a REP socket."""

    def __init__(self, **request: Any) -> None:
        self.request, self.reply = msgpack.packb(request), b""

    def recv(self) -> bytes:
        return self.request

    def send(self, reply: bytes) -> None:
        self.reply = reply


def answered(handler: Any, **fields: Any) -> Any:
    socket: Any = Socket(command="do", **fields)
    answer(socket, {"do": handler})
    return msgpack.unpackb(socket.reply)


def broken() -> None:
    raise RuntimeError("CUDA error")


def test_whatever_a_handler_does_is_answered() -> None:
    assert answered(lambda x: x + 1, x=1) == {"value": 2}
    assert answered(broken) == {"error": "RuntimeError: CUDA error", "status": 500}
    assert answered(lambda: 1 << 70)["status"] == 500
    assert answered(lambda: 1, unknown=1)["status"] == 422


@pytest.mark.parametrize("value", [10**30, "\ud800"])
def test_what_cannot_be_sent_is_refused(value: Any) -> None:
    async def asked() -> None:
        with zmq.asyncio.Context() as context:
            await ask(context, "inproc://nobody", "do", value=value)

    with pytest.raises(CommandError, match="expected numbers of 64 bits") as refused:
        asyncio.run(asked())
    assert refused.value.status == 422
