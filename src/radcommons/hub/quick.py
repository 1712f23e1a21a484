"""Judge an arriving object by its raw bytes: what was found of a header like it is known already.

Slices of a series differ in numbers, times and UIDs that no judgement looks at. So the judgements of `check` and
`identity_findings` are kept by all that they look at, and most objects are never parsed. What is odd in any way goes
the careful way.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.datadict import dictionary_VR

from radcommons.catalogue.readings import Reading
from radcommons.dicom.conformance import check
from radcommons.dicom.deidentify_check import ALWAYS_EMPTY, DOCUMENT, is_foreign_uid
from radcommons.dicom.elements import Irregular
from radcommons.dicom.frameindex import (
    NOWHERE,
    FrameIndex,
    Shape,
    encapsulated_frames,
    items_at,
    native_frames,
    require_nothing_behind,
)
from radcommons.dicom.rawheader import RawHeader, scan
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.stream import UNDEFINED
from radcommons.dicomweb.rawjson import document
from radcommons.hub.arrive import Arrived
from radcommons.hub.header import reading_of
from radcommons.hub.identity import identity_findings
from radcommons.records.finding import Finding

UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_LONGEST_UID = 64
_LARGEST_INTEGER = 2**31 - 1
_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_PATIENT, _MODALITY, _NUMBER, _FRAMES = 0x00100020, 0x00080060, 0x00200013, 0x00280008
_SAMPLES, _INTERPRETATION, _ROWS, _COLUMNS, _BITS = 0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100
_IMAGE = (_SAMPLES, _INTERPRETATION, _FRAMES, _ROWS, _COLUMNS, _BITS, 0x00280101, 0x00280102, 0x00280103)
_STUDY_DATE, _EXTENDED_TABLE = 0x00080020, 0x7FE00001
# Values that no judgement of identity looks at; that an element of such a representation is there, it does.
_NUMERIC = frozenset(b"DS IS US SS UL SL UV SV FL FD AT TM DA DT AS OB OW OF OD OL OV".split())
_LOOKED_AT = ALWAYS_EMPTY | {_STUDY_DATE, DOCUMENT}
_LONGEST_HEADER = 4 << 20
_LONGEST_KEY = 8 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What an arriving object says of itself, and what was found about it."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    patient: str
    transfer_syntax_uid: str
    reading: Reading
    grave: tuple[Finding, ...]  # of integrity and conformance
    identity: tuple[Finding, ...]


def read_arrived(one: Arrived) -> Read:
    """Return what an object says, and the findings about it.

    Raises
    ------
    UnreadableInstance
        If it is no DICOM object.
    """
    with _Opened(one) as source:
        try:
            return _read_raw(one, source)
        except Irregular:
            return _read_with_care(source.file)


class _Opened:
    """An object that is opened when more of it is needed than its head."""

    def __init__(self, one: Arrived) -> None:
        self._one = one
        self._file: BinaryIO | None = None

    @property
    def file(self) -> BinaryIO:
        if self._file is None:
            self._file = self._one.open()
        return self._file

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _read_with_care(source: BinaryIO) -> Read:
    header = read_header(source)

    def text(keyword: str) -> str:
        return str(header.dataset.get(keyword, "") or "").strip()

    return Read(
        sop_class_uid=text("SOPClassUID"),
        sop_instance_uid=text("SOPInstanceUID"),
        study_instance_uid=text("StudyInstanceUID"),
        series_instance_uid=text("SeriesInstanceUID"),
        patient=text("PatientID"),
        transfer_syntax_uid=header.transfer_syntax,
        reading=reading_of(header, source),
        grave=(*header.findings, *check(header.dataset, header)),
        identity=tuple(identity_findings(header.dataset)),
    )


def _read_raw(one: Arrived, source: _Opened) -> Read:
    def read(offset: int, length: int) -> bytes:
        if offset + length <= len(one.head):
            return one.head[offset : offset + length]
        source.file.seek(offset)
        return source.file.read(length)

    raw = _scan(one, read)
    items, fragments = None, 0
    if raw.pixel is not None and raw.pixel.length == UNDEFINED:
        items, end = items_at(read, raw.pixel.value, one.size)
        fragments = len(items) - 1
    else:
        end = raw.pixel.end if raw.pixel is not None else one.size
    require_nothing_behind(read, end, one.size)
    frames = _frames(raw)
    reading = Reading(
        modality=raw.text(_MODALITY)[:16],
        number=_bounded(raw.whole(_NUMBER)),
        rows=_bounded(raw.whole(_ROWS)),
        columns=_bounded(raw.whole(_COLUMNS)),
        frames=frames if raw.pixel is not None else None,
        document=document(raw),
        index=_index(raw, items, frames, read),
    )

    # The careful way reads the file once for all objects whose judgement would be the same.
    header = _Once(lambda: read_header(source.file))
    shape = _shape_key(raw, fragments)
    return Read(
        sop_class_uid=raw.text(_SOP_CLASS),
        sop_instance_uid=raw.text(_SOP_INSTANCE),
        study_instance_uid=raw.text(_STUDY),
        series_instance_uid=raw.text(_SERIES),
        patient=raw.text(_PATIENT),
        transfer_syntax_uid=raw.transfer_syntax,
        reading=reading,
        grave=_GRAVE.of(shape, lambda: (*header.value.findings, *check(header.value.dataset, header.value))),
        identity=_IDENTITY.of(_identity_key(raw), lambda: tuple(identity_findings(header.value.dataset))),
    )


def _scan(one: Arrived, read: Callable[[int, int], bytes]) -> RawHeader:
    try:
        return scan(one.head, one.size)
    except Irregular:
        if one.size <= len(one.head) or len(one.head) >= _LONGEST_HEADER:
            raise
    return scan(read(0, min(one.size, _LONGEST_HEADER)), one.size)


def _frames(raw: RawHeader) -> int:
    number = raw.whole(_FRAMES)
    return number if number is not None and number > 0 else 1


def _bounded(number: int | None) -> int | None:
    return number if number is not None and abs(number) <= _LARGEST_INTEGER else None


def _index(
    raw: RawHeader, items: list[tuple[int, int]] | None, frames: int, read: Callable[[int, int], bytes]
) -> FrameIndex:
    if raw.pixel is None:
        return NOWHERE
    if items is not None:
        return encapsulated_frames(items, frames, read=read, extended=raw.raw(_EXTENDED_TABLE))
    shape = Shape(
        rows=raw.whole(_ROWS) or 0,
        columns=raw.whole(_COLUMNS) or 0,
        samples=raw.whole(_SAMPLES) or 1,
        bits={0x7FE00008: 32, 0x7FE00009: 64}.get(raw.pixel.tag) or raw.whole(_BITS) or 0,
        frames=frames,
        is_subsampled=raw.raw(_INTERPRETATION).startswith(b"YBR_FULL_422"),
    )
    return native_frames(shape, offset=raw.pixel.value, length=raw.pixel.length)


class _Once:
    """A value that is made when it is first asked for."""

    def __init__(self, make: Callable[[], Header]) -> None:
        self._make = make
        self._made: Header | None = None

    @property
    def value(self) -> Header:
        if self._made is None:
            self._made = self._make()
        return self._made


class _Known:
    """A bounded memory of judgements by all that they depend on."""

    def __init__(self, most: int = 2048) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, tuple[Finding, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, judge: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
                return held
        found = judge()
        with self._lock:
            self._held[key] = found
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return found


_GRAVE, _IDENTITY = _Known(), _Known()


def _shape_key(raw: RawHeader, fragments: int) -> Hashable:
    """Return all that conformance depends on: see `conformance.check` and `read_header`'s findings."""
    pixel = raw.pixel
    named = tuple(bool(raw.raw(tag).strip(b"\0 ")) for tag in (_SOP_INSTANCE, _STUDY, _SERIES, _MODALITY))
    told = None if pixel is None else (pixel.tag, pixel.length, pixel.vr)
    return raw.transfer_syntax, raw.raw(_SOP_CLASS), named, tuple(map(raw.raw, _IMAGE)), told, fragments


def _identity_key(raw: RawHeader) -> Hashable:
    """Return all that `identity_findings` looks at: every element, and the values of those with words or UIDs.

    It is about as long as the header, so of a long one a digest is kept.
    """
    head = raw.head
    pieces: list[Hashable] = [raw.implicit, raw.transfer_syntax]
    add = pieces.append
    for tag, vr, _, value, end, _ in raw.elements:
        if not vr:
            vr = _dictionary_vr(tag)
        add(tag)
        add(vr)
        if vr == b"UI":
            add(_are_foreign(tag, head[value:end]))
        elif vr not in _NUMERIC or tag in _LOOKED_AT:
            add(head[value:end])
    found = tuple(pieces)
    is_short = not raw.elements or raw.elements[-1].end <= _LONGEST_KEY
    return found if is_short else hashlib.sha256(repr(found).encode()).digest()


def _are_foreign(tag: int, value: bytes) -> Hashable:
    """Return what identity depends on of UIDs: which of them are nobody's; of the class, the value itself."""
    uids = value.decode("latin-1").split("\\")
    return tuple(is_foreign_uid(tag, uid.strip("\0 ")) for uid in uids), value if tag == _SOP_CLASS else b""


_VRS: dict[int, bytes] = {}


def _dictionary_vr(tag: int) -> bytes:
    """Return the representation that the standard gives an element, empty where it gives none or several."""
    found = _VRS.get(tag)
    if found is None:
        try:
            told = dictionary_VR(tag)
        except KeyError:
            told = ""
        found = b"" if " " in told else told.encode()
        if len(_VRS) < 65536:
            _VRS[tag] = found
    return found
