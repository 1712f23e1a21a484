"""The DICOM JSON model (PS3.18 annex F) of a pydicom data set."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

JsonDataset = dict[str, dict[str, Any]]
BulkUri = Callable[[str], str]

_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})
_FLOATS = frozenset({"FL", "FD"})
_DECIMALS = frozenset({"DS", "IS"})
_INTEGERS = frozenset({"SL", "SS", "SV", "UL", "US", "UV", "US or SS", "US or OW", "US or SS or OW"})
_PIXELS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})
# Longer binary values go by reference, when the caller can name one.
INLINE_LIMIT = 1024


def tag_key(tag: int) -> str:
    """Return a tag as the JSON model writes it: eight hexadecimal digits in upper case."""
    return f"{tag:08X}"


def to_json(dataset: Dataset, *, bulk_uri: BulkUri | None = None) -> JsonDataset:
    """Return the JSON model of a data set.

    Parameters
    ----------
    dataset : Dataset
        Group 0002 and group lengths are left out, as annex F.2.2 asks.
    bulk_uri : callable, optional
        Given the path of an element (``54000100/0/54001010``) returns its BulkDataURI. Without it, binary values
        above `INLINE_LIMIT` bytes are left without a value; pixel data is never put inline.

    Notes
    -----
    PHI: what the data set holds. Pure. A value that its VR forbids is left out rather than guessed.
    """
    return _members(dataset, bulk_uri=bulk_uri, path="")


def _members(dataset: Dataset, *, bulk_uri: BulkUri | None, path: str) -> JsonDataset:
    members: JsonDataset = {}
    for element in dataset:
        tag = element.tag
        if tag.group == 2 or tag.element == 0:
            continue
        key = tag_key(tag)
        members[key] = _member(element, bulk_uri=bulk_uri, path=f"{path}{key}")
    return members


def _member(element: DataElement, *, bulk_uri: BulkUri | None, path: str) -> dict[str, Any]:
    vr = str(element.VR)
    if vr == "SQ":
        items = [
            _members(item, bulk_uri=bulk_uri, path=f"{path}/{index}/") for index, item in enumerate(element.value or ())
        ]
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    if vr in _BINARY or isinstance(element.value, bytes):
        return _binary(element, vr="OW" if vr == "OB or OW" else vr, bulk_uri=bulk_uri, path=path)
    values = [_value(vr, one) for one in _each(element.value)]
    member: dict[str, Any] = {"vr": vr.split(" ")[0]}
    if any(one is not None for one in values):
        member["Value"] = values
    return member


def _each(value: Any) -> Iterable[Any]:
    if value is None or value == "":
        return ()
    return value if isinstance(value, list | tuple) or hasattr(value, "append") else (value,)


def _binary(element: DataElement, *, vr: str, bulk_uri: BulkUri | None, path: str) -> dict[str, Any]:
    value = element.value
    if not isinstance(value, bytes) or not value:
        return {"vr": vr}
    if element.tag in _PIXELS or len(value) > INLINE_LIMIT:
        return {"vr": vr, "BulkDataURI": bulk_uri(path)} if bulk_uri else {"vr": vr}
    return {"vr": vr, "InlineBinary": base64.b64encode(value).decode("ascii")}


def _value(vr: str, value: Any) -> Any:
    if value is None or value == "":
        return None
    if vr == "PN":
        return person_name(str(value))
    if vr == "AT":
        return tag_key(int(value))
    if vr in _FLOATS or vr in _DECIMALS:
        return _number(value, whole=vr == "IS")
    if vr in _INTEGERS:
        return int(value) if isinstance(value, int) else None
    return str(value)


def _number(value: Any, *, whole: bool) -> int | float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if whole or (number.is_integer() and abs(number) < 2**53) else number


def person_name(text: str) -> dict[str, str]:
    """Return the component groups of a person name (annex F.2.2, table F.3.1-1)."""
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {name: group for name, group in groups if group}


def attribute(keyword: str, *values: Any, vr: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return (key, member) of one attribute by its keyword, for answers that are made and not read.

    None and empty strings are left out, so an absent value yields a member with a VR alone.

    Raises
    ------
    KeyError
        If the dictionary has no such keyword.
    """
    key, kind = _known(keyword)
    kind = vr or kind
    held = [one if kind == "SQ" else _value(kind, one) for one in values if one is not None and one != ""]
    return key, {"vr": kind, "Value": held} if held else {"vr": kind}


@lru_cache(maxsize=1024)
def _known(keyword: str) -> tuple[str, str]:
    """Return (key, VR) of an attribute."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag_key(tag), dictionary_VR(BaseTag(tag))


def members(**values: Any) -> JsonDataset:
    """Return a JSON data set from keywords: ``members(Modality="CT", NumberOfFrames=3)``; a list is many values."""
    made = (
        attribute(name, *(value if isinstance(value, list | tuple) else (value,))) for name, value in values.items()
    )
    return dict(sorted(made))


def first(dataset: JsonDataset, keyword: str) -> Any:
    """Return the first value of an attribute in a JSON data set, or None."""
    tag = tag_for_keyword(keyword)
    held = dataset.get(tag_key(tag), {}).get("Value") if tag is not None else None
    return held[0] if held else None
