"""Tell what a file is from its first bytes, before any parser is let near it."""

from __future__ import annotations

import struct
from enum import StrEnum

# Enough for the 128-byte preamble, the prefix and a first element; text is judged on the rest.
HEAD_BYTES = 4096

# PS3.5 table 6.2-1, every value representation of the 2025 edition.
VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)


class Kind(StrEnum):
    """What the first bytes of a file say that it is."""

    DICOM = "dicom"  # preamble and DICM prefix, PS3.10 section 7.1
    DICOM_BARE = "dicom-bare"  # a data set or file meta information without preamble
    JPEG = "jpeg"
    PNG = "png"
    ZIP = "zip"
    CSV = "csv"
    TEXT = "text"
    EMPTY = "empty"
    OTHER = "other"


def sniff(head: bytes, name: str) -> Kind:
    """Return the kind of a file; a DICOMDIR is told later, by its file meta information.

    Parameters
    ----------
    head : bytes
        The first bytes, `HEAD_BYTES` of them if there are so many.
    name : str
        The file's name; it only helps to tell CSV from other text.
    """
    if not head:
        return Kind.EMPTY
    if head[128:132] == b"DICM":
        return Kind.DICOM
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if _starts_a_data_set(head):
        return Kind.DICOM_BARE
    if _is_text(head):
        return Kind.CSV if name.lower().endswith((".csv", ".tsv")) else Kind.TEXT
    return Kind.OTHER


_MAGIC = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),  # an archive without entries
)


def _starts_a_data_set(head: bytes) -> bool:
    """Tell whether a first element of group 0002 or 0008 stands here, in any of the three encodings of PS3.5."""
    if len(head) < 8:
        return False
    little = struct.unpack_from("<HH", head)
    big = struct.unpack_from(">HH", head)
    if little[0] in (0x0002, 0x0008):
        implicit_length = struct.unpack_from("<I", head, 4)[0]
    elif big[0] == 0x0008:
        implicit_length = struct.unpack_from(">I", head, 4)[0]
    else:
        return False
    if head[4:6] in VALUE_REPRESENTATIONS:
        return True
    # Implicit VR: the first elements of a data set (group length, character set, image type) are short.
    return bool(implicit_length <= 1024 and implicit_length % 2 == 0)


def _is_text(head: bytes) -> bool:
    """Tell text (UTF-8, UTF-16 with a mark, Latin-1 without control characters) from binary."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    controls = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in head)
    return controls == 0
