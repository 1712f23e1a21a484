"""Walk the elements of an encoded data set without reading their values, so that size costs no memory.

pydicom parses values well but reads what it parses; this walk finds where each element begins and ends (PS3.5 section
7), bounded in depth and number, so that a hostile or broken file ends with a reason instead of with the machine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from radcommons.dicom.sniff import VALUE_REPRESENTATIONS
from radcommons.records.errors import UnreadableInstance

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD

MAX_DEPTH = 32
MAX_ELEMENTS = 1_000_000

# PS3.5 section 7.1.2: these have two reserved bytes and a 32-bit length in Explicit VR.
LONG_VR = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is encoded: PS3.5 annex A, without the name of the transfer syntax."""

    implicit: bool
    little: bool


@dataclass(frozen=True, slots=True)
class Element:
    """Where one element stands in the stream; `length` is `UNDEFINED` where the stream says so."""

    tag: int
    vr: str
    length: int
    start: int
    value: int


@dataclass(slots=True)
class Walk:
    """One walk over a seekable stream that ends at `end`; counts what it passed."""

    source: BinaryIO
    end: int
    encoding: Encoding
    passed: int = field(default=0)

    def element_at(self, position: int, encoding: Encoding | None = None) -> Element:
        """Return the element that begins at `position`.

        Raises
        ------
        UnreadableInstance
            If fewer bytes are left than an element's head takes, or too many elements were passed.
        """
        encoding = encoding or self.encoding
        self.passed += 1
        if self.passed > MAX_ELEMENTS:
            raise UnreadableInstance(f"The data set has more than {MAX_ELEMENTS} elements.", reason="unreadable")
        self.source.seek(position)
        head = self.source.read(12)
        if len(head) < 8:
            raise _truncated(position)
        order = "<" if encoding.little else ">"
        group, number, length = struct.unpack_from(order + "HHI", head)
        tag = group << 16 | number
        vr = head[4:6]
        # Items and delimiters have no VR. Some writers fall back to Implicit VR inside sequences: no capitals, no VR.
        if encoding.implicit or group == 0xFFFE or not (vr.isalpha() and vr.isupper()):
            return Element(tag, "", length, position, position + 8)
        if vr not in LONG_VR:
            return Element(tag, vr.decode("ascii"), struct.unpack_from(order + "H", head, 6)[0], position, position + 8)
        if len(head) < 12:
            raise _truncated(position)
        return Element(tag, vr.decode("ascii"), struct.unpack_from(order + "I", head, 8)[0], position, position + 12)

    def end_of(self, element: Element) -> int:
        """Return where the next element begins; walks nested items where the length is undefined."""
        if element.length != UNDEFINED:
            after = element.value + element.length
        else:
            # PS3.5 section 6.2.2: an UN of undefined length holds Implicit VR Little Endian.
            inner = Encoding(implicit=True, little=True) if element.vr == "UN" else self.encoding
            after = self._end_of_items(element.value, inner, depth=1)
        if after > self.end:
            raise _truncated(element.start)
        return after

    def _end_of_items(self, position: int, encoding: Encoding, *, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise UnreadableInstance(f"Sequences nest deeper than {MAX_DEPTH}.", reason="unreadable")
        while True:
            item = self.element_at(position, encoding)
            if item.tag == SEQUENCE_END:
                return item.value
            if item.tag != ITEM:
                raise UnreadableInstance(f"No item where one must begin, at byte {position}.", reason="unreadable")
            position = item.value + item.length
            if item.length == UNDEFINED:
                position = self._end_of_open_item(item.value, encoding, depth=depth)
            if position > self.end:
                raise _truncated(item.start)

    def _end_of_open_item(self, position: int, encoding: Encoding, *, depth: int) -> int:
        while True:
            element = self.element_at(position, encoding)
            if element.tag == ITEM_END:
                return element.value
            if element.length == UNDEFINED:
                inner = Encoding(implicit=True, little=True) if element.vr == "UN" else encoding
                position = self._end_of_items(element.value, inner, depth=depth + 1)
            else:
                position = element.value + element.length
            if position > self.end:
                raise _truncated(element.start)

    def top_level(self, start: int) -> Iterator[Element]:
        """Yield the top-level elements from `start` to the end; the caller may stop at any of them."""
        position = start
        while position < self.end:
            element = self.element_at(position)
            yield element
            position = self.end_of(element)


def observed_encoding(head: bytes) -> Encoding | None:
    """Return the encoding that the first element of a data set shows, None where nothing stands there.

    Notes
    -----
    The first group of a data set is below 0100, so its zero byte tells the byte order.
    """
    if len(head) < 8:
        return None
    little = not (head[0] == 0 and head[1] != 0)
    return Encoding(implicit=head[4:6] not in VALUE_REPRESENTATIONS, little=little)


def copy_span(source: BinaryIO, offset: int, length: int) -> Iterator[bytes]:
    """Yield the bytes of a span in pieces of at most 1 MiB; fewer come if the stream ends."""
    source.seek(offset)
    while length > 0 and (piece := source.read(min(length, 1 << 20))):
        length -= len(piece)
        yield piece


def _truncated(position: int) -> UnreadableInstance:
    return UnreadableInstance(
        f"The file ends inside the element at byte {position}.",
        reason="truncated",
        mend="Copy it again from the source.",
    )
