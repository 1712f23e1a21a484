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
from radcommons.catalogue.visibility import newest_visible_instances, served_instances, visible_releases
from radcommons.dicomweb.json import JsonDataset
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
    return sa.and_(served_instances(), named)


def _within(place: Place) -> list[sa.ColumnElement[bool]]:
    pairs = (
        (t.instance.c.study_instance_uid, place.study),
        (t.instance.c.series_instance_uid, place.series),
        (t.instance.c.sop_instance_uid, place.instance),
    )
    return [column == value for column, value in pairs if value is not None]


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
