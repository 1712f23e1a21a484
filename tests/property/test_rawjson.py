"""Metadata made of raw bytes says what metadata made of a careful reading says, or nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.elements import Irregular
from radcommons.dicom.rawheader import scan
from radcommons.dicom.read import read_header
from radcommons.dicomweb.rawjson import document, document_of
from radcommons.records.errors import UnreadableInstance

_ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\="), max_size=12)
_CHARSETS = {
    "ISO_IR 100": "ÄÖüéß",
    "ISO_IR 192": "дог犬ß",
    "ISO_IR 144": "Собака",
    "GB18030": "狗肺部",
    "ISO_IR 6": "",
}
_DECIMAL = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: f"{number:.6g}")


def test_of_odd_files(shared_data: Path) -> None:
    """Of every odd file that is regular the two texts are the same bytes; and a third of them is regular."""
    same = 0
    files = [path for path in sorted((shared_data / "dicom_odd").rglob("*")) if path.is_file()]
    for path in files:
        content = path.read_bytes()
        try:
            quick = document(scan(content, len(content)))
        except Irregular:
            continue
        assert quick == document_of(read_header(io.BytesIO(content))), path.name
        same += 1
    assert same * 3 > len(files)


def _text(letters: str) -> st.SearchStrategy[str]:
    return st.one_of(_ASCII, st.text(st.sampled_from(letters + "ab ^"), max_size=8)) if letters else _ASCII


def _elements(letters: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return attributes of many representations, a few of them in an object."""
    text = _text(letters)
    return st.fixed_dictionaries(
        {},
        optional={
            "ImageType": st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", "", "AXIAL"]), max_size=4),
            "StudyDescription": text,
            "OtherPatientNames": st.lists(text.map(lambda one: f"{one}^A={one}=x"), max_size=2),
            "PatientName": text,
            "PatientComments": text,
            "StationAETitle": _ASCII,
            "SliceThickness": _DECIMAL,
            "ImagePositionPatient": st.lists(_DECIMAL, min_size=3, max_size=3),
            "InstanceNumber": st.integers(-(2**31), 2**31 - 1).map(str),
            "FrameIncrementPointer": st.sampled_from([0x00181063, 0x7FE00010]),
            "PatientAge": st.sampled_from(["", "063Y"]),
            "AcquisitionDateTime": st.just("20200101120000.5+0100"),
            "WindowCenterWidthExplanation": st.lists(text, max_size=3),
            "SmallestImagePixelValue": st.integers(0, 2**15 - 1),
            "SpatialResolution": _DECIMAL,
            "TableTopVerticalPosition": _DECIMAL,
            "RealWorldValueSlope": st.floats(allow_nan=True, allow_infinity=True),
            "SelectorUVValue": st.integers(0, 2**64 - 1),
            "SelectorSVValue": st.integers(-(2**63), 2**63 - 1),
            "ICCProfile": st.binary(max_size=2000),
            "RetrieveURL": _ASCII,
        },
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_of_random_data_sets(data: st.DataObject) -> None:
    """Character sets, nested sequences, private elements and empty values come out alike in both encodings."""
    charset = data.draw(st.sampled_from(sorted(_CHARSETS)))
    elements = _elements(_CHARSETS[charset])
    dataset = Dataset()
    dataset.SpecificCharacterSet = charset
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1", "2.25.2"
    dataset.PixelRepresentation = data.draw(st.integers(0, 1))
    dataset.update(_of(data.draw(elements)))
    dataset.ReferencedSeriesSequence = [
        _nested(data.draw(elements), data.draw(elements)) for _ in range(data.draw(st.integers(0, 2)))
    ]
    block = dataset.private_block(0x0009, "INVENTED 1.0", create=True)
    block.add_new(1, data.draw(st.sampled_from(["OB", "UN"])), data.draw(st.binary(max_size=1500)))
    block.add_new(2, "DS", data.draw(_DECIMAL))
    dataset.file_meta = FileMetaDataset()
    syntax = data.draw(st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]))
    dataset.file_meta.TransferSyntaxUID = syntax
    if data.draw(st.booleans()):
        dataset.PixelData = bytes(8)
        dataset["PixelData"].VR = "OW"
    target = io.BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    content = target.getvalue()
    careful = document_of(read_header(io.BytesIO(content)))
    try:
        assert document(scan(content, len(content))) == careful
    except Irregular:
        event("irregular")


def _of(members: dict[str, Any]) -> Dataset:
    made = Dataset()
    for keyword, value in members.items():
        setattr(made, keyword, value)
    return made


def _nested(outer: dict[str, Any], inner: dict[str, Any]) -> Dataset:
    item = _of(outer)
    item.ReferencedInstanceSequence = [_of(inner)]
    item.ReferencedInstanceSequence.is_undefined_length = bool(len(outer) % 2)
    return item


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_of_broken_files(data: st.DataObject) -> None:
    """However a file is damaged, the quick way raises nothing but `Irregular`, and never tells another story."""
    dataset = _of({"PatientName": "A^B", "SliceThickness": "1.5", "ImageType": ["A", "B"]})
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1", "2.25.2"
    dataset.ReferencedSeriesSequence = [_nested({"InstanceNumber": "1"}, {"Rows": 4})]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    target = io.BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    content = bytearray(target.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(content[: data.draw(st.integers(140, len(content)))])
    try:
        quick = document(scan(damaged, len(damaged)))
    except Irregular:
        return
    try:
        header = read_header(io.BytesIO(damaged))
    except UnreadableInstance:
        pytest.fail("The quick way believes what the careful one cannot read.")
    assert quick == document_of(header)
