"""Seventy-five kinds of useful element: does each come through, in every object that has it?

A kind is a name and a way to ask an object before and after.  A value of text counts as kept when it still holds its
clinical words; a date when it is still a date; an interval when two dates keep their distance.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from pydicom.dataset import Dataset

Ask = Callable[[Dataset], Any]
CLINICAL = frozenset("""
ct thorax chest pa lung hrct abdomen portal venous nativ low dose contrast follow up head routine bilateral peripheral
opacities pleural effusion pneumonia opacity left axial slices lesion lungs set findings report drawn on penicillin
""".split())  # fmt: skip  # noqa: SIM905


def path(*steps: str) -> Ask:
    """Return a question for a value behind keywords; the first item of each sequence."""

    def ask(dataset: Dataset) -> Any:
        found: Any = dataset
        for step in steps:
            found = found.get(step) if isinstance(found, Dataset) else None
            if found is not None and step != steps[-1]:
                found = found[0] if len(found) else None
        return None if found is None or found == "" else found

    return ask


def words(*steps: str) -> Ask:
    """Return a question for the clinical words of a text."""
    value = path(*steps)

    def ask(dataset: Dataset) -> Any:
        text = str(value(dataset) or "")
        found = [word for word in re.findall(r"[a-zA-Z]+", text) if word.lower() in CLINICAL]
        return tuple(found) or None

    return ask


def _days(text: object) -> int | None:
    found = re.match(r"(\d{4})(\d\d)(\d\d)", str(text or ""))
    try:
        return date(*map(int, found.groups())).toordinal() if found else None
    except ValueError:
        return None


def interval(one: str, other: str) -> Ask:
    """Return a question for the days between two dates."""

    def ask(dataset: Dataset) -> Any:
        days = [_days(dataset.get(keyword)) for keyword in (one, other)]
        return None if None in days else days[1] - days[0]  # type: ignore[operator]

    return ask


def content(kind: str, *steps: str) -> Ask:
    """Return a question for the values of content items of one kind, at any depth."""
    value = path(*steps)

    def ask(dataset: Dataset) -> Any:
        found = []

        def walk(items: Any) -> None:
            for one in items or ():
                if one.get("ValueType") == kind and value(one) is not None:
                    found.append(value(one))
                walk(one.get("ContentSequence"))

        walk(dataset.get("ContentSequence"))
        return tuple(map(str, found)) or None

    return ask


def narrative_words(dataset: Dataset) -> Any:
    """Return the clinical words of all text content items."""
    texts = content("TEXT", "TextValue")(dataset) or ()
    found = [word.lower() for text in texts for word in re.findall(r"[a-zA-Z]+", text) if word.lower() in CLINICAL]
    return tuple(found) or None


PLAIN = """
Manufacturer ManufacturerModelName SoftwareVersions BodyPartExamined KVP SliceThickness PixelSpacing ConvolutionKernel
ExposureTime XRayTubeCurrent Exposure CTDIvol SpiralPitchFactor ContrastBolusAgent ContrastBolusVolume ImageType PatientSex
PatientAge PatientSize PatientWeight EthnicGroup SmokingStatus SeriesNumber InstanceNumber WindowCenter WindowWidth
WindowCenterWidthExplanation RescaleSlope RescaleIntercept RescaleType Modality ImagePositionPatient ImageOrientationPatient
PatientPosition SpacingBetweenSlices ReconstructionDiameter GantryDetectorTilt TableHeight FocalSpots ViewPosition
PhotometricInterpretation RepetitionTime EchoTime MagneticFieldStrength FlipAngle SequenceName Units DecayCorrection
LossyImageCompression AcquisitionNumber PregnancyStatus ContentLabel
""".split()  # noqa: E501, SIM905
KINDS: dict[str, Ask] = {
    **{keyword: path(keyword) for keyword in PLAIN},
    "StudyDescription without the name": words("StudyDescription"),
    "SeriesDescription without the name": words("SeriesDescription"),
    "ProtocolName without the name": words("ProtocolName"),
    "interval of study and acquisition": interval("StudyDate", "AcquisitionDate"),
    "Allergies": words("Allergies"),
    "times of day": path("StudyTime"),
    "procedure codes": path("ProcedureCodeSequence", "CodeValue"),
    "ultrasound regions": path("SequenceOfUltrasoundRegions", "PhysicalDeltaX"),
    "radiopharmaceutical and dose": path("RadiopharmaceuticalInformationSequence", "RadionuclideTotalDose"),
    "safe private elements": lambda ds: ds[0x2005100E].value if 0x2005100E in ds else None,
    "functional groups": path("SharedFunctionalGroupsSequence", "PixelMeasuresSequence", "PixelSpacing"),
    "frame dates": path("PerFrameFunctionalGroupsSequence", "FrameContentSequence", "StackID"),
    "waveform": path("WaveformSequence", "WaveformData"),
    "segment labels": words("SegmentSequence", "SegmentLabel"),
    "segment codes": path("SegmentSequence", "SegmentedPropertyTypeCodeSequence", "CodeValue"),
    "segment algorithm": path("SegmentSequence", "SegmentAlgorithmName"),
    "SR findings in words": narrative_words,
    "SR measurements": content("NUM", "MeasuredValueSequence", "NumericValue"),
    "SR codes": content("CODE", "ConceptCodeSequence", "CodeValue"),
    "contours": path("ROIContourSequence", "ContourSequence", "ContourData"),
    "ROI names": words("StructureSetROISequence", "ROIName"),
    "PR graphics": path("GraphicAnnotationSequence", "GraphicObjectSequence", "GraphicData"),
    "PR text": words("GraphicAnnotationSequence", "TextObjectSequence", "UnformattedTextValue"),
}


def count(pairs: list[tuple[Dataset, Dataset]]) -> tuple[int, list[str]]:
    """Return how many kinds are kept and the names of the others.

    A kind counts when at least 19 of 20 of the objects that have it still have the same value.  Kinds that a corpus
    does not hold are told apart and count as lost, so that no figure is won by an empty corpus.
    """
    lost = []
    for name, ask in KINDS.items():
        asked = [(before, _ask(ask, after)) for one, after in pairs if (before := _ask(ask, one)) is not None]
        same = sum(_agree(before, after) for before, after in asked)
        if not asked or same < 0.95 * len(asked):
            lost.append(f"{name} {same}/{len(asked)}")
    return len(KINDS) - len(lost), lost


def _ask(ask: Ask, dataset: Dataset) -> Any:
    try:
        return ask(dataset)
    except Exception:
        return None


def _agree(before: Any, after: Any) -> bool:
    if isinstance(before, tuple) and before and isinstance(before[0], str):
        return after is not None and len(set(after) & set(before)) >= 0.8 * len(set(before))
    return bool(after is not None and str(after) == str(before))
