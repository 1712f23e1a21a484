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
from radcommons.dicom.elements import Irregular, Meta, MetaReader, Raw, element_at, top_level
from radcommons.dicom.headerkind import FIXED, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY
from radcommons.dicom.layout import PIXEL_TAGS
from radcommons.dicom.part import is_creator, parse_alone
from radcommons.dicom.plan import Plan, Slot
from radcommons.dicom.quick_items import items_of
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.salvage import completed
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
    mend, salvages : optional
        As for `StreamCleaner`.
    """

    def __init__(self, facts: Callable[[Dataset], F], *, mend: Mend | None = None, salvages: bool = True) -> None:
        self._salvages = salvages
        self._facts = facts
        self._mend = mend
        self._window = Window()
        self._metas = MetaReader()
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
            meta = self._metas.read(head)
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
        header = read_header(source, salvages=self._salvages)
        if self._salvages:
            header, _ = completed(header, source)
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
            # What was said of damage behind the pixels holds for this file alone, so it is no example for others.
            if kind.ask(head, meta, source, self._window.size) is None:
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
            raw = element_at(head, end, implicit=self._encoding.implicit)
            return raw.tag in PIXEL_TAGS and pixels_of(source, size, raw) is not None
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
        plain = _plain_judge(raw, content, self._encoding) if own == self._facts(Dataset()) else None
        if plain is not None and raw.vr.decode("ascii") in _BINARY:
            return Slot(raw, content, lambda _fresh: "-", is_unread=True)

        def judged(fresh: bytes) -> str | None:
            return "-" if (plain is not None and plain(fresh)) or self._told(fresh) == own else None

        return Slot(raw, content, judged)

    def _told(self, content: bytes) -> F | None:
        try:
            return self._facts(parse_alone(self._company + content, self._encoding))
        except UnreadableInstance:
            return None


def _plain_judge(raw: Raw, first: bytes, encoding: Encoding) -> Callable[[bytes], bool] | None:
    """Return what says whether another encoded form differs at most in numbers, dates, times and UIDs."""
    vr = raw.vr.decode("ascii") or _vr_of(raw.tag)
    value_at = raw.value - raw.start
    if vr == "SQ":
        return _plain_items(first, encoding)
    shape = _UID if vr == "UI" else _NUMBERS if vr in _PRINTED else None
    if shape is None:
        return (lambda _content: True) if vr in _BINARY else None
    if not shape.fullmatch(first, value_at):
        return None
    matches = shape.fullmatch
    return lambda content: matches(content, value_at) is not None


def _plain_items(first: bytes, encoding: Encoding) -> Callable[[bytes], bool] | None:
    try:
        own = items_of(first, encoding)
    except Irregular:
        return None
    judges: dict[tuple[int, int], Callable[[bytes], bool] | None] = {}

    def is_plain(content: bytes) -> bool:
        try:
            other = items_of(content, encoding)
        except Irregular:
            return False
        return len(own) == len(other) and all(map(items_are_plain, range(len(own)), other, [content] * len(own)))

    def items_are_plain(number: int, other: list[Raw], content: bytes) -> bool:
        raws = own[number]
        if len(raws) != len(other):
            return False
        for place, (a, b) in enumerate(zip(raws, other, strict=True)):
            if a.tag != b.tag or a.vr != b.vr:
                return False
            before, after = first[a.start : a.end], content[b.start : b.end]
            if before == after:
                continue
            if (number, place) not in judges:
                judges[number, place] = _plain_judge(a, before, encoding)
            judge = judges[number, place]
            if judge is None or not judge(after):
                return False
        return True

    return is_plain


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
