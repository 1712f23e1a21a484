"""What the hub keeps of an object's own header."""

from __future__ import annotations

import io
import json
from typing import Any, BinaryIO

from radcommons.catalogue.instances import Reading
from radcommons.dicom.frames import frame_count
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.stream import Encoding, Walk
from radcommons.dicomweb.json import JsonDataset, first, to_json
from radcommons.records.errors import UnreadableInstance

_META_START, _META_LIMIT = 132, 64 << 10
_SOP_CLASS, _SOP_INSTANCE = 0x00020002, 0x00020003
_LARGEST_INTEGER = 2**31 - 1


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


def reading_of(header: Header) -> Reading:
    """Return what the catalogue keeps of a header."""
    members: JsonDataset = to_json(header.dataset)
    if "\\u0000" in json.dumps(members):
        members = _without_nul(members)

    def whole(keyword: str) -> int | None:
        value: Any = first(members, keyword)
        return value if isinstance(value, int) and abs(value) <= _LARGEST_INTEGER else None

    return Reading(
        modality=str(first(members, "Modality") or "")[:16],
        number=whole("InstanceNumber"),
        rows=whole("Rows"),
        columns=whole("Columns"),
        frames=frame_count(header.dataset) if header.pixel is not None else None,
        header=members,
    )


def _without_nul(value: Any) -> Any:
    """Return JSON values without U+0000, which PostgreSQL's documents cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_nul(one) for name, one in value.items()}
    return value
