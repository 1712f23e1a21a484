"""Matching keys of a search as SQL conditions (PS3.4 section C.2.2.2): the text by their shape, the values apart."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.images import Scope, seen
from radcommons.catalogue.quick import slot
from radcommons.dicomweb.query import Kind, Match, Query, wildcard_to_like

# (keyword, kind, how many values, which ends of a range are open), and whether names match fuzzily.
Key = tuple[str, Kind, int, tuple[bool, ...]]
Shape = tuple[tuple[Key, ...], bool]

_WHOLE_NUMBERS = frozenset({"SeriesNumber", "InstanceNumber"})
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def _text(column: sa.Column[Any], *path: str | int) -> sa.ColumnElement[str]:
    text: sa.ColumnElement[str] = column[path].as_string()
    return text


# Matching keys and where they stand. What is not here is told as ignored.
_COLUMNS: dict[str, sa.ColumnElement[Any]] = {
    "StudyInstanceUID": t.study.c.study_instance_uid,
    "PatientID": t.study.c.patient,
    "PatientSex": t.study.c.patient_sex,
    "StudyDate": t.study.c.study_date,
    "StudyTime": _text(t.study.c.header, "00080030", "Value", 0),
    "AccessionNumber": t.study.c.accession_number,
    "StudyID": t.study.c.study_id,
    "StudyDescription": t.study.c.description,
    "SeriesInstanceUID": t.series.c.series_instance_uid,
    "Modality": t.series.c.modality,
    "SeriesNumber": t.series.c.number,
    "SeriesDescription": t.series.c.description,
    "BodyPartExamined": t.series.c.body_part,
    "PerformedProcedureStepStartDate": _text(t.series.c.header, "00400244", "Value", 0),
    "PerformedProcedureStepStartTime": _text(t.series.c.header, "00400245", "Value", 0),
    "SOPInstanceUID": t.instance.c.sop_instance_uid,
    "SOPClassUID": t.instance.c.sop_class_uid,
    "InstanceNumber": t.instance.c.number,
}
# Keys within (0040,0275) Request Attributes Sequence, and how many of its items are looked at.
_IN_REQUESTS = {
    "RequestAttributesSequence.ScheduledProcedureStepID": "00400009",
    "RequestAttributesSequence.RequestedProcedureID": "00401001",
}
MOST_ITEMS = 16
_NAMES: dict[str, tuple[sa.ColumnElement[str], ...]] = {
    keyword: tuple(_text(t.study.c.header, tag, "Value", 0, group) for group in _GROUPS)
    for keyword, tag in (("PatientName", "00100010"), ("ReferringPhysicianName", "00080090"))
}


def shape_of(query: Query) -> Shape:
    """Return what of a query decides the text of its statement."""
    return tuple(_key(match, fuzzy=query.fuzzy) for match in query.matches), query.fuzzy


def _key(match: Match, *, fuzzy: bool) -> Key:
    ends = tuple(bool(value) for value in match.values) if match.kind is Kind.RANGE else ()
    count = len(_words(match.values[0])) if fuzzy and match.keyword in _NAMES else len(match.values)
    return match.keyword, match.kind, count, ends


def bound(query: Query) -> dict[str, Any]:
    """Return the values of a query's keys by the names of their slots."""
    values: dict[str, Any] = {}
    for number, match in enumerate(query.matches):
        for place, value in enumerate(_values(match, fuzzy=query.fuzzy)):
            values[f"m{number}_{place}"] = value
    return values


def _values(match: Match, *, fuzzy: bool) -> list[Any]:
    if match.keyword in _NAMES:
        if fuzzy:
            return [f"% {wildcard_to_like(word)}%" for word in _words(match.values[0])]
        return [wildcard_to_like(match.values[0].rstrip("^")) if match.kind is Kind.WILDCARD else _folded(match)]
    if match.keyword in _WHOLE_NUMBERS:
        value = match.values[0]
        # No row has the number that a text without one stands for.
        return [int(value) if re.fullmatch(r"-?[0-9]{1,9}", value) else None]
    if match.kind is Kind.WILDCARD:
        return [wildcard_to_like(match.values[0])]
    return list(match.values)


def _folded(match: Match) -> str:
    return match.values[0].rstrip("^").lower()


def _words(name: str) -> list[str]:
    """Return the words of a person's name; a word with nothing but wildcards says nothing."""
    return [word for word in re.split(r"[\s^=,*?]+", name.lower()) if word][:8]


def conditions(shape: Shape, scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a shape over `study`, `series` and `instance`."""
    keys, fuzzy = shape
    named = [(f"m{number}_", key) for number, key in enumerate(keys)]
    within = [(name, key) for name, key in named if key[0] in _IN_REQUESTS]
    plain = [_condition(name, key, fuzzy=fuzzy, scope=scope) for name, key in named if key[0] not in _IN_REQUESTS]
    return [*plain, sa.or_(*(_item(item, within) for item in range(MOST_ITEMS)))] if within else plain


def _item(item: int, keys: list[tuple[str, Key]]) -> sa.ColumnElement[bool]:
    """Return that one item of the sequence matches all of its keys (PS3.4 section C.2.2.2.6)."""
    header = t.series.c.header
    return sa.and_(
        *(
            _plain(name, _text(header, "00400275", "Value", item, _IN_REQUESTS[key[0]], "Value", 0), key)
            for name, key in keys
        )
    )


def _condition(name: str, key: Key, *, fuzzy: bool, scope: Scope) -> sa.ColumnElement[bool]:
    keyword = key[0]
    if keyword in _NAMES:
        return sa.or_(*(_named(name, column, key, fuzzy=fuzzy) for column in _NAMES[keyword]))
    if keyword == "ModalitiesInStudy":
        # (0008,0061) Modalities in Study: a study that shows one such instance in this scope.
        matching = sa.select(t.instance.c.id).where(
            t.instance.c.study_instance_uid == t.study.c.study_instance_uid,
            _plain(name, t.instance.c.modality, key),
            seen(scope),
        )
        return sa.exists(matching.correlate(t.study))
    return _plain(name, _COLUMNS[keyword], key)


def _plain(name: str, column: sa.ColumnElement[Any], key: Key) -> sa.ColumnElement[bool]:
    _, kind, count, ends = key
    if kind is Kind.RANGE:
        low, high = ends
        limits = ([column >= slot(f"{name}0")] if low else []) + ([column <= slot(f"{name}1")] if high else [])
        return sa.and_(*limits)
    if kind is Kind.LIST:
        return column.in_([slot(f"{name}{place}") for place in range(count)])
    if kind is Kind.WILDCARD and key[0] not in _WHOLE_NUMBERS:
        return column.ilike(slot(f"{name}0"), escape="!")
    return column == slot(f"{name}0")


def _named(name: str, column: sa.ColumnElement[str], key: Key, *, fuzzy: bool) -> sa.ColumnElement[bool]:
    """Match one component group of a person's name: letters' case and empty components at the end do not matter."""
    if fuzzy:
        # Every word begins a word of the name.
        spaced = sa.func.lower(column)
        for separator in ("^", ",", "-"):
            spaced = sa.func.replace(spaced, separator, " ")
        words = [(" " + spaced).like(slot(f"{name}{place}"), escape="!") for place in range(key[2])]
        return sa.and_(sa.true(), *words)
    if key[1] is Kind.WILDCARD:
        return column.ilike(slot(f"{name}0"), escape="!")
    return sa.func.lower(sa.func.rtrim(column, "^")) == slot(f"{name}0")
