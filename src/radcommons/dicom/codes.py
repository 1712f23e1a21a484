"""Codes of the terminologies: whether a value can be one, and whether its meaning is the terminology's own words."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from radcommons.dicom.text_fold import fold

_SNOMED_RT = r"[A-Z][0-9A-Z]?-[0-9A-F]{4,5}"
# What codes of a scheme look like, from the schemes' own documents.
SHAPES = {
    "DCM": r"1[0-4]\d{4}|[A-Z]{2,16}",
    "SCT": rf"\d{{6,18}}|{_SNOMED_RT}",
    "SRT": _SNOMED_RT,
    "SNM3": _SNOMED_RT,
    "99SDM": _SNOMED_RT,
    "LN": r"\d{1,7}-\d|L[A-Z]\d{1,7}-\d",
    "UCUM": r"(?!.*\d{4}|(?:.*\d){6})(?!.*[A-Za-z]{8})[!\"$-9<>@-~]{1,40}",
    "RADLEX": r"RP?ID\d{1,6}(?:\.\d{1,3})?",
    "FMA": r"\d{3,6}",
    "NCIt": r"C\d{3,6}",
    "UMLS": r"C\d{7}",
    "I9C": r"[EV]?\d{2,3}(?:\.\d{1,2})?",
    "I10": r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?",
    "ICD10": r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?",
    "ICD-10-CM": r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?",
    "BARI": r"\d{1,4}",
    "ACR": r"\d{1,2}(?:\.\d{1,4})?",
}
_COMPILED = {scheme: re.compile(shape) for scheme, shape in SHAPES.items()}
SNOMED_CT = re.compile(r"\d{6,18}")
# In PS3.16, though their check digits are wrong.
WRONG = frozenset({"115347700", "11524-0"})
LOINC = re.compile(r"\d{1,7}-\d")
# The two digits before the last of a SNOMED CT identifier say what it identifies.
PARTITIONS = frozenset({"00", "01", "02", "10", "11", "12"})


def is_code_of(scheme: str, value: str) -> bool:
    """Say whether a value can be a code of a terminology, by its shape and its check digit.

    References
    ----------
    SNOMED CT Release File Specification, 6 (identifiers, Verhoeff's check digit); LOINC Users' Guide, appendix C.
    """
    shape = _COMPILED.get(scheme)
    if shape is None or not value:
        return False
    return bool(shape.fullmatch(value)) and _has_check_digit(scheme, value)


def is_own_meaning(scheme: str, value: str, meaning: str) -> bool:
    """Say whether a meaning beyond the lexicon is the one that the standard has for a code."""
    return f"{scheme}|{value}|{fold(meaning)}" in _meanings()


def _has_check_digit(scheme: str, value: str) -> bool:
    if value in WRONG:
        return True
    if scheme == "SCT" and SNOMED_CT.fullmatch(value):
        return value[-3:-1] in PARTITIONS and _verhoeff(value)
    if scheme == "LN" and LOINC.fullmatch(value):
        return _luhn(value.replace("-", ""))
    return True


def _verhoeff(digits: str) -> bool:
    """Say whether the last digit is right: digits are turned by position and multiplied in the dihedral group D5."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        turned = int(digit)
        for _ in range(place % 8):
            turned = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[turned]
        total = _times(total, turned)
    return total == 0


def _times(one: int, other: int) -> int:
    """Return a product in the dihedral group of ten elements: 0 to 4 turn, 5 to 9 turn and flip."""
    if one < 5:
        return (one + other) % 5 + 5 * (other >= 5)
    return (one - other) % 5 + 5 * (other < 5)


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


@lru_cache(maxsize=1)
def _meanings() -> frozenset[str]:
    """Return what the lexicon does not cover of the meanings of PS3.16; read when one is first in doubt."""
    text = files("radcommons.dicom").joinpath("_tables", "meanings.txt").read_text(encoding="utf-8")
    return frozenset(text.split("\n")[1:])
