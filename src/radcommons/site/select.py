"""Find what a header, its geometry and the clinical table say of one object: the facts that protocols ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from pydicom.dataset import Dataset

from radcommons.dicom.dates import parse_date
from radcommons.dicom.geometry import image_type, slice_facts
from radcommons.dicom.imagekinds import image_kind
from radcommons.dicom.kernels import kernel_kind
from radcommons.dicom.planes import place_of
from radcommons.dicom.read import Header
from radcommons.dicom.views import view_of
from radcommons.records.clinical import TestMethod, TestResult
from radcommons.records.protocol import FactValue
from radcommons.site.clinical import ClinicalEntry, age_of


class Described(Protocol):
    """What answers by keyword: a data set, or the plain words of a PACS's answer."""

    def get(self, key: str, /) -> Any:
        """Return a value, None where there is none."""


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
_RADIOGRAPHS = ("CR", "DX", "RG", "DR", "OT")
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
    dataset, known = header.dataset, slice_facts(header.dataset)
    place = place_of(dataset)
    kind = image_kind(dataset, place=place)
    modality = _text(dataset, "Modality").upper() or None
    return {
        "is_image": header.pixel is not None,
        "modality": modality,
        "sop_class": _text(dataset, "SOPClassUID") or None,
        "is_chest": is_chest(dataset),
        "plane": place.plane,
        "is_axial": place.plane == "axial" if place.plane else known.is_axial,
        "is_localizer": kind.is_localizer,
        "is_derived": known.is_derived or known.is_secondary if image_type(dataset) else None,
        "is_projection_image": kind.is_projection,
        "is_reformat": kind.is_reformat,
        "is_screen_save": kind.is_screen_save,
        "slice_thickness_mm": known.slice_thickness_mm,
        "kernel": kernel_kind(dataset) if modality == "CT" else None,
        "view": _text(dataset, "ViewPosition").upper() or None,
        "view_kind": view_of(dataset) if modality in _RADIOGRAPHS else None,
        "rows": _number(dataset, "Rows"),
        **known_of(dataset, clinical),
    }


def known_of(dataset: Described, clinical: Sequence[ClinicalEntry]) -> dict[str, FactValue]:
    """Return what the patient's elements and the clinical table tell, of an object or of a PACS's answer alike."""
    return {"age_years": _age(dataset, clinical), "sex": _sex(dataset, clinical), **clinical_facts(clinical)}


def _text(dataset: Described, keyword: str) -> str:
    found = dataset.get(keyword)
    return "" if found is None else str(found).strip()


def _number(dataset: Dataset, keyword: str) -> float | None:
    try:
        return float(dataset.get(keyword))
    except (TypeError, ValueError):
        return None


def is_chest(dataset: Described) -> bool | None:
    """Tell whether any description names the chest; False only where the body part is named and is another."""
    if any(_CHEST.search(_text(dataset, keyword)) for keyword in _DESCRIPTIONS):
        return True
    return False if _ELSEWHERE.search(_text(dataset, "BodyPartExamined")) else None


def _age(dataset: Described, clinical: Sequence[ClinicalEntry]) -> float | None:
    found = re.fullmatch(r"(\d{1,3})([DWMY]?)", _text(dataset, "PatientAge").upper())
    if found:
        return int(found[1]) / {"D": 365.2425, "W": 52.1775, "M": 12, "Y": 1, "": 1}[found[2]]
    study = study_date(dataset)
    born, seen = parse_date(_text(dataset, "PatientBirthDate")), parse_date(study)
    if born and seen and seen >= born:
        return (seen - born).days / 365.2425
    return next((age for entry in clinical if (age := age_of(entry, study)) is not None), None)


def study_date(dataset: Described) -> str:
    """Return the best date of the examination (DA), empty when there is none."""
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        if parse_date(_text(dataset, keyword)):
            return parse_date(_text(dataset, keyword)).strftime("%Y%m%d")  # type: ignore[union-attr]
    return ""


def _sex(dataset: Described, clinical: Sequence[ClinicalEntry]) -> str | None:
    stated = _text(dataset, "PatientSex").upper()
    if stated in ("F", "M", "O"):
        return stated
    return next((entry.sex for entry in clinical if entry.sex), None)


def clinical_facts(entries: Sequence[ClinicalEntry]) -> dict[str, FactValue]:
    """Return what the clinical table tells of a patient."""
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
