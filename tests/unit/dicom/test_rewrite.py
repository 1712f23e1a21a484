"""What is written again has a new header and the very same pixels."""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.conformance import check
from radcommons.dicom.read import read_header
from radcommons.dicom.rewrite import content_digest, pixel_digest, write_instance
from radcommons.records.errors import UnreadableInstance
from unit.dicom.pixel_objects import CANARY, deflated, encapsulated, encoded, header, pixels, stream


def rewritten(file: bytes, dataset: Dataset | None = None) -> bytes:
    """Write a file again, with another header if given."""
    source, target = stream(file), io.BytesIO()
    found = read_header(source)
    written = write_instance(dataset or found.dataset, header=found, source=source, target=target)
    assert written.size == len(target.getvalue())
    assert written.sha256 == hashlib.sha256(target.getvalue()).hexdigest() == content_digest(target)
    return target.getvalue()


def digest(file: bytes) -> str:
    """Return a file's pixel digest."""
    return pixel_digest(stream(file), read_header(stream(file)))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_pixels_pass_bit_for_bit_in_their_own_encoding(syntax: str) -> None:
    """A native object keeps transfer syntax and pixels, and pydicom reads the same values from it."""
    file = encoded(header(frames=3), syntax)
    again = rewritten(file)
    assert digest(again) == digest(file)
    read = dcmread(io.BytesIO(again))
    assert read.file_meta.TransferSyntaxUID == syntax
    assert (read.pixel_array.ravel() == pixels(header(frames=3))).all()


def test_fragments_pass_as_they_are() -> None:
    """Encapsulated pixels keep offset table, fragments and padding; the end mark is written once."""
    file = encapsulated(header(frames=2), [b"abc", b"defg"], "1.2.840.10008.1.2.4.90")
    again = rewritten(file)
    assert digest(again) == digest(file)
    assert again.endswith(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    assert read_header(stream(again)).pixel.fragments == 2  # type: ignore[union-attr]


def test_deflated_objects_are_written_plain() -> None:
    """A deflated object leaves as Explicit VR Little Endian with the same pixels."""
    again = rewritten(deflated(header()))
    assert read_header(stream(again)).declared_transfer_syntax == ExplicitVRLittleEndian
    assert digest(again) == digest(encoded(header()))


def test_nothing_of_the_old_file_but_pixels_passes() -> None:
    """Preamble, meta information, padding and the old header stay behind: their canaries are in no byte."""
    dataset = header()
    file = CANARY.encode().ljust(128, b"!") + encoded(dataset)[128:]
    file += struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 10) + CANARY.encode() + b"!"
    clean = Dataset()
    clean.update(dataset)
    clean.PatientName, clean.SOPInstanceUID = "", "2.25.1"
    again = rewritten(file, clean)
    assert CANARY.encode() not in again
    meta = dcmread(io.BytesIO(again)).file_meta
    assert meta.MediaStorageSOPInstanceUID == "2.25.1"
    assert {element.keyword for element in meta} == {
        "FileMetaInformationGroupLength",
        "FileMetaInformationVersion",
        "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID",
        "TransferSyntaxUID",
        "ImplementationClassUID",
        "ImplementationVersionName",
    }


def test_odd_lengths_are_padded() -> None:
    """A pixel value of odd length gets the one zero that PS3.5 asks for, and its value bytes stay."""
    dataset = header(rows=3, columns=3, bits=8)
    whole = encoded(dataset, value=bytes(range(1, 10)) + b"\0")
    odd = whole[:-14] + struct.pack("<I", 9) + bytes(range(1, 10))
    again = rewritten(odd)
    assert again.endswith(struct.pack("<I", 10) + bytes(range(1, 10)) + b"\0")


def test_elements_on_both_sides_of_the_pixels_keep_their_order() -> None:
    """Elements behind the pixels are written behind them again."""
    file = encoded(header()) + struct.pack("<HH2sH", 0x7FE1, 0x0010, b"LO", 4) + b"ACME"
    assert rewritten(file).endswith(b"LO\x04\x00ACME")


def test_truncated_and_unknown_are_refused() -> None:
    """An object that could not be whole is not written, and neither is one that names no SOP Instance."""
    for file in (encoded(header())[:-10],):
        with pytest.raises(UnreadableInstance) as refused:
            rewritten(file)
        assert refused.value.reason == "truncated"
    nameless = header()
    del nameless.SOPInstanceUID
    with pytest.raises(UnreadableInstance) as refused:
        rewritten(encoded(header()), nameless)
    assert refused.value.reason == "not-conformant"


def test_real_objects_keep_their_pixels(shared_data: Path) -> None:
    """Every real object that may be written again has the same pixel digest before and after."""
    same = 0
    for path in (
        sorted((shared_data / "dicom_odd").iterdir())[:83] + sorted((shared_data / "ct_open").rglob("*.dcm"))[:5]
    ):
        file = path.read_bytes()
        try:
            found = read_header(stream(file))
            again = rewritten(file)
        except UnreadableInstance:
            continue
        second = read_header(stream(again))
        assert second.findings == ()
        assert second.dataset == found.dataset
        if found.pixel is not None and found.pixel.length % 2 == 0:
            assert digest(again) == digest(file)
            assert [f.code for f in check(second.dataset, second)] == [f.code for f in check(found.dataset, found)]
            same += 1
    assert same >= 55
