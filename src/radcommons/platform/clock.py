"""The one clock: aware, UTC, whole seconds in documents."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def instant(moment: datetime | None = None) -> str:
    """Return an instant as documents write it: ``2026-03-30T12:00:00Z``."""
    return _written(int(time.time()) if moment is None else moment)


@lru_cache(maxsize=8)
def _written(moment: datetime | int) -> str:
    """Return a moment, or a second of the clock, as text; a server asks for the present one several times a request."""
    found = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else moment.astimezone(UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")
