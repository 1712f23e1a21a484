"""Studies, series and instances as callers may see them: at the root the newest version, in a release what it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.readings import documents
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.visibility import SERVED, newest_visible_instances, visible_releases
from radcommons.dicomweb.json import JsonDataset
from radcommons.dicomweb.query import Kind, Match, Query, wildcard_to_like
from radcommons.dicomweb.rawjson import fitted
from radcommons.records.event import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose eyes, and through which window: the whole commons, or one frozen release."""

    actor: Actor
    release: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which part of the tree: everything, one study, one series or one instance."""

    study: str | None = None
    series: str | None = None
    instance: str | None = None


EVERYWHERE = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study with what of it the scope shows."""

    study_instance_uid: str
    patient: str
    site: str
    description: str | None
    patient_sex: str | None
    patient_age: str | None
    header: JsonDataset
    modalities: tuple[str, ...]
    series: int
    instances: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One series with what of it the scope shows."""

    study_instance_uid: str
    series_instance_uid: str
    modality: str | None
    number: int | None
    description: str | None
    header: JsonDataset
    instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One instance version, enough to serve it."""

    id: int
    digest: str
    size: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str | None
    number: int | None
    rows: int | None
    columns: int | None
    frames: int | None
    # Where its frames lie, see `FrameIndex`.
    pixel_offset: int | None
    frame_length: int | None


_INSTANCE = tuple(t.instance.c[name] for name in InstanceRow.__dataclass_fields__)
_ORDER = (t.instance.c.series_instance_uid, t.instance.c.number, t.instance.c.sop_instance_uid)


def seen(scope: Scope) -> sa.ColumnElement[bool]:
    """Return the condition on `instance` for a scope."""
    if scope.release is None:
        return newest_visible_instances(scope.actor)
    named = sa.exists().where(
        t.release_item.c.instance_id == t.instance.c.id,
        t.release_item.c.release_id == scope.release,
        t.release.c.id == t.release_item.c.release_id,
        visible_releases(scope.actor),
    )
    return sa.and_(t.instance.c.state.in_(SERVED), named)


def _within(place: Place) -> list[sa.ColumnElement[bool]]:
    pairs = (
        (t.instance.c.study_instance_uid, place.study),
        (t.instance.c.series_instance_uid, place.series),
        (t.instance.c.sop_instance_uid, place.instance),
    )
    return [column == value for column, value in pairs if value is not None]


def _text(column: sa.Column[Any], *path: str | int) -> sa.ColumnElement[str]:
    text: sa.ColumnElement[str] = column[path].as_string()
    return text


# Matching keys and where they stand. What is not here is told as ignored.
_STUDY_KEYS: dict[str, sa.ColumnElement[Any]] = {
    "StudyInstanceUID": t.study.c.study_instance_uid,
    "PatientID": t.study.c.patient,
    "PatientName": _text(t.study.c.header, "00100010", "Value", 0, "Alphabetic"),
    "PatientSex": t.study.c.patient_sex,
    "StudyDate": t.study.c.study_date,
    "StudyTime": _text(t.study.c.header, "00080030", "Value", 0),
    "AccessionNumber": t.study.c.accession_number,
    "StudyID": t.study.c.study_id,
    "StudyDescription": t.study.c.description,
    "ReferringPhysicianName": _text(t.study.c.header, "00080090", "Value", 0, "Alphabetic"),
}
_SERIES_KEYS: dict[str, sa.ColumnElement[Any]] = {
    "SeriesInstanceUID": t.series.c.series_instance_uid,
    "Modality": t.series.c.modality,
    "SeriesNumber": t.series.c.number,
    "SeriesDescription": t.series.c.description,
    "BodyPartExamined": t.series.c.body_part,
    "PerformedProcedureStepStartDate": _text(t.series.c.header, "00400244", "Value", 0),
    "PerformedProcedureStepStartTime": _text(t.series.c.header, "00400245", "Value", 0),
}
_INSTANCE_KEYS: dict[str, sa.ColumnElement[Any]] = {
    "SOPInstanceUID": t.instance.c.sop_instance_uid,
    "SOPClassUID": t.instance.c.sop_class_uid,
    "InstanceNumber": t.instance.c.number,
}
_WHOLE_NUMBERS = frozenset({"SeriesNumber", "InstanceNumber"})


def _condition(column: sa.ColumnElement[Any], match: Match) -> sa.ColumnElement[bool]:
    if match.kind is Kind.RANGE:
        low, high = match.values
        ends = ([column >= low] if low else []) + ([column <= high] if high else [])
        return sa.and_(*ends)
    if match.kind is Kind.LIST:
        return column.in_(match.values)
    if match.keyword in _WHOLE_NUMBERS:
        value = match.values[0]
        return column == int(value) if value.removeprefix("-").isdecimal() and len(value) < 10 else sa.false()
    if match.kind is Kind.WILDCARD:
        return column.ilike(wildcard_to_like(match.values[0]), escape="!")
    return column == match.values[0]


def _modality_condition(match: Match, scope: Scope) -> sa.ColumnElement[bool]:
    """Match (0008,0061) *Modalities in Study*: a study that shows one such instance in this scope."""
    matching = sa.select(t.instance.c.study_instance_uid).where(_condition(t.instance.c.modality, match), seen(scope))
    return t.study.c.study_instance_uid.in_(matching)


def _conditions(query: Query, scope: Scope) -> list[sa.ColumnElement[bool]]:
    keys = {**_STUDY_KEYS, **_SERIES_KEYS, **_INSTANCE_KEYS}
    return [
        _modality_condition(match, scope)
        if match.keyword == "ModalitiesInStudy"
        else _condition(keys[match.keyword], match)
        for match in query.matches
    ]


_TREE = t.instance.join(t.series, t.series.c.series_instance_uid == t.instance.c.series_instance_uid).join(
    t.study, t.study.c.study_instance_uid == t.instance.c.study_instance_uid
)


def find_studies(connection: sa.Connection, scope: Scope, query: Query) -> list[StudyRow]:
    """Return the studies that match, the newest study date first."""
    shown = sa.select(t.instance.c.study_instance_uid).where(seen(scope))
    window = (
        sa.select(t.study)
        .where(t.study.c.study_instance_uid.in_(shown), *_conditions(query, scope))
        .order_by(t.study.c.study_date.desc(), t.study.c.study_instance_uid)
        .limit(query.limit)
        .offset(query.offset)
    )
    return _with_counts(connection, scope, connection.execute(window).all())


def count_studies(connection: sa.Connection, scope: Scope, query: Query) -> int:
    """Return how many studies match, whatever the window."""
    shown = sa.select(t.instance.c.study_instance_uid).where(seen(scope))
    counted = sa.select(sa.func.count()).select_from(t.study)
    return connection.execute(
        counted.where(t.study.c.study_instance_uid.in_(shown), *_conditions(query, scope))
    ).scalar_one()


def _with_counts(connection: sa.Connection, scope: Scope, rows: Sequence[sa.Row[Any]]) -> list[StudyRow]:
    uids = [row.study_instance_uid for row in rows]
    modalities: dict[str, list[str]] = {uid: [] for uid in uids}
    series, instances, size = dict.fromkeys(uids, 0), dict.fromkeys(uids, 0), dict.fromkeys(uids, 0)
    for some in batches(uids):
        counted = (
            sa.select(
                t.instance.c.study_instance_uid.label("uid"),
                t.instance.c.modality,
                sa.func.count(sa.distinct(t.instance.c.series_instance_uid)).label("series"),
                sa.func.count().label("instances"),
                sa.func.sum(t.instance.c.size).label("bytes"),
            )
            .where(t.instance.c.study_instance_uid.in_(some), seen(scope))
            .group_by(t.instance.c.study_instance_uid, t.instance.c.modality)
            .order_by(t.instance.c.modality)
        )
        for row in connection.execute(counted):
            modalities[row.uid] += [row.modality] if row.modality else []
            series[row.uid] += row.series
            instances[row.uid] += row.instances
            size[row.uid] += int(row.bytes)
    return [
        StudyRow(
            study_instance_uid=row.study_instance_uid,
            patient=row.patient,
            site=row.site,
            description=row.description,
            patient_sex=row.patient_sex,
            patient_age=row.patient_age,
            header=row.header,
            modalities=tuple(modalities[row.study_instance_uid]),
            series=series[row.study_instance_uid],
            instances=instances[row.study_instance_uid],
            bytes=size[row.study_instance_uid],
        )
        for row in rows
    ]


def studies_of(connection: sa.Connection, scope: Scope, uids: Sequence[str]) -> dict[str, StudyRow]:
    """Return some studies by their UID, as far as the scope shows them."""
    found: dict[str, StudyRow] = {}
    for some in batches(sorted(set(uids))):
        rows = connection.execute(sa.select(t.study).where(t.study.c.study_instance_uid.in_(some))).all()
        found.update(
            {row.study_instance_uid: row for row in _with_counts(connection, scope, rows) if row.instances},
        )
    return found


def find_series(connection: sa.Connection, scope: Scope, query: Query, *, place: Place = EVERYWHERE) -> list[SeriesRow]:
    """Return the series that match below a place, in the order of their numbers."""
    statement = (
        sa.select(t.series, sa.func.count().label("instances"))
        .select_from(_TREE)
        .where(seen(scope), *_within(place), *_conditions(query, scope))
        .group_by(*_grouping(t.series))
        .order_by(t.series.c.study_instance_uid, t.series.c.number, t.series.c.series_instance_uid)
        .limit(query.limit)
        .offset(query.offset)
    )
    return _series_rows(connection, statement)


def _grouping(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the key alone: both databases know that the other columns depend on it."""
    return list(table.primary_key.columns)


def _series_rows(connection: sa.Connection, statement: sa.Select[Any]) -> list[SeriesRow]:
    return [
        SeriesRow(
            study_instance_uid=row.study_instance_uid,
            series_instance_uid=row.series_instance_uid,
            modality=row.modality,
            number=row.number,
            description=row.description,
            header=row.header,
            instances=row.instances,
        )
        for row in connection.execute(statement)
    ]


def find_instances(
    connection: sa.Connection, scope: Scope, query: Query, *, place: Place = EVERYWHERE
) -> list[InstanceRow]:
    """Return the instances that match below a place, series by series in the order of their numbers."""
    statement = (
        sa.select(*_INSTANCE)
        .select_from(_TREE)
        .where(seen(scope), *_within(place), *_conditions(query, scope))
        .order_by(*_ORDER)
        .limit(query.limit)
        .offset(query.offset)
    )
    return [instance_row(row) for row in connection.execute(statement)]


def instances_at(connection: sa.Connection, scope: Scope, place: Place) -> list[InstanceRow]:
    """Return every instance of a place that the scope shows."""
    statement = sa.select(*_INSTANCE).where(seen(scope), *_within(place)).order_by(*_ORDER)
    return [instance_row(row) for row in connection.execute(statement)]


def instance_row(row: sa.Row[Any]) -> InstanceRow:
    """Return the instance of a row that holds its columns."""
    return InstanceRow(**dict(row._mapping))


def headers(connection: sa.Connection, instances: Sequence[InstanceRow]) -> Iterator[tuple[InstanceRow, JsonDataset]]:
    """Yield instances with their headers in the DICOM JSON model, in their order; memory: 200 headers.

    A value by reference has an address below the DICOMweb root, which its reader puts before it.
    """
    for some in batches(instances, 200):
        found = documents(connection, [one.id for one in some])
        for one in some:
            yield one, json.loads(fitted(found.get(one.id, b"{}"), ""))
