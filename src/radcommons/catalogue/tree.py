"""One row a study and a series, made from the header of the first instance that is accepted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.dicomweb.json import JsonDataset, first, tag_key
from radcommons.dicomweb.rawjson import fitted
from radcommons.platform.database import insert_new

# Patient- and study-level, and series-level attributes that QIDO-RS answers with (PS3.18 tables 10.6.3-3 and 10.6.3-4).
STUDY_TAGS = (
    0x00080005, 0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00080201, 0x00081030, 0x00100010, 0x00100020,
    0x00100030, 0x00100040, 0x00101010, 0x00101020, 0x00101030, 0x00120062, 0x00120063, 0x00120064, 0x00280303,
    0x0020000D, 0x00200010,
)  # fmt: skip
SERIES_TAGS = (
    0x00080021, 0x00080031, 0x00080060, 0x0008103E, 0x00080070, 0x00081090, 0x00180015, 0x00185100, 0x0020000D,
    0x0020000E, 0x00200011, 0x00200052, 0x00200060, 0x00400244, 0x00400245, 0x00400275,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The first instance of a series: where it belongs, and its document."""

    study_instance_uid: str
    series_instance_uid: str
    patient: str
    site: str
    document: bytes


def write_tree(connection: sa.Connection, firsts: Sequence[First]) -> None:
    """Write the rows of series, and of their studies where they are new, from the document of one instance each."""
    studies, series = tree_rows(firsts)
    insert_new(connection, t.study, studies)
    insert_new(connection, t.series, series)


def rewrite_tree(connection: sa.Connection, firsts: Sequence[First]) -> None:
    """Write anew what series and their studies say of themselves, from an instance that corrects them."""
    studies, series = tree_rows(firsts)
    for table, rows in ((t.study, studies), (t.series, series)):
        (key,) = table.primary_key.columns
        for row in rows:
            connection.execute(table.update().where(key == row[key.name]).values(row))


def study_part(document: bytes) -> JsonDataset:
    """Return what an instance's document says of its study."""
    return _part(json.loads(fitted(document, "")), STUDY_TAGS)


def series_part(document: bytes) -> JsonDataset:
    """Return what an instance's document says of its series."""
    return _part(json.loads(fitted(document, "")), SERIES_TAGS)


def counted_part(document: bytes) -> dict[str, Any]:
    """Return what an instance's document says of its series that explore counts."""
    return _counted(json.loads(fitted(document, "")))


def _counted(header: JsonDataset) -> dict[str, Any]:
    return {
        "manufacturer": _text(header, "Manufacturer", 64),
        "view": _text(header, "ViewPosition", 16),
        "slice_mm": _positive(header, "SliceThickness"),
    }


def tree_rows(firsts: Sequence[First]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of studies and of series."""
    read = [(one, json.loads(fitted(one.document, ""))) for one in firsts]
    studies = {one.study_instance_uid: _study_row(one, header) for one, header in reversed(read)}
    return list(studies.values()), [_series_row(one, header) for one, header in read]


def _part(header: JsonDataset, tags: Sequence[int]) -> JsonDataset:
    found = {key: header[key] for key in map(tag_key, tags) if key in header}
    return _without_nul(found) if "\\u0000" in json.dumps(found) else found


def _without_nul(value: Any) -> Any:
    """Return JSON values without U+0000, which PostgreSQL's documents cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_nul(one) for name, one in value.items()}
    return value


def _text(header: JsonDataset, keyword: str, longest: int) -> str | None:
    value = first(header, keyword)
    return str(value).replace("\0", "")[:longest] if value is not None else None


def _positive(header: JsonDataset, keyword: str) -> float | None:
    value = first(header, keyword)
    return float(value) if isinstance(value, int | float) and 0 < value < 1e4 else None


def _study_row(one: First, header: JsonDataset) -> dict[str, Any]:
    return {
        "study_instance_uid": one.study_instance_uid,
        "patient": one.patient,
        "site": one.site,
        "study_date": _text(header, "StudyDate", 8),
        "description": _text(header, "StudyDescription", 256),
        "accession_number": _text(header, "AccessionNumber", 64),
        "study_id": _text(header, "StudyID", 64),
        "patient_sex": _text(header, "PatientSex", 16),
        "patient_age": _text(header, "PatientAge", 4),
        "header": _part(header, STUDY_TAGS),
    }


def _series_row(one: First, header: JsonDataset) -> dict[str, Any]:
    number = first(header, "SeriesNumber")
    return {
        "series_instance_uid": one.series_instance_uid,
        "study_instance_uid": one.study_instance_uid,
        "modality": _text(header, "Modality", 16),
        "number": number if isinstance(number, int) and abs(number) < 2**31 else None,
        "description": _text(header, "SeriesDescription", 256),
        "body_part": _text(header, "BodyPartExamined", 64),
        **_counted(header),
        "header": _part(header, SERIES_TAGS),
    }
