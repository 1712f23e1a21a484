"""What the hub keeps of an object's own header."""

from __future__ import annotations

import io
from typing import BinaryIO

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRBigEndian

from radcommons.catalogue.readings import Reading
from radcommons.dicom.elements import Irregular
from radcommons.dicom.frameindex import (
    NOWHERE,
    FrameIndex,
    Shape,
    encapsulated_frames,
    items_at,
    native_frames,
)
from radcommons.dicom.frames import frame_count
from radcommons.dicom.read import GE_PRIVATE_SYNTAX, Header, read_header
from radcommons.dicom.stream import Encoding, Walk
from radcommons.dicomweb.rawjson import document_of
from radcommons.records.errors import UnreadableInstance

_META_START, _META_LIMIT = 132, 64 << 10
_SOP_CLASS, _SOP_INSTANCE = 0x00020002, 0x00020003
_LARGEST_INTEGER = 2**31 - 1
_SWAPPED = frozenset({str(ExplicitVRBigEndian), GE_PRIVATE_SYNTAX})


def meta_uids(source: BinaryIO) -> tuple[str, str]:
    """Return (SOP Class UID, SOP Instance UID) of a file by its meta information alone, or by its header without one.

    Raises
    ------
    UnreadableInstance
        If it is no DICOM object or names neither.
    """
    head = source.read(_META_LIMIT)
    if head[128:_META_START] == b"DICM":
        found = _walk_meta(head)
        if all(found):
            return found
    dataset = read_header(source).dataset
    named = str(dataset.get("SOPClassUID", "") or ""), str(dataset.get("SOPInstanceUID", "") or "")
    if not all(named):
        raise UnreadableInstance("The object names no SOP Class or SOP Instance.", reason="not-conformant")
    return named


def _walk_meta(head: bytes) -> tuple[str, str]:
    walk = Walk(io.BytesIO(head), len(head), Encoding(implicit=False, little=True))
    position, values = _META_START, {_SOP_CLASS: "", _SOP_INSTANCE: ""}
    while position + 8 <= len(head):
        element = walk.element_at(position)
        if element.tag >> 16 != 0x0002:
            break
        position = walk.end_of(element)
        if element.tag in values:
            values[element.tag] = head[element.value : position].decode("ascii", "replace").strip("\0 ")
    return values[_SOP_CLASS], values[_SOP_INSTANCE]


def reading_of(header: Header, source: BinaryIO | None = None) -> Reading:
    """Return what the catalogue keeps of a header.

    Parameters
    ----------
    header : Header
    source : binary file, optional
        The file; without it nobody knows where its frames lie until they are asked for.
    """
    dataset = header.dataset

    def whole(keyword: str) -> int | None:
        value = dataset.get(keyword)
        value = value[0] if isinstance(value, MultiValue | list) and value else value
        return int(value) if isinstance(value, int | float) and abs(value) <= _LARGEST_INTEGER else None

    return Reading(
        modality=str(dataset.get("Modality", "") or "")[:16].replace("\0", ""),
        number=whole("InstanceNumber"),
        rows=whole("Rows"),
        columns=whole("Columns"),
        frames=frame_count(dataset) if header.pixel is not None else None,
        document=document_of(header),
        index=index_of(header, source) if source is not None else NOWHERE,
    )


def index_of(header: Header, source: BinaryIO) -> FrameIndex:
    """Return where the frames lie in a file that was read with care."""
    pixel, dataset = header.pixel, header.dataset
    if pixel is None or not pixel.is_complete or header.is_deflated or header.transfer_syntax in _SWAPPED:
        return NOWHERE

    def read(offset: int, length: int) -> bytes:
        source.seek(offset)
        return source.read(length)

    try:
        if not pixel.encapsulated:
            return native_frames(_shape(dataset, pixel.tag), offset=pixel.offset, length=pixel.length)
        items, _ = items_at(read, pixel.offset, header.size)
        extended = dataset.get("ExtendedOffsetTable") or b""
        return encapsulated_frames(items, frame_count(dataset), read=read, extended=extended)
    except (Irregular, TypeError, ValueError):
        return NOWHERE


def _shape(dataset: Dataset, tag: int) -> Shape:
    return Shape(
        rows=int(dataset.get("Rows", 0)),
        columns=int(dataset.get("Columns", 0)),
        samples=int(dataset.get("SamplesPerPixel", 1) or 1),
        bits={0x7FE00008: 32, 0x7FE00009: 64}.get(tag) or int(dataset.get("BitsAllocated", 0)),
        frames=frame_count(dataset),
        is_subsampled=dataset.get("PhotometricInterpretation") == "YBR_FULL_422",
    )
