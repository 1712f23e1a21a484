"""The eight clinical variables that matter most, with the value names of the MIDRC dictionary.

Source: MIDRC data dictionary, nodes *case* and *measurement* (release of June 2026). Time is in days from the index
event, never a date.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from radcommons.records.identifiers import Pseudonym, Uid

OLDEST_AGE = 89  # MIDRC *age_at_index*: 0-89, older patients are only flagged.


class Sex(StrEnum):
    """MIDRC *sex*."""

    FEMALE = "Female"
    MALE = "Male"
    NOT_REPORTED = "Not Reported"


class TestMethod(StrEnum):
    """MIDRC *test_method*."""

    __test__ = False  # no test class, whatever its name begins with

    RT_PCR = "RT-PCR"
    RAPID_ANTIGEN = "Rapid antigen test"
    NOT_REPORTED = "Not Reported"


class TestResult(StrEnum):
    """MIDRC *test_result_text*."""

    __test__ = False

    POSITIVE = "Positive"
    NEGATIVE = "Negative"
    INDETERMINATE = "Indeterminate"
    NOT_REPORTED = "Not Reported"


class PatientOutcome(StrEnum):
    """How the episode ended."""

    ALIVE = "Alive"
    DEAD = "Dead"
    NOT_REPORTED = "Not Reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalRow:
    """What is known of one patient; `study_instance_uid` narrows it to one study."""

    patient: Pseudonym
    study_instance_uid: Uid | None = None
    age_at_index: int | None = None
    age_at_index_gt89: bool | None = None
    sex: Sex = Sex.NOT_REPORTED
    test_method: TestMethod = TestMethod.NOT_REPORTED
    test_result: TestResult = TestResult.NOT_REPORTED
    days_from_test_to_study: int | None = None
    icu: bool | None = None
    ventilation: bool | None = None
    outcome: PatientOutcome = PatientOutcome.NOT_REPORTED

    def __post_init__(self) -> None:
        if self.age_at_index is not None and not 0 <= self.age_at_index <= OLDEST_AGE:
            raise ValueError("age_at_index is 0 to 89; older patients carry age_at_index_gt89 alone")
