"""What cannot be stored and shown is told with a code, and nothing odd makes the check fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from radcommons.dicom.conformance import check, is_image_storage
from radcommons.dicom.read import read_header
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import CODES
from unit.dicom.pixel_objects import CANARY, encapsulated, encoded, header, stream


def told(file: bytes, dataset: Dataset | None = None) -> list[tuple[str, str]]:
    """Return (code, where) of a file's findings."""
    found = read_header(stream(file))
    return [(finding.code, finding.where) for finding in check(dataset or found.dataset, found)]


def changed(**attributes: object) -> Dataset:
    """Return a header with attributes set, or removed where None."""
    dataset = header()
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def test_a_whole_object_has_no_finding() -> None:
    """A complete object passes in silence."""
    assert told(encoded(header())) == []
    assert told(encapsulated(header(frames=2), [b"ab", b"cd"], "1.2.840.10008.1.2.4.90")) == []


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"StudyInstanceUID": None}, ("not-conformant", "StudyInstanceUID")),
        ({"Modality": ""}, ("not-conformant", "Modality")),
        ({"Rows": None}, ("not-conformant", "Rows")),
        ({"PixelRepresentation": None}, ("not-conformant", "PixelRepresentation")),
        ({"PhotometricInterpretation": "MAUVE"}, ("not-conformant", "PhotometricInterpretation")),
        ({"PhotometricInterpretation": "RGB"}, ("not-conformant", "SamplesPerPixel")),
        ({"BitsStored": 17}, ("not-conformant", "BitsStored")),
        ({"Rows": 9}, ("not-conformant", "PixelData")),
        ({"Rows": 7}, ("not-conformant", "PixelData")),
        ({"SOPClassUID": "1.2.3.4.5"}, ("unsupported-sop-class", "SOPClassUID")),
        ({"SOPClassUID": "1.2.840.10008.1.1"}, ("unsupported-sop-class", "SOPClassUID")),
    ],
)
def test_each_fault_is_named_by_its_element(attributes: dict[str, object], expected: tuple[str, str]) -> None:
    """One fault gives one finding that names the element."""
    assert told(encoded(header()), changed(**attributes)) == [expected]


def test_objects_without_pixels_or_with_unknown_encodings_are_told() -> None:
    """No pixels, too few fragments, cut pixels and a private transfer syntax are told."""
    assert ("not-an-image", "") in told(encoded(header())[: -96 - 12])
    fewer = encapsulated(header(), [b"ab"], "1.2.840.10008.1.2.4.90")
    assert told(fewer, changed(NumberOfFrames=2)) == [("not-conformant", "NumberOfFrames")]
    assert told(encoded(header())[:-4]) == [("truncated", "PixelData")]
    assert told(encapsulated(header(), [b"ab"], "1.2.3.4.5")) == [("unsupported-transfer-syntax", "")]


def test_no_real_object_breaks_the_check(shared_data: Path) -> None:
    """Every odd object gives findings with known codes and without its patient's name."""
    for path in sorted((shared_data / "dicom_odd").iterdir()):
        try:
            found = read_header(stream(path.read_bytes()))
        except UnreadableInstance:
            continue
        for finding in check(found.dataset, found):
            assert finding.code in CODES
            name = str(found.dataset.get("PatientName", "")) or CANARY
            assert name not in str(finding)


def test_image_classes_are_told_from_others() -> None:
    """Images, segmentations and dose are images; plans, reports and unknown classes are none."""
    assert is_image_storage("1.2.840.10008.5.1.4.1.1.2")
    assert is_image_storage("1.2.840.10008.5.1.4.1.1.1.1")
    assert is_image_storage("1.2.840.10008.5.1.4.1.1.66.7")
    for other in ("1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.481.5", "1.2.3", ""):
        assert not is_image_storage(other)
