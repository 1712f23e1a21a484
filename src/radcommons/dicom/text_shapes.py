"""Numbers of people whom no header names, told by their shape: PL/88/3391, KX-7719, 0012-443.

A measure, a kernel, a sequence and a version have shapes too.  So each row of letters, digits and the marks between
them is judged as a whole: by the words in it, by how long and how round its figures are, and by who wrote the text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from radcommons.dicom.lexicon import is_clinical, is_core
from radcommons.dicom.text_fold import LETTERS_ONLY, fold
from radcommons.dicom.text_patterns import MONTHS

FEWEST_DIGITS = 4
MANY_DIGITS = 5
LONG_RUN = 5
LONGEST_OF_DEVICES = 5
LONGEST_SHORT = 3
WIDEST_RANGE = 10
ROW = re.compile(r"[^\W_](?:[\w./#+~'’°-]*[^\W_])?")
MARKS = re.compile(r"[-_/#+~'’°]+")
DIGITS = re.compile(r"\d+")
# 0.625 and 12.5, but not a part of 12.345.678
DECIMAL = re.compile(r"(?<![\d.])(?:\d{1,4}[.,]\d{1,3}|\d\.\d+)(?![\d.])")
# Chilean, Colombian and Brazilian numbers of citizens are written in groups of three.
GROUPED = re.compile(r"\d{1,3}(?:\.\d{3}){2,}(?:[-/]\w{1,4})?")
VERSION = re.compile(r"[A-Za-z]{0,4}\d{1,4}(?:\.\w{1,6})+(?:[-_]\w{1,5})*")
# Runs that are long for a version, over a hyphen: DE-4711-66127, NC-661-038.
DASHED = re.compile(r"-\d{5}(?!\d)|(?<!\d)\d{5}-|(?<![\d.])\d{3,5}-\d{3,5}(?!\d)")
_YEAR = r"(?:1[89]|20)\d{2}(?!\d)"
DAY_WORD_YEAR = (
    re.compile(rf"(?<![\w.])\d{{1,2}}[.ºª]?\s+(?:de\s+)?([^\W\d_]{{3,14}})\.?,?\s+(?:de\s+)?{_YEAR}"),
    re.compile(rf"(?<![\w.]){_YEAR}\.?,?\s+([^\W\d_]{{3,14}})\.?\s+\d{{1,2}}(?![\w,])\.?"),
)
STANDARD = re.compile(r"ISO_(?:10918|14495|15444|13818|14496|23008|11172)_\d{1,2}|ISO_IR \d{1,3}")
_UNITS = """
mm cm dm m um nm kv kvp mv ma mas uas ms s sec min h hz khz mhz ghz hu ml cc l mg g kg ug iu u gy cgy mgy sv msv usv
mbq gbq kbq bq ci mci mmhg bpm fps kb mb gb px pix dpi ppm t tesla deg mgi mol mmol w kw j x n st nd rd th y yo d wk
"""
UNITS = frozenset(_UNITS.split())
# Words with which a person speaks of a person; a device says none of them of itself.
_SPEECH = """
seen see saw asked asks asking born pt pts patientin paciente paziente pacjent pac her him she he told tell called call
phone phoned tel dob aged age mrn pid referred says said came gesehen geb geboren frau herr mrs miss wife husband son
daughter mother father brother sister akte fallnummer dossier sygn lives died nee nato nata nacido nacida mme mlle
monsieur madame senor senora signora pani dra year anni anos jahre jaar
"""
SPEECH = frozenset(_SPEECH.split()) | {fold(word) for word in " ".join(MONTHS).split() if len(word) > LONGEST_SHORT} - {
    "mars",
    "mart",
}
# Letters that devices write: Latin, and the Greek of units.
BEYOND_LATIN = re.compile(r"[\u0370-\u03bb\u03bd-\u03c8\u03ca-\u1dff\u2c00-\uffef]")
YEARS = range(2005, 2035)


@lru_cache(maxsize=8192)
def numbers_in(text: str, *, is_device: bool) -> tuple[tuple[int, int], ...]:
    """Return the places of what is shaped like the number of a person or a case.

    Parameters
    ----------
    text : str
    is_device : bool
        Whether a device or its maker wrote the text: versions and models are long numbers as well.
    """
    if not any(map(str.isdigit, text)):
        return ()
    judge = _is_number_in_device_words if is_device else _is_number
    return tuple(_grown(text, found) for found in ROW.finditer(text) if judge(found[0]))


def days_beside_words(text: str) -> list[tuple[int, int]]:
    """Return the places of days whose month stands in a language that no list here has: 17. gegužės 1931."""
    found = [one for pattern in DAY_WORD_YEAR for one in pattern.finditer(text)]
    return [one.span() for one in found if not is_core(one[1])]


@lru_cache(maxsize=8192)
def is_spoken(text: str) -> bool:
    """Say whether a person and no device wrote a text: by its words, or by a script that devices do not use."""
    if not text.isascii() and BEYOND_LATIN.search(text):
        return True
    words = [found[0] for found in LETTERS_ONLY.finditer(text)]
    if any(fold(word) in SPEECH for word in words):
        return True
    # three words and more, and more than one of them is a small one that no list has: some language
    return (
        text.count(" ") > 1
        and sum(len(one) >= LONGEST_SHORT and one.islower() and not is_clinical(one) for one in words) > 1
    )


def _grown(text: str, found: re.Match[str]) -> tuple[int, int]:
    # 0012 443: further figures of two digits and more right behind belong to it, unless they measure something
    more = re.compile(r"(?: \d{2,}(?![\w.,%]|\s?[a-zA-Zµ°]))*").match(text, found.end())
    return found.start(), found.end() if more is None else more.end()


def _is_number(row: str) -> bool:
    """Say whether a row in words that people typed is shaped like a number of a person."""
    row = _without_words(row)
    if GROUPED.fullmatch(row):
        return True
    bare = DECIMAL.sub(" ", row)
    runs = DIGITS.findall(bare)
    digits = sum(map(len, runs))
    if digits < FEWEST_DIGITS or STANDARD.fullmatch(row):
        return False
    if len(max(runs, key=len)) >= LONG_RUN:
        return True
    letters = [found[0] for found in LETTERS_ONLY.finditer(bare)]
    if len(runs) == 1 and not letters:
        return False  # a year, a dose, an offset from UTC
    if any(map(_has_lead, runs)):
        return True
    if any(len(one) >= LONGEST_SHORT and fold(one) not in UNITS and is_core(one) for one in letters):
        return not all(map(_may_be_set, runs))
    if not all(map(_is_plain, letters)):
        return True
    return not (all(map(_is_measure, runs)) or (not letters and _may_range(runs)))


def _without_words(row: str) -> str:
    """Return a row without the plain words before and behind slashes: of chest/PL-771/903 the rest."""
    parts = row.split("/")
    while len(parts) > 1 and parts[0].isalpha() and is_core(parts[0]):
        parts.pop(0)
    while len(parts) > 1 and parts[-1].isalpha() and is_core(parts[-1]):
        parts.pop()
    return "/".join(parts)


def _is_number_in_device_words(row: str) -> bool:
    """Say whether a row in a device's own words can be no model and no version."""
    if GROUPED.fullmatch(row):
        return True
    runs = DIGITS.findall(row)
    if not runs:
        return False
    longest = max(map(len, runs))
    if longest > LONGEST_OF_DEVICES:
        return True
    if sum(map(len, runs)) < MANY_DIGITS or VERSION.fullmatch(row):
        return False
    if "/" in row:
        return _is_number(row)
    beside_dash = DASHED.search(row)
    if beside_dash and not all(map(_is_measure, DIGITS.findall(beside_dash[0]))):
        return True
    pure = MARKS.sub("", row).isdigit()
    return pure and len(runs) > 1 and (any(map(_has_lead, runs)) or not all(map(_is_measure, runs)))


def _is_plain(letters: str) -> bool:
    return len(letters) == 1 or fold(letters) in UNITS or is_core(letters)


def _has_lead(run: str) -> bool:
    return len(run) >= LONGEST_SHORT and run[0] == "0"


def _is_measure(run: str) -> bool:
    """Say whether a figure is short or round, as figures are that someone sets: 80, 350, 512, 1500."""
    if len(run) >= LONG_RUN:
        return False
    return len(run) < LONGEST_SHORT or (run[0] != "0" and (int(run) % 5 == 0 or int(run) % 16 == 0))


def _may_range(runs: list[str]) -> bool:
    """Say whether figures may be two ends of a range or two pressures: 110-127, 135/84."""
    low, high = sorted(int(run) for run in runs)[:: max(1, len(runs) - 1)][:2]
    return len(runs) == 2 and max(map(len, runs)) <= LONGEST_SHORT and high <= WIDEST_RANGE * max(low, 1)


def _may_be_set(run: str) -> bool:
    """Say whether a figure may stand beside a word of a protocol: ep2d_diff_b50_401, RECIST2017."""
    return len(run) <= LONGEST_SHORT or _is_measure(run) or int(run) in YEARS
