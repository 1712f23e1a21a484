"""Logs as one JSON object a line on standard error; no attribute value of a patient ever enters them."""

from __future__ import annotations

import logging
import sys

import structlog


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
