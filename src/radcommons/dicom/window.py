"""The beginning of a file in memory: one read into one buffer that serves file after file."""

from __future__ import annotations

import io
from typing import BinaryIO

from radcommons.dicom.elements import Raw
from radcommons.dicom.layout import TRAILING_PADDING, PixelSpan, pixel_span
from radcommons.dicom.stream import UNDEFINED, Element, Encoding, Walk
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding

# Holds a slice of 512 x 512 cells of two bytes with a header of 500 KB.
WINDOW_BYTES = 1 << 20
FIRST_HEAD_BYTES = 1 << 14


class Window:
    """The first mebibyte of the file that was loaded last.

    Notes
    -----
    PHI: holds the bytes of the last file until the next one comes. Not to be shared between threads.
    """

    __slots__ = ("_buffer", "filled", "size", "turn", "view")

    def __init__(self) -> None:
        self._buffer = bytearray(WINDOW_BYTES)
        self.view = memoryview(self._buffer)
        self.filled = 0
        self.size = 0
        self.turn = 0

    def load(self, source: BinaryIO, limit: int = WINDOW_BYTES) -> int:
        """Read the beginning of a file; return the number of this turn, by which a later caller tells a newer one."""
        self.size = source.seek(0, io.SEEK_END)
        source.seek(0)
        self.turn += 1
        self.filled = 0
        wanted = min(limit, self.size)
        while self.filled < wanted:
            # every binary file of Python reads into a buffer, also where the protocol of typing does not say so
            count = source.readinto(self.view[self.filled : wanted])  # type: ignore[attr-defined]
            if not count:
                break
            self.filled += count
        return self.turn

    def head(self, length: int) -> bytes:
        """Return the first bytes, as many as there are up to `length`."""
        return bytes(self.view[: min(length, self.filled)])

    @property
    def is_whole(self) -> bool:
        """Whether the file ends within the window."""
        return self.filled == self.size


def pixels_of(source: BinaryIO, size: int, raw: Raw) -> PixelSpan | None:
    """Return where the pixel value lies, None where it is cut off or something but padding stands behind it."""
    if raw.length != UNDEFINED:
        complete = raw.end == size or (raw.end < size and _is_padding(source, raw.end, size, implicit=not raw.vr))
        span = PixelSpan(
            tag=raw.tag,
            vr=raw.vr.decode("ascii"),
            offset=raw.value,
            length=raw.length,
            encapsulated=False,
            fragments=0,
            is_complete=True,
        )
        return span if complete else None
    walk = Walk(source, size, Encoding(implicit=not raw.vr, little=True))
    element = Element(raw.tag, raw.vr.decode("ascii"), raw.length, raw.start, raw.value)
    notes: list[Finding] = []
    try:
        found, after = pixel_span(walk, element, notes)
    except UnreadableInstance:
        return None
    return None if notes or (after != size and not _is_padding(source, after, size, implicit=not raw.vr)) else found


def _is_padding(source: BinaryIO, start: int, size: int, *, implicit: bool) -> bool:
    """Tell whether exactly one element of (FFFC,FFFC) Data Set Trailing Padding fills the rest of the file."""
    walk = Walk(source, size, Encoding(implicit=implicit, little=True))
    try:
        element = walk.element_at(start)
        return element.tag == TRAILING_PADDING and walk.end_of(element) == size
    except UnreadableInstance:
        return False
