"""Text that hides in binary values: the bytes of numbers in both orders, and whether bytes spell words."""

from __future__ import annotations

import re
import struct

from pydicom.dataelem import DataElement

from radcommons.dicom.lexicon import is_clinical
from radcommons.dicom.text_fold import LETTERS_ONLY

FORMS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
FEWEST_PACKED = 5
SHORTEST_SPELLED = 8
SHORTEST_WRITING = 8
SHORTEST_IN_NUMBERS = 12
SHORTEST_FOREIGN = 14
MOST_REPEATED = 2
WRITTEN = re.compile(r"(?:[^\W\d_]|[0-9 .,;^'/:=()@_#&+*%!?-])+")
# Latin, Greek, Cyrillic and Hebrew letters of two bytes; what decodes to any letter at all is a measurement.
WIDE = {
    "utf-16-le": re.compile(rb"(?:[\x20-\xff][\x00-\x05])+(?:\x00\x00)*", re.DOTALL),
    "utf-16-be": re.compile(rb"(?:[\x00-\x05][\x20-\xff])+(?:\x00\x00)*", re.DOTALL),
}
SHORTEST_WORD = 4
LONGEST_WRITING = 4096
LONG_NUMBER = re.compile(r"\d{6,}")
SPELLED = re.compile(rb"[A-Za-z^ ]*[A-Za-z]{5}[A-Za-z^ ]*")


def packed(element: DataElement) -> bytes:
    """Return binary numbers as bytes in both orders, for text may hide in them; nothing of fewer than five bytes."""
    form = FORMS.get(element.VR)
    if form is None or element.is_empty or element.VM * struct.calcsize(f"={form}") < FEWEST_PACKED:
        return b""
    values = list(element.value) if element.VM > 1 else [element.value]
    try:
        return b"".join(struct.pack(f"{order}{len(values)}{form}", *values) for order in "<>")
    except (struct.error, OverflowError):  # no numbers of this width: not read from a file, and not written to one
        return b""


def spelled(element: DataElement, stored: bytes) -> bool:
    """Say whether the bytes of binary numbers are letters: no measurement is written so, but a name may be."""
    half = stored[: len(stored) // 2]
    if element.VR not in FORMS:
        return len(stored) <= LONGEST_WRITING and is_writing(stored)
    shortest = SHORTEST_SPELLED if element.VR == "FD" else 2 * SHORTEST_SPELLED
    if len(half) >= shortest and SPELLED.fullmatch(half):
        return True
    if len(half) < SHORTEST_IN_NUMBERS:
        return False  # 34.55 is fffffFA@
    other = stored[len(half) :]
    # small whole numbers of two bytes look like wide letters
    wide = ("utf-16-le", "utf-16-be") if element.VR not in ("US", "SS") else ()
    return is_writing(half) or is_writing(other) or any(is_writing(half, codec) for codec in wide)


def is_writing(stored: bytes, codec: str = "utf-8") -> bool:
    """Say whether bytes are printable text with a word in it that is no clinical one, or with a long number."""
    if codec != "utf-8" and not WIDE[codec].fullmatch(stored):
        return False
    try:
        text = stored.rstrip(b"\0 " if codec == "utf-8" else b"").decode(codec).rstrip(" \0")
    except UnicodeDecodeError:
        return False
    # 19.2 is 333333 and 26.4 is ffffff in bytes, so what repeats is no writing
    shortest = SHORTEST_WRITING if text.isascii() or codec != "utf-8" else SHORTEST_FOREIGN
    if len(text) < shortest or not WRITTEN.fullmatch(text):
        return False
    words = [found[0] for found in LETTERS_ONLY.finditer(text) if len(found[0]) >= SHORTEST_WORD]
    numbers = LONG_NUMBER.findall(text)
    return any(len(set(one)) > MOST_REPEATED for one in (*numbers, *(word for word in words if not is_clinical(word))))
