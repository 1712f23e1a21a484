"""Tell the plane of an image, and where its frames stand along the normal: what gaps and repeats are counted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

# A gantry tilts by up to 30 degrees; half a degree is left for rounding in (0020,0037).
_LARGEST_TILT_COSINE = 0.8616
_PLANES = ("sagittal", "coronal", "axial")  # by the patient's axis that the normal follows: x, y, z


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an image stands.

    Parameters
    ----------
    plane : str or None
        axial, coronal, sagittal or oblique; None where no orientation is given.
    orientation : str
        The direction cosines, rounded: images of one stack share it. Empty where there are none.
    positions_mm : tuple of float
        One a frame, along the normal; empty where a frame has none.
    moment : str
        What tells images at one place apart: acquisition, time position, echo, phase, energy.
    """

    plane: str | None = None
    orientation: str = ""
    positions_mm: tuple[float, ...] = ()
    moment: str = ""


def place_of(dataset: Dataset) -> Place:
    """Return where an image stands; of an enhanced object every frame is asked.

    Parameters
    ----------
    dataset : Dataset

    Notes
    -----
    PHI: none read. Pure.

    References
    ----------
    DICOM PS3.3 C.7.6.2 (Image Plane), C.7.6.16.2.3 and C.7.6.16.2.4 (plane position and orientation of frames).
    """
    frames = frame_planes(dataset)
    orientation = frames[0].cosines
    if orientation is None or any(
        one.cosines is None or _spelled(one.cosines) != _spelled(orientation) for one in frames
    ):
        return Place(plane=None if orientation is None else "oblique", moment=_moment(dataset))
    normal = _normal(orientation)
    if normal is None:
        return Place(moment=_moment(dataset))
    along = tuple(_dot(one.position_mm, normal) for one in frames if one.position_mm is not None)
    return Place(
        plane=plane_of(normal),
        orientation=_spelled(orientation),
        positions_mm=along if len(along) == len(frames) else (),
        moment=_moment(dataset),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePlane:
    """The plane of one frame.

    Parameters
    ----------
    cosines : tuple of 6 float, or None
        (0020,0037) *Image Orientation (Patient)*: the direction of the rows' pixels, then of the columns'.
    position_mm : tuple of 3 float, or None
        (0020,0032) *Image Position (Patient)*: the middle of the first pixel.
    """

    cosines: tuple[float, ...] | None
    position_mm: tuple[float, ...] | None


def frame_planes(dataset: Dataset) -> list[FramePlane]:
    """Return the plane of each frame that tells its own, or the one of the whole image."""
    shared = _first(dataset.get("SharedFunctionalGroupsSequence"))
    frames = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    return [
        FramePlane(cosines=_orientation(one, shared, dataset), position_mm=_position(one, shared, dataset))
        for one in frames or [Dataset()]
    ]


def plane_of(normal: tuple[float, float, float]) -> str:
    """Return the plane that has this unit normal; what leans further than a gantry tilts is oblique."""
    cosine, plane = max(zip((abs(one) for one in normal), _PLANES, strict=True))
    return plane if cosine >= _LARGEST_TILT_COSINE else "oblique"


def _moment(dataset: Dataset) -> str:
    keywords = (
        "AcquisitionNumber",
        "TemporalPositionIdentifier",
        "EchoNumbers",
        "NominalPercentageOfCardiacPhase",
        "TriggerTime",
        "KVP",
    )
    return "/".join(str(dataset.get(keyword) or "") for keyword in keywords)


def _orientation(frame: Dataset, shared: Dataset | None, dataset: Dataset) -> tuple[float, ...] | None:
    return _asked(frame, shared, dataset, "PlaneOrientationSequence", "ImageOrientationPatient", 6)


def _position(frame: Dataset, shared: Dataset | None, dataset: Dataset) -> tuple[float, ...] | None:
    return _asked(frame, shared, dataset, "PlanePositionSequence", "ImagePositionPatient", 3)


def _asked(
    frame: Dataset, shared: Dataset | None, dataset: Dataset, group: str, keyword: str, count: int
) -> tuple[float, ...] | None:
    for source in (frame, shared):
        inner = _first(source.get(group)) if source is not None else None
        if inner is not None and (found := _numbers(inner.get(keyword), count)) is not None:
            return found
    return _numbers(dataset.get(keyword), count)


def _first(sequence: Any) -> Dataset | None:
    return sequence[0] if sequence else None


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None or isinstance(value, str):
        return None
    try:
        numbers = tuple(float(one) for one in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(abs(one) < 1e6 for one in numbers) else None


def _normal(cosines: tuple[float, ...]) -> tuple[float, float, float] | None:
    a, b = cosines[:3], cosines[3:]
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    length = _dot(cross, cross) ** 0.5
    # Rows and columns that are not at right angles, or no unit vectors, are no plane that anyone measured.
    return (cross[0] / length, cross[1] / length, cross[2] / length) if 0.9 < length < 1.1 else None


def _dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return float(sum(one * other for one, other in zip(a, b, strict=True)))


def _spelled(cosines: tuple[float, ...]) -> str:
    return " ".join(f"{one + 0.0:.2f}" for one in (round(one, 2) + 0.0 for one in cosines))
