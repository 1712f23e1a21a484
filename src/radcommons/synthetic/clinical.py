"""The clinical table that a hospital sends beside its images."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from radcommons.synthetic.headers import age_on
from radcommons.synthetic.identity import Person
from radcommons.synthetic.recipes import Recipe


@dataclass(frozen=True, slots=True)
class ClinicalRow:
    """One patient's row; the fields are the columns, in their order. Dates are ISO 8601, claims are Yes or No."""

    patient_id: str
    birth_date: str
    age: str
    sex: str
    symptom_onset: str
    test_method: str
    test_result: str
    test_date: str
    icu: str
    ventilation: str
    outcome: str
    diagnosis_code: str


COLUMNS = tuple(part.name for part in fields(ClinicalRow))
_METHODS = ("RT-PCR", "RT-PCR", "IgM antibody", "Clinical diagnosis")


def row_for(person: Person, recipe: Recipe, *, on: date, seed: int, number: int) -> ClinicalRow | None:
    """Return the row of a patient, or None for one whom the table forgot.

    Parameters
    ----------
    person : Person
    recipe : Recipe
    on : date
        Day of the first study.
    seed, number : int
    """
    if recipe.role == "unknown":
        return None
    random = np.random.default_rng([seed, number, 31])
    positive = recipe.role != "negative"
    severe = recipe.extent > 0.22
    died = severe and recipe.age_years > 68
    return ClinicalRow(
        patient_id=person.patient_id,
        birth_date=person.birth.isoformat(),
        age=str(age_on(person.birth, on)),
        sex=person.sex,
        symptom_onset=(on - timedelta(days=int(random.integers(3, 11)))).isoformat(),
        test_method=_METHODS[number % len(_METHODS)] if positive else "RT-PCR",
        test_result="Positive" if positive else "Negative",
        test_date=(on - timedelta(days=int(random.integers(0, 4)))).isoformat(),
        icu="Yes" if severe else "No",
        ventilation="Yes" if severe and recipe.dense >= 0.25 else "No",
        outcome="Deceased" if died else "Discharged",
        diagnosis_code="U07.1" if positive else "J18.9",
    )


def write_table(path: Path, rows: Iterable[ClinicalRow]) -> None:
    """Write the rows as UTF-8 CSV with a header line."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)
