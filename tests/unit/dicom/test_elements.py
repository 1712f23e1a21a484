"""The walk over a header in memory agrees with the walk over a stream, and leaves what is odd to others."""

from __future__ import annotations

import io
import struct

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.elements import Irregular, element_at, meta_of, top_level
from radcommons.dicom.stream import Encoding, Walk
from unit.dicom.stream_objects import file_of, slice_of


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_walk_agrees_with_the_streams(syntax):
    """Tags, values and ends are those that the careful walk finds, sequences of undefined length included."""
    dataset = slice_of(1, syntax=syntax)
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.ReferencedImageSequence[0].is_undefined_length_sequence_item = True
    file = file_of(dataset)
    meta = meta_of(file)
    assert meta.syntax == syntax
    walk = Walk(io.BytesIO(file), len(file), Encoding(implicit=syntax == ImplicitVRLittleEndian, little=True))
    expected = [(one.tag, one.start, walk.end_of(one)) for one in walk.top_level(meta.end) if one.tag < 0x7FE00010]
    found = top_level(file, meta.end, len(file), implicit=syntax == ImplicitVRLittleEndian)
    assert [(raw.tag, raw.start, raw.end) for raw in found] == expected


def _element(tag: int, content: bytes, vr: bytes = b"SH") -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + struct.pack("<H", len(content)) + content


@pytest.mark.parametrize(
    "body",
    [
        _element(0x00080060, b"CT") + _element(0x00080050, b"1 "),
        _element(0x00080060, b"CT") * 2,
        _element(0x00080060, b"CT", b"ZZ"),
        _element(0x00080060, b"CT")[:-1],
        _element(0x00080060, b"CT")[:5],
        _element(0x00020010, b"1 "),
        b"\x08\0\x05\x10SQ\0\0\xff\xff\xff\xff\x08\0\x60\0CS\x02\0CT",
    ],
    ids=["unsorted", "doubled", "no representation", "cut", "cut head", "meta information", "no item"],
)
def test_odd_bytes_are_irregular(body):
    """What is not a regular data set is left to the careful way."""
    with pytest.raises(Irregular):
        list(top_level(body, 0, len(body), implicit=False))


def test_sequences_nest_as_deep_as_the_careful_walk_lets_them():
    """Two hundred sequences inside each other end as irregular, not in a recursion error."""
    body = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 200
    with pytest.raises(Irregular):
        element_at(body, 0, implicit=False)


def test_meta_differs_only_in_the_instance():
    """Two files of one kind have one kind of meta information; a wrong group length is irregular."""
    first, second = (file_of(slice_of(number)) for number in (1, 2))
    assert meta_of(first).kind == meta_of(second).kind
    assert meta_of(first).kind != meta_of(file_of(slice_of(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.7"))).kind
    for broken in (first[:140] + b"\x01" + first[141:], first[132:], first[:150], first[:142]):
        with pytest.raises(Irregular):
            meta_of(broken)
