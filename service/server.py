"""The API process: uvicorn around the application."""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn

from service.api import create_app
from service.config import ConfigError, Settings
from service.logs import get_log

PING_TIMEOUT_S = 90.0
"""A browser behind a slow network answers a ping after the long curve that was sent before it."""


def run_api(settings: Settings, web: Path) -> None:
    """Serve until SIGTERM or SIGINT; raises `ConfigError` if the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        raise ConfigError(
            f"port: expected {settings.host}:{settings.port} to be free, got: {error.strerror}; try --port"
        ) from error
    get_log().info("api ready", url=f"http://{settings.host}:{bound.getsockname()[1]}", dashboard=web.is_dir())
    options = uvicorn.Config(
        create_app(settings, web),
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_timeout=PING_TIMEOUT_S,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(options).run(sockets=[bound])
