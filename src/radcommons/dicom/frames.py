"""Decode frames one at a time, so that a multi-frame object of any size takes the memory of one frame."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.dicom.read import GE_PRIVATE_SYNTAX, Header, PixelSpan, encoding_of, open_body
from radcommons.dicom.stream import Encoding, Walk
from radcommons.records.errors import UnreadableInstance

Frame = np.ndarray[Any, np.dtype[Any]]

MAX_FRAME_BYTES = 1 << 30
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
DEFLATED_IMAGE_FRAME = "1.2.840.10008.1.2.8.1"

_FLOAT_TYPES = {0x7FE00008: "f4", 0x7FE00009: "f8"}

# Image Pixel Module (PS3.3 table C.7-11c): what a decoder must know.
_PIXEL_KEYWORDS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)


def frame_count(dataset: Dataset) -> int:
    """Return the number of frames: (0028,0008) *Number of Frames*, 1 where it is absent or no positive number."""
    try:
        return max(int(dataset.get("NumberOfFrames", 1) or 1), 1)
    except (TypeError, ValueError):
        return 1


def iter_frames(source: BinaryIO, header: Header, *, indices: Iterable[int] | None = None) -> Iterator[Frame]:
    """Decode frames, one at a time.

    Parameters
    ----------
    source : binary file, seekable
    header : Header
        What `read_header` said of it.
    indices : iterable of int, optional
        Frames from 0, in the order wanted; all of them by default.

    Yields
    ------
    ndarray, shape (rows, columns) or (rows, columns, 3)
        Stored values in the smallest type that holds them; YBR colors as RGB; a palette is not applied.

    Raises
    ------
    UnreadableInstance
        With reason ``undecodable-pixels`` (broken or unsupported) or ``truncated``.

    Notes
    -----
    PHI: pixels may show a patient; nothing of them is logged. Memory: one encoded and one decoded frame.

    References
    ----------
    DICOM PS3.5 section 8 and annex A.4; PS3.3 C.7.6.3.
    """
    pixel = header.pixel
    if pixel is None:
        raise _undecodable("The object holds no pixel data.")
    if not pixel.is_complete:
        raise UnreadableInstance("The pixel data are truncated.", reason="truncated")
    layout = _layout_of(header, pixel)
    with open_body(source, header) as body:
        fragments = _fragments_by_frame(body, pixel, header.dataset, layout.frames) if pixel.encapsulated else []
        for index in range(layout.frames) if indices is None else indices:
            if not 0 <= index < layout.frames:
                raise _undecodable(f"The object has no frame {index}.")
            if pixel.encapsulated:
                encoded = b"".join(_read_at(body, *span) for span in fragments[index])
                yield _decode(encoded, header, layout)
            else:
                yield _native_frame(body, header, pixel, layout, index)


def iter_encoded(source: BinaryIO, header: Header, *, indices: Iterable[int]) -> Iterator[bytes]:
    """Yield frames of encapsulated pixel data as they are stored, without decoding them.

    Parameters
    ----------
    source, header
        As for `iter_frames`.
    indices : iterable of int
        Frames from 0.

    Raises
    ------
    UnreadableInstance
        As `iter_frames`; also where the pixel data are not encapsulated.
    """
    pixel = header.pixel
    if pixel is None or not pixel.encapsulated:
        raise _undecodable("The object holds no encapsulated pixel data.")
    with open_body(source, header) as body:
        fragments = _fragments_by_frame(body, pixel, header.dataset, frame_count(header.dataset))
        for index in indices:
            if not 0 <= index < len(fragments):
                raise _undecodable(f"The object has no frame {index}.")
            yield b"".join(_read_at(body, *span) for span in fragments[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    rows: int
    columns: int
    samples: int
    bits: int
    frames: int

    @property
    def frame_bits(self) -> int:
        return self.rows * self.columns * self.samples * self.bits


def frame_spans(body: BinaryIO, header: Header) -> tuple[tuple[int, int], list[list[tuple[int, int]]]]:
    """Return (offset, length) of the basic offset table, and of the fragments of each frame.

    Parameters
    ----------
    body : binary file
        As `open_body` gives it.
    header : Header

    Raises
    ------
    UnreadableInstance
        As `iter_encoded`.
    """
    pixel = header.pixel
    if pixel is None or not pixel.encapsulated:
        raise _undecodable("The object holds no encapsulated pixel data.")
    items = _items(body, pixel)
    if not items:
        raise _undecodable("The encapsulated pixel data hold no fragments.")
    return items[0], _fragments_by_frame(body, pixel, header.dataset, frame_count(header.dataset))


def decode_stored(encoded: bytes, header: Header) -> Frame:
    """Decode one encapsulated frame without turning its colors into RGB.

    Raises
    ------
    UnreadableInstance
        As `iter_frames`.
    """
    pixel = header.pixel
    if pixel is None:
        raise _undecodable("The object holds no pixel data.")
    return _decode(encoded, header, _layout_of(header, pixel), raw=True)


def native_frame_bits(header: Header) -> int:
    """Return how many bits one frame of native pixel data takes.

    Raises
    ------
    UnreadableInstance
        Reason ``undecodable-pixels`` where the header does not say it.
    """
    if header.pixel is None:
        raise _undecodable("The object holds no pixel data.")
    bits = _layout_of(header, header.pixel).frame_bits
    return bits // 3 * 2 if header.dataset.get("PhotometricInterpretation") == "YBR_FULL_422" else bits


def _layout_of(header: Header, pixel: PixelSpan) -> _Layout:
    dataset = header.dataset
    try:
        bits = {0x7FE00008: 32, 0x7FE00009: 64}.get(pixel.tag) or int(dataset.BitsAllocated)
        layout = _Layout(
            rows=int(dataset.Rows),
            columns=int(dataset.Columns),
            samples=int(dataset.get("SamplesPerPixel", 1) or 1),
            bits=bits,
            frames=frame_count(dataset),
        )
    except (AttributeError, TypeError, ValueError):
        raise _undecodable("Rows, Columns or Bits Allocated are missing.") from None
    if layout.frame_bits <= 0 or layout.samples not in (1, 3, 4) or layout.bits not in (1, 8, 16, 32, 64):
        raise _undecodable("Rows, Columns, Samples per Pixel or Bits Allocated hold impossible numbers.")
    if layout.frame_bits > MAX_FRAME_BYTES * 8:
        raise _undecodable("One frame takes more than 1 GiB.")
    return layout


def _undecodable(what: str) -> UnreadableInstance:
    return UnreadableInstance(what, reason="undecodable-pixels")


def _read_at(body: BinaryIO, offset: int, length: int) -> bytes:
    body.seek(offset)
    found = body.read(length)
    if len(found) < length:
        raise UnreadableInstance("The pixel data are truncated.", reason="truncated")
    return found


def _native_frame(body: BinaryIO, header: Header, pixel: PixelSpan, layout: _Layout, index: int) -> Frame:
    bits = layout.frame_bits
    if header.dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        bits = bits // 3 * 2  # PS3.3 C.7.6.3.1.2: two pixels share their colors
    first, last = bits * index // 8, -(-bits * (index + 1) // 8)
    if last > pixel.length:
        raise UnreadableInstance("The pixel data are shorter than their frames ask for.", reason="truncated")
    if pixel.vr == "OW" and layout.bits == 8 and not encoding_of(header.transfer_syntax).little:
        cells = _swapped_bytes(body, pixel, first, last).reshape(_shape(layout))
        return cells.view(np.int8) if header.dataset.get("PixelRepresentation") == 1 else cells
    encoded = _read_at(body, pixel.offset + first, last - first)
    order = "<" if encoding_of(header.transfer_syntax).little and header.transfer_syntax != GE_PRIVATE_SYNTAX else ">"
    if layout.bits == 1:
        start = bits * index % 8
        flat = np.unpackbits(np.frombuffer(encoded, np.uint8), bitorder="little")[start : start + bits]
        return flat.reshape(layout.rows, layout.columns)
    if pixel.tag in _FLOAT_TYPES:
        return np.frombuffer(encoded, order + _FLOAT_TYPES[pixel.tag]).reshape(layout.rows, layout.columns)
    return _decode(encoded, header, layout)


def _swapped_bytes(body: BinaryIO, pixel: PixelSpan, first: int, last: int) -> Frame:
    """Return the bytes of a span of big endian words in the order of pixels (PS3.5 section 8.1.1)."""
    start = first // 2 * 2
    words = _read_at(body, pixel.offset + start, min(last + last % 2, pixel.length // 2 * 2) - start)
    return np.frombuffer(words, ">u2").astype("<u2").view(np.uint8)[first - start : last - start]


def _shape(layout: _Layout) -> tuple[int, ...]:
    return (layout.rows, layout.columns) if layout.samples == 1 else (layout.rows, layout.columns, layout.samples)


def _decode(encoded: bytes, header: Header, layout: _Layout, *, raw: bool = False) -> Frame:
    """Hand one frame to pydicom's decoders as an object of its own."""
    syntax = header.transfer_syntax
    if syntax == DEFLATED_IMAGE_FRAME:
        encoded, syntax = _inflate_frame(encoded, layout), "1.2.840.10008.1.2.1"
    if syntax == JPEG_EXTENDED and layout.bits == 16 and layout.samples == 1:
        return _decode_twelve_bits(encoded, layout)
    single = Dataset()
    for keyword in _PIXEL_KEYWORDS:
        if keyword in header.dataset:
            setattr(single, keyword, header.dataset[keyword].value)
    single.SamplesPerPixel = layout.samples
    single.file_meta = FileMetaDataset()
    single.file_meta.TransferSyntaxUID = UID(syntax)
    single.set_original_encoding(False, encoding_of(syntax).little)
    if layout.bits == 1 and syntax == "1.2.840.10008.1.2.1":
        return _one_bit(encoded, layout)
    vr = header.pixel.vr if header.pixel is not None and header.pixel.vr in ("OB", "OW") else ""
    return _run_decoder(single, encoded, syntax, vr, raw)


def _decode_twelve_bits(encoded: bytes, layout: _Layout) -> Frame:
    """Decode JPEG Extended with 12 bits by GDCM itself; pydicom's plug-in refuses it although GDCM 3 decodes it."""
    import gdcm  # a quarter of a second; only JPEG of twelve bits needs it

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(encoded)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((layout.columns, layout.rows, 1))
    image.SetDataElement(element)
    interpretation = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(interpretation))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(JPEG_EXTENDED)))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, 0))
    try:
        decoded = image.GetBuffer().encode("utf-8", "surrogateescape")  # its binding hands bytes over as text
        frame = np.frombuffer(decoded, "<u2").reshape(layout.rows, layout.columns)
    except (ValueError, UnicodeError, MemoryError):
        raise _undecodable("No decoder could decode the pixel data.") from None
    return frame


def _run_decoder(single: Dataset, encoded: bytes, syntax: str, vr: str, raw: bool) -> Frame:
    try:
        decoder = get_decoder(UID(syntax))
        native = UID(syntax).is_transfer_syntax and not UID(syntax).is_encapsulated
        single.PixelData = encoded if native else encapsulate([encoded])
        single["PixelData"].VR = "OB" if not native else vr or ("OB" if single.BitsAllocated <= 8 else "OW")
        single["PixelData"].is_undefined_length = not native
        frame, _ = decoder.as_array(single, index=0, raw=raw)
    # Five decoders in C and Python raise as they please; the texts may quote header values, so none is passed on.
    except Exception:
        raise _undecodable("No decoder could decode the pixel data.") from None
    return cast(Frame, frame)


def _inflate_frame(encoded: bytes, layout: _Layout) -> bytes:
    expected = -(-layout.frame_bits // 8)
    try:
        found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(encoded, expected + 2)
    except zlib.error:
        raise _undecodable("A deflated frame does not inflate.") from None
    if len(found) < expected:
        raise _undecodable("A deflated frame is shorter than rows and columns ask for.")
    return found[:expected]


def _one_bit(encoded: bytes, layout: _Layout) -> Frame:
    flat = np.unpackbits(np.frombuffer(encoded, np.uint8), bitorder="little")[: layout.rows * layout.columns]
    return flat.reshape(layout.rows, layout.columns)


Spans = list[tuple[int, int]]


def _fragments_by_frame(body: BinaryIO, pixel: PixelSpan, dataset: Dataset, frames: int) -> list[Spans]:
    """Assign fragments to frames by number, by the basic offset table or by the extended one (PS3.5 annex A.4)."""
    items = _items(body, pixel)
    if not items:
        raise _undecodable("The encapsulated pixel data hold no fragments.")
    table, fragments = items[0], items[1:]
    if frames == 1:
        return [fragments]
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    starts = _frame_starts(_read_at(body, *table), dataset)
    if len(starts) != frames or not fragments:
        raise _undecodable("The fragments cannot be assigned to frames: no offset table.")
    origin = fragments[0][0] - 8
    grouped: list[Spans] = [[] for _ in range(frames)]
    for offset, length in fragments:
        place = int(np.searchsorted(np.asarray(starts), offset - 8 - origin, side="right")) - 1
        if place < 0:
            raise _undecodable("The offset table does not fit the fragments.")
        grouped[place].append((offset, length))
    if not all(grouped):
        raise _undecodable("The offset table does not fit the fragments.")
    return grouped


def _frame_starts(table: bytes, dataset: Dataset) -> list[int]:
    extended = dataset.get("ExtendedOffsetTable")
    if extended:
        return [int(start) for start in np.frombuffer(extended[: len(extended) // 8 * 8], "<u8")]
    return [int(start) for start in np.frombuffer(table[: len(table) // 4 * 4], "<u4")]


def _items(body: BinaryIO, pixel: PixelSpan) -> Spans:
    walk = Walk(body, pixel.offset + pixel.length, Encoding(implicit=False, little=True))
    position, spans = pixel.offset, []
    while position < walk.end:
        item = walk.element_at(position)
        spans.append((item.value, item.length))
        position = item.value + item.length
    return spans
