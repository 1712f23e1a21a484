"""Write covered frames into the pixel value: only touched frames change, the others stay byte for byte."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import BinaryIO, cast

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.dicom.frames import Frame, frame_count, frame_spans, iter_frames, native_frame_bits
from radcommons.dicom.newpixels import NewPixels, Span, encapsulated, native
from radcommons.dicom.pixelfill import JPEG_BASELINE, SAME_SYNTAX, CannotCode, cover, recoded
from radcommons.dicom.pixeltext import TextBox
from radcommons.dicom.read import GE_PRIVATE_SYNTAX, Header, open_body
from radcommons.records.errors import UnreadableInstance

_IN_MEMORY = 64 << 20
_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"  # always with loss, which the header tells once the code is gone
Boxes = Mapping[int, Sequence[TextBox]]


def covered_pixels(source: BinaryIO, header: Header, boxes: Boxes) -> NewPixels:
    """Return the pixel value with boxes covered.

    Parameters
    ----------
    source : binary file, seekable
        Has to stay open until the result is written.
    header : Header
    boxes : mapping of frame from 0 to boxes

    Returns
    -------
    NewPixels
        In the source's transfer syntax where a coder for it is here, else in Explicit VR Little Endian.

    Raises
    ------
    UnreadableInstance
        If a frame cannot be decoded.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.2 (a derived image), C.7.6.1.1.5 (lossy compression).
    """
    pixel = header.pixel
    assert pixel is not None
    if pixel.encapsulated and header.transfer_syntax in SAME_SYNTAX:
        try:
            return _coded(source, header, boxes)
        except CannotCode:
            return _uncompressed(source, header, boxes)
    if pixel.encapsulated or header.is_deflated or _is_swapped(header):
        return _uncompressed(source, header, boxes)
    return _patched(source, header, boxes)


def _derived(header: Header) -> Dataset:
    changes = Dataset()
    kinds = header.dataset.get("ImageType")
    if kinds:
        values = [kinds] if isinstance(kinds, str) else list(kinds)
        changes.ImageType = ["DERIVED", *values[1:]]
    changes.DerivationDescription = "Writing in the pixels was covered by a flat value"
    return changes


def _spool() -> BinaryIO:
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))


def _append(spool: BinaryIO, content: bytes) -> Span:
    at = spool.seek(0, 2)
    spool.write(content)
    return Span(spool, at, len(content))


def _coded(source: BinaryIO, header: Header, boxes: Boxes) -> NewPixels:
    pixel = header.pixel
    assert pixel is not None
    spool = _spool()
    changes = _derived(header)
    frames: list[list[Span]] = []
    sizes = []
    for index, spans in enumerate(frame_spans(source, header)[1]):
        if not boxes.get(index):
            frames.append([Span(source, *span) for span in spans])
            continue
        code = b"".join(_read(source, *span) for span in spans)
        new = recoded(code, boxes[index], header)
        sizes.append(len(new))
        frames.append([_append(spool, new)])
    joined, span, tables = encapsulated(frames, pixel, is_extended="ExtendedOffsetTable" in header.dataset)
    changes.update(tables)
    if header.transfer_syntax == JPEG_BASELINE:
        _state_loss(changes, header, sum(sizes) / len(sizes))
    return NewPixels(source=joined, span=span, transfer_syntax=header.transfer_syntax, changes=changes, is_derived=True)


def _state_loss(changes: Dataset, header: Header, size: float) -> None:
    """State the further lossy step; methods and ratios are listed in their order (PS3.3 C.7.6.1.1.5)."""
    changes.LossyImageCompression = "01"
    for keyword, value in (
        ("LossyImageCompressionRatio", f"{native_frame_bits(header) / 8 / size:.4g}"),
        ("LossyImageCompressionMethod", "ISO_10918_1"),
    ):
        before = header.dataset.get(keyword)
        listed = [] if before in (None, "") else [before] if isinstance(before, str | float | int) else list(before)
        setattr(changes, keyword, [*(str(one) for one in listed), value])


def _uncompressed(source: BinaryIO, header: Header, boxes: Boxes) -> NewPixels:
    pixel = header.pixel
    assert pixel is not None
    dataset, spool = header.dataset, _spool()
    if dataset.get("BitsAllocated") == 1:
        raise UnreadableInstance("Writing in pixels of one bit cannot be covered.", reason="undecodable-pixels")
    is_palette = dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
    frame = None
    for index, frame in enumerate(iter_frames(source, header)):
        mine = boxes.get(index)
        covered = cover(frame, mine, is_palette=is_palette) if mine else frame
        _append(spool, np.ascontiguousarray(covered.astype(covered.dtype.newbyteorder("<"))).tobytes())
    assert frame is not None
    changes = _derived(header)
    if header.transfer_syntax == _JPEG_EXTENDED and not dataset.get("LossyImageCompression"):
        changes.LossyImageCompression, changes.LossyImageCompressionMethod = "01", "ISO_10918_1"
    if frame.ndim == 3:
        changes.PhotometricInterpretation, changes.PlanarConfiguration = "RGB", 0
    if frame.dtype.itemsize * 8 != dataset.BitsAllocated:
        changes.BitsAllocated = frame.dtype.itemsize * 8
    size = spool.seek(0, 2)
    vr = "OB" if frame.dtype.itemsize == 1 else "OW"
    joined, span = native([Span(spool, 0, size), *([Span.of(b"\0")] if size % 2 else [])], pixel, vr=vr)
    return NewPixels(
        source=joined,
        span=span,
        transfer_syntax=str(ExplicitVRLittleEndian),
        changes=changes,
        drops=("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
        is_derived=True,
    )


def _is_swapped(header: Header) -> bool:
    """Tell whether bytes of pixels stand in an order that a patch would have to undo."""
    is_wide_ob = header.dataset.get("BitsAllocated") == 8 and not header.encoding.little
    return is_wide_ob or header.transfer_syntax == GE_PRIVATE_SYNTAX or header.dataset.get("BitsAllocated") == 1


def _patched(source: BinaryIO, header: Header, boxes: Boxes) -> NewPixels:
    pixel = header.pixel
    assert pixel is not None
    bits = native_frame_bits(header)
    if bits % 8:
        return _uncompressed(source, header, boxes)
    size, spool = bits // 8, _spool()
    spans, at = [], 0
    with open_body(source, header) as body:
        for index in sorted(boxes):
            if not boxes[index] or index >= frame_count(header.dataset):
                continue
            start = index * size
            spans.append(Span(source, pixel.offset + at, start - at))
            frame = _read(body, pixel.offset + start, size)
            spans.append(_append(spool, _patch(frame, boxes[index], header)))
            at = start + size
    spans.append(Span(source, pixel.offset + at, pixel.length - at))
    joined, span = native(spans, pixel)
    return NewPixels(
        source=joined, span=span, transfer_syntax=header.transfer_syntax, changes=_derived(header), is_derived=True
    )


def _patch(frame: bytes, boxes: Sequence[TextBox], header: Header) -> bytes:
    """Cover boxes in the bytes of a native frame, whatever the order of its samples."""
    dataset = header.dataset
    rows, columns, samples = int(dataset.Rows), int(dataset.Columns), int(dataset.get("SamplesPerPixel", 1) or 1)
    order = "<" if header.encoding.little else ">"
    kind = {0x7FE00008: "f4", 0x7FE00009: "f8"}.get(header.pixel.tag if header.pixel else 0)
    cells = np.frombuffer(frame, order + (kind or f"u{int(dataset.BitsAllocated) // 8}"))
    is_palette = dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":  # two pixels and their colors are four cells
        pairs = [_paired(box, columns) for box in boxes]
        return cover(cells.reshape(rows, columns // 2, 4), pairs, is_palette=False).tobytes()
    if samples == 1:
        return _signed(cells, dataset, boxes, (rows, columns), is_palette=is_palette)
    if dataset.get("PlanarConfiguration") == 1:
        planes = cells.reshape(samples, rows, columns).transpose(1, 2, 0)
        return cover(planes, boxes, is_palette=False).transpose(2, 0, 1).tobytes()
    return cover(cells.reshape(rows, columns, samples), boxes, is_palette=False).tobytes()


def _signed(
    cells: Frame, dataset: Dataset, boxes: Sequence[TextBox], shape: tuple[int, int], *, is_palette: bool
) -> bytes:
    """Cover gray cells; signed ones are compared as signed, so that the median is one."""
    if dataset.get("PixelRepresentation") == 1 and cells.dtype.kind == "u":
        cells = cells.view(cells.dtype.str.replace("u", "i"))
    return cover(cells.reshape(shape), boxes, is_palette=is_palette).tobytes()


def _paired(box: TextBox, columns: int) -> TextBox:
    left, right = box.x // 2, min(-(-(box.x + box.width) // 2), columns // 2)
    return TextBox(x=left, y=box.y, width=right - left, height=box.height, score=box.score)


def _read(source: BinaryIO, offset: int, length: int) -> bytes:
    source.seek(offset)
    found = source.read(length)
    if len(found) < length:
        raise UnreadableInstance("The pixel data are truncated.", reason="truncated")
    return found
