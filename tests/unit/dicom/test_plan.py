"""A plan tells equal headers from others, learns what differs, and forgets answers before they fill the memory."""

from __future__ import annotations

import struct

from radcommons.dicom.elements import top_level
from radcommons.dicom.plan import MOST_ANSWERS, Plan, Slot


def _header(*values: tuple[int, str]) -> bytes:
    pieces = [
        struct.pack("<HH", tag >> 16, tag & 0xFFFF) + b"SH" + struct.pack("<H", len(text)) + text.encode()
        for tag, text in values
    ]
    return b"".join(pieces)


def _plan(head: bytes, refused: frozenset[int] = frozenset()) -> Plan[str]:
    def opened(raw, content):
        if raw.tag in refused:
            return None
        return Slot(raw, content, lambda fresh: fresh[8:].decode().upper() if b"?" not in fresh else None)

    return Plan(head, list(top_level(head, 0, len(head), implicit=False)), implicit=False, open_slot=opened)


FIRST = _header((0x00080060, "ct"), (0x00081030, "chest"), (0x0020_0010, "s1"))


def test_equal_header_matches_without_slots():
    """The same bytes match, with nothing to answer for."""
    assert _plan(FIRST).match(FIRST, 0) == (len(FIRST), [])


def test_what_differs_is_learnt():
    """An element that differs gets a slot, whatever its length; the others stay one block."""
    plan = _plan(FIRST)
    other = _header((0x00080060, "ct"), (0x00081030, "abdomen"), (0x0020_0010, "s1"))
    assert plan.match(other, 0) == (len(other), ["ABDOMEN"])
    assert plan.match(FIRST, 0) == (len(FIRST), ["CHEST"])
    third = _header((0x00080060, "mr"), (0x00081030, "x"), (0x0020_0010, "s2"))
    assert plan.match(third, 0) == (len(third), ["MR", "X", "S2"])
    assert plan.order == (0x00080060, 0x00081030, 0x00200010)


def test_other_elements_are_another_kind():
    """A missing, an additional and a refused element, and a value without answer, do not match."""
    plan = _plan(FIRST, refused=frozenset({0x00080060}))
    assert plan.match(_header((0x00080060, "ct"), (0x00081030, "chest")), 0) is None
    assert plan.match(_header((0x00080050, "1"), (0x00080060, "ct"), (0x00081030, "c"), (0x0020_0010, "s")), 0) is None
    assert plan.match(_header((0x00080060, "mr"), (0x00081030, "chest"), (0x0020_0010, "s1")), 0) is None
    assert plan.match(_header((0x00080060, "ct"), (0x00081030, "?"), (0x0020_0010, "s1")), 0) is None
    assert plan.match(FIRST[:-1], 0) is None
    assert plan.match(FIRST, 0) == (len(FIRST), ["CHEST"])


def test_answers_are_asked_once_and_bounded():
    """An answer is given again without asking, and ten thousand different values do not stay in memory."""
    asked: list[bytes] = []
    raw = next(iter(top_level(FIRST, 0, len(FIRST), implicit=False)))
    slot: Slot[str] = Slot(raw, FIRST[: raw.end], lambda content: asked.append(content) or "x")
    for number in [*range(10_000), 9_999]:
        slot.answer(str(number).encode())
    assert len(asked) == 10_000
    assert len(slot._answers) <= MOST_ANSWERS
