"""Logs on stderr: one JSON object per line, so that nothing a caller sends can start a line of its own."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

# To the last "@": a password may hold any other sign of an address. Taking too much away does no harm.
_CREDENTIALS = re.compile(r"(?<=://)[^\s\"]*@")


def without_credentials(text: str) -> str:
    """Return the text with user names and passwords removed from URLs; libraries repeat whole URLs in their errors."""
    return _CREDENTIALS.sub("", text)


def configure(level: str) -> None:
    """Render structlog's and the standard library's log records as JSON, from `level` on."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(_dumps),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"


def _dumps(event: MutableMapping[str, Any], **_: Any) -> str:
    return without_credentials(orjson.dumps(event, default=str).decode())
