"""What a protocol may ask of an image, a series or a patient, and how a test of such facts is answered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from radcommons.records.errors import DocumentError

# What a site can know of a file from its header, its series and the clinical table; a protocol may use no other name.
FACTS: dict[str, str] = {
    "is_image": "The object has pixels.",
    "modality": "(0008,0060) Modality.",
    "sop_class": "(0008,0016) SOP Class UID.",
    "is_chest": "Body part, protocol or descriptions name the chest.",
    "age_years": "Age at the study, from (0010,1010), birth and study date, or the clinical table.",
    "sex": "F, M or O.",
    "plane": "axial (a gantry tilts by up to 30 degrees), coronal, sagittal or oblique, by (0020,0037).",
    "is_axial": "The plane is axial; where no orientation is given, Image Type says AXIAL.",
    "is_localizer": "(0008,0008) Image Type says LOCALIZER, or the description a scout.",
    "is_derived": "(0008,0008) Image Type says DERIVED or SECONDARY.",
    "is_projection_image": "Maximum, minimum or average intensity projection, or a rendering.",
    "is_reformat": "Computed in another plane than it was acquired in (coronal, sagittal, MPR).",
    "is_screen_save": "A picture of a screen: a dose sheet, a protocol page, a capture.",
    "slice_thickness_mm": "(0018,0050) Slice Thickness.",
    "kernel": "lung, soft, bone or head, by (0018,1210) Convolution Kernel and the vendors' tables.",
    "view": "(0018,5101) View Position.",
    "view_kind": "frontal, lateral or oblique, of a radiograph: by view, view code, orientation or description.",
    "rows": "(0028,0010) Rows.",
    "has_clinical_row": "The clinical table has the patient.",
    "rt_pcr_positive": "The clinical table reports a positive RT-PCR.",
    "igm_positive": "The clinical table reports positive IgM antibodies.",
    "clinical_diagnosis": "The clinical table reports a diagnosis by the hospital's own criteria.",
    "covid_suspected": "Imaging for suspected COVID-19, for example ICD-10-CM U07.1 among the diagnoses.",
    "covid_negative": "The clinical table reports a negative test and no positive one.",
}
# What shows only when the images of a series lie side by side; a criterion over one of them waits for that.
SERIES_FACTS: dict[str, str] = {
    "slices": "Places of the series' stack that have an image.",
    "spacing_mm": "The usual distance between neighbouring slices.",
    "missing_slices": "Slices that are missing between others, by the distances between them.",
    "repeated_slices": "Images that lie where another image of the same acquisition lies.",
}

FactValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One test of one fact, or a combination. Exactly one of `fact`, `all`, `any`, `not_` is given."""

    fact: str | None = None
    is_: bool | str | None = None
    one_of: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    matches: str | None = None
    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = None


def holds(condition: Condition, facts: Mapping[str, FactValue]) -> bool | None:
    """Return whether the condition holds; None when the facts cannot tell."""
    if condition.not_ is not None:
        inner = holds(condition.not_, facts)
        return None if inner is None else not inner
    if condition.all is not None:
        answers = [holds(one, facts) for one in condition.all]
        return False if False in answers else None if None in answers else True
    if condition.any is not None:
        answers = [holds(one, facts) for one in condition.any]
        return True if True in answers else None if None in answers else False
    return _holds_fact(condition, facts.get(condition.fact or ""))


def _holds_fact(condition: Condition, value: FactValue) -> bool | None:
    if value is None or value == "":
        return None
    answers: list[bool] = []
    if condition.is_ is not None:
        answers.append(value == condition.is_)
    if condition.one_of is not None:
        answers.append(str(value).upper() in {one.upper() for one in condition.one_of})
    if condition.matches is not None:
        answers.append(re.search(condition.matches, str(value), re.IGNORECASE) is not None)
    if condition.at_least is not None or condition.at_most is not None:
        if isinstance(value, str):
            return None
        answers.append(condition.at_least is None or value >= condition.at_least)
        answers.append(condition.at_most is None or value <= condition.at_most)
    return all(answers)


def facts_of(condition: Condition) -> Iterator[str]:
    """Yield the facts that a condition asks for."""
    if condition.fact is not None:
        yield condition.fact
    for nested in _nested(condition):
        yield from facts_of(nested)


def check_condition(condition: Condition, *, where: str, known: Mapping[str, str] | None = None) -> None:
    """Check that a condition is one.

    Raises
    ------
    DocumentError
        If it is none or several, tests nothing, or names a fact that is not in `known`.
    """
    given = [name for name in ("fact", "all", "any", "not_") if getattr(condition, name) is not None]
    if len(given) != 1:
        raise DocumentError(f"A test of criterion '{where}' needs exactly one of fact, all, any, not.")
    if condition.fact is not None:
        facts = {**FACTS, **SERIES_FACTS} if known is None else known
        if condition.fact not in facts:
            raise DocumentError(f"Criterion '{where}' names an unknown fact.", mend=f"Known are: {', '.join(facts)}.")
        tests = (condition.is_, condition.one_of, condition.at_least, condition.at_most, condition.matches)
        if all(test is None for test in tests):
            raise DocumentError(f"Criterion '{where}' tests nothing.", mend="Add is, one_of, at_least, ...")
        if condition.matches is not None:
            try:
                re.compile(condition.matches)
            except re.error as error:
                raise DocumentError(f"Criterion '{where}' holds a broken regular expression.") from error
    for nested in _nested(condition):
        check_condition(nested, where=where, known=known)


def _nested(condition: Condition) -> tuple[Condition, ...]:
    return (
        *(condition.all or ()),
        *(condition.any or ()),
        *((condition.not_,) if condition.not_ is not None else ()),
    )
