"""Headers are read from whatever real archives hold; pixels are found, not read."""

from __future__ import annotations

import io
import logging
import os
import struct
import tracemalloc
import warnings
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.read import read_header
from radcommons.dicom.rewrite import pixel_digest
from radcommons.records.errors import UnreadableInstance
from unit.dicom.pixel_objects import (
    CANARY,
    body_start,
    deflated,
    encapsulated,
    encoded,
    header,
    pixels,
    stream,
)

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


def codes(file: bytes) -> set[str]:
    """Return the codes of a file's findings."""
    return {finding.code for finding in read_header(stream(file)).findings}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_header_is_whole_and_pixels_are_found(syntax: str) -> None:
    """In each native encoding every element but the pixels is read, and their span holds exactly their bytes."""
    file = encoded(header(), syntax)
    found = read_header(stream(file))
    assert found.findings == ()
    assert found.transfer_syntax == found.declared_transfer_syntax == syntax
    assert found.dataset == header()
    assert found.pixel is not None
    assert found.pixel.is_complete
    order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
    span = file[found.pixel.offset : found.pixel.offset + found.pixel.length]
    assert span == pixels(header()).astype(order).tobytes()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_missing_preamble_and_meta_are_repaired(syntax: str) -> None:
    """A bare data set reads the same, with a finding, and its transfer syntax is told from the bytes."""
    file = encoded(header(), syntax)
    bare = file[body_start(file) :]
    assert read_header(stream(bare)).dataset == header()
    assert read_header(stream(bare)).transfer_syntax == syntax
    assert codes(bare) == {"meta-repaired"}


@pytest.mark.parametrize("wrong", [0, 7, 4000])
def test_wrong_group_length_is_not_believed(wrong: int) -> None:
    """The group length of the meta information is walked past, not trusted."""
    file = encoded(header())
    file = file[:140] + struct.pack("<I", wrong) + file[144:]
    assert read_header(stream(file)).dataset == header()
    assert codes(file) == {"meta-repaired"}


def test_encoding_is_told_from_the_bytes() -> None:
    """Where the meta information names the wrong encoding, the data set still reads, and the right one is stated."""
    explicit, implicit = encoded(header()), encoded(header(), ImplicitVRLittleEndian)
    mixed = explicit[: body_start(explicit)] + implicit[body_start(implicit) :]
    found = read_header(stream(mixed))
    assert found.dataset == header()
    assert (found.declared_transfer_syntax, found.transfer_syntax) == (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    assert codes(mixed) == {"meta-repaired"}


def test_deflated_data_sets_are_inflated() -> None:
    """A deflated object reads like its plain twin, pixels included."""
    packed, plain = deflated(header()), encoded(header())
    found = read_header(stream(packed))
    assert found.is_deflated
    assert found.dataset == header()
    assert found.transfer_syntax == ExplicitVRLittleEndian
    assert pixel_digest(stream(packed), found) == pixel_digest(stream(plain), read_header(stream(plain)))


def test_a_bomb_does_not_inflate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inflation stops at its limit, with a reason."""
    monkeypatch.setattr("radcommons.dicom.read.MAX_INFLATED_BYTES", 1 << 16)
    with pytest.raises(UnreadableInstance) as refused:
        read_header(stream(deflated(header(rows=2000, columns=2000))))
    assert refused.value.reason == "unreadable"


def test_sequences_of_undefined_length_are_walked() -> None:
    """Nested sequences with delimiters do not hide the pixels, and a pixel tag inside one is not taken for them."""
    dataset = header()
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.BitsAllocated, icon.PixelData = 8, b"\1\2\3\4"
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    dataset["IconImageSequence"].is_undefined_length = True
    icon.is_undefined_length_sequence_item = True
    found = read_header(stream(encoded(dataset)))
    assert found.pixel is not None
    assert found.pixel.length == 8 * 6 * 2
    assert found.dataset.IconImageSequence[0].PixelData == b"\1\2\3\4"


def test_sequences_that_nest_without_end_are_refused() -> None:
    """A file of nothing but opening sequences ends with a reason, not with the interpreter's stack."""
    opening = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    with pytest.raises(UnreadableInstance) as refused:
        read_header(stream(bytes(128) + b"DICM" + opening * 5000))
    assert refused.value.reason == "unreadable"


def test_truncated_pixels_are_a_refusal_not_an_error() -> None:
    """A file cut inside its pixels still gives its header, and says that it is cut."""
    found = read_header(stream(encoded(header())[:-10]))
    assert [(finding.code, finding.severity) for finding in found.findings] == [("truncated", "refusal")]
    assert found.dataset == header()
    assert found.pixel is not None
    assert not found.pixel.is_complete


def test_fragments_are_walked_and_a_missing_end_mark_is_repaired() -> None:
    """Encapsulated pixels are spanned by their items; a value that looks like an end mark does not end them."""
    fragments = [b"\xfe\xff\xdd\xe0\0\0\0\0" * 4, b"abcd"]
    file = encapsulated(header(frames=2), fragments, "1.2.840.10008.1.2.4.90")
    found = read_header(stream(file))
    assert found.pixel is not None
    assert (found.pixel.fragments, found.pixel.is_complete, found.findings) == (2, True, ())
    cut = read_header(stream(file[:-8]))
    assert cut.pixel == found.pixel
    assert [finding.code for finding in cut.findings] == ["value-repaired"]
    assert codes(file[:-12]) == {"truncated"}


def test_elements_behind_the_pixels_are_read_and_padding_is_dropped() -> None:
    """What stands behind the pixels is part of the header; padding and rubbish are not."""
    tail = struct.pack("<HH2sH", 0x7FE1, 0x0010, b"LO", 4) + b"ACME"
    padding = struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 6) + bytes(6)
    found = read_header(stream(encoded(header()) + tail + padding))
    assert found.dataset[0x7FE10010].value == "ACME"
    assert 0xFFFCFFFC not in found.dataset
    assert found.findings == ()
    assert codes(encoded(header()) + b"\0" * 30) == {"value-repaired"}


def test_values_that_break_their_representation_are_emptied() -> None:
    """A number that is none becomes empty; the finding names the element and nothing quotes the value."""
    file = encoded(header()).replace(b"IS\x02\x0011", b"")
    dataset = header()
    dataset.InstanceNumber = "1234"
    file = encoded(dataset).replace(b"1234", b"x" + CANARY[:3].encode())
    found = read_header(stream(file))
    assert [(finding.code, finding.where) for finding in found.findings] == [("value-repaired", "InstanceNumber")]
    assert found.dataset.InstanceNumber is None
    assert CANARY[:3] not in str(found.findings)


def test_sop_class_is_taken_from_the_meta_information() -> None:
    """A missing SOP Class UID is mended from the place that must hold the same."""
    dataset = header()
    file = encoded(dataset)
    start = body_start(file)
    place = file.index(struct.pack("<HH2sH", 0x0008, 0x0016, b"UI", 26), start)
    found = read_header(stream(file[:place] + file[place + 34 :]))
    assert found.dataset.SOPClassUID == dataset.SOPClassUID
    assert [finding.code for finding in found.findings] == ["meta-repaired"]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "empty-file"),
        (b"Dear colleague, " * 20, "not-dicom"),
        (bytes(range(256)) * 4, "not-dicom"),
        (encoded(header())[:300], "truncated"),
        (bytes(128) + b"DICM", "unreadable"),
    ],
)
def test_hopeless_files_end_with_a_reason(file: bytes, reason: str) -> None:
    """What is no DICOM object is refused with a code that a program can switch on."""
    with pytest.raises(UnreadableInstance) as refused:
        read_header(stream(file))
    assert refused.value.reason == reason


def test_no_value_reaches_warnings_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    """pydicom's own warnings, which quote values, are silenced."""
    dataset = header()
    dataset.add_new(0x00080020, "DA", "20200101")
    dataset.add_new(0x00100040, "CS", "M")
    file = encoded(dataset).replace(b"20200101", CANARY[:8].encode()).replace(b"CS\x02\x00M ", b"CS\x02\x00m!")
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        found = read_header(stream(file))
        str(found.dataset)
    assert CANARY[:8] not in caplog.text
    assert not [warning for warning in caught if CANARY[:8] in str(warning.message)]


def test_memory_is_flat_for_a_huge_object(tmp_path: Path) -> None:
    """A gigabyte of pixels is passed over: the header costs less than 4 MiB."""
    file = tmp_path / "huge.dcm"
    small = encoded(header())
    size = 1 << 30
    with file.open("wb") as out:
        out.write(small[: -len(pixels(header())) * 2 - 4] + struct.pack("<I", size))
        out.seek(size - 1, os.SEEK_CUR)
        out.write(b"\0")
    tracemalloc.start()
    with file.open("rb") as source:
        found = read_header(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.pixel is not None
    assert (found.pixel.length, found.pixel.is_complete) == (size, True)
    assert peak < 4 << 20


def test_huge_private_values_stay_out_and_huge_public_ones_refuse() -> None:
    """A private element of over 16 MiB is left out with a note; a public one is a refusal."""
    start = body_start(encoded(header()))
    value = struct.pack("<I", 17 << 20) + bytes(17 << 20)
    private = struct.pack("<HH2sH", 0x0009, 0x1001, b"OB", 0) + value
    public = struct.pack("<HH2sH", 0x0009 + 1, 0x1001, b"OB", 0) + value
    file = encoded(header())
    place = file.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"), start)
    found = read_header(stream(file[:place] + private + file[place:]))
    assert [finding.code for finding in found.findings] == ["private-removed"]
    assert found.dataset == header()
    with pytest.raises(UnreadableInstance):
        read_header(stream(file[:place] + public + file[place:]))


def test_every_odd_file_ends_with_a_header_or_a_reason(shared_data: Path) -> None:
    """Of 83 odd files four are no usable DICOM object, each with its reason; all others give a header."""
    reasons = {}
    files = sorted(path for path in (shared_data / "dicom_odd").iterdir() if path.is_file())
    for path in files:
        try:
            read_header(io.BytesIO(path.read_bytes()))
        except UnreadableInstance as refused:
            reasons[path.name] = refused.reason
    assert len(files) == 83
    assert sorted(reasons.values()) == ["not-dicom", "not-dicom", "not-dicom", "truncated"]
