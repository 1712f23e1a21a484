"""A header before and after: what was removed, replaced, kept or added, and by which rule."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)

_LONGEST = 160
_DEEPEST = 6
_BINARY = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW"})
_ITEM = re.compile(r"\[\d+\]")
REMOVED, REPLACED, KEPT, ADDED = "removed", "replaced", "kept", "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderLine:
    """One attribute before and after.

    Parameters
    ----------
    path, tag : str
        By keyword with item numbers (``ReferencedStudySequence[0].ReferencedSOPInstanceUID``), and its number.
    became : str
        ``removed``, ``replaced``, ``kept`` or ``added``.
    what, rule : str
        What was done in the profile's words, and why.
    before, after : str
        As text. `before` is the hospital's own value: a page shows it to whoever asks for it, and writes that down.
    """

    path: str
    tag: str
    became: str
    what: str
    rule: str
    before: str
    after: str


def compare(original: Dataset, fresh: Dataset, *, record: Mapping[str, str]) -> list[HeaderLine]:
    """Return a line for each attribute of either data set, in the order of tags.

    Parameters
    ----------
    original, fresh : Dataset
        Before and after; pixel data are not among them.
    record : Mapping of str to str
        What `deidentify` says that it did, by path without item numbers.

    Notes
    -----
    PHI: the lines hold the original's values.
    """
    return list(_lines(original, fresh, record, "", 0))


def _lines(original: Dataset, fresh: Dataset, record: Mapping[str, str], path: str, depth: int) -> Iterator[HeaderLine]:
    tags = sorted({*original.keys(), *fresh.keys()})
    for tag in tags:
        if tag.element == 0 or tag.group in (0x0000, 0x0002, 0x7FE0):
            continue
        before, after = _element(original, tag), _element(fresh, tag)
        where = path + _name(tag)
        if _is_items(before) and _is_items(after) and depth < _DEEPEST:
            yield from _items(before, after, record, where, depth)
            continue
        yield _line(where, tag, before, after, record)


def _items(
    before: DataElement, after: DataElement, record: Mapping[str, str], where: str, depth: int
) -> Iterator[HeaderLine]:
    old, new = list(before.value), list(after.value)
    for number in range(max(len(old), len(new))):
        one = old[number] if number < len(old) else Dataset()
        other = new[number] if number < len(new) else Dataset()
        yield from _lines(one, other, record, f"{where}[{number}].", depth + 1)


def _line(
    where: str, tag: BaseTag, before: DataElement | None, after: DataElement | None, record: Mapping[str, str]
) -> HeaderLine:
    was, becomes = _text(before), _text(after)
    told = record.get(_ITEM.sub("", where), "")
    what, _, rule = told.partition(" (")
    if before is None:
        became = ADDED
    elif after is None:
        became = REMOVED
    else:
        became = KEPT if was == becomes else REPLACED
    return HeaderLine(
        path=where,
        tag=f"({tag.group:04X},{tag.element:04X})",
        became=became,
        what=(what or became) if became != KEPT else "kept",
        rule=rule.removesuffix(")"),
        before=was,
        after=becomes,
    )


def _element(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    if tag not in dataset:
        return None
    try:
        return dataset[tag]
    # Foreign bytes: a value that does not convert is shown as none; the parser's words may quote it.
    except Exception:
        return DataElement(tag, "UN", b"")


def _is_items(element: DataElement | None) -> TypeGuard[DataElement]:
    return element is not None and element.VR == "SQ"


def _name(tag: BaseTag) -> str:
    return keyword_for_tag(tag) if dictionary_has_tag(tag) else f"({tag.group:04X},{tag.element:04X})"


def _text(element: DataElement | None) -> str:
    if element is None or element.value is None:
        return ""
    if element.VR == "SQ":
        return f"{len(element.value)} items"
    if element.VR in _BINARY or isinstance(element.value, bytes):
        return f"{len(element.value)} bytes"
    value = element.value
    is_several = not isinstance(value, str) and hasattr(value, "__iter__") and element.VM > 1
    text = "\\".join(str(one) for one in value) if is_several else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def tally(lines: Collection[HeaderLine]) -> dict[str, int]:
    """Return how many attributes were removed, replaced, kept and added."""
    return {word: sum(line.became == word for line in lines) for word in (REMOVED, REPLACED, KEPT, ADDED)}
