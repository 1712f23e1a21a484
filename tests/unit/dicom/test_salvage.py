"""What is left of a broken object comes out and says so; nothing is invented but zeros in place of lost pixels."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.deidentify_stream import StreamCleaner
from radcommons.dicom.facts import FactsReader
from radcommons.dicom.profile import load_profile
from radcommons.dicom.salvage import RAW_DATA, SECONDARY_CAPTURE
from radcommons.records.errors import UnreadableInstance
from unit.dicom.deid_objects import mapper
from unit.dicom.stream_objects import NOBODY, Both, file_of, slice_of

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"


def _cleaned(file: bytes):
    source, target = io.BytesIO(file), io.BytesIO()
    found = StreamCleaner(load_profile("radcommons")).clean(source, mapper=mapper(), known=NOBODY)
    found.write(target, source)
    return found, dcmread(io.BytesIO(target.getvalue()))


def _codes(found) -> list[str]:
    return [finding.code for finding in found.findings]


def test_lost_pixels_become_zeros():
    """A native image that ends early keeps what there is, gets zeros for the rest, and a note."""
    found, fresh = _cleaned(file_of(slice_of(1))[:-3])
    assert fresh.PixelData == slice_of(1).PixelData[:-3] + bytes(3)
    assert "truncated" in _codes(found)


def test_cut_header_keeps_what_stands_before():
    """A file that ends inside an element keeps those before; the identity in them is gone all the same."""
    file = file_of(slice_of(1))
    found, fresh = _cleaned(file[: file.index(b"\x18\x00\x10\x12SH") + 9])
    assert (fresh.Modality, fresh.KVP) == ("CT", 120)
    assert "ConvolutionKernel" not in fresh
    assert "truncated" in _codes(found)
    assert "Quellmann" not in str(fresh)


@pytest.mark.parametrize(
    ("sop_class", "modality", "expected"),
    [
        ("", "MR", MR),
        ("1.2.276.0.99.1", "CT", CT),
        ("nonsense", "ES", SECONDARY_CAPTURE),
        ("1.2.840.10008.1.3.10", "", SECONDARY_CAPTURE),
    ],
)
def test_class_is_told_from_the_modality(sop_class, modality, expected):
    """An object without a class, or of one without a definition, becomes what its modality tells, with a note."""
    dataset = slice_of(1, SOPClassUID=sop_class, Modality=modality)
    dataset.file_meta.MediaStorageSOPClassUID = sop_class or "1.2.3"
    found, fresh = _cleaned(file_of(dataset))
    assert fresh.SOPClassUID == fresh.file_meta.MediaStorageSOPClassUID == found.sop_class == expected
    assert "uid-missing" in _codes(found)


def test_object_without_pixels_becomes_raw_data():
    """Without a class and without pixels an object is raw data."""
    dataset = slice_of(1, SOPClassUID="1.2.276.0.99.1")
    del dataset.PixelData
    assert _cleaned(file_of(dataset))[1].SOPClassUID == RAW_DATA


def test_pixels_without_a_shape_go():
    """Pixel data of which nothing says rows and columns may hold anything; the rest comes out."""
    dataset = slice_of(1)
    del dataset.Rows
    found, fresh = _cleaned(file_of(dataset))
    assert "PixelData" not in fresh
    assert "undecodable-pixels" in _codes(found)


def test_salvaged_objects_in_a_series_are_not_remembered():
    """Whole and broken slices in turn come out of both ways alike."""
    both = Both()
    for number in range(1, 10):
        file = file_of(slice_of(number))
        both(file[:-3] if number % 3 == 0 else file)
        both(file_of(slice_of(number, SOPClassUID="1.2.276.0.99.1")))


def test_facts_of_broken_objects():
    """The first pass takes what the second one takes."""
    reader = FactsReader(lambda dataset: str(dataset.get("PatientID")))
    file = file_of(slice_of(1))
    for cut in (3, 20, 300):
        asked = reader.read(io.BytesIO(file[:-cut]))
        assert asked.facts == "4711-08"
        assert not [one for one in asked.findings if one.severity.value == "refusal"]


def test_class_in_another_representation_is_corrected():
    """A SOP Class that stands as bytes of another representation is read as what it says."""
    file = file_of(slice_of(1))
    start = file.index(b"\x08\0\x16\0UI") + 4
    length = int.from_bytes(file[start + 2 : start + 4], "little")
    unknown = b"OB\0\0" + length.to_bytes(4, "little") + file[start + 4 : start + 4 + length]
    found, fresh = _cleaned(file[:start] + unknown + file[start + 4 + length :])
    assert fresh.SOPClassUID == CT
    assert fresh["SOPClassUID"].VR == "UI"
    assert "uid-missing" in _codes(found)


@pytest.mark.parametrize("vr", [b"DS", b"IS", b"DA", b"TM", b"AS", b"US", b"AT"])
def test_class_in_a_representation_that_it_does_not_fit_is_taken_from_the_meta_information(vr):
    """A SOP Class that stands as a number, a date or anything else is corrected; the object comes out."""
    file = file_of(slice_of(1)).replace(b"\x08\0\x16\0UI", b"\x08\0\x16\0" + vr)
    written = Both()(file)
    assert isinstance(written, bytes)
    assert dcmread(io.BytesIO(written)).SOPClassUID == slice_of(1).SOPClassUID


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    "rest", [b"\0\0Quellmann 4711083", bytes(40), b"\xff" * 64, b"\r\n", b"Quellmann, 4711083 phone"]
)
def test_a_rest_behind_an_object_without_pixels_is_cut(rest, implicit):
    """Bytes that are no elements go with a note, they may name somebody, and the object is whole."""
    dataset = slice_of(1)
    del dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    whole, _ = _cleaned(file_of(dataset))
    found, fresh = _cleaned(file_of(dataset) + rest)
    assert set(_codes(found)) - set(_codes(whole)) <= {"value-repaired", "truncated"}
    assert len(_codes(found)) == len(_codes(whole)) + 1
    assert fresh == whole.dataset()
    assert not any(name in str(fresh) for name in ("Quellmann", "4711083"))


def test_a_break_before_the_study_is_no_rest():
    """An object that breaks before it says what it belongs to stays refused, for most of it would be lost."""
    file = file_of(slice_of(1))
    place = file.index(b"\x18\x00\x15\x00CS") if b"\x18\x00\x15\x00CS" in file else file.index(b"\x18\x00\x50\x00DS")
    with pytest.raises(UnreadableInstance):
        _cleaned(file[:place] + bytes(8) + file[place:])
