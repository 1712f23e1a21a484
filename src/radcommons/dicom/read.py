"""Read the header of any DICOM file and find where its pixels lie, without reading them.

Real archives hold files without preamble, with wrong file meta information, with the wrong encoding, with values that
break their representation. What can be mended without inventing anything is mended with a finding; the rest ends as
`UnreadableInstance` with a reason. No message here holds a value.
"""

from __future__ import annotations

import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.dicom.repair import settle
from radcommons.dicom.sniff import HEAD_BYTES, Kind, sniff
from radcommons.dicom.stream import (
    ITEM,
    SEQUENCE_END,
    UNDEFINED,
    Element,
    Encoding,
    Walk,
    copy_span,
    observed_encoding,
)
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

MAX_HEADER_BYTES = 64 << 20
MAX_ELEMENT_BYTES = 16 << 20
MAX_META_BYTES = 1 << 20
MAX_INFLATED_BYTES = 2 << 30

_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."

# Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.3 C.7.6.3, C.7.6.24)
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
TRAILING_PADDING = 0xFFFCFFFC
GE_PRIVATE_SYNTAX = "1.2.840.113619.5.2"  # Implicit VR Little Endian with big endian pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelSpan:
    """Where the pixel element's value lies in the body (see `open_body`).

    Parameters
    ----------
    tag, vr : int, str
        The element; `vr` is empty where the stream names none.
    offset, length : int
        Bytes of the value; of an encapsulated one from the first item up to, not including, the sequence delimiter.
    encapsulated : bool
    fragments : int
        Items after the basic offset table, 0 for native pixels.
    is_complete : bool
        False where the file ends before the pixels do.
    """

    tag: int
    vr: str
    offset: int
    length: int
    encapsulated: bool
    fragments: int
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """All of an instance but its pixels.

    Parameters
    ----------
    dataset : Dataset
        Every element except pixel data and trailing padding, those after the pixels included; every value converted.
    file_meta : Dataset
        Group 0002 as it stood in the file.
    transfer_syntax : str
        The one that the bytes really have, as `write_instance` will state it; empty where none fits.
    declared_transfer_syntax : str
        What the file meta information said, empty if nothing.
    pixel : PixelSpan or None
    findings : tuple of Finding
    size : int
        Bytes of the file.
    is_deflated : bool
        The data set was deflated; offsets count in the inflated body.
    """

    dataset: Dataset
    file_meta: Dataset
    transfer_syntax: str
    declared_transfer_syntax: str
    pixel: PixelSpan | None
    findings: tuple[Finding, ...]
    size: int
    is_deflated: bool

    @property
    def is_directory(self) -> bool:
        """Tell whether this is a DICOMDIR (PS3.10 section 8.6)."""
        named = self.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage
        return named or "DirectoryRecordSequence" in self.dataset

    @property
    def encoding(self) -> Encoding:
        """Return the encoding of `transfer_syntax`."""
        return encoding_of(self.transfer_syntax)


def encoding_of(transfer_syntax: str) -> Encoding:
    """Return how a transfer syntax encodes its data set (PS3.5 annex A); unknown ones are Explicit Little Endian."""
    return Encoding(
        implicit=transfer_syntax in (ImplicitVRLittleEndian, GE_PRIVATE_SYNTAX),
        little=transfer_syntax != ExplicitVRBigEndian,
    )


def read_header(source: BinaryIO) -> Header:
    """Read everything but the pixels of a DICOM file.

    Parameters
    ----------
    source : binary file, seekable
        Left open, at an unspecified position.

    Returns
    -------
    Header

    Raises
    ------
    UnreadableInstance
        `reason` is a finding code: ``empty-file``, ``not-dicom``, ``truncated`` (inside the header) or ``unreadable``.

    Notes
    -----
    PHI: read into the data set, never into a message. Memory: the header, at most 64 MiB; a deflated file is
    inflated to a temporary file of at most 2 GiB.

    References
    ----------
    DICOM PS3.5 section 7 and annex A, PS3.10 section 7.
    """
    size = source.seek(0, io.SEEK_END)
    notes: list[Finding] = []
    start, file_meta = _read_meta(source, size, notes)
    declared = str(file_meta.get("TransferSyntaxUID", "") or "").strip("\0 ")
    if declared == DeflatedExplicitVRLittleEndian:
        with _inflated(source, start) as body:
            dataset, pixel, syntax = _read_body(body, 0, declared, notes)
    else:
        dataset, pixel, syntax = _read_body(source, start, declared, notes)
    named = str(file_meta.get("MediaStorageSOPClassUID", "") or "")
    if not dataset.get("SOPClassUID") and named.startswith(_STORAGE_ROOT):
        dataset.SOPClassUID = named
        _note_meta(notes, "The SOP Class UID was missing; it was taken from the file meta information.")
    return Header(
        dataset=dataset,
        file_meta=file_meta,
        transfer_syntax=syntax,
        declared_transfer_syntax=declared,
        pixel=pixel,
        findings=tuple(notes),
        size=size,
        is_deflated=declared == DeflatedExplicitVRLittleEndian,
    )


@contextmanager
def open_body(source: BinaryIO, header: Header) -> Iterator[BinaryIO]:
    """Give the stream that `header.pixel` counts in: the file itself, or a temporary inflated copy."""
    if not header.is_deflated:
        yield source
        return
    start, _ = _read_meta(source, header.size, [])
    with _inflated(source, start) as body:
        yield body


def _read_meta(source: BinaryIO, size: int, notes: list[Finding]) -> tuple[int, Dataset]:
    """Return where the data set begins, and group 0002; walked, for its group length is wrong too often."""
    source.seek(0)
    head = source.read(HEAD_BYTES)
    kind = sniff(head, "")
    if kind is Kind.EMPTY:
        raise UnreadableInstance("The file has no bytes.", reason="empty-file")
    if kind not in (Kind.DICOM, Kind.DICOM_BARE):
        raise UnreadableInstance("The file does not begin as a DICOM object does.", reason="not-dicom")
    start = 132 if kind is Kind.DICOM else 0
    walk = Walk(source, size, Encoding(implicit=False, little=True))
    position = start
    announced = None
    while position < min(size, MAX_META_BYTES):
        element = walk.element_at(position)
        if element.tag >> 16 != 0x0002:
            break
        position = walk.end_of(element)
        if element.tag == 0x00020000 and element.length == 4:
            source.seek(element.value)
            announced = position + int.from_bytes(source.read(4), "little")
    source.seek(start)
    file_meta = _parse(source.read(position - start), Encoding(implicit=False, little=True))
    settle(file_meta, notes, little=True)
    if kind is Kind.DICOM_BARE:
        _note_meta(notes, "The preamble was missing.")
    if position == start:
        _note_meta(notes, "The file meta information was missing.")
    elif announced != position:
        _note_meta(notes, "The group length of the file meta information was missing or wrong.")
    return position, file_meta


def _note_meta(notes: list[Finding], message: str) -> None:
    notes.append(Finding(code="meta-repaired", severity=Severity.NOTE, message=message))


def _note(notes: list[Finding], code: str, message: str, severity: Severity = Severity.NOTE) -> None:
    notes.append(Finding(code=code, severity=severity, message=message))


@contextmanager
def _inflated(source: BinaryIO, start: int) -> Iterator[BinaryIO]:
    """Inflate a deflated data set (PS3.5 annex A.5) to a temporary file, bounded."""
    source.seek(start)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with tempfile.SpooledTemporaryFile(max_size=16 << 20) as body:
        try:
            while piece := source.read(1 << 16):
                while piece:
                    body.write(inflater.decompress(piece, 1 << 20))
                    piece = inflater.unconsumed_tail
                    if body.tell() > MAX_INFLATED_BYTES:
                        raise UnreadableInstance("The deflated data set expands beyond 2 GiB.", reason="unreadable")
        except zlib.error:
            raise UnreadableInstance("The deflated data set does not inflate.", reason="unreadable") from None
        yield cast(BinaryIO, body)


def _read_body(
    body: BinaryIO, start: int, declared: str, notes: list[Finding]
) -> tuple[Dataset, PixelSpan | None, str]:
    end = body.seek(0, io.SEEK_END)
    body.seek(start)
    observed = observed_encoding(body.read(8))
    encoding = observed or encoding_of(declared)
    layout = _lay_out(Walk(body, end, encoding), start, notes)
    dataset = _parse(b"".join(b"".join(copy_span(body, first, last - first)) for first, last in layout.kept), encoding)
    settle(dataset, notes, little=encoding.little)
    if not dataset and layout.pixel is None:
        raise UnreadableInstance("The file holds no data set.", reason="unreadable")
    syntax = _real_syntax(body, declared, encoding, layout.pixel)
    if declared and declared not in (syntax, DeflatedExplicitVRLittleEndian, GE_PRIVATE_SYNTAX):
        _note_meta(notes, "The transfer syntax in the file meta information was not that of the data set.")
    elif not declared and syntax:
        _note_meta(notes, "The transfer syntax was missing; it was told from the bytes.")
    return dataset, layout.pixel, syntax


@dataclass(frozen=True, slots=True)
class _Layout:
    """The spans of the data set that are kept in memory, and the pixel span."""

    kept: list[tuple[int, int]]
    pixel: PixelSpan | None


def _lay_out(walk: Walk, start: int, notes: list[Finding]) -> _Layout:
    kept: list[tuple[int, int]] = []
    pixel: PixelSpan | None = None
    position, held = start, 0
    while position < walk.end:
        try:
            element = walk.element_at(position)
            if element.tag in PIXEL_TAGS:
                if pixel is not None:
                    raise UnreadableInstance("The data set has two pixel elements.", reason="unreadable")
                pixel, position = _pixel_span(walk, element, notes)
                continue
            if element.tag >> 16 in (0x0000, 0x0002, 0xFFFE):
                raise UnreadableInstance(f"No element of a data set at byte {position}.", reason="unreadable")
            position = walk.end_of(element)
        except UnreadableInstance as problem:
            if pixel is None or problem.what.startswith("The data set has two"):
                raise
            # Behind the pixels stand padding and private leftovers; nothing that an image needs is lost there.
            _note(notes, "value-repaired", "Bytes behind the pixel data were no elements and were dropped.")
            break
        if not _is_dropped(element, position, notes):
            kept.append((element.start, position))
            held += position - element.start
            if held > MAX_HEADER_BYTES:
                raise UnreadableInstance("The header is larger than 64 MiB.", reason="unreadable")
    return _Layout(kept, pixel)


def _is_dropped(element: Element, end: int, notes: list[Finding]) -> bool:
    """Tell whether an element never enters memory: trailing padding, and huge values of private elements."""
    if element.tag == TRAILING_PADDING:
        return True
    if end - element.value <= MAX_ELEMENT_BYTES:
        return False
    if not element.tag >> 16 & 1:
        raise UnreadableInstance("An element that is no pixel data is larger than 16 MiB.", reason="unreadable")
    _note(notes, "private-removed", "A private element of more than 16 MiB was left out.")
    return True


def _pixel_span(walk: Walk, element: Element, notes: list[Finding]) -> tuple[PixelSpan, int]:
    if element.length == UNDEFINED:
        return _encapsulated_span(walk, element, notes)
    there = min(element.length, walk.end - element.value)
    if there < element.length:
        _note_truncated(notes)
    span = PixelSpan(
        tag=element.tag,
        vr=element.vr,
        offset=element.value,
        length=there,
        encapsulated=False,
        fragments=0,
        is_complete=there == element.length,
    )
    return span, element.value + there


def _encapsulated_span(walk: Walk, element: Element, notes: list[Finding]) -> tuple[PixelSpan, int]:
    """Walk the fragments (PS3.5 annex A.4); their heads are little endian whatever else is."""
    position, items, is_complete, after = element.value, 0, False, walk.end
    head = Encoding(implicit=False, little=True)
    while position + 8 <= walk.end:
        item = walk.element_at(position, head)
        if item.tag == SEQUENCE_END:
            is_complete, after = True, item.value
            break
        if item.tag != ITEM or item.value + item.length > walk.end:
            break
        position = item.value + item.length
        items += 1
    else:
        is_complete = position == walk.end and items > 1
        if is_complete:
            _note(notes, "value-repaired", "The end mark of the pixel data was missing and was added.")
    if not is_complete:
        _note_truncated(notes)
        position = walk.end
    span = PixelSpan(
        tag=element.tag,
        vr=element.vr,
        offset=element.value,
        length=position - element.value,
        encapsulated=True,
        fragments=max(items - 1, 0),
        is_complete=is_complete,
    )
    return span, after


def _note_truncated(notes: list[Finding]) -> None:
    message = "The file ends before its pixel data does; copy it again from the source."
    _note(notes, "truncated", message, Severity.REFUSAL)


def _parse(encoded: bytes, encoding: Encoding) -> Dataset:
    try:
        return read_dataset(io.BytesIO(encoded), encoding.implicit, encoding.little)
    # A foreign parser over arbitrary bytes raises anything; its text and its chain may quote values, so both are cut.
    except Exception:
        raise UnreadableInstance("The data set cannot be parsed.", reason="unreadable") from None


def _real_syntax(body: BinaryIO, declared: str, encoding: Encoding, pixel: PixelSpan | None) -> str:
    """Return the transfer syntax that agrees with the bytes; encapsulated pixels keep the declared codec."""
    if pixel is not None and pixel.encapsulated:
        if declared not in ("", ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian):
            return declared
        return _codec_of(body, pixel)
    if encoding_of(declared) == encoding and declared not in ("", DeflatedExplicitVRLittleEndian):
        return declared
    if encoding.implicit:
        return str(ImplicitVRLittleEndian) if encoding.little else ""
    return str(ExplicitVRLittleEndian if encoding.little else ExplicitVRBigEndian)


def _codec_of(body: BinaryIO, pixel: PixelSpan) -> str:
    """Tell the codec of encapsulated pixels from their first bytes, empty where that is not certain."""
    for piece in copy_span(body, pixel.offset, min(pixel.length, 1 << 16)):
        table = int.from_bytes(piece[4:8], "little")
        code = piece[8 + table + 8 :]
        for magic, syntax in _CODECS:
            if magic in code[:4096] and code[:2] == b"\xff\xd8":
                return syntax
        if code.startswith(b"\xff\x4f\xff\x51"):
            return "1.2.840.10008.1.2.4.91"
    return ""


# A start-of-frame marker with its precision tells the JPEG process (ITU-T T.81 table B.1, T.87 annex C).
_CODECS = (
    (b"\xff\xf7", "1.2.840.10008.1.2.4.81"),
    (b"\xff\xc3", "1.2.840.10008.1.2.4.57"),
    (b"\xff\xc1", "1.2.840.10008.1.2.4.51"),
    (b"\xff\xc0", "1.2.840.10008.1.2.4.50"),
)
