"""What a release holds, counted for a page: by modality, site, sex, age and test result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radcommons.catalogue.shelf import Tally
from radcommons.ui.charts import Bar, Chart, stacked_bars

Rows = tuple[tuple[str, int], ...]

UNKNOWN = "Not recorded"
_AGE = re.compile(r"^(\d{3})([DWMY])$")
_YEARS = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
_DECADES = ("0–9", "10–19", "20–29", "30–39", "40–49", "50–59", "60–69", "70–79", "80+")
_SEXES = {"F": "Female", "M": "Male", "O": "Other", "Female": "Female", "Male": "Male"}
_FILM = frozenset({"CR", "DX", "RG", "XR"})
_MODALITY_NAMES = {
    "CT": "CT",
    "CR": "Radiograph (CR)",
    "DX": "Radiograph (DX)",
    "MR": "MR",
    "OT": "Other image",
    "SC": "Secondary capture",
    "SR": "Structured report",
    "SEG": "Segmentation",
    "US": "Ultrasound",
    "PT": "PET",
}


def modality_name(code: str) -> str:
    """Return a modality as people call it."""
    return _MODALITY_NAMES.get(code, code or UNKNOWN)


def age_in_years(text: str) -> int | None:
    """Return (0010,1010) *Patient's Age* in whole years, None where it is none (PS3.5 table 6.2-1, AS)."""
    found = _AGE.match(text)
    return int(int(found[1]) / _YEARS[found[2]]) if found else None


def age_text(text: str | None) -> str:
    """Return an age for a line of text: ``63 y``, or empty."""
    years = age_in_years(text or "")
    return f"{years} y" if years is not None else ""


def sex_name(code: str | None) -> str:
    """Return (0010,0040) *Patient's Sex* or a clinical value in words."""
    return _SEXES.get(code or "", UNKNOWN)


def decade(years: int | None) -> str:
    """Return the group of an age."""
    return UNKNOWN if years is None else _DECADES[min(years // 10, len(_DECADES) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The small tables of a release page; the first two count studies, the others patients."""

    modality: Rows
    site: Rows
    sex: Rows
    age: Rows
    test: Rows


def overview(tally: Tally, clinical: Sequence[Mapping[str, Any]]) -> Overview:
    """Return the tables of a release: clinical rows speak first, headers where they are silent.

    Parameters
    ----------
    tally : Tally
        What the release still serves.
    clinical : sequence of mapping
        `ClinicalRow` as JSON, of the manifest; withdrawn patients are passed over.
    """
    told: dict[str, Mapping[str, Any]] = {}
    for row in clinical:
        if row["patient"] in tally.patients:
            told.setdefault(row["patient"], row)
    sexes: Counter[str] = Counter()
    ages: Counter[str] = Counter()
    for patient, (sex, age) in tally.patients.items():
        row = told.get(patient, {})
        told_sex = sex_name(row.get("sex"))
        sexes[told_sex if told_sex != UNKNOWN else sex_name(sex)] += 1
        ages[_age_group(row, age)] += 1
    tests = Counter(_test(told.get(patient)) for patient in tally.patients)
    return Overview(
        modality=tuple((modality_name(code), count) for code, count in tally.modality),
        site=tally.site,
        sex=_ordered(sexes, ("Female", "Male", "Other")),
        age=_ordered(ages, _DECADES),
        test=tuple(sorted(tests.items(), key=lambda one: (one[0] == UNKNOWN, -one[1]))),
    )


def _age_group(row: Mapping[str, Any], age: str) -> str:
    if row.get("age_at_index_gt89"):
        return _DECADES[-1]
    years = row.get("age_at_index")
    return decade(years if isinstance(years, int) else age_in_years(age))


def _test(row: Mapping[str, Any] | None) -> str:
    if row is None or row.get("test_result") in (None, "Not Reported"):
        return UNKNOWN
    method = row.get("test_method")
    named = "" if method in (None, "Not Reported") else f"{method} "
    return f"{named}{str(row['test_result']).lower()}"


def _ordered(counts: Counter[str], order: Sequence[str]) -> Rows:
    names = [*order, UNKNOWN]
    return tuple((name, counts[name]) for name in names if counts[name])


def age_chart(rows: Iterable[tuple[str, str, int]]) -> Chart | None:
    """Return studies by age as radiographs and CT; None where no age is known.

    Parameters
    ----------
    rows : iterable of (age, modality, studies)
    """
    counts: Counter[tuple[str, bool]] = Counter()
    for age, modality, studies in rows:
        years = age_in_years(age)
        if years is not None and (modality in _FILM or modality == "CT"):
            counts[(decade(years), modality == "CT")] += studies
    if not counts:
        return None
    bars = [Bar(label=group, values=(counts[(group, False)], counts[(group, True)])) for group in _DECADES]
    return stacked_bars(bars, id="ages", title="Studies by age in years", parts=("X-ray", "CT"), unit="studies")
