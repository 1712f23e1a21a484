"""The Native DICOM Model (PS3.19 annex A.1) as XML text, from the DICOM JSON model of the same data set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

from radcommons.dicomweb.json import JsonDataset

_OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">'
)
_CLOSING = "</NativeDicomModel>"
# Characters that XML 1.0 cannot hold, not even escaped (section 2.2).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def to_xml(dataset: JsonDataset) -> bytes:
    """Return a data set as an XML document in UTF-8.

    Notes
    -----
    PHI: what the data set holds. Pure. Characters that XML cannot hold are left out.
    """
    return "".join((_OPENING, *_attributes(dataset), _CLOSING)).encode("utf-8", "replace")


def _attributes(dataset: JsonDataset) -> Iterator[str]:
    for tag, member in dataset.items():
        number = int(tag, 16)
        creator = _creator(dataset, number)
        keyword = keyword_for_tag(number)
        named = (f" keyword={quoteattr(keyword)}" if keyword else "") + (
            f" privateCreator={_quoted(creator)}" if creator else ""
        )
        yield f'<DicomAttribute tag="{tag}" vr={quoteattr(str(member["vr"]))}{named}>'
        yield from _content(member)
        yield "</DicomAttribute>"


def _creator(dataset: JsonDataset, tag: int) -> str:
    """Return the private creator that reserved the block of a private element (PS3.5 section 7.8.1)."""
    if not tag >> 16 & 1 or tag & 0xFFFF < 0x1000:
        return ""
    held = dataset.get(f"{tag & 0xFFFF0000 | tag >> 8 & 0xFF:08X}", {}).get("Value")
    return str(held[0]) if held else ""


def _content(member: dict[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in member:
        yield f"<BulkData uri={_quoted(member['BulkDataURI'])}/>"
    elif "InlineBinary" in member:
        yield f"<InlineBinary>{member['InlineBinary']}</InlineBinary>"
    for number, value in enumerate(member.get("Value", ()), start=1):
        if member["vr"] == "SQ":
            yield "".join((f'<Item number="{number}">', *_attributes(value or {}), "</Item>"))
        elif value is None:
            continue
        elif member["vr"] == "PN":
            yield "".join((f'<PersonName number="{number}">', *_groups(value), "</PersonName>"))
        else:
            yield f'<Value number="{number}">{_text(value)}</Value>'


def _groups(name: dict[str, str]) -> Iterator[str]:
    for group, text in name.items():
        parts = zip(_COMPONENTS, text.split("^"), strict=False)
        inner = "".join(f"<{component}>{_text(part)}</{component}>" for component, part in parts if part)
        yield f"<{group}>{inner}</{group}>"


def _text(value: Any) -> str:
    return escape(_FORBIDDEN.sub("", str(value)))


def _quoted(value: str) -> str:
    return quoteattr(_FORBIDDEN.sub("", value))
