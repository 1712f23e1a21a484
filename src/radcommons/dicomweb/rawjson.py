"""The DICOM JSON model (PS3.18 annex F) as text, written straight from encoded elements.

No object is made of an element, and an element whose bytes were met before costs one look-up: slices of a series
differ in a dozen of a hundred. The text is what `json.to_json` says, which the tests compare; where its way is the only
safe one, `Irregular` is raised and the caller goes it.

`ROOT` stands for the address of the DICOMweb root, so that one replacement fits a whole answer to its asker. The byte
cannot occur in JSON otherwise.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from urllib.parse import quote

from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.tag import BaseTag

from radcommons.dicom.elements import Irregular, Raw, element_at
from radcommons.dicom.rawheader import RawHeader
from radcommons.dicom.read import Header
from radcommons.dicom.stream import ITEM, ITEM_END, MAX_DEPTH, SEQUENCE_END, UNDEFINED
from radcommons.dicomweb.json import INLINE_LIMIT, members, tag_key, to_json
from radcommons.dicomweb.rawvalues import CONVERTERS, NUMBERS, Way, require_fit

ROOT = b"\x01"
# Stands for the instance's address below the root while its text is made.
_INSTANCE = b"\x02"

_SYNTAX_KEY = 0x00083002  # (0008,3002) Available Transfer Syntax UID (PS3.18 table 10.6.3-5)
_CHARSET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103
_STUDY, _SERIES, _SOP_CLASS, _SOP_INSTANCE = 0x0020000D, 0x0020000E, 0x00080016, 0x00080018
_PIXELS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})
_BINARIES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_UID = re.compile(r"[0-9.]{1,64}")
# One memory of elements per way to read them; a hub meets few. Bounded, since text is everything but bounded.
_MEMORIES, _REMEMBERED, _LONGEST = 64, 20_000, 4096


def document(header: RawHeader) -> bytes:
    """Return the metadata of an instance as JSON text in UTF-8, with `ROOT` for the address of the DICOMweb root.

    Parameters
    ----------
    header : RawHeader

    Raises
    ------
    Irregular
        If a value is odd in any way.

    Notes
    -----
    PHI: what the header holds. Keeps the encoded elements of earlier calls and their text, at most some 100 MB.
    """
    if not header.raw(_SOP_CLASS):
        raise Irregular  # the meta information may name it
    way = _way(header)
    memory = _memory(way)
    head, found, last = header.head, [], False
    syntax = f'"00083002":{{"vr":"UI","Value":["{header.transfer_syntax}"]}}'.encode()
    for element in header.elements:
        tag = element.tag
        if tag >= _SYNTAX_KEY and not last:
            last = True
            found.append(syntax)
            if tag == _SYNTAX_KEY:
                continue
        encoded = head[element.start : element.end]
        text = memory.get(encoded)
        if text is None:
            try:
                text = b'"%08X":' % tag + _member(header, element, way)
            except (LookupError, ValueError):  # an unknown character set, or bytes that are none of it
                raise Irregular from None
            is_private_of_unknown = tag >> 16 & 1 and (way.implicit or element.vr == b"UN")
            if not is_private_of_unknown and len(encoded) <= _LONGEST:
                if len(memory) >= _REMEMBERED:
                    memory.clear()
                memory[encoded] = text
        found.append(text)
    if not last:
        found.append(syntax)
    if header.pixel is not None:
        vr = header.pixel.vr or b"OW"
        found.append(b'"%08X":{"vr":"%s","BulkDataURI":"\x02%08X"}' % (header.pixel.tag, vr, header.pixel.tag))
    return _placed(b"{" + b",".join(found) + b"}", header)


_KNOWN: dict[Way, dict[bytes, bytes]] = {}


def _memory(way: Way) -> dict[bytes, bytes]:
    found = _KNOWN.get(way)
    if found is None:
        if len(_KNOWN) >= _MEMORIES:
            _KNOWN.clear()
        found = _KNOWN.setdefault(way, {})
    return found


def _way(header: RawHeader) -> Way:
    charset = tuple(part.strip() for part in header.text(_CHARSET).split("\\"))
    signed: bool | None = None
    if header.implicit:
        raw = header.raw(_PIXEL_REPRESENTATION)
        signed = raw == b"\x01\0" if len(raw) == 2 else None
    return Way(header.implicit, charset, signed)


def _placed(text: bytes, header: RawHeader) -> bytes:
    if _INSTANCE not in text:
        return text
    uids = [header.text(tag) for tag in (_STUDY, _SERIES, _SOP_INSTANCE)]
    if not all(map(_UID.fullmatch, uids)):
        raise Irregular
    return text.replace(_INSTANCE, location(*uids) + b"/bulkdata/")


def location(study: str, series: str, instance: str) -> bytes:
    """Return an instance's address, with `ROOT` for the root."""
    return ROOT + f"/studies/{quote(study)}/series/{quote(series)}/instances/{quote(instance)}".encode()


# One element. Texts without anything but ASCII are most; the others go through pydicom's decoder of character sets.


def _member(header: RawHeader, element: Raw, way: Way, path: bytes = b"") -> bytes:
    """Return the JSON object of an element."""
    tag, name = element.tag, element.vr.decode("ascii")
    if not name or name == "UN":
        name = _told_vr(header, tag, name, way, is_nested=bool(path))
    where = path + b"%08X" % tag
    if name == "SQ":
        return _sequence(header, element.value, element.end, way, where)
    if element.length == UNDEFINED:
        raise Irregular
    value = header.head[element.value : element.end]
    if tag in _PIXELS or name in _BINARIES:
        return _binary(name, value, where, is_pixels=tag in _PIXELS)
    if not value:
        return b'{"vr":"%s"}' % name.encode()
    converter = CONVERTERS.get(name)
    if converter is None:
        raise Irregular
    found = converter(value, way)
    if name in NUMBERS:
        require_fit(tag, name, found)
    if not any(one is not None for one in found):
        return b'{"vr":"%s"}' % name.encode()
    inner = ",".join("null" if one is None else one for one in found)
    return f'{{"vr":"{name}","Value":[{inner}]}}'.encode()


def _told_vr(header: RawHeader, tag: int, name: str, way: Way, *, is_nested: bool) -> str:
    """Return the representation of an element that does not say it, or says "unknown", as pydicom tells it."""
    if tag >> 16 & 1:
        if 0x10 <= tag & 0xFFFF <= 0xFF:
            return "LO"
        if is_nested or not tag & 0xFF00:
            raise Irregular
        creator = header.text(tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8)
        try:
            return private_dictionary_VR(BaseTag(tag), creator) if creator else "UN"
        except KeyError:
            return "UN"
    if name == "UN":
        raise Irregular
    try:
        told = dictionary_VR(BaseTag(tag))
    except KeyError:
        return "UN"
    if told == "US or SS" and not is_nested and way.signed is not None:
        return "SS" if way.signed else "US"
    if " " in told:
        raise Irregular
    return told


def _binary(name: str, value: bytes, where: bytes, *, is_pixels: bool) -> bytes:
    vr = name.encode()
    if not value:
        return b'{"vr":"%s"}' % vr
    if is_pixels or len(value) > INLINE_LIMIT:
        return b'{"vr":"%s","BulkDataURI":"%s%s"}' % (vr, _INSTANCE, where)
    return b'{"vr":"%s","InlineBinary":"%s"}' % (vr, base64.b64encode(value))


def _sequence(header: RawHeader, start: int, end: int, way: Way, where: bytes) -> bytes:
    if where.count(b"/") > 2 * MAX_DEPTH - 4:
        raise Irregular
    items: list[bytes] = []
    position = start
    while position < end:
        tag, length = _item_head(header.head, position)
        if tag == SEQUENCE_END:
            break
        if tag != ITEM:
            raise Irregular
        stop = end if length == UNDEFINED else position + 8 + length
        inside, position = _item(header, position + 8, stop, way, where + b"/%d/" % len(items))
        items.append(inside)
    return b'{"vr":"SQ","Value":[%s]}' % b",".join(items) if items else b'{"vr":"SQ"}'


def _item_head(head: bytes, position: int) -> tuple[int, int]:
    try:
        group, number, length = struct.unpack_from("<HHI", head, position)
    except struct.error:
        raise Irregular from None
    return group << 16 | number, length


def _item(header: RawHeader, position: int, end: int, way: Way, path: bytes) -> tuple[bytes, int]:
    """Return an item as JSON, and where the next one begins."""
    found: list[bytes] = []
    last = -1
    while position < end:
        element = element_at(header.head, position, implicit=way.implicit)
        position = element.end
        if element.tag == ITEM_END:
            break
        if element.tag <= last or element.end > end or element.tag >> 16 in (0x0000, 0x0002, 0xFFFE):
            raise Irregular
        last = element.tag
        if element.tag == _CHARSET:
            text = header.head[element.value : element.end].decode("ascii", "replace").strip("\0 ")
            way = Way(way.implicit, tuple(part.strip() for part in text.split("\\")), way.signed)
        if element.tag & 0xFFFF:
            found.append(b'"%08X":' % element.tag + _member(header, element, way, path))
    return b"{" + b",".join(found) + b"}", position


def document_of(header: Header, *, has_pixels: bool = True) -> bytes:
    """Return what `document` does of a header that was read with care.

    Parameters
    ----------
    header : Header
    has_pixels : bool
        Whether pixel data is told where there is some.
    """
    dataset = header.dataset
    uids = [
        str(dataset.get(keyword, "") or "") for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    ]
    base = location(*uids).removeprefix(ROOT).decode()
    model = to_json(dataset, bulk_uri=lambda path: f"\x01{base}/bulkdata/{path}")
    model |= members(AvailableTransferSyntaxUID=header.transfer_syntax)
    if header.pixel is not None and has_pixels:
        key = tag_key(header.pixel.tag)
        vr = header.pixel.vr or "OW"
        model[key] = {"vr": vr, "BulkDataURI": f"\x01{base}/bulkdata/{key}"}
    text = json.dumps(dict(sorted(model.items())), ensure_ascii=False, separators=(",", ":"))
    # Outside of a value, where quotes are escaped, this can only be a member's own name.
    return text.replace('"BulkDataURI":"\\u0001', '"BulkDataURI":"\x01').encode("utf-8", "replace")


def fitted(text: bytes, root: str) -> bytes:
    """Return documents with the address of the DICOMweb root that their asker used."""
    return text.replace(ROOT, root.encode())
