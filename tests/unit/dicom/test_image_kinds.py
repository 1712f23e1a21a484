"""Planes, kernels, views and kinds of images as scanners of several makes write them; the unknown stays unknown."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from radcommons.dicom.imagekinds import image_kind
from radcommons.dicom.kernels import kernel_kind
from radcommons.dicom.planes import place_of
from radcommons.dicom.views import view_of


def header(**members: Any) -> Dataset:
    """Return a header."""
    dataset = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in members.items():
            setattr(dataset, keyword, value)
    return dataset


def tilted(degrees: float) -> list[float]:
    """Return the orientation of an axial slice under a tilted gantry."""
    angle = math.radians(degrees)
    return [1, 0, 0, 0, math.cos(angle), math.sin(angle)]


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        ([1, 0, 0, 0, 1, 0], "axial"),
        ([-1, 0, 0, 0, -1, 0], "axial"),
        (tilted(30), "axial"),
        (tilted(-30), "axial"),
        (tilted(45), "oblique"),
        ([1, 0, 0, 0, 0, -1], "coronal"),
        ([0, 1, 0, 0, 0, -1], "sagittal"),
        ([0, 0, 0, 0, 0, 0], None),
        ([1, 0, 0, 1, 0, 0], None),
    ],
)
def test_planes(orientation: list[float], plane: str | None) -> None:
    """The normal tells the plane; a tilted gantry is axial; what is no plane is unknown."""
    assert place_of(header(ImageOrientationPatient=orientation)).plane == plane


def test_frames_of_one_object_have_places_of_their_own() -> None:
    """An enhanced object gives one place a frame, along its normal."""
    frames = []
    for position in (0.0, 5.0, 10.0):
        plane = header(PlanePositionSequence=[header(ImagePositionPatient=[3, 4, position])])
        frames.append(plane)
    shared = header(PlaneOrientationSequence=[header(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    place = place_of(header(SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=frames))
    assert place.positions_mm == (0.0, 5.0, 10.0)
    assert place.plane == "axial"


@pytest.mark.parametrize(
    ("maker", "kernel", "kind"),
    [
        ("SIEMENS", "B31f", "soft"),
        ("SIEMENS", "B70f", "lung"),
        ("Siemens Healthineers", ["I70f", "3"], "lung"),
        ("SIEMENS", "Br38d", "soft"),
        ("SIEMENS", "Bl57d", "lung"),
        ("SIEMENS", "D40s", "soft"),
        ("SIEMENS", "H30s", "head"),
        ("SIEMENS", "B47f", None),
        ("GE MEDICAL SYSTEMS", "LUNG", "lung"),
        ("GE MEDICAL SYSTEMS", "STANDARD", "soft"),
        ("GE MEDICAL SYSTEMS", "BONEPLUS", "bone"),
        ("GE MEDICAL SYSTEMS", "DETAIL", None),
        ("Philips", "L", "lung"),
        ("Philips", "B", "soft"),
        ("Philips", "YC", None),
        ("TOSHIBA", "FC51", "lung"),
        ("CANON_MEC", "FC08", "soft"),
        ("TOSHIBA", "FC30", "bone"),
        ("UIH", "B_SOFT_B", "soft"),
        ("Neusoft", "Lung Enhanced", "lung"),
        ("GE MEDICAL SYSTEMS", "B70f", None),
        ("SIEMENS", ["B31f", "B70f"], None),
        ("", "", None),
    ],
)
def test_kernels(maker: str, kernel: Any, kind: str | None) -> None:
    """A letter means what its vendor means by it; a name of no table is unknown."""
    assert kernel_kind(header(Manufacturer=maker, ConvolutionKernel=kernel)) == kind


@pytest.mark.parametrize(
    ("members", "view"),
    [
        ({"ViewPosition": "PA"}, "frontal"),
        ({"ViewPosition": "LL"}, "lateral"),
        ({"ViewPosition": "RAO"}, "oblique"),
        ({"ViewPosition": "LLD"}, "frontal"),
        ({"PatientOrientation": ["L", "F"]}, "frontal"),
        ({"PatientOrientation": ["A", "F"]}, "lateral"),
        ({"PatientOrientation": ["LA", "F"]}, None),
        ({"ViewCodeSequence": [header(CodeValue="399348003")]}, "frontal"),
        ({"ViewCodeSequence": [header(CodeValue="R-10236")]}, "lateral"),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, None),
        ({"ViewPosition": "PA", "SeriesDescription": "lateral"}, "frontal"),
        ({"SeriesDescription": "Thorax p.a."}, "frontal"),
        ({"SeriesDescription": "Thorax seitlich"}, "lateral"),
        ({"SeriesDescription": "Thorax de profil"}, "lateral"),
        ({"SeriesDescription": "RX tórax perfil"}, "lateral"),
        ({"SeriesDescription": "Torace LL"}, "lateral"),
        ({"SeriesDescription": "Thorax de face"}, "frontal"),
        ({"SeriesDescription": "胸部正位"}, "frontal"),
        ({"SeriesDescription": "胸部側面"}, "lateral"),
        ({"SeriesDescription": "Thorax in 2 Ebenen lat"}, None),
        ({"SeriesDescription": "Chest PA and LAT"}, None),
        ({"SeriesDescription": "Chest"}, None),
        ({"SeriesDescription": "LATEX allergy, plaster"}, None),
        ({}, None),
    ],
)
def test_views(members: dict[str, Any], view: str | None) -> None:
    """Coded statements before words; two that disagree, and an order for two views, say nothing."""
    assert view_of(header(**members)) == view


@pytest.mark.parametrize(
    ("members", "kinds"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}, set()),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, {"is_localizer"}),
        ({"SeriesDescription": "Topogram 0.6"}, {"is_localizer"}),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, {"is_reformat"}),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]}, {"is_reformat"}),
        ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "MAXIMUM"]}, {"is_projection"}),
        ({"SeriesDescription": "Thorax MIP 10/5"}, {"is_projection"}),
        ({"SeriesDescription": "MIPS study of Dr. Vrba"}, set()),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, {"is_screen_save"}),
        ({"ImageType": ["DERIVED", "SECONDARY"], "SeriesDescription": "Dose Report"}, {"is_screen_save"}),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "ImageType": ["DERIVED", "PRIMARY"]}, {"is_reformat"}),
        ({"SeriesDescription": "Koronarangiographie COR 0.6"}, set()),
    ],
)
def test_kinds(members: dict[str, Any], kinds: set[str]) -> None:
    """Image Type first, then words; a coronary angiography is no coronal reformat."""
    dataset = header(**{"Modality": "CT", "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], **members})
    found = image_kind(dataset, place=place_of(dataset))
    told = {name for name in ("is_localizer", "is_projection", "is_reformat", "is_screen_save") if getattr(found, name)}
    assert told == kinds


def test_real_series_are_axial_with_known_kernels(shared_data: Path) -> None:
    """The CTs that are shared with the project: axial, for soft tissue, whole."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for folder in ("ct_open", "ct_covid_ct_md"):
            for path in sorted((shared_data / folder).rglob("*.dcm"))[::10]:
                dataset = dcmread(path, stop_before_pixels=True)
                place = place_of(dataset)
                kind = image_kind(dataset, place=place)
                assert (place.plane, kernel_kind(dataset)) == ("axial", "soft")
                assert not any((kind.is_localizer, kind.is_projection, kind.is_reformat, kind.is_screen_save))
