"""A DICOM header as people read it: one line an attribute, sequences indented, found by tag, name or value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_description, keyword_for_tag

_LONGEST = 400
_DEEPEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One attribute; `depth` counts the sequences around it."""

    tag: str
    name: str
    keyword: str
    vr: str
    value: str
    depth: int

    def holds(self, words: Sequence[str]) -> bool:
        """Say whether every word is in the tag, the name or the value."""
        text = f"{self.tag} {self.tag[1:5]}{self.tag[6:10]} {self.name} {self.keyword} {self.value}".casefold()
        return all(word in text for word in words)


def lines_of(header: Mapping[str, Any], *, depth: int = 0) -> Iterator[Line]:
    """Yield the lines of a header in the DICOM JSON model (PS3.18 annex F), in the order of the tags."""
    for key, member in sorted(header.items()):
        if not isinstance(member, Mapping):
            continue
        vr, values = str(member.get("vr", "")), member.get("Value", ())
        inner = [one for one in values if isinstance(one, Mapping)] if vr == "SQ" else []
        told = f"{len(inner)} item{'' if len(inner) == 1 else 's'}" if vr == "SQ" else _value(member)
        yield Line(
            tag=f"({key[:4]},{key[4:]})",
            name=_name(key),
            keyword=keyword_for_tag(int(key, 16)),
            vr=vr,
            value=told,
            depth=depth,
        )
        for one in inner if depth < _DEEPEST else ():
            yield from lines_of(one, depth=depth + 1)


def found_in(lines: Sequence[Line], text: str) -> list[Line]:
    """Return the lines that hold all words of a text, each below the sequences that it is in."""
    words = text.casefold().split()
    if not words:
        return list(lines)
    made: list[Line] = []
    above: list[Line] = []
    for line in lines:
        above = [*above[: line.depth], line]
        if line.holds(words):
            made += [one for one in above if not any(one is known for known in made)]
    return made


def _name(key: str) -> str:
    tag = int(key, 16)
    try:
        return dictionary_description(tag)
    except KeyError:
        return "Private" if (tag >> 16) % 2 else "Unknown"


def _value(member: Mapping[str, Any]) -> str:
    if "BulkDataURI" in member:
        return "too long to show here"
    if "InlineBinary" in member:
        return f"{len(str(member['InlineBinary'])) * 3 // 4:,} bytes"
    shown = "\\".join(_text(one) for one in member.get("Value", ()))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} …"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):  # a person's name
        return "=".join(str(one) for one in value.values())
    return value if isinstance(value, str) else json.dumps(value)
