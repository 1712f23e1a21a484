"""Compare a header with an earlier one block by block, and look closely only at the elements that differ.

The slices of a series share all but some twenty of their elements. A plan remembers the shared ones as few long blocks
of bytes, and of each element that was ever seen to differ, a slot: what answers for its value, and the answers given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from radcommons.dicom.elements import Irregular, Raw, element_at, top_level
from radcommons.dicom.stream import LONG_VR, UNDEFINED

# Beyond so many new differences at once it is another kind of object, and deserves a plan of its own.
MOST_NEW_SLOTS = 64
MOST_ANSWERS = 512

T = TypeVar("T")
Judge = Callable[[bytes], T | None]


class Slot(Generic[T]):
    """One element that differs between objects of a kind, and what was answered for its encoded forms.

    Parameters
    ----------
    raw : Raw
        The element as it stood in the first object.
    content : bytes
        Its encoded form there.
    judge : callable
        Returns the answer for an encoded form, or None where the object has to go the careful way.
    is_unread : bool
        The answer is the same whatever the value: the judge is asked once.
    """

    __slots__ = ("_answers", "_length_at", "_value_at", "content", "head", "is_unread", "judge", "raw")

    def __init__(self, raw: Raw, content: bytes, judge: Judge[T], *, is_unread: bool = False) -> None:
        self.raw = raw
        self.content = content
        self.head = content[: 6 if raw.vr else 4]
        self.judge = judge
        self.is_unread = is_unread
        self._answers: dict[bytes, T] = {}
        self._value_at = raw.value - raw.start
        # PS3.5 section 7.1: two bytes of length, or four that end where the value begins
        self._length_at = self._value_at - (2 if raw.vr and raw.vr not in LONG_VR else 4)

    def end_in(self, head: bytes, position: int) -> int:
        """Return where this element ends that begins at a position; beyond all bytes where it has no regular end."""
        value = position + self._value_at
        length = int.from_bytes(head[position + self._length_at : value], "little")
        if length != UNDEFINED:
            return value + length
        try:
            return element_at(head, position, implicit=not self.raw.vr).end
        except Irregular:
            return len(head) + 1

    def answer(self, content: bytes) -> T | None:
        """Return what is answered for an encoded form."""
        if self.is_unread:
            content = b""
        found = self._answers.get(content)
        if found is None:
            found = self.judge(content or self.content)
            if found is not None:
                if len(self._answers) >= MOST_ANSWERS:
                    self._answers.clear()
                self._answers[content] = found
        return found


class Plan(Generic[T]):
    """The header of one kind of object.

    Parameters
    ----------
    head : bytes
        The bytes that hold the first object's header.
    elements : list of Raw
        Its elements, in order.
    implicit : bool
    open_slot : callable
        Makes the slot of an element that is seen to differ; None where a difference makes it another kind of object.
    """

    __slots__ = ("_contents", "_elements", "_implicit", "_open_slot", "_pieces", "_refused", "order", "slots")

    def __init__(
        self,
        head: bytes,
        elements: list[Raw],
        *,
        implicit: bool,
        open_slot: Callable[[Raw, bytes], Slot[T] | None],
    ) -> None:
        self._elements = elements
        self._contents = [head[raw.start : raw.end] for raw in elements]
        self._implicit = implicit
        self._open_slot = open_slot
        self._refused: set[int] = set()
        self.slots: dict[int, Slot[T]] = {}
        self._pieces: list[tuple[bytes, Slot[T] | None]] = []
        self.order: tuple[int, ...] = ()  # tags of the slots as `match` answers them; a new tuple when one is added
        self._arrange()

    def match(self, head: bytes, position: int) -> tuple[int, list[T]] | None:
        """Return where the header ends and the answers of the slots in order; None where it is no such header."""
        return self._matched(head, position) or (self._matched(head, position) if self._learn(head, position) else None)

    def _matched(self, head: bytes, position: int) -> tuple[int, list[T]] | None:
        answers: list[T] = []
        have, limit = head.startswith, len(head)
        for block, slot in self._pieces:
            if not have(block, position):
                return None
            position += len(block)
            if slot is None:
                break
            if not have(slot.head, position):
                return None
            end = slot.end_in(head, position)
            if end > limit:
                return None
            answer = slot.answer(head[position:end])
            if answer is None:
                return None
            answers.append(answer)
            position = end
        return position, answers

    def _learn(self, head: bytes, position: int) -> bool:
        """Open a slot for each element that differs; say whether there is a reason to match again."""
        fresh: list[tuple[Raw, bytes]] = []
        count = 0
        try:
            for raw in top_level(head, position, len(head), implicit=self._implicit):
                if count >= len(self._elements):
                    return False
                own = self._elements[count]
                if raw.tag != own.tag or raw.vr != own.vr:
                    return False
                content = self._contents[count]
                if raw.tag not in self.slots and not head.startswith(content, raw.start):
                    if raw.tag in self._refused:
                        return False
                    fresh.append((own, content))
                count += 1
        except Irregular:
            return False
        if count != len(self._elements) or not 0 < len(fresh) <= MOST_NEW_SLOTS:
            return False
        opened = {raw.tag: self._open_slot(raw, content) for raw, content in fresh}
        self._refused.update(tag for tag, slot in opened.items() if slot is None)
        kept = {tag: slot for tag, slot in opened.items() if slot is not None}
        if len(kept) < len(opened):
            return False
        self.slots |= kept
        self._arrange()
        return True

    def _arrange(self) -> None:
        pieces: list[tuple[bytes, Slot[T] | None]] = []
        block: list[bytes] = []
        for raw, content in zip(self._elements, self._contents, strict=True):
            slot = self.slots.get(raw.tag)
            if slot is None:
                block.append(content)
            else:
                pieces.append((b"".join(block), slot))
                block = []
        self._pieces = [*pieces, (b"".join(block), None)]
        self.order = tuple(slot.raw.tag for _, slot in pieces if slot is not None)
