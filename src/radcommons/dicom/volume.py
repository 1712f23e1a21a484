"""A series as one array in the patient's space: slices in order, values in Hounsfield units, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.planes import FramePlane, frame_planes
from radcommons.dicom.read import read_header
from radcommons.records.errors import UnreadableInstance

Array = np.ndarray[Any, np.dtype[np.float32]]
Matrix = np.ndarray[Any, np.dtype[np.float64]]

# Positions are written with a few digits; slices that stand closer are at one place.
_SAME_PLACE_MM = 0.01
_SAME_DIRECTION = 1e-3
# Of the distance between slices: what still counts as even.
_EVEN = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Images of a series as one array, and the grid that they stand on.

    Parameters
    ----------
    array : ndarray, shape (slices, rows, columns) or (slices, rows, columns, 3), float32
        Values after (0028,1053) *Rescale Slope* and (0028,1052) *Rescale Intercept*: Hounsfield units for CT.
    spacing_mm : tuple of 3 float
        Between the middles of neighbours along a row, along a column, and from slice to slice: x, y, z.
    origin_mm : tuple of 3 float
        The middle of ``array[0, 0, 0]`` in the patient's space (to the left, to the back, upwards).
    direction : ndarray, shape (3, 3), float64
        Its columns are the unit vectors along a row, along a column, and from slice to slice.
    is_placed : bool
        The headers tell where the images stand; otherwise origin and direction mean nothing, as for a radiograph.
    is_even : bool
        All distances between slices are the same; where one is missing, the grid is not the patient.
    """

    array: Array
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: Matrix
    is_placed: bool
    is_even: bool

    @property
    def affine(self) -> Matrix:
        """The 4 x 4 matrix from (column, row, slice) to millimetres in the patient's space."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.asarray(self.spacing_mm)
        matrix[:3, 3] = self.origin_mm
        return matrix


@dataclass(frozen=True, slots=True)
class _Slice:
    frame: Frame
    plane: FramePlane
    pixel_spacing: tuple[float, float] | None  # between rows, between columns
    slope: float
    intercept: float
    order: tuple[int, int]


def read_volume(paths: Sequence[Path]) -> Volume:
    """Read the instances of one series as a volume.

    Parameters
    ----------
    paths : sequence of Path
        DICOM files of one series, in any order; multi-frame objects count frame by frame.

    Returns
    -------
    Volume
        Slices follow each other along the normal of their plane (rows x columns), which for an axial series of a
        patient who lies on the back is from the feet to the head. Images without a place keep the order of their
        numbers.

    Raises
    ------
    UnreadableInstance
        If an object holds no readable pixels, or the images are no stack: other sizes, other planes, or two at one
        place. Nothing is guessed or left out.

    Notes
    -----
    PHI: what the pixels show. Memory: the array twice.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1 (position and orientation), C.11.1 (Modality LUT), C.7.6.16.2 (functional groups).
    """
    slices = [one for path in paths for one in _slices(path)]
    if not slices:
        raise _no_stack("The series holds no image.")
    if len({one.frame.shape for one in slices}) > 1:
        raise _no_stack("The images of the series differ in their size.")
    normal = _normal(slices)
    if normal is None:
        slices.sort(key=lambda one: one.order)
        return _made(slices, direction=np.eye(3), along=None)
    direction, places = normal
    order = np.argsort(places, kind="stable")
    return _made([slices[number] for number in order], direction=direction, along=places[order])


def _slices(path: Path) -> list[_Slice]:
    with ExitStack() as stack:
        source = stack.enter_context(path.open("rb"))
        header = read_header(source)
        if header.pixel is None:
            return []
        frames = list(iter_frames(source, header))
    planes, dataset = frame_planes(header.dataset), header.dataset
    number = _whole(dataset.get("InstanceNumber"))
    return [
        _Slice(
            frame,
            planes[place] if len(planes) == len(frames) else planes[0],
            _pixel_spacing(dataset, place),
            *_rescale(dataset, place),
            (number, place),
        )
        for place, frame in enumerate(frames)
    ]


def _asked(dataset: Dataset, place: int, group: str, keyword: str) -> Any:
    """Return an attribute of a frame: its own, the one of all frames, or the image's."""
    for name, at in (("PerFrameFunctionalGroupsSequence", place), ("SharedFunctionalGroupsSequence", 0)):
        outer = dataset.get(name)
        inner = outer[at].get(group) if outer and at < len(outer) else None
        if inner and inner[0].get(keyword) is not None:
            return inner[0].get(keyword)
    return dataset.get(keyword)


def _pixel_spacing(dataset: Dataset, place: int) -> tuple[float, float] | None:
    found = _asked(dataset, place, "PixelMeasuresSequence", "PixelSpacing") or dataset.get("ImagerPixelSpacing")
    try:
        rows, columns = (float(one) for one in found)
    except (TypeError, ValueError):
        return None
    return (rows, columns) if rows > 0 and columns > 0 else None


def _rescale(dataset: Dataset, place: int) -> tuple[float, float]:
    group = "PixelValueTransformationSequence"
    slope, intercept = (_asked(dataset, place, group, keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
    try:
        return (1.0 if slope is None else float(slope)), (0.0 if intercept is None else float(intercept))
    except (TypeError, ValueError):
        raise _no_stack("A rescale slope or intercept is no number.") from None


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _normal(slices: list[_Slice]) -> tuple[Matrix, Any] | None:
    """Return (direction, place of each slice along the normal), None where the images tell no place."""
    first = slices[0].plane.cosines
    if first is None or any(one.plane.cosines is None or one.plane.position_mm is None for one in slices):
        return None
    cosines = np.array([one.plane.cosines for one in slices])
    if np.abs(cosines - cosines[0]).max() > _SAME_DIRECTION:
        raise _no_stack("The images of the series stand in several planes.")
    row, column = cosines[0, :3], cosines[0, 3:]
    normal = np.cross(row, column)
    if not 0.99 < float(np.linalg.norm(normal)) < 1.01:
        raise _no_stack("The orientation of the images is no pair of unit vectors at right angles.")
    direction = np.stack([row, column, normal], axis=1)
    return direction, np.array([one.plane.position_mm for one in slices]) @ normal


def _made(slices: list[_Slice], *, direction: Matrix, along: Any) -> Volume:
    spacing = slices[0].pixel_spacing
    step, is_even = _steps(along)
    if step is None and along is not None:
        raise _no_stack("Two images of the series stand at one place.")
    array = np.empty((len(slices), *slices[0].frame.shape), dtype=np.float32)
    for number, one in enumerate(slices):
        np.multiply(one.frame, one.slope, out=array[number], casting="unsafe")
        array[number] += one.intercept
    origin = slices[0].plane.position_mm if along is not None else None
    return Volume(
        array=array,
        spacing_mm=(spacing[1], spacing[0], step or 1.0) if spacing else (1.0, 1.0, step or 1.0),
        origin_mm=(origin[0], origin[1], origin[2]) if origin else (0.0, 0.0, 0.0),
        direction=direction,
        is_placed=along is not None and spacing is not None,
        is_even=is_even,
    )


def _steps(along: Any) -> tuple[float | None, bool]:
    """Return (the usual distance between slices, whether all are the same); None where two stand at one place."""
    if along is None or len(along) < 2:
        return 1.0, True
    steps = np.diff(along)
    if steps.min() < _SAME_PLACE_MM:
        return None, False
    usual = float(np.median(steps))
    return usual, bool(np.abs(steps - usual).max() <= _EVEN * usual)


def _no_stack(what: str) -> UnreadableInstance:
    return UnreadableInstance(what, reason="undecodable-pixels")
