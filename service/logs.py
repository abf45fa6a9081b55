"""Structured logs: a line an event, as key=value on a terminal and as JSON elsewhere, with the scan's id."""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

import structlog


def configure_logs(level: str, process: str) -> None:
    """Set up logging of this process; every line says which process wrote it."""
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            lambda logger, method, event: dict(event, process=process),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def get_log(**bound: Any) -> structlog.typing.FilteringBoundLogger:
    """A logger with what it is about bound to it, for example ``scan=``."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger(**bound))
