"""What became of the header of one kind of object, remembered so that the next of that kind costs a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from radcommons.dicom.actions import SIMPLE, Op, Rule, rules_for
from radcommons.dicom.cleaned import Cells, Names, names_of
from radcommons.dicom.elements import Irregular, Meta, Raw, element_at, top_level
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.part import PartJudge, company_of, is_creator
from radcommons.dicom.plan import Plan, Slot
from radcommons.dicom.profile import Profile
from radcommons.dicom.quick import BINARY_NUMBERS, Quick, gone_for, quick_for
from radcommons.dicom.quick_items import quick_items
from radcommons.dicom.read import Header, parse
from radcommons.dicom.rewrite import PREAMBLE, Encoded
from radcommons.dicom.stream import Encoding
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.finding import Finding

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
UIDS_OF_THE_OBJECT = frozenset({SOP_INSTANCE, STUDY, SERIES})
# How other values are read: character set, representation of pixels, what private elements are safe.
READERS = frozenset({0x00080005, 0x00080300, 0x00280103})
# A difference in one of these may change what is said of the whole object, or how another element is treated.
FIXED = READERS | {
    SOP_CLASS, 0x00080020, 0x00080021, 0x00080022, 0x00080201, 0x00100020, 0x00100021, 0x00100030, 0x00101010,
    0x00120062, 0x00120063, 0x00120064, 0x0018A001, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010,
    0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280120, 0x00280301, 0x00280302, 0x00280303,
    0x7FE00001, 0x7FE00002,
}  # fmt: skip
_NAMES = UIDS_OF_THE_OBJECT | {0x00080005, 0x00080050, 0x00100020, 0x00100021}
# Values whose bytes say nothing by which they could be kept: of private elements, always removed alike.
_BINARY = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV"})
_ELEMENTS_TO_THE_UID = 2
MOST_PROOFS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the careful way said of an object.

    Parameters
    ----------
    header : Header
    encoded : Encoded
        What it was going to write.
    findings, record, counts
        Of reading and de-identification, as in `Deidentified`.
    effective : KnownIdentity
        All that was looked for.
    """

    header: Header
    encoded: Encoded
    findings: tuple[Finding, ...]
    record: Mapping[str, str]
    counts: Mapping[str, int]
    effective: KnownIdentity


@dataclass(frozen=True, slots=True)
class Remade:
    """A header put together from remembered parts: everything before the pixels, and where the old one lies."""

    before: bytes
    uids: Mapping[int, str]
    start: int
    end: int


class HeaderKind:
    """The objects that differ from a first one in elements that can be treated alone.

    Parameters
    ----------
    first : Outcome
    head : bytes
        The first object's bytes, at least to its pixels.
    meta : Meta
    profile, mapper, known
        As they were given for it.

    Raises
    ------
    Irregular
        If the object's bytes are not laid out so that it can be compared with others.
    """

    __slots__ = (
        "_chunks",
        "_encoding",
        "_judge",
        "_order",
        "_out",
        "_places",
        "_plan",
        "_proofs",
        "_proven",
        "_rest",
        "_rules",
        "cells",
        "first",
        "known",
        "mapper",
        "meta_kind",
        "sop_class",
        "span",
    )  # fmt: skip

    def __init__(
        self, first: Outcome, *, head: bytes, meta: Meta, profile: Profile, mapper: Mapper, known: KnownIdentity
    ) -> None:
        syntax = first.header.transfer_syntax
        self._encoding: Encoding = first.header.encoding
        implicit = self._encoding.implicit
        if syntax != meta.syntax or not self._encoding.little or first.header.is_deflated or first.encoded.after:
            raise Irregular
        elements = list(top_level(head, meta.end, len(head), implicit=implicit))
        tags = {int(tag) for tag in first.header.dataset.keys()}  # noqa: SIM118  (iterating yields elements)
        if not elements or {raw.tag for raw in elements if raw.tag & 0xFFFF} != tags:
            raise Irregular
        self.first, self.mapper, self.known, self.meta_kind = first, mapper, known, meta.kind
        self.span = elements[-1].end
        self.cells = Cells.of(first.header)
        self._proofs = 0
        self._proven: tuple[int, ...] = ()
        self._read_output(first.encoded, implicit)
        sop_class = self.sop_class = _text(self._out.get(SOP_CLASS, b""))
        book = rules_for(profile, sop_class)
        if book is None:
            raise Irregular
        self._rules = book
        contents = [(raw.tag, head[raw.start : raw.end]) for raw in elements]
        self._judge = PartJudge(
            profile=profile,
            mapper=mapper,
            sop_class=sop_class,
            given=known,
            effective=first.effective,
            encoding=self._encoding,
            company=company_of(contents, READERS),
            present=frozenset(tags),
        )
        self._plan: Plan[bytes] = Plan(head, elements, implicit=implicit, open_slot=self._slot)
        self._arrange()

    @property
    def asks_for_proof(self) -> bool:
        """Whether the caller should go the careful way as well, and compare: when elements are first seen to differ."""
        return self._order is not self._proven and self._proofs < MOST_PROOFS

    def note_proof(self) -> None:
        """Remember that both ways gave the same."""
        self._proven, self._proofs = self._order, self._proofs + 1

    def remake(self, head: bytes, position: int) -> Remade | None:
        """Return the new header for the bytes of another object, None if it is not of this kind."""
        matched = self._plan.match(head, position)
        if matched is None:
            return None
        end, answers = matched
        if self._order is not self._plan.order:
            self._arrange()
        contents = dict(zip(self._order, answers, strict=True))
        pieces = [piece if isinstance(piece, bytes) else contents[piece] for piece in self._chunks]
        instance = contents.get(SOP_INSTANCE)
        uids = {tag: _text(contents.get(tag) or self._out.get(tag, b"")) for tag in UIDS_OF_THE_OBJECT}
        if instance is None:
            before = b"".join((self.first.encoded.before[: self._rest], *pieces))
        else:
            before = b"".join((self._preamble(uids[SOP_INSTANCE]), *pieces))
        return Remade(before, uids, position, end)

    def names(self, head: bytes, start: int, end: int) -> Names:
        """Return by what an object of this kind, which lies between the two places, is told in its own words."""
        pieces = [
            head[raw.start : raw.end]
            for raw in top_level(head, start, end, implicit=self._encoding.implicit)
            if raw.tag in _NAMES
        ]
        return names_of(parse(b"".join(pieces), self._encoding))

    def _preamble(self, instance: str) -> bytes:
        """Return preamble and file meta information; only the instance's UID and the lengths differ."""
        first, second, third, fixed_length = self._places
        value = instance.encode("ascii")
        value += b"\0" * (len(value) % 2)
        group = (fixed_length + len(value)).to_bytes(4, "little")
        return b"".join((first, group, second, len(value).to_bytes(2, "little"), value, third))

    def _read_output(self, encoded: Encoded, implicit: bool) -> None:
        """Take the first object's output apart."""
        before = encoded.before
        start = len(PREAMBLE)
        (length,) = (int.from_bytes(before[start + 8 : start + 12], "little"),)
        self._rest = start + 12 + length
        uid = element_at(before, start + 12, implicit=False)  # version, class, instance, syntax ...
        for _ in range(_ELEMENTS_TO_THE_UID):
            uid = element_at(before, uid.end, implicit=False)
        self._places = (
            before[: start + 8],
            before[start + 12 : uid.start + 6],
            before[uid.end : self._rest],
            length - (uid.end - uid.value),
        )
        self._out = {
            raw.tag: before[raw.start : raw.end]
            for raw in top_level(before, self._rest, len(before), implicit=implicit)
        }

    def _arrange(self) -> None:
        """Join what stays the same between the elements that differ."""
        self._order = self._plan.order
        differing = frozenset(self._order)
        chunks: list[bytes | int] = []
        block: list[bytes] = []
        for tag, content in self._out.items():
            if tag not in differing:
                block.append(content)
                continue
            chunks += [b"".join(block), tag]
            block = []
        self._chunks = [*chunks, b"".join(block)]

    def _slot(self, raw: Raw, content: bytes) -> Slot[bytes] | None:
        """Return what treats an element that differs, None where it would not do what was done to the first object."""
        tag = raw.tag
        if tag in FIXED or is_creator(tag):
            return None
        sample = self._judge(tag, content)
        if sample is None or sample.content != self._out.get(tag, b""):
            return None
        is_gone = not sample.content
        if is_gone and tag >> 16 & 1 and raw.vr in _BINARY:
            return Slot(raw, content, lambda _content: b"", is_unread=True)
        quick = None if sample.names_someone else self._quick(tag, raw, content, sample.content)
        if tag in UIDS_OF_THE_OBJECT:
            return None if quick is None else Slot(raw, content, quick)
        judge, said = self._judge, sample.said

        def judged(fresh: bytes) -> bytes | None:
            answer = quick(fresh) if quick is not None else None
            if answer is not None:
                return answer
            found = judge(tag, fresh)
            if found is None or found.said != said or bool(found.content) is is_gone:
                return None
            return found.content

        return Slot(raw, content, judged)

    def _quick(self, tag: int, raw: Raw, content: bytes, expected: bytes) -> Quick | None:
        """Return the quick way, if it does to the first object's element what was done to it."""
        rule = self._rules.rule(tag)
        vr = raw.vr.decode("ascii") or rule.vr
        if not expected:
            quick = gone_for(vr)
        elif vr == "SQ":
            return quick_items(content, expected, self._rules.items(tag), self.mapper, self._encoding)
        elif tag >> 16 & 1:  # a private element that is safe, by the rule of its representation
            quick = quick_for(Rule(SIMPLE.get(vr, Op.KEEP), vr, "", ""), vr, self.mapper)
        else:
            quick = quick_for(rule, vr, self.mapper)
        if quick is None or quick(content) != expected:
            return None
        if vr.split(" ")[0] not in BINARY_NUMBERS:
            return quick
        # as many numbers as before: a wrong length swallows the elements that follow
        return lambda fresh: quick(fresh) if len(fresh) == len(content) else None


def _text(content: bytes) -> str:
    """Return the value of an encoded UID."""
    return content[8:].rstrip(b"\0").decode("ascii", "replace")
