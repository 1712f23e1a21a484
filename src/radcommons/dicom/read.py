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
from radcommons.dicom.layout import PIXEL_TAGS, PixelSpan, lay_out
from radcommons.dicom.repair import settle
from radcommons.dicom.sniff import HEAD_BYTES, Kind, sniff
from radcommons.dicom.stream import Encoding, Walk, copy_span, observed_encoding
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

__all__ = ["PIXEL_TAGS", "Header", "PixelSpan", "encoding_of", "open_body", "read_header"]

MAX_META_BYTES = 1 << 20
MAX_INFLATED_BYTES = 2 << 30

_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."

GE_PRIVATE_SYNTAX = "1.2.840.113619.5.2"  # Implicit VR Little Endian with big endian pixels


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
        return self.pixel is None and (named or "DirectoryRecordSequence" in self.dataset)

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


def read_header(source: BinaryIO, *, salvages: bool = False) -> Header:
    """Read everything but the pixels of a DICOM file.

    Parameters
    ----------
    source : binary file, seekable
        Left open, at an unspecified position.
    salvages : bool
        Of a file that ends inside its header, return what stands before, with a note.

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
            dataset, pixel, syntax = _read_body(body, 0, declared, notes, salvages=salvages)
    else:
        dataset, pixel, syntax = _read_body(source, start, declared, notes, salvages=salvages)
    named = str(file_meta.get("MediaStorageSOPClassUID", "") or "")
    if not dataset.get("SOPClassUID") and named.startswith(_STORAGE_ROOT):
        dataset.add_new(0x00080016, "UI", named)  # whatever representation stood there
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
    file_meta = parse(source.read(position - start), Encoding(implicit=False, little=True))
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
    body: BinaryIO, start: int, declared: str, notes: list[Finding], *, salvages: bool
) -> tuple[Dataset, PixelSpan | None, str]:
    end = body.seek(0, io.SEEK_END)
    body.seek(start)
    observed = observed_encoding(body.read(8))
    encoding = observed or encoding_of(declared)
    layout = lay_out(Walk(body, end, encoding), start, notes, salvages=salvages)
    dataset = parse(b"".join(b"".join(copy_span(body, first, last - first)) for first, last in layout.kept), encoding)
    settle(dataset, notes, little=encoding.little)
    if not dataset and layout.pixel is None:
        raise UnreadableInstance("The file holds no data set.", reason="unreadable")
    syntax = _real_syntax(body, declared, encoding, layout.pixel)
    if declared and declared not in (syntax, DeflatedExplicitVRLittleEndian, GE_PRIVATE_SYNTAX):
        _note_meta(notes, "The transfer syntax in the file meta information was not that of the data set.")
    elif not declared and syntax:
        _note_meta(notes, "The transfer syntax was missing; it was told from the bytes.")
    return dataset, layout.pixel, syntax


def parse(encoded: bytes, encoding: Encoding) -> Dataset:
    """Return the data set that stands in encoded form, not converted yet.

    Raises
    ------
    UnreadableInstance
        If it cannot be parsed; without what stands in it.
    """
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
