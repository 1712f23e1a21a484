"""Where each frame of an object lies, found once at its arrival, so that serving one is a look-up and a read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from radcommons.dicom.elements import Irregular
from radcommons.dicom.layout import TRAILING_PADDING
from radcommons.dicom.stream import ITEM, MAX_ELEMENTS, SEQUENCE_END

Read = Callable[[int, int], bytes]
Span = tuple[int, int]
_SPAN = struct.Struct("<QQ")
_HEAD = struct.Struct("<HHI")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameIndex:
    """Where frames lie in the file; all None where only a careful reading tells.

    Parameters
    ----------
    offset, length : int or None
        Native: of the first frame; the others follow without a gap. Encapsulated, one frame: of its items.
    spans : bytes or None
        Encapsulated, many frames: (offset, length) of each frame's items as pairs of 64-bit little endian numbers.
    """

    offset: int | None = None
    length: int | None = None
    spans: bytes | None = None


NOWHERE = FrameIndex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of the Image Pixel Module tells how long frames are (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    bits: int
    frames: int
    is_subsampled: bool  # YBR_FULL_422: two pixels share their colors


def native_frames(shape: Shape, *, offset: int, length: int) -> FrameIndex:
    """Return where native frames lie: one behind the other (PS3.5 section 8.1.1)."""
    bits = shape.rows * shape.columns * shape.samples * shape.bits
    if shape.is_subsampled:
        bits = bits // 3 * 2
    if bits <= 0 or bits % 8 or bits // 8 * shape.frames > length:
        return NOWHERE
    return FrameIndex(offset=offset, length=bits // 8)


def items_at(read: Read, offset: int, size: int) -> tuple[list[Span], int]:
    """Return (offset, length) of the value of each item of encapsulated pixels, and where the element ends.

    Parameters
    ----------
    read : callable
        Returns the bytes at (offset, length); fewer at the end.
    offset : int
        Of the first item.
    size : int
        Bytes of the file.

    Raises
    ------
    Irregular
        If an item is no item, or reaches behind the end of the file.

    References
    ----------
    DICOM PS3.5 annex A.4.
    """
    found: list[Span] = []
    position = offset
    while True:
        head = read(position, 8)
        if len(head) < 8 or len(found) > MAX_ELEMENTS:
            raise Irregular
        group, number, length = _HEAD.unpack(head)
        tag = group << 16 | number
        if tag == SEQUENCE_END:
            return found, position + 8
        if tag != ITEM or position + 8 + length > size:
            raise Irregular
        found.append((position + 8, length))
        position += 8 + length


def require_nothing_behind(read: Read, position: int, size: int) -> None:
    """Let nothing but explicit trailing padding stand behind the pixels.

    Raises
    ------
    Irregular
        If something does: then it belongs to the header.
    """
    if position == size:
        return
    head = read(position, 12)
    if len(head) < 12 or head[4:6] != b"OB":
        raise Irregular
    group, number, _ = _HEAD.unpack_from(head)
    is_padding = (group << 16 | number) == TRAILING_PADDING
    if not is_padding or position + 12 + int.from_bytes(head[8:12], "little") != size:
        raise Irregular


def encapsulated_frames(items: Sequence[Span], frames: int, *, read: Read, extended: bytes = b"") -> FrameIndex:
    """Return where encapsulated frames lie.

    Parameters
    ----------
    items : sequence of (offset, length)
        The basic offset table and the fragments, as `items_at` gives them.
    frames : int
    read : callable
    extended : bytes
        (7FE0,0001) *Extended Offset Table*.
    """
    fragments = items[1:]
    if not fragments:
        return NOWHERE
    if frames == 1:
        start = fragments[0][0] - 8
        return FrameIndex(offset=start, length=sum(fragments[-1]) - start)
    if len(fragments) == frames:
        return FrameIndex(spans=b"".join(_SPAN.pack(at - 8, length + 8) for at, length in fragments))
    return _by_table(fragments, frames, _starts(read(*items[0]), extended))


def _starts(table: bytes, extended: bytes) -> list[int]:
    kind, encoded = ("Q", extended) if extended else ("I", table)
    size = struct.calcsize("<" + kind)
    return list(struct.unpack(f"<{len(encoded) // size}{kind}", encoded[: len(encoded) // size * size]))


def _by_table(fragments: Sequence[Span], frames: int, starts: Sequence[int]) -> FrameIndex:
    """Group fragments by an offset table, which is believed only where each entry meets a fragment's beginning."""
    origin = fragments[0][0] - 8
    heads = {at - 8 - origin for at, _ in fragments}
    if len(starts) != frames or starts[0] != 0 or not heads.issuperset(starts) or sorted(set(starts)) != list(starts):
        return NOWHERE
    ends = [*starts[1:], sum(fragments[-1]) - origin]
    return FrameIndex(
        spans=b"".join(_SPAN.pack(origin + first, last - first) for first, last in zip(starts, ends, strict=True))
    )


def span_of(spans: bytes, frame: int) -> Span:
    """Return (offset, length) of a frame's items, from what `FrameIndex.spans` holds."""
    offset, length = _SPAN.unpack_from(spans, frame * _SPAN.size)
    return offset, length


def joined(region: bytes) -> bytes:
    """Return a frame's bytes from its items: their heads are taken out.

    Raises
    ------
    Irregular
        If the region holds no whole items.
    """
    pieces, position = [], 0
    while position < len(region):
        if len(region) - position < 8:
            raise Irregular
        length = int.from_bytes(region[position + 4 : position + 8], "little")
        pieces.append(region[position + 8 : position + 8 + length])
        position += 8 + length
    if position != len(region):
        raise Irregular
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
