"""Take out of one encoded frame what decoding it does not need: comments, application data, bytes behind its end.

Every function returns the very object that it was given where nothing hides in it, so that a caller may copy the
source's bytes instead.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

from rle.rle import decode_segment, encode_segment  # type: ignore[import-not-found]

from radcommons.dicom.jpeg import without_metadata
from radcommons.records.errors import UnreadableInstance

RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
_JPEG = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (*range(50, 67), 70))
_JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 92, 93, 201, 202, 203))

# ITU-T T.800 table A.2
_SOC, _SOT, _SOD, _EOC, _COM, _TLM = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9, 0xFF64, 0xFF55
# T.800 annex I: boxes that say how the code becomes pixels; all others are metadata.
_BOXES = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c"})
_HEADER_BOXES = frozenset({b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef"})


def stripped(code: bytes, *, transfer_syntax: str, frame_bytes: int, planes: int, columns: int) -> bytes:
    """Return one frame's code without anything that decoding does not need.

    Parameters
    ----------
    code : bytes
        All fragments of the frame, joined.
    transfer_syntax : str
    frame_bytes : int
        Bytes of the decoded frame.
    planes, columns : int
        Of an RLE frame: byte planes (samples per pixel times bytes per sample), and pixels in a row.

    Raises
    ------
    UnreadableInstance
        Reason ``undecodable-pixels`` where the structure is broken or the coding is one that nobody here can look into.

    References
    ----------
    PS3.5 annex A.4, G (RLE); ITU-T T.81, T.87, T.800.
    """
    if transfer_syntax in _JPEG:
        return without_metadata(code)
    if transfer_syntax in _JPEG_LS:
        return without_metadata(code, is_ls=True)
    if transfer_syntax in _JPEG_2000:
        return _without_boxes(code) if code[4:8] == b"jP  " else _without_comments(code)
    if transfer_syntax == RLE:
        return _without_slack(code, plane_bytes=frame_bytes // max(planes, 1), planes=planes, columns=columns)
    if transfer_syntax == DEFLATED_FRAME:
        return _deflated_alone(code, frame_bytes)
    raise UnreadableInstance("Nothing here can look into pixels of this transfer syntax.", reason="undecodable-pixels")


def _without_comments(code: bytes) -> bytes:
    """Strip a JPEG 2000 code stream: comments of the main header and of tile-parts, and what follows its end."""
    if code[:2] != b"\xff\x4f":
        raise _broken()
    main, position, has_comment = _marker_segments(code, 2, end=_SOT)
    tiles: list[bytes] = []
    while code[position : position + 2] == b"\xff\x90":
        tile, position, differs = _tile_part(code, position)
        tiles.append(tile)
        has_comment |= differs
        if differs:  # T.800 A.7.1: the lengths that it lists no longer hold, and it may be left out
            main = [one for one in main if one[:2] != b"\xff\x55"]
    end = code[position : position + 2]
    if end not in (b"\xff\xd9", b""):
        raise _broken()
    if not has_comment and not code[position + 2 :].strip(b"\0"):
        return code
    return b"\xff\x4f" + b"".join(main) + b"".join(tiles) + b"\xff\xd9"


def _marker_segments(code: bytes, position: int, *, end: int) -> tuple[list[bytes], int, bool]:
    """Return the segments that stay up to the marker `end`, where that stands, and whether any was left out."""
    kept: list[bytes] = []
    has_comment = False
    while True:
        marker, length = _unpack(">HH", code, position)
        if marker == end:
            return kept, position, has_comment
        if marker < 0xFF00 or marker in (_SOC, _SOT, _SOD, _EOC) or length < 2:
            raise _broken()
        if marker == _COM:
            has_comment = True
        else:
            kept.append(code[position : position + 2 + length])
        position += 2 + length


def _tile_part(code: bytes, position: int) -> tuple[bytes, int, bool]:
    length = _unpack(">I", code, position + 6)[0]
    kept, data, differs = _marker_segments(code, position + 12, end=_SOD)
    if length:
        after = position + length
    else:  # T.800 A.4.2: the last one may say nothing; in its data no end mark can stand
        found = code.find(b"\xff\xd9", data)
        after = found if found >= 0 else len(code)
    if not data < after <= len(code):
        raise _broken()
    if not differs:
        return code[position:after], after, False
    header = b"".join(kept)
    shorter = 12 + len(header) + after - data if length else 0
    start = code[position : position + 6] + struct.pack(">I", shorter) + code[position + 10 : position + 12]
    return start + header + code[data:after], after, True


def _without_boxes(code: bytes) -> bytes:
    """Strip a JP2 file, which should not stand in DICOM and does."""
    return _boxes(code, _BOXES)


def _boxes(code: bytes, allowed: frozenset[bytes]) -> bytes:
    kept: list[bytes] = []
    position, changed = 0, False
    while position + 8 <= len(code) and code[position:].strip(b"\0"):
        length, kind = _unpack(">I4s", code, position)
        head = 8
        if length == 1:
            length, head = _unpack(">Q", code, position + 8)[0], 16
        after = position + length if length else len(code)
        if after > len(code) or after < position + head:
            raise _broken()
        content = code[position + head : after]
        new = content
        if kind == b"jp2h":
            new = _boxes(content, _HEADER_BOXES)
        elif kind == b"jp2c":
            new = _without_comments(content)
        if kind not in allowed:
            changed = True
        elif new is content:
            kept.append(code[position:after])
        else:
            changed = True
            kept.append(struct.pack(">I4s", len(new) + 8, kind) + new)
        position = after
    return b"".join(kept) if changed else code


def _without_slack(code: bytes, *, plane_bytes: int, planes: int, columns: int) -> bytes:
    """Refuse to let bytes stand between or behind the runs of RLE segments: such a frame is coded again."""
    count = _unpack("<I", code, 0)[0]
    if not 1 <= count <= 15 or len(code) < 64 or count != planes:
        raise _broken()
    offsets = struct.unpack_from(f"<{count}I", code, 4)
    ends = (*offsets[1:], len(code))
    has_slack = offsets[0] != 64 or any(code[4 + 4 * count : 64])
    segments = []
    for start, end in zip(offsets, ends, strict=True):
        if not 64 <= start < end <= len(code):
            raise _broken()
        plane, is_longer = _plane(code[start:end], plane_bytes)
        has_slack |= is_longer
        segments.append(plane[:plane_bytes])
    if any(len(plane) < plane_bytes for plane in segments):
        return code  # a decoder will have its say
    return rle_frame(segments, columns=columns) if has_slack else code


def _plane(segment: bytes, size: int) -> tuple[bytes, bool]:
    """Return a byte plane, and whether its segment goes on behind it."""
    plane = _runs(segment)
    if plane is None:  # what follows the plane may be no run at all
        plane = _plane_by_runs(segment, size)
        return plane, len(plane) == size
    # Without its last two bytes, one of which may be padding, a segment that ends where it should is incomplete.
    rest = _runs(segment[:-2])
    return plane[:size], len(plane) > size or (rest is not None and len(rest) >= size)


def _runs(segment: bytes) -> bytes | None:
    try:
        return bytes(decode_segment(segment))
    except ValueError:
        return None


def _plane_by_runs(segment: bytes, size: int) -> bytes:
    """Decode PackBits up to `size` bytes (PS3.5 annex G.3.2)."""
    plane, position = bytearray(), 0
    while len(plane) < size and position + 1 < len(segment):
        head = segment[position]
        if head < 128:
            plane += segment[position + 1 : position + 2 + head]
            position += 2 + head
        elif head > 128:
            plane += segment[position + 1 : position + 2] * (257 - head)
            position += 2
        else:
            position += 1
    return bytes(plane[:size])


def rle_frame(segments: list[bytes], *, columns: int) -> bytes:
    """Code byte planes as one RLE frame, row by row (PS3.5 annex G)."""
    offsets, coded, position = [], [], 64
    for plane in segments:
        packed = bytes(encode_segment(plane, columns))
        packed += b"\0" * (len(packed) % 2)
        offsets.append(position)
        coded.append(packed)
        position += len(packed)
    head = struct.pack(f"<I{len(offsets)}I", len(offsets), *offsets)
    return head.ljust(64, b"\0") + b"".join(coded)


def _deflated_alone(code: bytes, frame_bytes: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(code, frame_bytes + 2)
    except zlib.error:
        raise _broken() from None
    if len(found) > frame_bytes + frame_bytes % 2 or found[frame_bytes:].strip(b"\0"):
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return packer.compress(found[:frame_bytes]) + packer.flush()
    if inflater.unused_data.strip(b"\0"):
        return code[: len(code) - len(inflater.unused_data)]
    return code


def _unpack(form: str, code: bytes, position: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(form, code, position)
    except struct.error:
        raise _broken() from None


def _broken() -> UnreadableInstance:
    return UnreadableInstance("The structure of the encoded pixels is broken.", reason="undecodable-pixels")
