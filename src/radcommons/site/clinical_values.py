"""Understand single cells of a clinical table: results, flags, sexes, dates, identifiers; what is unclear is None."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from radcommons.records.clinical import PatientOutcome, TestMethod, TestResult

# A phrase for the protocol's IgM criterion; MIDRC's own list of methods has no antibodies.
IGM = "IgM"
NOTHING = frozenset(
    ("", "na", "n/a", "nan", "none", "null", "unknown", "not reported", "-", "?", ".", "unbekannt", "k.a.")
)
# What a spreadsheet shows where its own formula failed.
SHEET_ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"))

_SEXES = {
    **dict.fromkeys(("f", "female", "w", "weiblich", "femme", "mujer", "femmina", "féminin", "feminino", "vrouw"), "F"),
    **dict.fromkeys(
        ("m", "male", "mann", "maennlich", "männlich", "homme", "hombre", "maschio", "masculin", "man"), "M"
    ),
    **dict.fromkeys(("o", "other", "d", "divers", "diverse"), "O"),
}
_YES = frozenset(("1", "y", "yes", "true", "t", "ja", "j", "si", "sí", "s", "oui", "sim", "positive", "x"))
_NO = frozenset(("0", "n", "no", "false", "f", "nein", "non", "nee", "não", "negative"))
_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan january januar janvier enero janeiro gennaio januari ene gen",
            "feb february februar février fevrier febrero fevereiro febbraio februari fév fev",
            "mar march märz maerz mars marzo março marco maart mär mrz",
            "apr april avril abril aprile avr abr",
            "may mai mayo maio maggio mei mag",
            "jun june juni juin junio junho giugno giu",
            "jul july juli juillet julio julho luglio lug juil",
            "aug august août aout agosto augustus ago aoû",
            "sep sept september septembre septiembre setembro settembre set",
            "oct october oktober octobre octubre outubro ottobre okt ott out",
            "nov november novembre noviembre novembro",
            "dec december dezember décembre decembre diciembre dezembro dicembre dez déc dic",
        ),
        start=1,
    )
    for word in words.split()
}
_ISO = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})(?:[T ].*)?")
_NUMBERS = re.compile(r"(\d{1,2})([-./])(\d{1,2})[-./](\d{4}|\d{2})(?: .*)?")
_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-. /]+([^\W\d_]{3,})\.?[-. /,]+(\d{4})(?: .*)?", re.IGNORECASE)
_NAMED_FIRST = re.compile(r"([^\W\d_]{3,})\.?[-. /]+(\d{1,2})(?:st|nd|rd|th)?,?[-. /]+(\d{4})(?: .*)?", re.IGNORECASE)


def sex_of(cell: str) -> str | None:
    """Return F, M or O."""
    return _SEXES.get(cell.lower())


def flag(cell: str) -> bool | None:
    """Return yes or no."""
    word = cell.lower()
    return True if word in _YES else False if word in _NO else None


def age(cell: str) -> float | None:
    """Return years; a decimal comma is one."""
    found = re.fullmatch(r"(\d{1,3}(?:[.,]\d{1,4})?)\s*(?:[yYaA]|years?|Jahre)?", cell)
    years = float(found[1].replace(",", ".")) if found else None
    return years if years is not None and years <= 130 else None


def method(cell: str) -> str | None:
    """Return the test's method."""
    word = cell.lower()
    for mark, found in (("pcr", TestMethod.RT_PCR), ("antigen", TestMethod.RAPID_ANTIGEN), ("igm", IGM)):
        if mark in word:
            return found
    return None


def result(cell: str) -> str | None:
    """Return a test's result; a word with a question mark is none."""
    word = cell.lower()
    if "?" in word:
        return None
    if word in ("0", "no", "n", "false") or word.startswith(("neg", "nég")) or re.search(r"\bnot? detected\b", word):
        return TestResult.NEGATIVE
    if word in ("1", "yes", "y", "true", "+") or word.startswith(("pos", "poz")):
        return TestResult.POSITIVE
    if word.startswith(("indet", "incon", "equiv", "unklar")):
        return TestResult.INDETERMINATE
    return TestResult.POSITIVE if re.search(r"\bdetected\b", word) else None


def fate(cell: str) -> str | None:
    """Return how it ended."""
    word = cell.lower()
    if word.startswith(("dead", "died", "death", "deceased", "expired", "verstorben", "décéd", "fallecid")):
        return PatientOutcome.DEAD
    alive = ("alive", "surviv", "discharg", "recover", "home", "hospital", "transfer", "lebt", "vivant", "vivo")
    return PatientOutcome.ALIVE if word.startswith(alive) else None


def day_first(cells: Iterable[str]) -> bool | None:
    """Tell the order of day and month from a whole column; None when it does not show or contradicts itself."""
    found = [match for cell in cells if (match := _NUMBERS.fullmatch(cell)) and not _ISO.fullmatch(cell)]
    if any(match[2] == "." for match in found):
        return True
    days = any(int(match[1]) > 12 for match in found)
    months = any(int(match[3]) > 12 for match in found)
    return None if days == months else days


def is_unordered(cell: str) -> bool:
    """Say whether a cell is a date of which the order of day and month decides."""
    found = None if _ISO.fullmatch(cell) else _NUMBERS.fullmatch(cell)
    return found is not None and found[2] != "." and found[1] != found[3]


def day(cell: str, *, order: bool | None, since: int = 0) -> str | None:
    """Return an ISO day.

    Parameters
    ----------
    order : bool, optional
        Day before month, month before day, or not known: then a date that needs it is None.
    since : int
        First year of the century in which a year of two digits lies; 0 takes none, as of birth dates.
    """
    if (iso := _ISO.fullmatch(cell)) is not None:
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    if (named := _NAMED.fullmatch(cell)) is not None:
        return _day(int(named[3]), _month(named[2]), int(named[1]))
    if (named := _NAMED_FIRST.fullmatch(cell)) is not None:
        return _day(int(named[3]), _month(named[1]), int(named[2]))
    other = _NUMBERS.fullmatch(cell)
    if other is None:
        return None
    first, second, year = int(other[1]), int(other[3]), int(other[4])
    if len(other[4]) == 2:
        if not since:
            return None
        year += since
    if first == second or other[2] == ".":
        order = True
    if order is None:
        return None
    return _day(year, second, first) if order else _day(year, first, second)


def _month(word: str) -> int:
    return _MONTHS.get(word.lower(), 0)


def _day(year: int, month: int, number: int) -> str | None:
    try:
        return date(year, month, number).isoformat()
    except ValueError:
        return None


def identifier(cell: str) -> str:
    """Return a patient identifier without the traces of a spreadsheet: spaces around it, ``.0`` after it."""
    cleaned = cell.replace("\u00a0", " ").replace("\u202f", " ").strip().strip("'").strip()
    return cleaned[:-2] if re.fullmatch(r"\d+\.0", cleaned) else cleaned


def loose(cell: str) -> str:
    """Return what two spellings of one number share: no spaces, no leading zeros, no difference of case."""
    return re.sub(r"[\s\-_/.]", "", identifier(cell)).lstrip("0").casefold() or "0"
