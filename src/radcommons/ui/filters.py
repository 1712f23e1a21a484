"""How figures and days stand on a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: int | None) -> str:
    """Return a count with separators: 12,345; a dash where there is none."""
    return "–" if value is None else f"{value:,}"


def in_bytes(value: int | None) -> str:
    """Return a size in decimal units, as disks are sold: 1.2 GB."""
    if value is None:
        return "–"
    size = float(value)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"


def day(value: str | None) -> str:
    """Return an ISO or DICOM day (or instant) as 22 Nov 2026; what is no day stays as it is."""
    if not value:
        return "–"
    text = value[:10] if "-" in value else f"{value[:4]}-{value[4:6]}-{value[6:8]}"
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return value
    return f"{found.day} {_MONTHS[found.month - 1]} {found.year}"


def plural(value: int, one: str, many: str = "") -> str:
    """Return a count with its noun: 1 study, 2 studies."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def share(value: int, total: int) -> str:
    """Return a part of a whole in percent with one decimal, for drawing."""
    return f"{100 * value / total:.1f}" if total else "0"


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "bytes": in_bytes,
    "day": day,
    "plural": plural,
    "share": share,
}
