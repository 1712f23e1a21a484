"""Lay out a data set: which spans are header, where the pixel value lies, what is left out of memory."""

from __future__ import annotations

from dataclasses import dataclass

from radcommons.dicom.sniff import VALUE_REPRESENTATIONS
from radcommons.dicom.stream import ITEM, SEQUENCE_END, UNDEFINED, Element, Encoding, Walk
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

MAX_HEADER_BYTES = 64 << 20
MAX_ELEMENT_BYTES = 16 << 20

# Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.3 C.7.6.3, C.7.6.24)
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
TRAILING_PADDING = 0xFFFCFFFC
# Before it stands what an object is; what breaks before it is no rest behind an object.
STUDY_UID = 0x0020000D
NO_GROUPS = frozenset({0x0000, 0x0002, 0xFFFE, 0xFFFF})


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelSpan:
    """Where the pixel element's value lies in the body (see `open_body`).

    Parameters
    ----------
    tag, vr : int, str
        The element; `vr` is empty where the stream names none.
    offset, length : int
        Bytes of the value; of an encapsulated one from the first item up to, not including, the sequence delimiter.
    encapsulated : bool
    fragments : int
        Items after the basic offset table, 0 for native pixels.
    is_complete : bool
        False where the file ends before the pixels do.
    """

    tag: int
    vr: str
    offset: int
    length: int
    encapsulated: bool
    fragments: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The spans of the data set that are kept in memory, and the pixel span."""

    kept: list[tuple[int, int]]
    pixel: PixelSpan | None


def lay_out(walk: Walk, start: int, notes: list[Finding], *, salvages: bool = False) -> Layout:
    """Walk a data set and tell what to read of it.

    Parameters
    ----------
    walk : Walk
    start : int
        Where the data set begins.
    notes : list of Finding
        Where findings go.
    salvages : bool
        Keep what stands before the place where the file ends too early.

    Raises
    ------
    UnreadableInstance
        If the header is cut, broken, or larger than 64 MiB; what stands behind the pixels may be.
    """
    kept: list[tuple[int, int]] = []
    pixel: PixelSpan | None = None
    position, held, last = start, 0, 0
    while position < walk.end:
        try:
            element = walk.element_at(position)
            if element.tag in PIXEL_TAGS and pixel is None:
                pixel, position = pixel_span(walk, element, notes)
                continue
            after = _end_of_plain(walk, element)
        except UnreadableInstance as error:
            if pixel is None:
                if not (salvages and kept):
                    raise
                if last >= STUDY_UID and _is_no_element(walk, position):
                    note(notes, "value-repaired", "Bytes behind the last element were no elements and were cut.")
                elif error.reason == "truncated":
                    note(notes, "truncated", "The file ends inside its header; the element that is cut was dropped.")
                else:
                    raise
                break
            # Behind the pixels stand padding and private leftovers; nothing that an image needs is lost there.
            note(notes, "value-repaired", "Bytes behind the pixel data were no elements and were dropped.")
            break
        if element.tag in PIXEL_TAGS:
            raise UnreadableInstance("The data set has two pixel elements.", reason="unreadable")
        position, last = after, element.tag
        if not _is_dropped(element, position, notes):
            kept.append((element.start, position))
            held += position - element.start
            if held > MAX_HEADER_BYTES:
                raise UnreadableInstance("The header is larger than 64 MiB.", reason="unreadable")
    return Layout(kept, pixel)


def _is_no_element(walk: Walk, position: int) -> bool:
    """Say whether what begins here cannot be an element of a data set: a rest, a mark, a group that no data set has."""
    walk.source.seek(position)
    head = walk.source.read(8)
    if len(head) < 8:
        return True
    group = int.from_bytes(head[:2], "little" if walk.encoding.little else "big")
    is_named = walk.encoding.implicit or head[4:6] in VALUE_REPRESENTATIONS
    return group in NO_GROUPS or not is_named


def _end_of_plain(walk: Walk, element: Element) -> int:
    """Return where an element of a data set ends; items, meta information and commands are none."""
    if element.tag >> 16 in NO_GROUPS:
        raise UnreadableInstance(f"No element of a data set at byte {element.start}.", reason="unreadable")
    return walk.end_of(element)


def _is_dropped(element: Element, end: int, notes: list[Finding]) -> bool:
    """Tell whether an element never enters memory: trailing padding, and huge values of private elements."""
    if element.tag == TRAILING_PADDING:
        return True
    if end - element.value <= MAX_ELEMENT_BYTES:
        return False
    if not element.tag >> 16 & 1:
        raise UnreadableInstance("An element that is no pixel data is larger than 16 MiB.", reason="unreadable")
    note(notes, "private-removed", "A private element of more than 16 MiB was left out.")
    return True


def pixel_span(walk: Walk, element: Element, notes: list[Finding]) -> tuple[PixelSpan, int]:
    """Return where the value of a pixel element lies, and where the next element begins; what is cut is noted."""
    if element.length == UNDEFINED:
        return _encapsulated_span(walk, element, notes)
    there = min(element.length, walk.end - element.value)
    if there < element.length:
        _note_truncated(notes)
    span = PixelSpan(
        tag=element.tag,
        vr=element.vr,
        offset=element.value,
        length=there,
        encapsulated=False,
        fragments=0,
        is_complete=there == element.length,
    )
    return span, element.value + there


def _encapsulated_span(walk: Walk, element: Element, notes: list[Finding]) -> tuple[PixelSpan, int]:
    """Walk the fragments (PS3.5 annex A.4); their heads are little endian whatever else is."""
    position, items, is_complete, after = element.value, 0, False, walk.end
    head = Encoding(implicit=False, little=True)
    while position + 8 <= walk.end:
        item = walk.element_at(position, head)
        if item.tag == SEQUENCE_END:
            is_complete, after = True, item.value
            break
        if item.tag != ITEM or item.value + item.length > walk.end:
            break
        position = item.value + item.length
        items += 1
    else:
        is_complete = position == walk.end and items > 1
        if is_complete:
            note(notes, "value-repaired", "The end mark of the pixel data was missing and was added.")
    if not is_complete:
        _note_truncated(notes)
        position = walk.end
    span = PixelSpan(
        tag=element.tag,
        vr=element.vr,
        offset=element.value,
        length=position - element.value,
        encapsulated=True,
        fragments=max(items - 1, 0),
        is_complete=is_complete,
    )
    return span, after


def _note_truncated(notes: list[Finding]) -> None:
    message = "The file ends before its pixel data does; copy it again from the source."
    note(notes, "truncated", message, Severity.REFUSAL)


def note(notes: list[Finding], code: str, message: str, severity: Severity = Severity.NOTE) -> None:
    """Add a finding about the whole object."""
    notes.append(Finding(code=code, severity=severity, message=message))
