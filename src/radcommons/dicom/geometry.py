"""What a header says of an image's place and kind, as far as selecting a series needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

# A slice normal within about 25 degrees of the body's axis counts as axial; a tilted gantry stays below 30.
_AXIAL_COSINE = 0.9

_PROJECTION_WORDS = frozenset(
    {"MIP", "MINIP", "PROJECTION", "PROJECTION IMAGE", "MPR", "VRT", "VOLUME", "3D", "RENDERED"}
)
_CAPTURE_WORDS = frozenset({"SCREEN SAVE", "SCREENSAVE", "SNAPSHOT", "CAPTURE", "DOSE_INFO", "DOSE INFO", "REPORT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceFacts:
    """Facts of one image; None where the header does not tell.

    Parameters
    ----------
    is_axial : bool, optional
        Its plane is across the body's axis.
    is_localizer, is_derived, is_projection, is_secondary : bool
        By *Image Type*: a scout; computed from other images; a MIP, MPR or rendering; no primary acquisition.
    slice_thickness_mm : float, optional
    position_mm : float, optional
        Place of the slice along its own normal.
    """

    is_axial: bool | None
    is_localizer: bool
    is_derived: bool
    is_projection: bool
    is_secondary: bool
    slice_thickness_mm: float | None
    position_mm: float | None


def slice_facts(dataset: Dataset) -> SliceFacts:
    """Return what the header says; enhanced multi-frame objects are asked for their shared groups and first frame.

    Parameters
    ----------
    dataset : Dataset

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.2 (Image Type), C.7.6.2 (Image Plane), C.7.6.16 (functional groups).
    """
    kinds = image_type(dataset)
    orientation = _numbers(_plane_value(dataset, "ImageOrientationPatient", "PlaneOrientationSequence"), 6)
    position = _numbers(_plane_value(dataset, "ImagePositionPatient", "PlanePositionSequence"), 3)
    thickness = _numbers(_plane_value(dataset, "SliceThickness", "PixelMeasuresSequence"), 1)
    normal = None if orientation is None else _cross(orientation[:3], orientation[3:])
    has_normal = normal is not None and any(normal)
    along = sum(a * b for a, b in zip(position, normal, strict=True)) if position and normal and has_normal else None
    return SliceFacts(
        is_axial=abs(normal[2]) >= _AXIAL_COSINE if normal and has_normal else ("AXIAL" in kinds or None),
        is_localizer="LOCALIZER" in kinds or "SCOUT" in kinds,
        is_derived=kinds[:1] == ("DERIVED",),
        is_projection=bool(_PROJECTION_WORDS.intersection(kinds)),
        is_secondary=kinds[1:2] == ("SECONDARY",) or bool(_CAPTURE_WORDS.intersection(kinds)),
        slice_thickness_mm=thickness[0] if thickness and thickness[0] > 0 else None,
        position_mm=along,
    )


def image_type(dataset: Dataset) -> tuple[str, ...]:
    """Return the values of (0008,0008) *Image Type* in capitals, empty where it is absent."""
    value: Any = dataset.get("ImageType")
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else list(value)
    return tuple(str(word).strip().upper() for word in values)


def _plane_value(dataset: Dataset, keyword: str, group: str) -> Any:
    """Return an attribute from the data set, or from the functional group that holds it."""
    if dataset.get(keyword) is not None:
        return dataset.get(keyword)
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        outer = dataset.get(groups)
        inner = outer[0].get(group) if outer else None
        if inner and inner[0].get(keyword) is not None:
            return inner[0].get(keyword)
    return None


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None:
        return None
    values: Sequence[Any] = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    try:
        numbers = tuple(float(number) for number in values)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count else None


def _cross(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
