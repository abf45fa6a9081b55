"""What the API knows, whatever it is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service import hub as hubs
from service.config import Settings
from service.hub import Hub


def test_a_process_of_another_version_does_not_end_what_is_followed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def answer(process: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        asked.append(process)
        return [{"id": "s", "of another version": 1}]

    async def follow() -> None:
        hub = Hub(settings)
        monkeypatch.setattr(hub, "command", answer)
        following = asyncio.create_task(hub.run())
        while len(asked) < 4:
            await asyncio.sleep(0)
            assert not following.done()
        assert hub.alive == {"ingest": False, "worker": False}
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    monkeypatch.setattr(hubs, "HEARTBEAT_S", 0.0)
    asyncio.run(follow())
