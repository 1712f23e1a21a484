"""Convert every value of a parsed data set once, and empty those that break their value representation.

After this no later room meets a value that raises when it is looked at, and no exception can quote one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.tag import BaseTag

from radcommons.dicom.stream import MAX_DEPTH
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

_NUMBERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})


def settle(dataset: Dataset, notes: list[Finding], *, little: bool, path: str = "", depth: int = 0) -> None:
    """Convert all values in place; what does not convert becomes empty, with a finding that names the element.

    Parameters
    ----------
    dataset : Dataset
        As parsed; changed in place.
    notes : list of Finding
        Where findings go.
    little : bool
        Byte order, for values whose representation depends on another element (PS3.5 annex A.1).

    Raises
    ------
    UnreadableInstance
        If sequences nest deeper than 32.
    """
    if depth > MAX_DEPTH:
        raise UnreadableInstance(f"Sequences nest deeper than {MAX_DEPTH}.", reason="unreadable")
    for tag in list(dataset.keys()):
        if tag.element == 0:  # group lengths are retired and wrong as soon as anything changes (PS3.5 section 7.2)
            del dataset[tag]
            continue
        where = path + name_of(tag)
        element = _converted(dataset, tag, where, notes)
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                settle(item, notes, little=little, path=f"{where}[{number}].", depth=depth + 1)
    if depth == 0:
        _resolve(dataset, little=little)


def name_of(tag: BaseTag) -> str:
    """Return an element's keyword, or its tag in brackets where it has none."""
    return keyword_for_tag(tag) or f"({tag.group:04X},{tag.element:04X})"


def _converted(dataset: Dataset, tag: BaseTag, where: str, notes: list[Finding]) -> DataElement:
    try:
        element = dataset[tag]
        _require_numbers(element)
        _require_multiplicity(element)
        return element
    # pydicom converts by some thirty functions that raise as they please, quoting the value.
    except Exception:
        notes.append(
            Finding(
                code="value-repaired",
                severity=Severity.NOTE,
                message="A value did not fit its value representation and was emptied.",
                where=where,
            )
        )
        dataset[tag] = DataElement(tag, _vr_of(tag), None)
        return dataset[tag]


def _require_numbers(element: DataElement) -> None:
    """Refuse decimal and integer strings that pydicom, told not to judge, left as text."""
    if element.VR in ("IS", "DS") and element.value is not None:
        for number in element.value if element.VM > 1 else [element.value]:
            float(number if number not in ("", None) else 0)


def _require_multiplicity(element: DataElement) -> None:
    """Refuse binary numbers that are more than their attribute may have: a wrong length swallowed what follows."""
    if element.VR in _NUMBERS and element.VM > 1:
        most = most_values(int(element.tag))
        if most is not None and most < element.VM:
            raise ValueError


@lru_cache(maxsize=4096)
def most_values(tag: int) -> int | None:
    """Return how many values the dictionary lets an attribute have, None where it sets no bound (PS3.6)."""
    try:
        multiplicity = dictionary_VM(tag)
    except KeyError:
        return None
    return None if "n" in multiplicity else max(map(int, re.findall(r"[0-9]+", multiplicity)))


def _vr_of(tag: BaseTag) -> str:
    try:
        return dictionary_VR(tag).split(" ")[0]
    except KeyError:
        return "UN"


def _resolve(dataset: Dataset, *, little: bool) -> None:
    """Settle representations like "US or SS"; where Pixel Representation is missing they stay and are unsigned."""
    try:
        correct_ambiguous_vr(dataset, little)
    except Exception:
        # What could not be settled keeps its ambiguous representation; the writer treats it as unsigned.
        return
