"""Treat a sequence whose items differ from an earlier one's only in plain values: references to other objects, mostly.

A series that names its source image in every slice has one such sequence in every header, with another UID in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from radcommons.dicom.actions import RuleBook
from radcommons.dicom.elements import Irregular, Raw, element_at
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.part import parse_alone
from radcommons.dicom.quick import BINARY_NUMBERS, Quick, quick_for
from radcommons.dicom.stream import ITEM_END, UNDEFINED, Encoding
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import UnreadableInstance

_ITEM_HEAD = b"\xfe\xff\x00\xe0"
_NOBODY = KnownIdentity()
MOST_LEAVES = 64
# (0040,A043) in both byte orders: what a content item's concept says decides about its value (`contentitems`).
CONCEPTS = (b"\x40\x00\x43\xa0", b"\x00\x40\xa0\x43")


@dataclass(slots=True)
class _Leaf:
    """An element of an item: what it was and what came of it; `quick` treats other values, None where nothing does."""

    head: bytes
    content: bytes
    fresh: bytes
    quick: Quick | None
    items: list[list[_Leaf]] | None = None

    def answer(self, content: bytes, encoding: Encoding) -> bytes | None:
        if content == self.content:
            return self.fresh
        if self.items is not None:
            return _answered(content, self.items, encoding)
        return None if self.quick is None else self.quick(content)


def quick_items(content: bytes, fresh: bytes, book: RuleBook, mapper: Mapper, encoding: Encoding) -> Quick | None:
    """Return what treats sequences like a first one, None where that one does not come out right by it.

    Parameters
    ----------
    content, fresh : bytes
        The first sequence, encoded, before and after treatment.
    book : RuleBook
        The rules inside the sequence.
    mapper : Mapper
    encoding : Encoding
    """
    if any(tag in content for tag in CONCEPTS):
        return None
    try:
        items = _leaves(content, fresh, book, mapper, encoding)
    except Irregular:
        return None
    if _answered(content, items, encoding) != fresh:
        return None
    return lambda other: _answered(other, items, encoding)


def _leaves(content: bytes, fresh: bytes, book: RuleBook, mapper: Mapper, encoding: Encoding) -> list[list[_Leaf]]:
    before, after = items_of(content, encoding), items_of(fresh, encoding)
    if len(before) != len(after) or sum(map(len, before)) > MOST_LEAVES:
        raise Irregular
    return [
        _item(content, raws, {raw.tag: fresh[raw.start : raw.end] for raw in made}, book, mapper, encoding)
        for raws, made in zip(before, after, strict=True)
    ]


def _item(
    content: bytes, raws: list[Raw], made: dict[int, bytes], book: RuleBook, mapper: Mapper, encoding: Encoding
) -> list[_Leaf]:
    if not set(made) <= {raw.tag for raw in raws}:
        raise Irregular
    leaves = []
    for raw in raws:
        own = content[raw.start : raw.end]
        fresh = made.get(raw.tag, b"")
        leaf = _Leaf(own[: 6 if raw.vr else 4], own, fresh, None)
        rule = book.rule(raw.tag)
        vr = raw.vr.decode("ascii") or rule.vr
        if vr == "SQ" and fresh:
            leaf.items = _leaves(own, fresh, book.items(raw.tag), mapper, encoding)
        elif fresh and not raw.tag >> 16 & 1 and _names_nobody(own, encoding):
            quick = None if vr.split(" ")[0] in BINARY_NUMBERS else quick_for(rule, vr, mapper)
            leaf.quick = quick if quick is not None and quick(own) == fresh else None
        leaves.append(leaf)
    return leaves


def _names_nobody(content: bytes, encoding: Encoding) -> bool:
    try:
        return KnownIdentity.of(parse_alone(content, encoding)) == _NOBODY
    except UnreadableInstance:
        return False


def items_of(content: bytes, encoding: Encoding) -> list[list[Raw]]:
    """Return the elements of each item of an encoded sequence.

    Raises
    ------
    Irregular
        If it is no regular one.
    """
    sequence = element_at(content, 0, implicit=encoding.implicit)
    if sequence.vr not in (b"", b"SQ") or sequence.end != len(content):
        raise Irregular
    found, position = [], sequence.value
    while position < sequence.end:
        if sequence.length == UNDEFINED and position + 8 == sequence.end:
            break
        if not content.startswith(_ITEM_HEAD, position):
            raise Irregular
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        raws, position = _elements(content, position + 8, length, encoding)
        found.append(raws)
        if position > sequence.end:
            raise Irregular
    return found


def _elements(content: bytes, position: int, length: int, encoding: Encoding) -> tuple[list[Raw], int]:
    raws: list[Raw] = []
    end, last = len(content) if length == UNDEFINED else position + length, 0
    while position < end:
        raw = element_at(content, position, implicit=encoding.implicit)
        position = raw.end
        if raw.tag == ITEM_END and length == UNDEFINED:
            return raws, position
        if raw.tag <= last or raw.tag >> 16 == 0xFFFE or not raw.tag & 0xFFFF:
            raise Irregular
        raws.append(raw)
        last = raw.tag
    if length == UNDEFINED or position != end:
        raise Irregular
    return raws, position


def _answered(content: bytes, items: list[list[_Leaf]], encoding: Encoding) -> bytes | None:
    """Return the treated form of a sequence with the same items and elements as the first."""
    try:
        found = items_of(content, encoding)
    except Irregular:
        return None
    if len(found) != len(items):
        return None
    pieces: list[bytes] = []
    for raws, leaves in zip(found, items, strict=True):
        fresh = _item_answered(content, raws, leaves, encoding)
        if fresh is None:
            return None
        pieces += [_ITEM_HEAD, len(fresh).to_bytes(4, "little"), fresh]
    value = b"".join(pieces)
    return b"".join(
        (content[:4] if encoding.implicit else content[:4] + b"SQ\0\0", len(value).to_bytes(4, "little"), value)
    )


def _item_answered(content: bytes, raws: list[Raw], leaves: list[_Leaf], encoding: Encoding) -> bytes | None:
    if len(raws) != len(leaves):
        return None
    pieces = []
    for raw, leaf in zip(raws, leaves, strict=True):
        if not content.startswith(leaf.head, raw.start):
            return None
        answer = leaf.answer(content[raw.start : raw.end], encoding)
        if answer is None:
            return None
        pieces.append(answer)
    return b"".join(pieces)
