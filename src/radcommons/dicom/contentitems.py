"""What a content item's concept says of its value: ages over 89, birth dates and the subject's own name and number.

References
----------
DICOM PS3.16, TID 1001 to TID 1007 (observation context), CID 7455 (age units); HIPAA, 45 CFR 164.514(b)(2)(i)(C).
"""

from __future__ import annotations

import re

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from radcommons.dicom.dates import AGE_CAP

CONCEPT, MEASURED, UNITS = Tag(0x0040A043), Tag(0x0040A300), Tag(0x004008EA)
NUMERIC, FLOATING, NUMERATOR, DENOMINATOR = Tag(0x0040A30A), Tag(0x0040A161), Tag(0x0040A162), Tag(0x0040A163)
DATE, DATE_TIME, TEXT = Tag(0x0040A121), Tag(0x0040A120), Tag(0x0040A160)
AGES = frozenset({"121033", "397669002", "424144002", "30525-0", "29553-5", "21611-9"})
BIRTHS = frozenset({"121031", "21112-8", "184099003"})
# Person Observer Name and Organization, order numbers, Accession Number, Subject Name and ID
PEOPLE = frozenset({"121008", "121009", "121020", "121021", "121022", "121029", "121030"})
AGE_WORDS = re.compile(
    r"(?:subject|patient|current|chronological|calculated)?.{0,12}\bage(?: at .*| in .*)?", re.IGNORECASE
)
BIRTH_WORDS = re.compile(r".*\b(?:birth ?date|date of birth|dob)\b.*", re.IGNORECASE)
OTHER_AGES = re.compile(r"gestation|bone|fetal|menstrual|aver|menarche|menopause", re.IGNORECASE)
YEAR_OF = {"a": 1.0, "mo": 12.0, "wk": 52.18, "d": 365.25}
STANDS_FOR = ((DATE, "DA", "19000101"), (DATE_TIME, "DT", "19000101000000"), (TEXT, "UT", "REMOVED"))


def settle_item(fresh: Dataset) -> bool:
    """Cap or replace what a content item's concept makes identity; return whether anything was changed.

    Parameters
    ----------
    fresh : Dataset
        An item that came out of de-identification; changed in place.
    """
    concepts = _items(fresh, CONCEPT)
    if not concepts:
        return False
    value, meaning = _text(concepts[0], Tag(0x00080100)), _text(concepts[0], Tag(0x00080104))
    if value in AGES or (AGE_WORDS.fullmatch(meaning) and not OTHER_AGES.search(meaning)):
        return any([_cap(one) for one in (fresh, *_items(fresh, MEASURED))])
    if value in BIRTHS or BIRTH_WORDS.fullmatch(meaning):
        return _replace(fresh, STANDS_FOR)
    return value in PEOPLE and _text(concepts[0], Tag(0x00080102)) == "DCM" and _replace(fresh, STANDS_FOR[2:])


def _cap(measured: Dataset) -> bool:
    units = [_text(one, Tag(0x00080100)) for one in _items(measured, UNITS)]
    most = AGE_CAP * YEAR_OF.get(units[0] if units else "a", 1.0)
    if not any(number is not None and number >= most for number in map(_number, _stored(measured))):
        return False
    for tag in (FLOATING, NUMERATOR, DENOMINATOR):
        measured.pop(tag, None)
    measured[NUMERIC] = DataElement(NUMERIC, "DS", f"{most:.0f}")
    return True


def _stored(measured: Dataset) -> list[object]:
    found = [measured[tag].value for tag in (NUMERIC, FLOATING) if tag in measured]
    if NUMERATOR in measured and DENOMINATOR in measured:
        top, bottom = _number(measured[NUMERATOR].value), _number(measured[DENOMINATOR].value)
        found.append(top / bottom if top is not None and bottom else None)
    return found


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _replace(item: Dataset, values: tuple[tuple[BaseTag, str, str], ...]) -> bool:
    there = [one for one in values if one[0] in item and not item[one[0]].is_empty]
    for tag, vr, text in there:
        item[tag] = DataElement(tag, vr, text)
    return bool(there)


def _items(dataset: Dataset, tag: BaseTag) -> list[Dataset]:
    value = dataset[tag].value if tag in dataset else None
    return list(value) if isinstance(value, Sequence) else []


def _text(dataset: Dataset, tag: BaseTag) -> str:
    return str(dataset[tag].value or "").strip() if tag in dataset else ""
