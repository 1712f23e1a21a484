"""Text that hides in binary values: words and numbers are told, measurements are not."""

from __future__ import annotations

import struct

import pytest
from pydicom.dataelem import DataElement

from radcommons.dicom.binarytext import packed, spelled


def _tells(vr: str, values: object) -> bool:
    element = DataElement(0x00189307, vr, values)
    stored = element.value if isinstance(element.value, bytes) else packed(element)
    return bool(stored) and spelled(element, stored)


def _as_numbers(text: str, form: str, codec: str = "utf-8") -> list[object]:
    size = struct.calcsize(form)
    while len(text.encode(codec)) % size:
        text += " "
    return list(struct.unpack(f"<{len(text.encode(codec)) // size}{form}", text.encode(codec)))


@pytest.mark.parametrize(("vr", "form"), [("FL", "f"), ("FD", "d"), ("UL", "I"), ("UV", "Q")])
@pytest.mark.parametrize("text", ["Quellmann Theobald", "id 4711083 seen", "Lukas Wójcik 12 x"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le"])
def test_writing_in_numbers_is_told(vr, form, text, codec):
    """A name or a number spelled by the bytes of numbers is found, in letters of one byte and of two."""
    assert _tells(vr, _as_numbers(text, form, codec))


@pytest.mark.parametrize("text", ["Quellmann Theobald", "4711083 / 12 "])
def test_writing_in_bytes_is_told(text):
    """Short bytes that read as a text with a name or number are found."""
    assert _tells("OB", text.encode())
    assert _tells("US", _as_numbers(text, "H"))


@pytest.mark.parametrize("vr", ["FD", "FL"])
def test_no_decimal_number_is_taken_for_writing(vr):
    """Every width, angle and dose of one decimal or two up to 200, alone and in rows, stays a number."""
    values = [number / 100 for number in range(20_000)]
    assert not [one for one in values if _tells(vr, one)]
    assert not [start for start in range(0, 19_990) if _tells(vr, values[start : start + 3])]
    assert not [step for step in range(1, 200) if _tells(vr, values[:: step * 10][:6])]


def test_small_whole_numbers_are_no_writing():
    """Rows of small numbers, which look like wide letters, stay."""
    assert not _tells("US", list(range(40, 120)))
    assert not _tells("UL", list(range(0, 4000, 16)))
    assert not _tells("SS", [65, 66, 67, 100, 101])
    assert not _tells("OB", bytes(range(64)))
