"""Ask file after file for the same facts, and look closely only at elements that could change the answer.

The first pass of a de-identification asks every object whom it is about. Slices of a series answer alike: their names
are the same bytes, and what differs are numbers, times and UIDs, which name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Generic, TypeVar

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from radcommons.dicom.deidentify_stream import Mend
from radcommons.dicom.elements import Irregular, Meta, Raw, element_at, meta_of, top_level
from radcommons.dicom.headerkind import FIXED, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY
from radcommons.dicom.part import is_creator, parse_alone
from radcommons.dicom.plan import Plan, Slot
from radcommons.dicom.quick_items import items_of
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.stream import Encoding
from radcommons.dicom.window import WINDOW_BYTES, Window, pixels_of
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

HEAD_BYTES = 1 << 16
MOST_KINDS = 12
_UIDS = frozenset({SOP_INSTANCE, STUDY, SERIES})
_UID = re.compile(rb"[0-2](?:\.(?:0|[1-9][0-9]*))+\0?")
_NUMBERS = re.compile(rb"[0-9+\-.eE\\: ]*")
_BINARY = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})
_PRINTED = frozenset({"DS", "IS", "DA", "DT", "TM"})
_LONGEST_UID = 64

F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Generic[F]):
    """The facts of one object.

    Parameters
    ----------
    facts : F
        The same object for all headers that answer alike.
    study_uid, series_uid, sop_uid : str
        As they stand in the file, or as they were mended.
    findings : tuple of Finding
        A refusal among them means that the object cannot be used, and that `facts` are of what could be read.
    header : Header or None
        Where it was read with care.
    """

    facts: F
    study_uid: str
    series_uid: str
    sop_uid: str
    findings: tuple[Finding, ...] = ()
    header: Header | None = None


class FactsReader(Generic[F]):
    """Asks headers for facts.

    Parameters
    ----------
    facts : callable
        Returns what is wanted to know of a data set, to be compared by value. It has to follow from the elements one by
        one: what a union of elements says must be the union of what they say. Elements of numbers, dates, times and
        UIDs may matter to it only by tags of PS3.3 C.7.1.1 (the patient), or where they stand in the first header.
    mend : callable, optional
        As for `StreamCleaner`.
    """

    def __init__(self, facts: Callable[[Dataset], F], *, mend: Mend | None = None) -> None:
        self._facts = facts
        self._mend = mend
        self._window = Window()
        self._kinds: list[_Asking[F]] = []
        self._head_bytes = HEAD_BYTES

    def read(self, source: BinaryIO) -> Asked[F]:
        """Return the facts of one object.

        Raises
        ------
        UnreadableInstance
            If the header cannot be read.
        """
        self._window.load(source, self._head_bytes)
        head = self._window.head(self._head_bytes)
        try:
            meta = meta_of(head)
        except Irregular:
            return self._careful(source, None, head)
        for place, kind in enumerate(self._kinds):
            found = kind.ask(head, meta, source, self._window.size)
            if found is not None:
                if place:
                    self._kinds.insert(0, self._kinds.pop(place))
                return found
        return self._careful(source, meta, head)

    def _careful(self, source: BinaryIO, meta: Meta | None, head: bytes) -> Asked[F]:
        header = read_header(source)
        dataset, mended = (header.dataset, ()) if self._mend is None else self._mend(header, source)
        facts = self._facts(dataset)
        first = Asked(
            facts=facts,
            study_uid=_text_of(dataset, STUDY),
            series_uid=_text_of(dataset, SERIES),
            sop_uid=_text_of(dataset, SOP_INSTANCE),
            findings=(*header.findings, *mended),
            header=header,
        )
        is_whole = not any(one.severity is Severity.REFUSAL for one in header.findings)
        if meta is not None and is_whole and not mended and header.transfer_syntax == meta.syntax:
            try:
                kind = _Asking(first, head, meta, self._facts)
            except Irregular:
                end = self._window.size if header.pixel is None else header.pixel.offset + HEAD_BYTES // 16
                self._head_bytes = min(max(self._head_bytes, end), WINDOW_BYTES)
                return first
            self._kinds.insert(0, kind)
            del self._kinds[MOST_KINDS:]
        return first


class _Asking(Generic[F]):
    """The headers that differ from a first one in elements that do not change the facts."""

    def __init__(self, first: Asked[F], head: bytes, meta: Meta, facts: Callable[[Dataset], F]) -> None:
        assert first.header is not None
        self._first = first
        self._facts = facts
        self._meta_kind = meta.kind
        self._encoding: Encoding = first.header.encoding
        self._has_pixels = first.header.pixel is not None
        if not self._encoding.little or first.header.is_deflated:
            raise Irregular
        elements = list(top_level(head, meta.end, len(head), implicit=self._encoding.implicit))
        tags = {int(tag) for tag in first.header.dataset.keys()}  # noqa: SIM118  (iterating yields elements)
        if not elements or {raw.tag for raw in elements if raw.tag & 0xFFFF} != tags:
            raise Irregular
        character_set = [head[raw.start : raw.end] for raw in elements if raw.tag == 0x00080005]
        self._company = b"".join(character_set)
        self._plan: Plan[str] = Plan(head, elements, implicit=self._encoding.implicit, open_slot=self._slot)

    def ask(self, head: bytes, meta: Meta, source: BinaryIO, size: int) -> Asked[F] | None:
        """Return the facts of another object, None if it is not of this kind."""
        if meta.kind != self._meta_kind:
            return None
        matched = self._plan.match(head, meta.end)
        if matched is None or not self._ends_well(matched[0], head, source, size):
            return None
        uids = dict(zip(self._plan.order, matched[1], strict=True))
        return Asked(
            facts=self._first.facts,
            study_uid=uids.get(STUDY) or self._first.study_uid,
            series_uid=uids.get(SERIES) or self._first.series_uid,
            sop_uid=uids.get(SOP_INSTANCE) or self._first.sop_uid,
            findings=self._first.findings,
        )

    def _ends_well(self, end: int, head: bytes, source: BinaryIO, size: int) -> bool:
        """Say whether nothing but whole pixels, or nothing at all, follows the header."""
        if end == size or not self._has_pixels:
            return end == size and not self._has_pixels
        try:
            return pixels_of(source, size, element_at(head, end, implicit=self._encoding.implicit)) is not None
        except Irregular:
            return False

    def _slot(self, raw: Raw, content: bytes) -> Slot[str] | None:
        tag = raw.tag
        if tag in _UIDS:
            return Slot(raw, content, _uid_text)
        if (tag in FIXED and tag != SOP_CLASS) or is_creator(tag):
            return None
        own = self._told(content)
        if own is None:
            return None
        is_nobody = own == self._facts(Dataset())
        encoding = self._encoding

        def judged(fresh: bytes) -> str | None:
            if is_nobody and differs_plainly(content, fresh, encoding):
                return "-"
            return "-" if self._told(fresh) == own else None

        return Slot(raw, content, judged)

    def _told(self, content: bytes) -> F | None:
        try:
            return self._facts(parse_alone(self._company + content, self._encoding))
        except UnreadableInstance:
            return None


def differs_plainly(first: bytes, second: bytes, encoding: Encoding) -> bool:
    """Say whether two encoded elements of one tag differ at most in numbers, dates, times and UIDs."""
    try:
        return _differs_plainly(first, second, encoding)
    except Irregular:
        return False


def _differs_plainly(first: bytes, second: bytes, encoding: Encoding) -> bool:
    raw = element_at(second, 0, implicit=encoding.implicit)
    vr = raw.vr.decode("ascii") or _vr_of(raw.tag)
    if vr == "SQ":
        pairs = zip(items_of(first, encoding), items_of(second, encoding), strict=False)
        return len(items_of(first, encoding)) == len(items_of(second, encoding)) and all(
            _items_differ_plainly(first, second, own, other, encoding) for own, other in pairs
        )
    return _is_plain(first, raw, vr) and _is_plain(second, raw, vr)


def _items_differ_plainly(first: bytes, second: bytes, own: list[Raw], other: list[Raw], encoding: Encoding) -> bool:
    if [(raw.tag, raw.vr) for raw in own] != [(raw.tag, raw.vr) for raw in other]:
        return False
    pairs = ((first[a.start : a.end], second[b.start : b.end]) for a, b in zip(own, other, strict=True))
    return all(a == b or _differs_plainly(a, b, encoding) for a, b in pairs)


def _is_plain(content: bytes, raw: Raw, vr: str) -> bool:
    value = content[raw.value - raw.start :]
    if vr == "UI":
        return bool(_UID.fullmatch(value))
    if vr in _PRINTED:
        return bool(_NUMBERS.fullmatch(value))
    return vr in _BINARY


def _uid_text(content: bytes) -> str | None:
    value = content[8:]
    if len(value) > _LONGEST_UID or not _UID.fullmatch(value):
        return None
    return value.rstrip(b"\0").decode("ascii")


def _vr_of(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def _text_of(dataset: Dataset, tag: int) -> str:
    return str(dataset[tag].value or "").strip(" \0") if tag in dataset else ""
