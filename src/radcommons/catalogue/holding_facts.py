"""What the facets of explore say of a study, by its row, the row of a series, and the clinical rows of releases."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t

UNKNOWN = "Not recorded"
# What explore counts of a series and of a study, beside what is made of these; the page's order is in `holding_index`.
OF_ROWS = ("modality", "projection", "thickness", "body", "manufacturer")
OF_STUDIES = ("test", "days", "age", "sex", "site")
STUDY_VALUES = (*OF_STUDIES, "name")
BANDS = {
    "days": ("Before the test", "0 to 3", "4 to 7", "8 to 14", "15 to 30", "31 or more"),
    "thickness": ("1 mm or less", "1 to 2 mm", "2 to 3 mm", "3 to 5 mm", "Over 5 mm"),
}
_AGE = re.compile(r"^(\d{3})([DWMY])$")
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
_SEXES = {"F": "Female", "M": "Male", "O": "Other", "Female": "Female", "Male": "Male"}
_DAYS = (-1, 3, 7, 14, 30)


@dataclass(frozen=True, slots=True)
class Told:
    """What a clinical row says, and the age of the release that it is in; "" where the header has to speak."""

    age: tuple[str, int]
    test: str
    days: str
    years: str
    sex: str


_NOTHING = Told(("", 0), UNKNOWN, UNKNOWN, "", "")


def read_told(connection: sa.Connection, release: str, age: tuple[str, int]) -> dict[tuple[str, str | None], Told]:
    """Return the clinical rows of a release by (patient, study or None); the first of several speaks.

    Notes
    -----
    The database cuts them out of the manifest, which names every instance and may be very long.
    """
    text = t.release.c.manifest
    if connection.dialect.name == "postgresql":
        cut: Any = sa.cast(sa.cast(text, sa.JSON).op("->")("clinical"), sa.Text)
    else:
        cut = sa.func.json_extract(text, "$.clinical")
    found = connection.execute(sa.select(cut).where(t.release.c.id == release)).scalar_one()
    told: dict[tuple[str, str | None], Told] = {}
    for row in json.loads(found or "[]"):
        made = Told(age, _test(row), _days(row), _years(row), _SEXES.get(str(row.get("sex")), ""))
        told.setdefault((row["patient"], row.get("study_instance_uid")), made)
    return told


def study_values(row: Sequence[Any], told: Mapping[tuple[str, str | None], Told]) -> tuple[str, ...]:
    """Return the values of a study, in the order of `STUDY_VALUES`, from its row and what clinical rows say.

    Parameters
    ----------
    row : sequence
        Study Instance UID, patient, site, description, patient's sex and age.
    """
    uid, patient, site, description, sex, age = row
    said = told.get((patient, uid)) or told.get((patient, None)) or _NOTHING
    return (
        said.test,
        said.days,
        said.years or _decade_of(age or ""),
        said.sex or _SEXES.get(sex or "", UNKNOWN),
        site or UNKNOWN,
        description or "",
    )


def body_part(raw: str | None) -> str:
    """Return (0018,0015) *Body Part Examined* as a page writes it."""
    return (raw or UNKNOWN).capitalize()


def stripped(raw: str | None) -> str:
    """Return a text without the spaces around it, or that there is none."""
    return (raw or "").strip() or UNKNOWN


def thickness(slice_mm: float | None) -> str:
    """Return the band of (0018,0050) *Slice Thickness*."""
    if slice_mm is None:
        return UNKNOWN
    return next((text for limit, text in zip((1, 2, 3, 5), BANDS["thickness"], strict=False) if slice_mm <= limit),
                BANDS["thickness"][-1])  # fmt: skip


def _test(told: Mapping[str, Any]) -> str:
    result, method = told.get("test_result"), told.get("test_method")
    if result in (None, "Not Reported"):
        return UNKNOWN
    return f"{'Test' if method in (None, 'Not Reported') else method} {str(result).lower()}"


def _days(told: Mapping[str, Any]) -> str:
    days = told.get("days_from_test_to_study")
    if not isinstance(days, int):
        return UNKNOWN
    return next((text for limit, text in zip(_DAYS, BANDS["days"], strict=False) if days <= limit), BANDS["days"][-1])


def _years(told: Mapping[str, Any]) -> str:
    years = 90 if told.get("age_at_index_gt89") else told.get("age_at_index")
    return _decade(years) if isinstance(years, int) else ""


@lru_cache(maxsize=1024)
def _decade_of(header: str) -> str:
    found = _AGE.match(header)
    return _decade(int(int(found[1]) / _PER_YEAR[found[2]])) if found else UNKNOWN


def _decade(years: int) -> str:
    return "80+" if years >= 80 else f"{years // 10 * 10}–{years // 10 * 10 + 9}"
