"""Planes and kinds of slices are told from headers, plain and enhanced."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from radcommons.dicom.geometry import slice_facts


@pytest.mark.parametrize(
    ("orientation", "is_axial"),
    [
        ([1, 0, 0, 0, 1, 0], True),
        ([1, 0, 0, 0, 0.94, 0.34], True),  # a gantry tilted by 20 degrees
        ([-1, 0, 0, 0, -1, 0], True),
        ([1, 0, 0, 0, 0, -1], False),
        ([0, 1, 0, 0, 0, -1], False),
        (None, None),
        ([1, 0], None),
        ([0, 0, 0, 0, 0, 0], None),
    ],
)
def test_planes_are_told_by_their_normal(orientation: list[float] | None, is_axial: bool | None) -> None:
    """Axial planes, tilted ones too, are told from coronal and sagittal; without a plane nothing is claimed."""
    dataset = Dataset()
    if orientation is not None:
        dataset.ImageOrientationPatient = orientation
    assert slice_facts(dataset).is_axial is is_axial


def test_enhanced_objects_are_asked_for_their_groups() -> None:
    """Plane and thickness are found in functional groups."""
    dataset, shared, frame = Dataset(), Dataset(), Dataset()
    plane, measures, place = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.SliceThickness = "2.5"
    place.ImagePositionPatient = [0, 0, -40]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    frame.PlanePositionSequence = [place]
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], [frame]
    facts = slice_facts(dataset)
    assert (facts.is_axial, facts.slice_thickness_mm, facts.position_mm) == (True, 2.5, -40.0)


@pytest.mark.parametrize(
    ("kinds", "localizer", "derived", "projection", "secondary"),
    [
        (["ORIGINAL", "PRIMARY", "AXIAL"], False, False, False, False),
        (["ORIGINAL", "PRIMARY", "LOCALIZER"], True, False, False, False),
        (["DERIVED", "SECONDARY", "MIP"], False, True, True, True),
        (["derived", "primary", "MPR"], False, True, True, False),
        (["ORIGINAL", "SECONDARY", "AXIAL", "SCREEN SAVE"], False, False, False, True),
        (None, False, False, False, False),
    ],
)
def test_kinds_follow_image_type(
    kinds: list[str] | None, localizer: bool, derived: bool, projection: bool, secondary: bool
) -> None:
    """Scouts, derived images, projections and captures are told by Image Type."""
    dataset = Dataset()
    if kinds is not None:
        dataset.ImageType = kinds
    facts = slice_facts(dataset)
    assert (facts.is_localizer, facts.is_derived, facts.is_projection, facts.is_secondary) == (
        localizer,
        derived,
        projection,
        secondary,
    )
