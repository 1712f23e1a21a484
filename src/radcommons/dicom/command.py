"""Command sets and file meta information of DIMSE messages, as bytes (PS3.7 annex E, PS3.10 section 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from radcommons.dicom.elements import Irregular
from radcommons.dicom.rewrite import IMPLEMENTATION_CLASS_UID

VERIFICATION = "1.2.840.10008.1.1"
_HEAD = struct.Struct("<HHI")
_NO_DATA_SET = 0x0101


class Field(IntEnum):
    """(0000,0100) Command Field (PS3.7 table E.1-1)."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    C_CANCEL = 0x0FFF


ANSWER = 0x8000


class Status(IntEnum):
    """(0000,0900) Status (PS3.7 annex C, PS3.4 sections B.2.3, C.4.1.1.4, C.4.2.1.5 and C.4.3.1.4)."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_INSTANCE = 0x0111
    NO_SUCH_CLASS = 0x0122
    NOT_AUTHORIZED = 0x0124
    UNRECOGNIZED_OPERATION = 0x0211
    OUT_OF_RESOURCES = 0xA700
    DESTINATION_UNKNOWN = 0xA801
    MISMATCH = 0xA900
    SOME_FAILED = 0xB000
    CANNOT_UNDERSTAND = 0xC000
    CANCELLED = 0xFE00
    PENDING = 0xFF00


class Element(IntEnum):
    """Element numbers of group 0000 (PS3.7 annex E)."""

    AFFECTED_CLASS = 0x0002
    FIELD = 0x0100
    MESSAGE = 0x0110
    ANSWERED = 0x0120
    DESTINATION = 0x0600
    PRIORITY = 0x0700
    DATA_SET = 0x0800
    STATUS = 0x0900
    AFFECTED_INSTANCE = 0x1000
    REMAINING = 0x1020
    COMPLETED = 0x1021
    FAILED = 0x1022
    WARNED = 0x1023
    ORIGINATOR = 0x1030
    ORIGINATOR_MESSAGE = 0x1031


@dataclass(frozen=True, slots=True)
class Command:
    """A command set on a presentation context; values as they are encoded."""

    context: int
    values: Mapping[int, bytes]

    def text(self, element: Element) -> str:
        """Return a UID or AE title without its padding; empty where there is none."""
        return self.values.get(element, b"").decode("ascii", "replace").strip("\0 ")

    def number(self, element: Element) -> int:
        """Return a US; -1 where there is none."""
        value = self.values.get(element, b"")
        return int.from_bytes(value, "little") if len(value) == 2 else -1

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self.number(Element.DATA_SET) not in (_NO_DATA_SET, -1)


def parse_command(context: int, encoded: bytes) -> Command:
    """Return a command set from its bytes (always implicit VR little endian).

    Raises
    ------
    Irregular
        If they are none.
    """
    values, position = {}, 0
    while position < len(encoded):
        if position + 8 > len(encoded):
            raise Irregular
        group, element, length = _HEAD.unpack_from(encoded, position)
        position += 8 + length
        if group != 0 or position > len(encoded):
            raise Irregular
        values[element] = encoded[position - length : position]
    return Command(context, values)


def command_set(values: Mapping[Element, int | str], *, has_data_set: bool) -> bytes:
    """Return the bytes of a command set: numbers as US, texts as UID or AE title."""
    known = {**values, Element.DATA_SET: 0x0001 if has_data_set else _NO_DATA_SET}
    body = b"".join(_encoded(element, known[element]) for element in sorted(known))
    return _HEAD.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


def _encoded(element: Element, value: int | str) -> bytes:
    if isinstance(value, int):
        return _HEAD.pack(0, element, 2) + value.to_bytes(2, "little")
    pad = b" " if element in (Element.DESTINATION, Element.ORIGINATOR) else b"\0"
    text = value.encode("ascii", "replace")
    text += pad * (len(text) % 2)
    return _HEAD.pack(0, element, len(text)) + text


def answer_set(
    asked: Command, status: int, more: Mapping[Element, int | str] = {}, *, has_data_set: bool = False
) -> bytes:
    """Return the command set that answers another."""
    values: dict[Element, int | str] = {
        Element.AFFECTED_CLASS: asked.text(Element.AFFECTED_CLASS),
        Element.FIELD: asked.number(Element.FIELD) | ANSWER,
        Element.ANSWERED: asked.number(Element.MESSAGE),
        Element.STATUS: status,
    }
    if instance := asked.text(Element.AFFECTED_INSTANCE):
        values[Element.AFFECTED_INSTANCE] = instance
    return command_set({**values, **more}, has_data_set=has_data_set)


def file_head(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """Return preamble and file meta information to stand before a data set as it came.

    Nothing of the sender or the moment stands in it, so that the same data set is the same file when it comes again.
    """
    meta = b"\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01" + b"".join(
        _meta_uid(element, value)
        for element, value in (
            (0x0002, sop_class),
            (0x0003, sop_instance),
            (0x0010, transfer_syntax),
            (0x0012, IMPLEMENTATION_CLASS_UID),
        )
    )
    return bytes(128) + b"DICM\x02\0\0\0UL\x04\0" + len(meta).to_bytes(4, "little") + meta


def _meta_uid(element: int, value: str) -> bytes:
    text = value.encode("ascii", "replace")
    text += b"\0" * (len(text) % 2)
    return struct.pack("<HH2sH", 2, element, b"UI", len(text)) + text
