"""Text that hides in binary numbers: their bytes in both orders, and whether these spell a word."""

from __future__ import annotations

import re
import struct

from pydicom.dataelem import DataElement

FORMS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
FEWEST_PACKED = 5
SHORTEST_SPELLED = 8
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
    """Say whether all the bytes of binary numbers are letters: no measurement is written so, but a name may be."""
    size = len(stored) // 2
    shortest = SHORTEST_SPELLED if element.VR == "FD" else 2 * SHORTEST_SPELLED
    return element.VR in FORMS and size >= shortest and bool(SPELLED.fullmatch(stored[:size]))
