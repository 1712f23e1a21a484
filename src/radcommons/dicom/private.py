"""Which private elements are safe: those of PS3.15 Table E.3.10-1, and those that the object itself declares so.

Whatever cannot be told apart is not safe: an element without its creator, one whose creator stands twice, one whose
value representation is not the listed one.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from radcommons.dicom._tables.safe_private import SAFE

CHARACTERISTICS = 0x00080300
FIRST_BLOCK = 0x10
# Value representations whose values cannot hide what a search would not see.
TEXTS = frozenset({"LO", "SH", "CS", "DS", "IS"})
NUMBERS = {"FL": "f", "FD": "d", "US": "H", "SS": "h", "UL": "I", "SL": "i"}
# A file may write a listed number or text in another one of its kind.
KINDS = (frozenset(NUMBERS), frozenset({"DS", "IS"}), frozenset({"LO", "SH", "CS"}), frozenset({"SQ"}))
UNKNOWN = (None, "", "UN")


@dataclass(frozen=True, slots=True)
class SafeElement:
    """One private element that may stay.

    Parameters
    ----------
    vr : str
        How its value is to be read: the file's own, where the file says one, otherwise the table's.
    creator : str
        Its private creator, as the table or the object writes it.
    is_listed : bool
        Whether the standard lists it; otherwise the object declares it.
    """

    vr: str
    creator: str
    is_listed: bool


@dataclass(frozen=True, slots=True)
class Declared:
    """What (0008,0300) says of private blocks: whole ones, and single elements, by (group, creator)."""

    blocks: frozenset[tuple[int, str]] = frozenset()
    elements: frozenset[tuple[int, str, int]] = frozenset()


NOTHING = Declared()


def is_safe(creator: str, tag: int, vr: str | None, *, declared: Declared = NOTHING) -> SafeElement | None:
    """Return how a private element may be read when it is safe, None when it is not.

    Parameters
    ----------
    creator : str
        The private creator of its block; spaces at the ends do not count, letters' case does.
    tag : int
        With the block number of the file.
    vr : str or None
        The value representation in the file; None where the file has none (implicit).
    declared : Declared
        What the object says of its private blocks.

    References
    ----------
    DICOM PS3.15, section E.3.10 and Table E.3.10-1; PS3.3, section C.12.1.1.7.
    """
    group, low = tag >> 16, tag & 0xFF
    name = creator.strip(" \0")
    listed = SAFE.get((name, group, low))
    if listed is not None:
        if vr in UNKNOWN:
            return SafeElement(listed[0], name, True)
        return SafeElement(str(vr), name, True) if _same_kind(str(vr), listed[0]) else None
    if (group, name) in declared.blocks or (group, name, low) in declared.elements:
        # a declaration names no value representation: a value that no search can read is not let through
        return SafeElement(str(vr), name, False) if vr in TEXTS or vr in NUMBERS or vr == "SQ" else None
    return None


def _same_kind(vr: str, listed: str) -> bool:
    return vr == listed or any(vr in kind and listed in kind for kind in KINDS)


def is_creator(tag: int) -> bool:
    """Say whether a tag of an odd group reserves a block."""
    return FIRST_BLOCK <= tag & 0xFFFF <= 0xFF


def creator_tag(tag: int) -> int:
    """Return the tag of the private creator of an element's block."""
    return tag & 0xFFFF0000 | (tag >> 8 & 0xFF)


def safe_elements(
    elements: Iterable[tuple[int, str | None]], creators: Mapping[int, str], *, declared: Declared = NOTHING
) -> dict[int, SafeElement]:
    """Return the private elements of one data set that may stay, their creators among them.

    Parameters
    ----------
    elements : iterable of (tag, VR or None)
        Private elements in the order of the file; what stands twice is not safe.
    creators : Mapping of int to str
        Tag of each private creator element -> its text.
    declared : Declared

    Notes
    -----
    A creator stays when an element of its block stays.  A creator that reserves two blocks of a group is not trusted:
    which of both an element means is then a matter of the reader.
    """
    listed = list(elements)
    seen = Counter(tag for tag, _ in listed)
    names = Counter((tag >> 16, name.strip(" \0")) for tag, name in creators.items())
    found: dict[int, SafeElement] = {}
    for tag, vr in listed:
        holder = creator_tag(tag)
        name = creators.get(holder, "").strip(" \0")
        if is_creator(tag) or tag & 0xFFFF < 0x1000 or seen[tag] > 1 or seen[holder] != 1:
            continue
        if name and names[tag >> 16, name] == 1 and (safe := is_safe(name, tag, vr, declared=declared)):
            found[tag] = safe
            found[holder] = SafeElement("LO", name, safe.is_listed)
    return found


def safe_in(dataset: Dataset, *, declared: Declared = NOTHING) -> dict[int, SafeElement]:
    """Return `safe_elements` of one data set or item."""
    private = [element for element in dataset.values() if element.tag.is_private]
    if not private:
        return {}
    creators = {int(element.tag): _text(dataset, int(element.tag)) for element in private if is_creator(element.tag)}
    elements = ((int(element.tag), None if element.VR in UNKNOWN else str(element.VR)) for element in private)
    return safe_elements(elements, creators, declared=declared)


def _text(dataset: Dataset, tag: int) -> str:
    element = dataset.get(tag)
    value = None if element is None else element.value
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return value.strip(" \0") if isinstance(value, str) else ""


def declared_safe(dataset: Dataset) -> Declared:
    """Return what the object says of its private blocks in (0008,0300) Private Data Element Characteristics Sequence.

    References
    ----------
    DICOM PS3.3, section C.12.1.1.7: (0008,0301) group, (0008,0302) creator, (0008,0303) SAFE, UNSAFE or MIXED,
    (0008,0304) the elements of a mixed block that identify nobody.
    """
    element = dataset.get(CHARACTERISTICS)
    items = element.value if element is not None and element.VR == "SQ" else ()
    blocks: set[tuple[int, str]] = set()
    single: set[tuple[int, str, int]] = set()
    contradicted: set[tuple[int, str]] = set()
    for item in items:
        key = _block(item)
        status = _text(item, 0x00080303)
        if key is None or status not in ("SAFE", "MIXED") or key in blocks:
            contradicted |= {key} if key else set()
        elif status == "SAFE":
            blocks.add(key)
        else:
            single |= {(*key, number) for number in _numbers(item, 0x00080304)}
    blocks -= contradicted
    return Declared(frozenset(blocks), frozenset(one for one in single if one[:2] not in contradicted))


def _block(item: Dataset) -> tuple[int, str] | None:
    group = next(_numbers(item, 0x00080301), 0)
    name = _text(item, 0x00080302)
    return (group, name) if group & 1 and name else None


def _numbers(item: Dataset, tag: int) -> Iterator[int]:
    element = item.get(tag)
    value = None if element is None else element.value
    for one in value if isinstance(value, MultiValue | list | tuple) else (value,):
        if isinstance(one, int):
            yield one & 0xFFFF if tag == 0x00080301 else one & 0xFF


def as_listed(dataset: Dataset, tag: BaseTag, vr: str) -> DataElement | None:
    """Return a safe element in its representation, also where the file said none; None when its value is none of it.

    What a private dictionary would guess of an implicit file's element is not asked.
    """
    raw: object = dataset.get_item(tag)  # pydicom's own annotation leaves the raw element out
    if isinstance(raw, RawDataElement) and raw.VR in UNKNOWN:
        if (raw.VR != "UN" and not raw.is_little_endian) or vr == "SQ" or not isinstance(raw.value, bytes):
            return _converted(dataset, tag, vr)
        value = decoded(raw.value, vr)
        return None if value is None else DataElement(tag, vr, value)
    return _converted(dataset, tag, vr)


def _converted(dataset: Dataset, tag: BaseTag, vr: str) -> DataElement | None:
    try:
        element = dataset[tag]
        if element.VR == "UN" and isinstance(element.value, bytes):
            value = decoded(element.value, vr)
            return None if value is None else DataElement(tag, vr, value)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, NotImplementedError, IndexError):
        return None
    return element if vr == element.VR else None


def decoded(value: bytes, vr: str) -> object:
    """Return the value of a safe element whose file said UN, read as its listed representation; None when it is none.

    References
    ----------
    DICOM PS3.5, section 6.2.2: the value of an element of representation UN is little endian.
    """
    if vr in NUMBERS:
        size = struct.calcsize(NUMBERS[vr])
        if len(value) % size:
            return None
        numbers = struct.unpack(f"<{len(value) // size}{NUMBERS[vr]}", value)
        return numbers[0] if len(numbers) == 1 else list(numbers)
    if vr not in TEXTS or not value.isascii():
        return None
    texts = value.decode("ascii").rstrip(" \0").split("\\")
    return texts[0] if len(texts) == 1 else texts
