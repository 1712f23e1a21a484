"""Numbers and days in text, read once for all patients: which identifiers stand in it, and which days it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from radcommons.dicom.text_patterns import MONTHS

Day = tuple[int, int, int]  # year in the century, month, day
_FULL_WIDTH = {0xFF10 + number: 0x30 + number for number in range(10)}
_GAP = r"[\s.,/_-]{0,3}(?:of |de |del |di |d['’]|der? )?"
_NAMES = {name: number for number, names in enumerate(MONTHS, 1) for name in names.split()}
_NAME = "(" + "|".join(sorted(_NAMES, key=len, reverse=True)) + r")[^\W\d_]{0,2}"
_YEAR = r"((?:1[89]|20)\d{2}|['’]?\d{2})"
_END = r"(?:st|nd|rd|th|er|\.|º|ª)?"
_NUMERIC = re.compile(r"(?<!\d)(\d{1,4})\s?([-./ ])\s?(\d{1,2})\s?\2\s?(\d{1,4})(?!\d)")
_SOLID = re.compile(r"(?<!\d)(\d{8}|\d{6})(?!\d)")
_NAMED = (
    (re.compile(rf"(?<!\d)(\d{{1,2}}){_END}{_GAP}{_NAME}{_GAP}{_YEAR}(?!\d)", re.IGNORECASE), "dmy"),
    (re.compile(rf"(?<![^\W_]){_NAME}{_GAP}(\d{{1,2}}){_END}{_GAP}{_YEAR}(?!\d)", re.IGNORECASE), "mdy"),
    (re.compile(rf"(?<!\d){_YEAR}{_GAP}{_NAME}{_GAP}(\d{{1,2}})(?!\d)", re.IGNORECASE), "ymd"),
    (re.compile(r"(?<!\d)(\d{4}|\d{2})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일号號]?"), "ymd"),
)


@lru_cache(maxsize=8192)
def days_in(text: str) -> tuple[tuple[int, int, frozenset[Day]], ...]:
    """Return (start, end, the days that it may mean) for all that looks like a day."""
    if not any(map(str.isdigit, text)):
        return ()
    found = [(one.start(), one.end(), _days(one[1], one[3], one[4])) for one in _NUMERIC.finditer(text)]
    found += [(one.start(), one.end(), _solid(one[1])) for one in _SOLID.finditer(text)]
    for pattern, order in _NAMED:
        for one in pattern.finditer(text):
            values = dict(zip(order, map(_number, one.groups()), strict=True))
            found.append((one.start(), one.end(), frozenset({(values["y"], values["m"], values["d"])})))
    return tuple(one for one in found if one[2])


def _number(text: str) -> int:
    digits = text.strip("'’")
    return int(digits) % 100 if digits.isdigit() else _NAMES.get(text.lower(), 0)


def _days(*parts: str) -> frozenset[Day]:
    first, middle, last = (int(part) % 100 for part in parts)
    if len(parts[0]) > 2:
        return frozenset({(first, middle, last), (first, last, middle)})
    return frozenset({(last, middle, first), (last, first, middle), (first, middle, last)})


def _solid(digits: str) -> frozenset[Day]:
    two = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    if len(two) == 3:
        return _days(*two)
    return _days(digits[:4], two[2], two[3]) | _days(two[0], two[1], digits[4:])


@lru_cache(maxsize=8192)
def _bare(text: str) -> tuple[str, tuple[int, ...]]:
    letters = [
        (letter, place)
        for place, letter in enumerate(text.translate(_FULL_WIDTH).lower())
        if letter.isascii() and letter.isalnum()
    ]
    return "".join(letter for letter, _ in letters), tuple(place for _, place in letters)


def ids_in(text: str, ids: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield the places of identifiers, whatever marks stand between their characters and zeros before them.

    Notes
    -----
    A number with other digits right beside it is another number; letters may stand beside digits: PAT471108.
    """
    if not ids or len(text.lower()) != len(text):
        text = text.casefold() if len(text.casefold()) == len(text) else text
    bare, places = _bare(text)
    for one in ids:
        start = bare.find(one)
        while start >= 0:
            end = start + len(one)
            if _stands_alone(text, bare, places, start, end):
                while start and bare[start - 1] == "0" and places[start] == places[start - 1] + 1:
                    start -= 1
                yield places[start], places[end - 1] + 1
            start = bare.find(one, end)


def _stands_alone(text: str, bare: str, places: tuple[int, ...], start: int, end: int) -> bool:
    first = start
    while first and bare[first - 1] == "0" and places[first] == places[first - 1] + 1:
        first -= 1
    before = text[places[first] - 1] if places[first] else ""
    last = places[end - 1] + 1
    after = text[last : last + 1]
    return not (_joins(before, bare[start]) or _joins(after, bare[end - 1]))


def _joins(beside: str, edge: str) -> bool:
    if not beside or not beside.isascii():
        return False
    return beside.isdigit() if edge.isdigit() else beside.isalnum()
