"""A pixel value that differs from the source's: read like a file, made of spans of the source and of new bytes.

Nothing is copied before it is written, so an object of any size takes the memory of its list of spans.
"""

from __future__ import annotations

import io
import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

from pydicom.dataset import Dataset

from radcommons.dicom.layout import PixelSpan
from radcommons.dicom.read import Header


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of an open file, or bytes in memory where `source` is None."""

    source: BinaryIO | None
    offset: int
    length: int
    content: bytes = b""

    @classmethod
    def of(cls, content: bytes) -> Span:
        """Return a span of bytes in memory."""
        return cls(None, 0, len(content), content)


class Spliced(io.RawIOBase):
    """Spans read one behind the other, seekable; the files below stay the caller's."""

    def __init__(self, spans: Sequence[Span]) -> None:
        super().__init__()
        self._spans = [span for span in spans if span.length]
        self._starts, total = [], 0
        for span in self._spans:
            self._starts.append(total)
            total += span.length
        self._size, self._at = total, 0

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return self._size

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that any place can be sought."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, all that are left by default."""
        wanted = self._size - self._at if size is None or size < 0 else size
        pieces = []
        while wanted > 0 and self._at < self._size:
            index = bisect_right(self._starts, self._at) - 1
            span, skip = self._spans[index], self._at - self._starts[index]
            length = min(span.length - skip, wanted)
            if span.source is None:
                piece = span.content[skip : skip + length]
            else:
                span.source.seek(span.offset + skip)
                piece = span.source.read(length)
            if not piece:
                break
            pieces.append(piece)
            self._at += len(piece)
            wanted -= len(piece)
        return b"".join(pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPixels:
    """What is written in place of the source's pixel value.

    Parameters
    ----------
    source : binary file, seekable
        Holds the new value from its beginning; it reads the original file, which must stay open.
    span : PixelSpan
        Where the value lies in `source`: from 0.
    transfer_syntax : str
        Of the whole object from now on.
    changes : Dataset
        Header elements to set with it (offset tables, lossy compression, photometric interpretation ...).
    drops : tuple of str
        Keywords of header elements that no longer hold.
    is_derived : bool
        Pixel values changed, so the object may not keep its SOP Instance UID (PS3.3 C.7.6.1.1.2).
    """

    source: BinaryIO
    span: PixelSpan
    transfer_syntax: str
    changes: Dataset = field(default_factory=Dataset)
    is_derived: bool = False
    drops: tuple[str, ...] = ()

    def header(self, header: Header) -> Header:
        """Return the header to give to `write_instance` together with `source`."""
        return replace(
            header, pixel=self.span, transfer_syntax=self.transfer_syntax, is_deflated=False, size=self.span.length
        )

    def apply_to(self, dataset: Dataset) -> None:
        """Set `changes` in the data set that will be written; a derivation is added to those before it."""
        for keyword in self.drops:
            if keyword in dataset:
                delattr(dataset, keyword)
        for element in self.changes:
            before = str(dataset.get("DerivationDescription") or "")
            dataset[element.tag] = element
            if element.keyword == "DerivationDescription" and before:
                dataset.DerivationDescription = f"{before}; {element.value}"[:1024]


def native(spans: Sequence[Span], pixel: PixelSpan, *, vr: str | None = None) -> tuple[BinaryIO, PixelSpan]:
    """Return native pixel data made of spans, and their place."""
    joined = Spliced(spans)
    span = replace(
        pixel,
        offset=0,
        length=joined.size,
        encapsulated=False,
        fragments=0,
        is_complete=True,
        vr=pixel.vr if vr is None else vr,
    )
    return cast(BinaryIO, joined), span


def encapsulated(
    frames: Sequence[Sequence[Span]], pixel: PixelSpan, *, is_extended: bool
) -> tuple[BinaryIO, PixelSpan, Dataset]:
    """Return encapsulated pixel data with one fragment for each frame, and the offset tables that fit.

    Parameters
    ----------
    frames : sequence of sequences of Span
        The code of each frame.
    pixel : PixelSpan
        The source's.
    is_extended : bool
        The object has an extended offset table, and gets one.

    References
    ----------
    DICOM PS3.5 annex A.4, PS3.3 C.7.6.3.1.8 and 9.
    """
    spans: list[Span] = []
    offsets, lengths, position = [], [], 0
    for frame in frames:
        length = sum(span.length for span in frame)
        padded = length + length % 2
        spans += [Span.of(b"\xfe\xff\x00\xe0" + struct.pack("<I", padded)), *frame]
        if length % 2:
            spans.append(Span.of(b"\0"))
        offsets.append(position)
        lengths.append(length)
        position += 8 + padded
    changes = Dataset()
    table = b""
    if is_extended:
        changes.ExtendedOffsetTable = struct.pack(f"<{len(offsets)}Q", *offsets)
        changes.ExtendedOffsetTableLengths = struct.pack(f"<{len(lengths)}Q", *lengths)
    elif position <= 0xFFFFFFFF:
        table = struct.pack(f"<{len(offsets)}I", *offsets)
    head = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(table)) + table
    joined = Spliced([Span.of(head), *spans])
    span = replace(
        pixel,
        offset=0,
        length=joined.size,
        encapsulated=True,
        fragments=len(offsets),
        is_complete=True,
        vr="OB",
    )
    return cast(BinaryIO, joined), span, changes
