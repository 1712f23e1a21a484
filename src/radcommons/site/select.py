"""Find what a header, its geometry and the clinical table say of one object: the facts that protocols ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydicom.dataset import Dataset

from radcommons.dicom.dates import parse_date
from radcommons.dicom.geometry import image_type, slice_facts
from radcommons.dicom.read import Header
from radcommons.records.clinical import TestMethod, TestResult
from radcommons.records.protocol import FactValue
from radcommons.site.clinical import ClinicalEntry, age_of

# COVID-19, virus identified / not identified, and its late conditions (ICD-10, WHO emergency codes).
COVID_CODES = ("U07.1", "U071", "U07.2", "U072")
_CHEST = re.compile(
    r"chest|thora|lung|pulmon|torax|tórax|torace|poumon|cxr|brust|pe protocol|hrct|\bpa\b.{0,3}\blat\b", re.IGNORECASE
)
_ELSEWHERE = re.compile(
    r"head|brain|skull|neck|abdomen|pelvis|knee|hip|hand|wrist|foot|ankle|elbow|shoulder|spine|leg|arm|liver|kidney"
    r"|breast|prostate|extremity|schädel|kopf|becken|knie",
    re.IGNORECASE,
)
_DESCRIPTIONS = (
    "BodyPartExamined",
    "ProtocolName",
    "StudyDescription",
    "SeriesDescription",
    "PerformedProcedureStepDescription",
)


def facts(header: Header, *, clinical: Sequence[ClinicalEntry] = ()) -> dict[str, FactValue]:
    """Return the facts of one object; None stands for what nothing here tells.

    Notes
    -----
    PHI: reads age, sex and the clinical entries; the facts stay in the process.
    """
    dataset, place = header.dataset, slice_facts(header.dataset)
    return {
        "is_image": header.pixel is not None,
        "modality": _text(dataset, "Modality").upper() or None,
        "sop_class": _text(dataset, "SOPClassUID") or None,
        "is_chest": is_chest(dataset),
        "is_axial": place.is_axial,
        "is_localizer": place.is_localizer or _is_scout(dataset),
        "is_derived": place.is_derived or place.is_secondary if image_type(dataset) else None,
        "is_projection_image": place.is_projection or _is_projection(dataset),
        "slice_thickness_mm": place.slice_thickness_mm,
        "view": _text(dataset, "ViewPosition").upper() or None,
        "rows": _number(dataset, "Rows"),
        **known_of(dataset, clinical),
    }


def known_of(dataset: Dataset, clinical: Sequence[ClinicalEntry]) -> dict[str, FactValue]:
    """Return what the patient's elements and the clinical table tell, of an object or of a PACS's answer alike."""
    return {"age_years": _age(dataset, clinical), "sex": _sex(dataset, clinical), **_clinical_facts(clinical)}


def _text(dataset: Dataset, keyword: str) -> str:
    found = dataset.get(keyword)
    return "" if found is None else str(found).strip()


def _number(dataset: Dataset, keyword: str) -> float | None:
    try:
        return float(dataset.get(keyword))
    except (TypeError, ValueError):
        return None


def is_chest(dataset: Dataset) -> bool | None:
    """Tell whether any description names the chest; False only where the body part is named and is another."""
    if any(_CHEST.search(_text(dataset, keyword)) for keyword in _DESCRIPTIONS):
        return True
    return False if _ELSEWHERE.search(_text(dataset, "BodyPartExamined")) else None


def _is_scout(dataset: Dataset) -> bool:
    """Tell what a description calls a scout; *Image Type* is asked before."""
    described = " ".join(_text(dataset, keyword) for keyword in ("SeriesDescription", "ProtocolName"))
    return bool(re.search(r"scout|topogram|locali[sz]er|surview|scanogram", described, re.IGNORECASE))


def _is_projection(dataset: Dataset) -> bool:
    described = _text(dataset, "SeriesDescription")
    return bool(re.search(r"(^|[^a-z])(mip|minip|min ip|max ip)([^a-z]|$)", described, re.IGNORECASE))


def _age(dataset: Dataset, clinical: Sequence[ClinicalEntry]) -> float | None:
    found = re.fullmatch(r"(\d{1,3})([DWMY]?)", _text(dataset, "PatientAge").upper())
    if found:
        return int(found[1]) / {"D": 365.2425, "W": 52.1775, "M": 12, "Y": 1, "": 1}[found[2]]
    study = study_date(dataset)
    born, seen = parse_date(_text(dataset, "PatientBirthDate")), parse_date(study)
    if born and seen and seen >= born:
        return (seen - born).days / 365.2425
    return next((age for entry in clinical if (age := age_of(entry, study)) is not None), None)


def study_date(dataset: Dataset) -> str:
    """Return the best date of the examination (DA), empty when there is none."""
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        if parse_date(_text(dataset, keyword)):
            return parse_date(_text(dataset, keyword)).strftime("%Y%m%d")  # type: ignore[union-attr]
    return ""


def _sex(dataset: Dataset, clinical: Sequence[ClinicalEntry]) -> str | None:
    stated = _text(dataset, "PatientSex").upper()
    if stated in ("F", "M", "O"):
        return stated
    return next((entry.sex for entry in clinical if entry.sex), None)


def _clinical_facts(entries: Sequence[ClinicalEntry]) -> dict[str, FactValue]:
    results = {entry.result for entry in entries if entry.result}
    suspected = any(code.startswith(COVID_CODES) for entry in entries for code in entry.codes)
    pcr = _of({entry.result for entry in entries if entry.method == TestMethod.RT_PCR})
    igm = _of({entry.igm for entry in entries})
    is_positive = TestResult.POSITIVE in results or igm is True
    # A table that reports a test without a clear result reports no negative one.
    negative = TestResult.NEGATIVE in results and not is_positive if results or is_positive else None
    diagnosed = {entry.clinical_diagnosis for entry in entries} - {None}
    has_codes = any(entry.codes for entry in entries)
    return {
        "has_clinical_row": bool(entries),
        "rt_pcr_positive": pcr,
        "igm_positive": igm,
        "clinical_diagnosis": any(diagnosed) if diagnosed else None,
        "covid_suspected": True if suspected or is_positive or True in diagnosed else False if has_codes else None,
        "covid_negative": negative,
    }


def _of(results: set[str]) -> bool | None:
    reported = results - {""}
    return TestResult.POSITIVE in reported if reported else None
