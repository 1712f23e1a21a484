"""The one clock: aware, UTC, whole seconds in documents."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def instant(moment: datetime | None = None) -> str:
    """Return an instant as documents write it: ``2026-03-30T12:00:00Z``."""
    return (moment or now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
