"""Files are told by their first bytes, whatever they are called."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from radcommons.dicom.sniff import Kind, sniff
from unit.dicom.pixel_objects import body_start, encoded, header, jpeg, png

PICTURE = np.zeros((8, 8), np.uint8)


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"", "a.dcm", Kind.EMPTY),
        (encoded(header()), "a.jpg", Kind.DICOM),
        (encoded(header())[132:], "a", Kind.DICOM_BARE),
        (jpeg(PICTURE), "a.dcm", Kind.JPEG),
        (png(Image.fromarray(PICTURE)), "a.dcm", Kind.PNG),
        (b"PK\x03\x04rest", "a.dcm", Kind.ZIP),
        (b"file;view\na;b\n", "A.CSV", Kind.CSV),
        (b"file;view\na;b\n", "a.dcm", Kind.TEXT),
        ("Müller".encode("latin-1"), "a.txt", Kind.TEXT),
        (b"\x00\x01\x02\x03" * 50, "a.dcm", Kind.OTHER),
    ],
)
def test_kind_is_told_from_bytes(head: bytes, name: str, kind: Kind) -> None:
    """Each kind is known by its bytes; the name only tells CSV from text."""
    assert sniff(head[:4096], name) is kind


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_data_set_without_preamble_is_known(syntax: str) -> None:
    """A raw data set is known in all three encodings."""
    file = encoded(header(), syntax)
    assert sniff(file[body_start(file) :], "a") is Kind.DICOM_BARE
