"""Find and take out what hides beside the pixels, with every decoded value as it was.

Overlays in bits that no pixel uses, comments and application data of the codes, bytes behind the last frame or behind a
code's end, offset tables that say something else than where frames begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from radcommons.dicom.codestream import stripped
from radcommons.dicom.frames import Frame, frame_count, frame_spans, native_frame_bits
from radcommons.dicom.newpixels import NewPixels, Span, encapsulated, native
from radcommons.dicom.read import Header, open_body
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

_PIECE = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What `look_beside` found.

    Parameters
    ----------
    pixels : NewPixels or None
        The value without what hid there; None where nothing did, and the source's bytes may be copied.
    findings : tuple of Finding
        What was taken out, as notes; a question where nobody here can look into the coding.
    """

    pixels: NewPixels | None
    findings: tuple[Finding, ...]


def look_beside(source: BinaryIO, header: Header) -> Hidden:
    """Look for what hides beside the pixels, and give the pixel value without it.

    Parameters
    ----------
    source : binary file, seekable
        Has to stay open as long as the result is used.
    header : Header
        What `read_header` said of it.

    Raises
    ------
    UnreadableInstance
        Reason ``truncated`` where the pixels end before their frames do.

    Notes
    -----
    PHI: none is kept. Memory: one encoded frame, or 4 MiB of native pixels.
    Cost: one read of the value; RLE is decoded.

    References
    ----------
    DICOM PS3.5 section 8.1.1 and annex A.4; PS3.3 C.9.2 (overlays in unused bits, retired).
    """
    pixel = header.pixel
    if pixel is None:
        return Hidden(pixels=None, findings=())
    if not pixel.is_complete:
        raise UnreadableInstance("The pixel data are truncated.", reason="truncated")
    if header.is_deflated:
        with open_body(source, header) as body:
            body.seek(pixel.offset)
            spans = [Span.of(body.read(pixel.length))]
        return _beside_native(spans, header)
    if not pixel.encapsulated:
        return _beside_native([Span(source, pixel.offset, pixel.length)], header)
    try:
        return _beside_codes(source, header)
    except UnreadableInstance as problem:
        if problem.reason == "truncated":
            raise
        finding = Finding(
            code="undecodable-pixels", severity=Severity.QUESTION, message=problem.what, where="PixelData"
        )
        return Hidden(pixels=None, findings=(finding,))


def used_bits(header: Header) -> tuple[int, int] | None:
    """Return lowest and highest bit that a pixel uses, None where it uses all or the header says nonsense."""
    dataset = header.dataset
    try:
        allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
        high = int(dataset.get("HighBit", stored - 1))
    except (AttributeError, TypeError, ValueError):
        return None
    low = high - stored + 1
    if allocated not in (8, 16, 32) or not 0 <= low <= high < allocated or stored == allocated:
        return None
    return low, high


def without_unused_bits(cells: Frame, *, low: int, high: int, is_signed: bool, padding: int | None = None) -> Frame:
    """Return cells whose unused bits are zero or, of signed values, repeat the sign; the same array if they were so.

    Parameters
    ----------
    cells : ndarray, unsigned
        As stored.
    low, high : int
        The lowest and highest bit that is used.
    is_signed : bool
    padding : int, optional
        A cell of exactly this content, *Pixel Padding Value*, stays as it is.
    """
    width = cells.dtype.itemsize * 8
    mask = cells.dtype.type(((1 << (high + 1)) - 1) & ~((1 << low) - 1))
    if not (int(np.bitwise_or.reduce(cells, axis=None)) & ~int(mask)):
        return cells
    clean = cells & mask
    if is_signed:
        above = cells.dtype.type(((1 << width) - 1) & ~((1 << (high + 1)) - 1))
        negative = (cells >> cells.dtype.type(high)) & cells.dtype.type(1)
        clean = clean | (negative * above)
    if padding is not None:
        clean = np.where(cells == cells.dtype.type(padding % (1 << width)), cells, clean)
    return cells if np.array_equal(cells, clean) else np.asarray(clean)


def _beside_native(spans: list[Span], header: Header) -> Hidden:
    pixel = header.pixel
    assert pixel is not None
    length = -(-native_frame_bits(header) * frame_count(header.dataset) // 8)
    if length > pixel.length:
        raise UnreadableInstance("The pixel data are shorter than their frames ask for.", reason="truncated")
    length += length % 2 if length < pixel.length else 0  # big endian words swap the last byte with the padding
    notes, surplus = [], pixel.length - length
    has_tail = surplus > 0 and any(piece.strip(b"\0") for piece in _pieces(spans, length, pixel.length))
    if has_tail:
        notes.append(_note("Bytes behind the last frame were removed."))
    bits = used_bits(header)
    cleaned: list[tuple[int, bytes]] = []
    if bits is not None and pixel.tag == 0x7FE00010:
        cleaned = list(_cleaned_pieces(spans, length, header, bits))
        if cleaned:
            notes.append(_note("Bits that no pixel uses held something; they were cleared."))
    if not notes:
        return Hidden(pixels=None, findings=())
    kept, at = [], 0
    for start, content in cleaned:
        kept += [*_part(spans, at, start), Span.of(content)]
        at = start + len(content)
    kept += _part(spans, at, length)
    if length % 2:
        kept.append(Span.of(b"\0"))
    joined, place = native(kept, pixel)
    return Hidden(
        pixels=NewPixels(source=joined, span=place, transfer_syntax=header.transfer_syntax), findings=tuple(notes)
    )


def _pieces(spans: list[Span], start: int, stop: int) -> Iterator[bytes]:
    for span in _part(spans, start, stop):
        if span.source is None:
            yield span.content
            continue
        for at in range(0, span.length, _PIECE):
            span.source.seek(span.offset + at)
            yield span.source.read(min(_PIECE, span.length - at))


def _part(spans: list[Span], start: int, stop: int) -> list[Span]:
    """Return the bytes from `start` to `stop` of spans that lie one behind the other."""
    found, begin = [], 0
    for span in spans:
        first, last = max(start - begin, 0), min(stop - begin, span.length)
        if first < last:
            content = span.content[first:last] if span.source is None else b""
            found.append(Span(span.source, span.offset + first, last - first, content))
        begin += span.length
    return found


def _cleaned_pieces(
    spans: list[Span], length: int, header: Header, bits: tuple[int, int]
) -> Iterator[tuple[int, bytes]]:
    """Yield (place, bytes) of the pieces whose unused bits are not as they should be."""
    dataset, at = header.dataset, 0
    order = "<" if header.encoding.little else ">"
    cell = np.dtype(f"{order}u{int(dataset.BitsAllocated) // 8}")
    padding = dataset.get("PixelPaddingValue")
    for piece in _pieces(spans, 0, length):
        stored = np.frombuffer(piece[: len(piece) // cell.itemsize * cell.itemsize], cell)
        native_order = stored.astype(cell.newbyteorder("="), copy=False)
        clean = without_unused_bits(
            native_order,
            low=bits[0],
            high=bits[1],
            is_signed=dataset.get("PixelRepresentation") == 1,
            padding=padding if isinstance(padding, int) else None,
        )
        if clean is not native_order:
            yield at, clean.astype(cell).tobytes() + piece[stored.nbytes :]
        at += len(piece)


def _beside_codes(body: BinaryIO, header: Header) -> Hidden:
    pixel = header.pixel
    assert pixel is not None
    table, frames = frame_spans(body, header)
    dataset, spans, offsets, position = header.dataset, [], [], 0
    frame_bytes = -(-native_frame_bits(header) // 8)
    planes = int(dataset.get("SamplesPerPixel", 1) or 1) * max(int(dataset.get("BitsAllocated") or 8) // 8, 1)
    has_hidden = has_empty = False
    for frame in frames:
        code = b"".join(_read(body, *fragment) for fragment in frame)
        clean = stripped(
            code,
            transfer_syntax=header.transfer_syntax,
            frame_bytes=frame_bytes,
            planes=planes,
            columns=int(dataset.Columns),
        )
        has_hidden |= clean is not code
        has_empty |= any(length == 0 for _, length in frame)
        spans.append(
            [Span(body, *fragment) for fragment in frame] if clean is code else [*_taken(code, clean, frame, body)]
        )
        offsets.append(position)
        position += sum(8 + length for _, length in frame)
    is_extended = "ExtendedOffsetTable" in dataset
    stated = _read(body, *table)
    fits = not stated.strip(b"\0") or stated == np.array(offsets, "<u4").tobytes()
    if is_extended:
        fits &= _extended_fits(header, offsets, frames)
    if not (has_hidden or has_empty) and fits:
        return Hidden(pixels=None, findings=())
    notes = []
    if has_hidden:
        notes.append(_note("Comments, application data or bytes behind a code's end were removed."))
    if not fits:
        notes.append(_note("The offset table did not say where the frames begin; it was made anew."))
    joined, place, changes = encapsulated(spans, pixel, is_extended=is_extended)
    pixels = NewPixels(source=joined, span=place, transfer_syntax=header.transfer_syntax, changes=changes)
    return Hidden(pixels=pixels, findings=tuple(notes))


def _extended_fits(header: Header, offsets: list[int], frames: list[list[tuple[int, int]]]) -> bool:
    lengths = np.frombuffer(header.dataset.get("ExtendedOffsetTableLengths") or b"", "<u8").tolist()
    stated = header.dataset.ExtendedOffsetTable == np.array(offsets, "<u8").tobytes()
    real = [sum(length for _, length in frame) for frame in frames]
    return bool(
        stated
        and len(lengths) == len(real)
        and all(length - 1 <= said <= length for said, length in zip(lengths, real, strict=True))
    )


def _taken(code: bytes, clean: bytes, frame: list[tuple[int, int]], body: BinaryIO) -> Iterator[Span]:
    """Yield a stripped code: what it shares with the end of the only fragment from the file, the rest from memory.

    A comment stands near the beginning, so that an object of gigabytes is not kept in memory to lose some bytes.
    """
    if len(frame) == 1:
        offset = frame[0][0]
        shared = _common_end(code.rstrip(b"\0"), clean)
        if shared > 1 << 12:
            yield Span.of(clean[: len(clean) - shared])
            yield Span(body, offset + len(code.rstrip(b"\0")) - shared, shared)
            return
    yield Span.of(clean)


def _common_end(one: bytes, two: bytes) -> int:
    """Return how many bytes at their ends agree, at least; found by halving steps."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == two[len(two) - middle : len(two) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _read(body: BinaryIO, offset: int, length: int) -> bytes:
    body.seek(offset)
    return body.read(length)


def _note(message: str) -> Finding:
    return Finding(code="hidden-bytes-removed", severity=Severity.NOTE, message=message, where="PixelData")


__all__ = ["Hidden", "look_beside", "used_bits", "without_unused_bits"]
