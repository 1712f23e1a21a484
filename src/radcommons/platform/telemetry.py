"""Logs as one JSON object a line on standard error; no attribute value of a patient ever enters them."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any

import structlog


class _Lines:
    """Where lines go. On a disk that is full a line is lost, and not the request that it tells of."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = log = msg


def _lines(*_names: Any) -> _Lines:
    return _Lines()


def configure_logging(*, level: str = "INFO") -> None:
    """Send every log line of this process through one pipeline."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(message)s", force=True)
    # pydicom and pynetdicom put attribute values into their messages.
    for foreign in ("pydicom", "pynetdicom", "PIL", "httpx", "httpcore", "dbos", "alembic"):
        logging.getLogger(foreign).setLevel(logging.CRITICAL if foreign.startswith("py") else logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=_lines,
    )
