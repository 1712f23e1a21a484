"""Dates, times and ages of DICOM values: shifting them by days, and writing a birth date in the ways people do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

_DATE = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
_DATETIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{0,6}(?:\.\d{1,6})?)([+-]\d{4})?")
_TIME = re.compile(r"\d{2}(:?\d{2}(:?\d{2}(\.\d{1,9})?)?)?")
_AGE = re.compile(r"(\d{1,4})\s*([DWMY]?)")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
AGE_CAP = 90


def _day(year: str, month: str | None, day: str | None) -> date | None:
    try:
        return date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None


def parse_date(text: str) -> date | None:
    """Return the day of a DA value (also in the form of ACR-NEMA, with dots), or None."""
    found = _DATE.fullmatch(text.strip(" \0"))
    return _day(*found.groups()) if found else None


def _moved(day: date | None, days: int) -> date | None:
    try:
        return None if day is None else day + timedelta(days=days)
    except OverflowError:
        return None


@lru_cache(maxsize=4096)
def shift_date(text: str, days: int) -> str | None:
    """Return a DA value moved by `days`, or None when it is no date or would leave the calendar."""
    return _shown(_moved(parse_date(text), days))


@lru_cache(maxsize=4096)
def _shifted(year: str, month: str | None, day: str | None, days: int) -> str | None:
    return _shown(_moved(_day(year, month, day), days))


def _shown(day: date | None) -> str | None:
    return None if day is None else f"{day:%Y%m%d}".zfill(8)


def shift_datetime(text: str, days: int, *, keeps_time: bool = True, keeps_zone: bool = False) -> str | None:
    """Return a DT value moved by `days` with the precision it had; None if it is none.

    The offset from UTC goes unless `keeps_zone`, and the time of day unless `keeps_time`.

    A value of a year or a month only stands for its first day while it is moved.

    References
    ----------
    DICOM PS3.5, section 6.2, DT.
    """
    found = _DATETIME.fullmatch(text.strip(" \0"))
    if not found:
        return None
    year, month, day, rest, offset = found.groups()
    moved = _shifted(year, month, day, days)
    if moved is None or (rest and not (month and day)):
        return None
    precision = 4 if month is None else 6 if day is None else 8
    shown = moved[:precision] + (rest if keeps_time else "")
    return shown + (offset or "" if keeps_zone and keeps_time else "")


def is_time(text: str) -> bool:
    """Say whether a text is a TM value."""
    return bool(_TIME.fullmatch(text.strip(" \0")))


def capped_age(text: str) -> str | None:
    """Return an AS value with ages of 90 years and more as ``090Y``; None when it is no age.

    ``45`` and ``45Y``, which real devices write, become ``045Y``.
    """
    found = _AGE.fullmatch(text.strip(" \0").upper())
    if not found:
        return None
    number, unit = int(found[1]), found[2] or "Y"
    years = number / {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}[unit]
    if years >= AGE_CAP:
        return f"{AGE_CAP:03d}Y"
    return f"{number:03d}{unit}" if number < 1000 else f"{int(years):03d}Y"


def age_at(birth: str, day: str) -> str | None:
    """Return the age between two DA values as an AS value, capped; None when it cannot be said."""
    born, seen = parse_date(birth), parse_date(day)
    if born is None or seen is None or seen < born:
        return None
    months = (seen.year - born.year) * 12 + seen.month - born.month - (seen.day < born.day)
    if months < 24:
        return f"{months:03d}M"
    return capped_age(f"{months // 12:03d}Y")


def notations(day: date) -> Iterator[str]:
    """Yield the ways in which people write a day in text, in lower case."""
    for year in (f"{day.year:04d}", f"{day.year % 100:02d}"):
        for month, number in ((f"{day.month:02d}", f"{day.day:02d}"), (str(day.month), str(day.day))):
            for mark in "-./":
                yield mark.join((year, month, number))
                yield mark.join((number, month, year))
                yield mark.join((month, number, year))
        for name in (_MONTHS[day.month - 1], _MONTHS[day.month - 1][:3]):
            yield from (f"{number} {name} {year}" for number in (f"{day.day:02d}", str(day.day)))
            yield f"{day.day}-{name}-{year}"
            yield f"{day.day:02d}-{name}-{year}"
            yield f"{name} {day.day}, {year}"
            yield f"{name} {day.day} {year}"
    yield f"{day:%Y%m%d}".zfill(8)
    yield f"{day:%d%m%Y}".zfill(8)
    yield f"{day:%m%d%Y}".zfill(8)
