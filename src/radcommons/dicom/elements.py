"""Walk the encoded elements of a header that lies in memory, without making an object of any.

For regular little endian data sets alone (PS3.5 section 7): whatever is odd raises `Irregular`, and the caller takes
the careful way of `read_header`, which tells what is wrong or mends it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from radcommons.dicom.layout import PIXEL_TAGS
from radcommons.dicom.sniff import VALUE_REPRESENTATIONS
from radcommons.dicom.stream import ITEM, ITEM_END, LONG_VR, MAX_DEPTH, SEQUENCE_END, UNDEFINED

SHORTEST_META = 144  # preamble, prefix and group length (PS3.10 section 7.1)
_HEAD = struct.Struct("<HHI").unpack_from
_SHORT = struct.Struct("<H").unpack_from
_LONG = struct.Struct("<I").unpack_from
_GROUPS_OF_OTHERS = frozenset({0x0000, 0x0002, 0xFFFE})  # commands, meta information, items


class Irregular(Exception):
    """The bytes are not laid out as a regular data set: take the careful way. Never leaves this folder."""


class Raw(NamedTuple):
    """One element: where it begins, where its value begins and where it ends; `length` may be `UNDEFINED`."""

    tag: int
    vr: bytes
    start: int
    value: int
    end: int
    length: int


def element_at(head: bytes, position: int, *, implicit: bool) -> Raw:
    """Return the element that begins at a position, its end not yet checked against the bytes that are there.

    Raises
    ------
    Irregular
        If its head is cut off or names no value representation.
    """
    try:
        group, number, length = _HEAD(head, position)
        tag = group << 16 | number
        value, vr = position + 8, b""
        if not implicit and group != 0xFFFE:
            vr = head[position + 4 : position + 6]
            if vr in LONG_VR:
                (length,) = _LONG(head, value)
                value += 4
            elif vr in VALUE_REPRESENTATIONS:
                (length,) = _SHORT(head, position + 6)
            else:
                raise Irregular
    except struct.error:
        raise Irregular from None
    end = value + length if length != UNDEFINED else _end_of_items(head, value, implicit or vr == b"UN", 1)
    return Raw(tag, vr, position, value, end, length)


def _end_of_items(head: bytes, position: int, implicit: bool, depth: int) -> int:
    """Return where a sequence of undefined length ends (PS3.5 section 7.5)."""
    if depth > MAX_DEPTH:
        raise Irregular
    while True:
        try:
            group, number, length = _HEAD(head, position)
        except struct.error:
            raise Irregular from None
        tag = group << 16 | number
        position += 8
        if tag == SEQUENCE_END:
            return position
        if tag != ITEM:
            raise Irregular
        if length != UNDEFINED:
            position += length
            continue
        while True:
            inner = element_at(head, position, implicit=implicit)
            position = inner.end
            if inner.tag == ITEM_END:
                break


def top_level(head: bytes, position: int, end: int, *, implicit: bool) -> Iterator[Raw]:
    """Yield the elements of a data set up to, without, the pixels or the trailing padding; all lie within `end`.

    Raises
    ------
    Irregular
        If they are not in strictly ascending order, or one does not belong in a data set or is cut off.
    """
    last = 0
    while position < end:
        element = element_at(head, position, implicit=implicit)
        if element.tag in PIXEL_TAGS:
            return
        if element.tag <= last or element.tag >> 16 in _GROUPS_OF_OTHERS or element.end > end:
            raise Irregular
        last = element.tag
        position = element.end
        yield element


class Meta(NamedTuple):
    """A regular group 0002: its bytes without what differs from object to object, and where it ends."""

    kind: bytes
    syntax: str
    end: int


_GROUP_LENGTH, _INSTANCE_UID, _SYNTAX_UID = 0x00020000, 0x00020003, 0x00020010


class MetaReader:
    """Reads file meta information like `meta_of`, and by comparison where it is like the last one's."""

    __slots__ = ("_after", "_before", "_last")

    def __init__(self) -> None:
        self._last: Meta | None = None
        self._before = self._after = b""

    def read(self, head: bytes) -> Meta:
        """Return the file meta information.

        Raises
        ------
        Irregular
            As `meta_of`.
        """
        last, before = self._last, self._before
        if last is not None and head.startswith(b"DICM\x02\0\0\0UL\x04\0", 128) and head.startswith(before, 144):
            value = 146 + len(before)
            after = value + int.from_bytes(head[value - 2 : value], "little")
            end = after + len(self._after)
            is_alike = head.startswith(self._after, after) and _LONG(head, 140)[0] == end - 144
            if is_alike and head[end : end + 2] != b"\x02\0" and head[value:after].isascii():
                return Meta(last.kind, last.syntax, end)
        found = meta_of(head)
        self._learn(head, found)
        return found

    def _learn(self, head: bytes, found: Meta) -> None:
        place = head.find(b"\x02\0\x03\0UI", 144, found.end)
        if place < 0:
            return
        instance = element_at(head, place, implicit=False)
        before, after = head[144 : instance.value - 2], head[instance.end : found.end]
        # these bytes may stand within another value: then what is left is not what the walk found
        if before[:-6] + after == found.kind:
            self._last, self._before, self._after = found, before, after


def meta_of(head: bytes) -> Meta:
    """Return the file meta information of a file with preamble, group length and transfer syntax.

    Raises
    ------
    Irregular
        If any of these is missing or wrong.

    References
    ----------
    DICOM PS3.10, section 7.1.
    """
    if len(head) < SHORTEST_META or head[128:132] != b"DICM" or head[132:140] != b"\x02\0\0\0UL\x04\0":
        raise Irregular
    (announced,) = _LONG(head, 140)
    position, end = 144, 144 + announced
    kept, syntax, last = [], "", _GROUP_LENGTH
    while position < end:
        element = element_at(head, position, implicit=False)
        if element.tag >> 16 != 2 or element.tag <= last or element.end > end:
            raise Irregular
        if element.tag == _INSTANCE_UID:
            if not head[element.value : element.end].isascii():
                raise Irregular
        else:
            kept.append(head[position : element.end])
        if element.tag == _SYNTAX_UID:
            syntax = head[element.value : element.end].decode("ascii", "replace").strip("\0 ")
        last, position = element.tag, element.end
    if not syntax or head[end : end + 2] == b"\x02\0":
        raise Irregular
    return Meta(b"".join(kept), syntax, end)
