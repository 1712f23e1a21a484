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
SHORTEST_WORD = 4
LONGEST_WRITING = 4096
LONG_NUMBER = re.compile(r"\d{6}")
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
    other = stored[len(half) :]
    # small whole numbers of two bytes look like wide letters
    wide = ("utf-16-le", "utf-16-be") if element.VR not in ("US", "SS") else ()
    return is_writing(half) or is_writing(other) or any(is_writing(half, codec) for codec in wide)


def is_writing(stored: bytes, codec: str = "utf-8") -> bool:
    """Say whether bytes are printable text with a word in it that is no clinical one, or with a long number."""
    try:
        text = stored.rstrip(b"\0 " if codec == "utf-8" else b"").decode(codec).rstrip(" \0")
    except UnicodeDecodeError:
        return False
    if len(text) < SHORTEST_WRITING or not text.isprintable():
        return False
    words = (found[0] for found in LETTERS_ONLY.finditer(text))
    return bool(LONG_NUMBER.search(text)) or any(len(word) >= SHORTEST_WORD and not is_clinical(word) for word in words)
