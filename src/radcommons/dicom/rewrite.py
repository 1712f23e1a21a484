"""Write an instance: a fresh file meta information, the header given, and the source's own pixel bytes, untouched.

Pixels pass as bytes, never as numbers, so no step can change one unasked; `pixel_digest` proves it.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID

from radcommons.dicom.read import PIXEL_TAGS, Header, PixelSpan, encoding_of, open_body
from radcommons.dicom.stream import Encoding, copy_span
from radcommons.records.errors import UnreadableInstance

# A UUID-derived UID (PS3.5 annex B.2) made once for this program; it names the writer, not a version of it.
IMPLEMENTATION_CLASS_UID = "2.25.219435758686649713324481092951559508677"
IMPLEMENTATION_VERSION_NAME = "RADCOMMONS_0.1"

PREAMBLE = bytes(128) + b"DICM"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_FLOAT_VR = {0x7FE00008: "OF", 0x7FE00009: "OD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: `sha256` of the whole file in hexadecimal, empty if nobody wanted it, and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A header ready to be written: all of the file before and behind the pixels.

    Parameters
    ----------
    before, after : bytes
        From the preamble to the last element below the pixels; the elements behind them.
    transfer_syntax : str
    has_small_pixels : bool
        At most eight bits are allocated, which decides the representation of pixels that had none.
    """

    before: bytes
    after: bytes
    transfer_syntax: str
    has_small_pixels: bool


def encode_header(dataset: Dataset, *, transfer_syntax: str) -> Encoded:
    """Encode preamble, fresh file meta information and data set.

    Raises
    ------
    UnreadableInstance
        If the data set cannot be encoded, or the transfer syntax is unknown (empty).
    """
    if not transfer_syntax:
        raise UnreadableInstance(
            "The transfer syntax could not be told from the bytes.", reason="unsupported-transfer-syntax"
        )
    before, after = _encode_around_pixels(dataset, encoding_of(transfer_syntax))
    return Encoded(
        before=b"".join((PREAMBLE, _file_meta(dataset, transfer_syntax), before)),
        after=after,
        transfer_syntax=transfer_syntax,
        has_small_pixels=(dataset.get("BitsAllocated") or 16) <= 8,
    )


def write_instance(dataset: Dataset, *, header: Header, source: BinaryIO, target: BinaryIO) -> Written:
    """Write `dataset` with the pixels of `source` as a DICOM file.

    Parameters
    ----------
    dataset : Dataset
        The header to write, without pixel elements; its UIDs go to the file meta information.
    header : Header
        What `read_header` said of `source`: transfer syntax and pixel span.
    source, target : binary files
        The pixels' origin (seekable) and the destination (only ``write`` is used).

    Returns
    -------
    Written

    Raises
    ------
    UnreadableInstance
        If the data set cannot be encoded, its pixels are incomplete or the source's transfer syntax is unknown.

    Notes
    -----
    PHI: writes what it is given, with a zeroed preamble. A deflated object is written as Explicit VR Little Endian,
    because its data set changes anyway. Trailing padding is dropped. Memory: the header and 1 MiB.

    References
    ----------
    DICOM PS3.10 section 7.1, PS3.5 annex A.4.
    """
    require_complete(header.pixel)
    encoded = encode_header(dataset, transfer_syntax=header.transfer_syntax)
    writer = Writer(target)
    writer.write(encoded.before)
    if header.pixel is not None:
        with open_body(source, header) as body:
            head, tail = around_pixels(header.pixel, encoded)
            writer.write(head)
            for piece in copy_span(body, header.pixel.offset, header.pixel.length):
                writer.write(piece)
            writer.write(tail)
    writer.write(encoded.after)
    return writer.written()


def require_complete(pixel: PixelSpan | None) -> None:
    """Refuse pixels that the file does not wholly hold.

    Raises
    ------
    UnreadableInstance
        Reason ``truncated``.
    """
    if pixel is not None and not pixel.is_complete:
        raise UnreadableInstance("The pixel data are truncated.", reason="truncated")


def pixel_digest(source: BinaryIO, header: Header) -> str:
    """Return the SHA-256 of the bytes of the pixel value, in hexadecimal; of nothing where there are no pixels.

    Notes
    -----
    Of encapsulated pixels: every item, head included, without the end mark; so a rebuilt end mark changes nothing.
    """
    digest = hashlib.sha256()
    if header.pixel is not None:
        with open_body(source, header) as body:
            for piece in copy_span(body, header.pixel.offset, header.pixel.length):
                digest.update(piece)
    return digest.hexdigest()


def content_digest(source: BinaryIO) -> str:
    """Return the SHA-256 of a whole seekable file, in hexadecimal, read from its beginning in pieces."""
    digest = hashlib.sha256()
    source.seek(0)
    while piece := source.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


class Writer:
    """Writes through to a target and keeps size and, if it is wanted, digest."""

    __slots__ = ("_digest", "_size", "_target")

    def __init__(self, target: BinaryIO, *, wants_digest: bool = True) -> None:
        self._target = target
        self._digest = hashlib.sha256() if wants_digest else None
        self._size = 0

    def write(self, piece: bytes | memoryview) -> None:
        """Write all of a piece, also where the target takes part of it at a time."""
        if self._digest is not None:
            self._digest.update(piece)
        length = len(piece)
        self._size += length
        done = self._target.write(piece)
        # an unbuffered file may take less than it is given; one that tells nothing has taken all
        while done is not None and done < length:
            piece, length = piece[done:], length - done
            done = self._target.write(piece)

    def written(self) -> Written:
        """Return what was written so far."""
        return Written(sha256=self._digest.hexdigest() if self._digest is not None else "", size=self._size)


def _encode_around_pixels(dataset: Dataset, encoding: Encoding) -> tuple[bytes, bytes]:
    """Return the encoded elements before and behind the place of the pixels."""
    first, last = Dataset(), Dataset()
    boundary = min(PIXEL_TAGS)
    for tag in dataset.keys():  # noqa: SIM118  (iterating a data set yields elements)
        if tag in PIXEL_TAGS or tag.group in (0x0000, 0x0002):
            continue
        (first if tag < boundary else last)[tag] = dataset[tag]
    if "SpecificCharacterSet" in dataset:
        last.SpecificCharacterSet = dataset.SpecificCharacterSet
    before = encode(first, encoding)
    if set(last.keys()) <= {0x00080005}:
        return before, b""
    characters = last.pop(0x00080005, None)
    return before, encode(last, encoding, "iso8859" if characters is None else characters.value)


def encode(dataset: Dataset, encoding: Encoding, characters: object = "iso8859") -> bytes:
    """Return encoded elements.

    Raises
    ------
    UnreadableInstance
        If one cannot be encoded.
    """
    _settle_ambiguous(dataset)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = encoding.implicit, encoding.little
    try:
        write_dataset(buffer, dataset, characters)  # type: ignore[arg-type]
    # pydicom's writers raise as they please and quote the value; neither its text nor its chain may leave.
    except Exception:
        raise UnreadableInstance("The data set cannot be encoded.", reason="unreadable") from None
    return buffer.getvalue()


def _settle_ambiguous(dataset: Dataset) -> None:
    """Write an undecided "US or SS" as unsigned and an undecided "US or OW" or "OB or OW" as OW, as bytes allow."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _settle_ambiguous(item)
        elif " or " in element.VR:
            if element.value is None or isinstance(element.value, bytes):
                element.VR = "OW"
            else:
                element.VR = "US"


def _file_meta(dataset: Dataset, transfer_syntax: str) -> bytes:
    named = (str(dataset.get(keyword, "") or "") for keyword in ("SOPClassUID", "SOPInstanceUID"))
    return file_meta(*named, transfer_syntax=transfer_syntax)


def file_meta(sop_class: str, sop_instance: str, *, transfer_syntax: str) -> bytes:
    """Encode a file meta information that says what must be said and nothing of where the file came from.

    Raises
    ------
    UnreadableInstance
        If a UID is missing.
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    buffer = DicomBytesIO()
    try:
        write_file_meta_info(buffer, meta, enforce_standard=True)
    except (AttributeError, ValueError):
        raise UnreadableInstance("SOP Class UID or SOP Instance UID is missing.", reason="not-conformant") from None
    return buffer.getvalue()


def around_pixels(pixel: PixelSpan, encoded: Encoded) -> tuple[bytes, bytes]:
    """Return what stands before the pixel value, its element's head, and behind it: end mark or padding."""
    length = pixel.length + pixel.length % 2
    head = _pixel_head(pixel, 0xFFFFFFFF if pixel.encapsulated else length, encoded)
    # PS3.5 section 8.1.1: a value has an even length
    return head, _SEQUENCE_END if pixel.encapsulated else b"\x00" * (pixel.length % 2)


def _pixel_head(pixel: PixelSpan, length: int, encoded: Encoded) -> bytes:
    encoding = encoding_of(encoded.transfer_syntax)
    order = "<" if encoding.little else ">"
    tag = struct.pack(order + "HH", pixel.tag >> 16, pixel.tag & 0xFFFF)
    if encoding.implicit:
        return tag + struct.pack(order + "I", length)
    return tag + _pixel_vr(pixel, encoded).encode() + b"\x00\x00" + struct.pack(order + "I", length)


def _pixel_vr(pixel: PixelSpan, encoded: Encoded) -> str:
    """Return the value representation of PS3.5 section 8.2 and annex A.4; the source's, where it may stand."""
    if pixel.tag in _FLOAT_VR:
        return _FLOAT_VR[pixel.tag]
    if pixel.encapsulated:
        return "OB"
    if pixel.vr in ("OB", "OW"):
        return pixel.vr
    return "OB" if encoded.has_small_pixels else "OW"
