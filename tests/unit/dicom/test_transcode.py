"""The same pixels in another transfer syntax."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.transcode import TARGETS, targets, transcode
from unit.dicom.pixel_objects import encoded, header, pixels


@pytest.mark.parametrize("syntax", TARGETS)
@pytest.mark.parametrize(
    ("stored", "frames", "bits"),
    [
        (ExplicitVRLittleEndian, 1, 16),
        (ExplicitVRLittleEndian, 3, 16),
        (ExplicitVRLittleEndian, 1, 8),
        (ImplicitVRLittleEndian, 3, 16),
        (ExplicitVRBigEndian, 3, 16),
    ],
)
def test_pixels_and_header_stay(stored: str, syntax: str, frames: int, bits: int) -> None:
    """Whatever they were encoded as, the pixels and the other values are the same afterwards."""
    about = header(48, 40, frames=frames, bits=bits)
    made = dcmread(io.BytesIO(transcode(io.BytesIO(encoded(about, stored)), syntax=syntax)))
    assert made.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(made.pixel_array.reshape(-1), pixels(about))
    assert (made.SOPInstanceUID, made.PatientID, made.Rows) == (about.SOPInstanceUID, about.PatientID, 48)
    assert made.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.9"


def test_small_pictures_are_no_jpeg_2000() -> None:
    """Its encoder makes six resolutions; what cannot be made is not offered."""
    assert targets(32, 512) == TARGETS
    assert targets(31, 512) == targets(None, None) == tuple(one for one in TARGETS if not one.endswith(".90"))
