"""Take a JPEG file apart by its markers: what process it is, and the same code without what may name a person.

Metadata segments (EXIF, XMP, comments, thumbnails, color profiles) go; tables, frame, scans and entropy-coded data
stay byte for byte, so that no pixel changes.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from radcommons.records.errors import UnreadableInstance

_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_NEXT_LS_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegCode:
    """One JPEG image.

    Parameters
    ----------
    code : bytes
        The stream from SOI to EOI without identifying segments.
    process : int
        The start-of-frame marker: 0xC0 baseline, 0xC1 extended sequential, 0xC2 progressive.
    precision, rows, columns, components : int
    color : str
        DICOM's *Photometric Interpretation* of the code; empty where it has none.
    orientation : int
        EXIF orientation that was in the file, 1 where none: the picture is to be turned when it is not 1.
    removed : int
        Bytes of segments that were left out.
    """

    code: bytes
    process: int
    precision: int
    rows: int
    columns: int
    components: int
    color: str
    orientation: int
    removed: int


@dataclass(slots=True)
class _Frame:
    process: int = 0
    precision: int = 0
    rows: int = 0
    columns: int = 0
    identifiers: bytes = b""
    sampling: bytes = b""


def take_apart(encoded: bytes) -> JpegCode:
    """Parse a JPEG file and leave out every segment that may hold identity.

    Parameters
    ----------
    encoded : bytes
        The file.

    Raises
    ------
    UnreadableInstance
        Reason ``truncated`` where the end mark is missing, ``undecodable-pixels`` where the marker structure is broken.

    References
    ----------
    ITU-T T.81 annex B; T.871 (JFIF); Adobe TN 5116 (APP14).
    """
    kept = [b"\xff\xd8"]
    frame, adobe, orientation, is_jfif = _Frame(), None, 1, False
    position, end_found = 2, False
    while position < len(encoded):
        marker, start, after = _segment(encoded, position)
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            end_found = True
            break
        body = encoded[start:after]
        if marker == 0xE1:
            orientation = _orientation(body) or orientation
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        elif marker == 0xE0 and body.startswith(b"JFIF\0"):
            is_jfif = True
        elif marker in _FRAMES:
            frame = _frame(marker, body)
        kept.append(_kept_segment(marker, body))
        position = after
        if marker == 0xDA:
            position = _end_of_scan(encoded, after)
            kept.append(encoded[after:position])
    if not end_found:
        raise UnreadableInstance("The JPEG has no end mark.", reason="truncated")
    if not frame.process or not frame.rows or not frame.columns:
        raise _broken()
    code = b"".join(kept)
    return JpegCode(
        code=code,
        process=frame.process,
        precision=frame.precision,
        rows=frame.rows,
        columns=frame.columns,
        components=len(frame.identifiers),
        color=_color(frame, adobe, is_jfif=is_jfif),
        orientation=orientation,
        removed=len(encoded) - len(code),
    )


def without_metadata(code: bytes, *, is_ls: bool = False) -> bytes:
    """Return a JPEG or JPEG-LS code stream without comments, application segments and bytes behind its end.

    Parameters
    ----------
    code : bytes
        One image, maybe padded. The same object comes back where nothing hides in it.
    is_ls : bool
        JPEG-LS, whose scans may hold 0xFF before any byte below 0x80, and whose APP8 may name a color transform.

    Raises
    ------
    UnreadableInstance
        Where the marker structure is broken, so that nobody can say what hides there.

    References
    ----------
    ITU-T T.81 annex B, T.87 annex C; the entropy-coded bytes, tables and frame stay as they are.
    """
    if code[:2] != b"\xff\xd8":
        raise _broken()
    kept, position, changed = [b"\xff\xd8"], 2, False
    while position < len(code):
        marker, start, after = _segment(code, position)
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            changed |= bool(code[after:].strip(b"\0"))
            break
        segment = _kept_segment(marker, code[start:after])
        if is_ls and marker == 0xE8 and code[start : start + 4] == b"mrfx":
            segment = b"\xff\xe8\x00\x07" + code[start : start + 5]
        changed |= segment != code[position:after]
        kept.append(segment)
        position = after
        if marker == 0xDA:
            found = (_NEXT_LS_MARKER if is_ls else _NEXT_MARKER).search(code, after)
            position = found.start() if found else len(code)  # without an end mark decoders take what is there
            kept.append(code[after:position])
    return b"".join(kept) if changed else code


def _segment(encoded: bytes, position: int) -> tuple[int, int, int]:
    """Return a segment's marker, and where its body begins and ends."""
    if encoded[position] != 0xFF:
        raise _broken()
    while position < len(encoded) and encoded[position] == 0xFF:  # any number of fill bytes may stand before a marker
        position += 1
    if position >= len(encoded):
        raise UnreadableInstance("The JPEG has no end mark.", reason="truncated")
    marker = encoded[position]
    position += 1
    if marker in _ALONE or marker == 0xD9:
        return marker, position, position
    if position + 2 > len(encoded):
        raise UnreadableInstance("The JPEG ends inside a segment.", reason="truncated")
    length = struct.unpack_from(">H", encoded, position)[0]
    if length < 2:
        raise _broken()
    if position + length > len(encoded):
        raise UnreadableInstance("The JPEG ends inside a segment.", reason="truncated")
    return marker, position + 2, position + length


def _kept_segment(marker: int, body: bytes) -> bytes:
    """Return the segment as it is written again: empty for those that may hold identity."""
    if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        body = body[:12] + b"\0\0"  # its thumbnail is left out
    elif marker == 0xEE and body.startswith(b"Adobe"):
        body = body[:12]
    elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
        return b""
    if marker in _ALONE:
        return bytes((0xFF, marker))
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _end_of_scan(encoded: bytes, position: int) -> int:
    found = _NEXT_MARKER.search(encoded, position)
    if found is None:
        raise UnreadableInstance("The JPEG has no end mark.", reason="truncated")
    return found.start()


def _frame(marker: int, body: bytes) -> _Frame:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise _broken()
    precision, rows, columns, count = struct.unpack_from(">BHHB", body)
    return _Frame(marker, precision, rows, columns, body[6 : 6 + 3 * count : 3], body[7 : 6 + 3 * count : 3])


def _color(frame: _Frame, adobe: int | None, *, is_jfif: bool) -> str:
    """Return the photometric interpretation by the rules that decoders follow (T.871, Adobe TN 5116)."""
    if len(frame.identifiers) == 1:
        return "MONOCHROME2"
    if len(frame.identifiers) != 3:
        return ""
    if adobe == 0 or (adobe is None and not is_jfif and frame.identifiers == b"RGB"):
        return "RGB"
    return "YBR_FULL" if len(set(frame.sampling)) == 1 else "YBR_FULL_422"


def _orientation(body: bytes) -> int | None:
    """Return EXIF tag 0112 of the first directory, None where there is none that makes sense."""
    if not body.startswith(b"Exif\0\0"):
        return None
    tiff = body[6:]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    place = struct.unpack_from(order + "I", tiff, 4)[0]
    if place + 2 > len(tiff):
        return None
    count = struct.unpack_from(order + "H", tiff, place)[0]
    for entry in range(place + 2, min(place + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind = struct.unpack_from(order + "HH", tiff, entry)
        if tag == 0x0112 and kind == 3:
            value = int(struct.unpack_from(order + "H", tiff, entry + 8)[0])
            return value if 1 <= value <= 8 else None
    return None


def _broken() -> UnreadableInstance:
    return UnreadableInstance("The JPEG's segments are broken.", reason="undecodable-pixels")
