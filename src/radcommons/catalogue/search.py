"""Searches of QIDO-RS over what a scope shows: studies, series and instances, each statement compiled once a shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.images import EVERYWHERE, InstanceRow, Place, Scope, SeriesRow, StudyRow, seen
from radcommons.catalogue.matching import Shape, bound, conditions, shape_of
from radcommons.catalogue.quick import Prepared, slot
from radcommons.catalogue.reads import ActorKey, actor_key
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.tree import series_part, study_part
from radcommons.dicomweb.query import Query
from radcommons.records.lifecycle import InstanceState

_INSTANCE_FIELDS = tuple(InstanceRow.__dataclass_fields__)
_TREE = t.instance.join(t.series, t.series.c.series_instance_uid == t.instance.c.series_instance_uid).join(
    t.study, t.study.c.study_instance_uid == t.instance.c.study_instance_uid
)
# Lists of keys come in these lengths, the last key repeated, so that few statements serve all.
_LENGTHS = (1, 10, 100, 500)
_STUDY_FIELDS = ("study_instance_uid", "patient", "site", "description", "patient_sex", "patient_age")
_SERIES_FIELDS = ("study_instance_uid", "series_instance_uid", "modality", "number", "description")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a statement's text depends on."""

    key: ActorKey
    shape: Shape
    places: frozenset[str]

    @property
    def scope(self) -> Scope:
        return Scope(actor=self.key[0], release=self.key[1])

    def within(self, table: sa.Table) -> list[sa.ColumnElement[bool]]:
        return [table.c[name] == slot(f"at_{name}") for name in sorted(self.places)]


def _asked(scope: Scope, query: Query, place: Place) -> tuple[_Asked, dict[str, Any]]:
    named = {"study_instance_uid": place.study, "series_instance_uid": place.series}
    at = {name: value for name, value in named.items() if value is not None}
    values = {**{f"at_{name}": value for name, value in at.items()}, **bound(query)}
    return _Asked(actor_key(scope), shape_of(query), frozenset(at)), values


def _shown(scope: Scope, within: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return that a study or a series has an instance that the scope shows."""
    return sa.exists(sa.select(t.instance.c.id).where(within, seen(scope)).correlate(t.study, t.series))


def _header(table: sa.Table) -> sa.ColumnElement[str]:
    return sa.cast(table.c.header, sa.Text)


def find_studies(engine: sa.Engine, scope: Scope, query: Query) -> list[StudyRow]:
    """Return the studies that match, the newest study date first."""
    asked, values = _asked(scope, query, EVERYWHERE)
    rows = _studies(asked).rows(engine, **values, limit=query.limit, offset=query.offset)
    return _as_known(engine, scope, _study_rows(engine, scope, rows))


def _as_known(engine: sa.Engine, scope: Scope, found: list[StudyRow]) -> list[StudyRow]:
    """Return studies with what they said of themselves in the scope's release."""
    older = _older(engine, scope, "study_instance_uid", [row.study_instance_uid for row in found])
    return [
        replace(row, header=study_part(older[row.study_instance_uid])) if row.study_instance_uid in older else row
        for row in found
    ]


def _older(engine: sa.Engine, scope: Scope, column: str, uids: list[str]) -> dict[str, bytes]:
    """Return the document of one instance of each study or series that a release knows from before a correction.

    The row of a study or a series says what its newest instances say.
    """
    if scope.release is None:
        return {}
    key = actor_key(scope)
    found = {}
    for some, names in _padded(uids):
        found.update({row[0]: row[1] for row in _superseded(key, column, len(some)).rows(engine, **names)})
    held = documents_by_number(engine, list(found.values()))
    return {uid: held[number] for uid, number in found.items() if number in held}


@lru_cache(maxsize=64)
def _superseded(key: ActorKey, column: str, count: int) -> Prepared:
    uid, c = t.instance.c[column], t.instance.c
    condition = sa.and_(seen(Scope(actor=key[0], release=key[1])), c.state == InstanceState.SUPERSEDED)
    return Prepared(sa.select(uid, sa.func.min(c.id)).where(uid.in_(_slots(count)), condition).group_by(uid))


@lru_cache(maxsize=512)
def _studies(asked: _Asked) -> Prepared:
    return Prepared(
        sa.select(*(t.study.c[name] for name in _STUDY_FIELDS), _header(t.study))
        .where(*_study_conditions(asked))
        .order_by(t.study.c.study_date.desc(), t.study.c.study_instance_uid.desc())
        .limit(slot("limit"))
        .offset(slot("offset"))
    )


def _study_conditions(asked: _Asked) -> list[sa.ColumnElement[bool]]:
    asked_for = conditions(asked.shape, asked.scope)
    if any(keyword == "ModalitiesInStudy" for keyword, *_ in asked.shape[0]):
        return asked_for  # such an instance is one that the scope shows
    within = t.instance.c.study_instance_uid == t.study.c.study_instance_uid
    return [_shown(asked.scope, within), *asked_for]


def count_studies(engine: sa.Engine, scope: Scope, query: Query) -> int:
    """Return how many studies match, whatever the window."""
    asked, values = _asked(scope, query, EVERYWHERE)
    return int(_study_count(asked).rows(engine, **values)[0][0])


@lru_cache(maxsize=512)
def _study_count(asked: _Asked) -> Prepared:
    return Prepared(sa.select(sa.func.count()).select_from(t.study).where(*_study_conditions(asked)))


def studies_of(engine: sa.Engine, scope: Scope, uids: Sequence[str]) -> dict[str, StudyRow]:
    """Return some studies by their UID, as far as the scope shows them."""
    rows = [row for some, names in _padded(sorted(set(uids))) for row in _named(len(some)).rows(engine, **names)]
    found = [row for row in _study_rows(engine, scope, rows) if row.instances]
    return {row.study_instance_uid: row for row in _as_known(engine, scope, found)}


@lru_cache(maxsize=8)
def _named(count: int) -> Prepared:
    columns = (*(t.study.c[name] for name in _STUDY_FIELDS), _header(t.study))
    return Prepared(sa.select(*columns).where(t.study.c.study_instance_uid.in_(_slots(count))))


def _padded(keys: list[str]) -> Iterable[tuple[list[str], dict[str, str]]]:
    """Yield lists of keys in one of the known lengths, and the same as values of `_slots`."""
    for some in batches(keys, _LENGTHS[-1]):
        length = next(length for length in _LENGTHS if len(some) <= length)
        whole = some + some[-1:] * (length - len(some))
        yield whole, {f"key_{number}": key for number, key in enumerate(whole)}


def _slots(count: int) -> list[sa.BindParameter[Any]]:
    return [slot(f"key_{number}") for number in range(count)]


@dataclass(slots=True)
class _Count:
    modalities: list[str]
    series: int = 0
    instances: int = 0
    bytes: int = 0


def _study_rows(engine: sa.Engine, scope: Scope, rows: Sequence[Sequence[Any]]) -> list[StudyRow]:
    counts = {row[0]: _Count([]) for row in rows}
    key = actor_key(scope)
    for some, names in _padded(list(counts)):
        for uid, modality, series, instances, size in _study_counts(key, len(some)).rows(engine, **names):
            count = counts[uid]
            count.modalities += [modality] if modality else []
            count.series += series
            count.instances += instances
            count.bytes += int(size)
    return [_study_row(row, counts[row[0]]) for row in rows]


@lru_cache(maxsize=512)
def _study_counts(key: ActorKey, count: int) -> Prepared:
    c = t.instance.c
    return Prepared(
        sa.select(
            c.study_instance_uid,
            c.modality,
            sa.func.count(sa.distinct(c.series_instance_uid)),
            sa.func.count(),
            sa.func.sum(c.size),
        )
        .where(c.study_instance_uid.in_(_slots(count)), seen(Scope(actor=key[0], release=key[1])))
        .group_by(c.study_instance_uid, c.modality)
        .order_by(c.modality)
    )


def _study_row(row: Sequence[Any], count: _Count) -> StudyRow:
    return StudyRow(
        **dict(zip(_STUDY_FIELDS, row[:-1], strict=True)),
        header=orjson.loads(row[-1]),
        modalities=tuple(count.modalities),
        series=count.series,
        instances=count.instances,
        bytes=count.bytes,
    )


def find_series(engine: sa.Engine, scope: Scope, query: Query, *, place: Place = EVERYWHERE) -> list[SeriesRow]:
    """Return the series that match below a place, in the order of their numbers."""
    asked, values = _asked(scope, query, place)
    rows = _series(asked).rows(engine, **values, limit=query.limit, offset=query.offset)
    counts: dict[str, int] = {}
    for some, names in _padded([row[1] for row in rows]):
        counts.update(_series_counts(asked.key, len(some)).rows(engine, **names))  # type: ignore[arg-type]
    older = _older(engine, scope, "series_instance_uid", [row[1] for row in rows])
    return [
        SeriesRow(
            **dict(zip(_SERIES_FIELDS, row[:-1], strict=True)),
            header=series_part(older[row[1]]) if row[1] in older else orjson.loads(row[-1]),
            instances=counts.get(row[1], 0),
        )
        for row in rows
    ]


@lru_cache(maxsize=512)
def _series(asked: _Asked) -> Prepared:
    within = t.instance.c.series_instance_uid == t.series.c.series_instance_uid
    tree = t.series.join(t.study, t.study.c.study_instance_uid == t.series.c.study_instance_uid)
    return Prepared(
        sa.select(*(t.series.c[name] for name in _SERIES_FIELDS), _header(t.series))
        .select_from(tree)
        .where(*asked.within(t.series), _shown(asked.scope, within), *conditions(asked.shape, asked.scope))
        .order_by(t.series.c.study_instance_uid, t.series.c.number, t.series.c.series_instance_uid)
        .limit(slot("limit"))
        .offset(slot("offset"))
    )


@lru_cache(maxsize=512)
def _series_counts(key: ActorKey, count: int) -> Prepared:
    uid = t.instance.c.series_instance_uid
    condition = seen(Scope(actor=key[0], release=key[1]))
    return Prepared(sa.select(uid, sa.func.count()).where(uid.in_(_slots(count)), condition).group_by(uid))


def find_instances(engine: sa.Engine, scope: Scope, query: Query, *, place: Place = EVERYWHERE) -> list[InstanceRow]:
    """Return the instances that match below a place, series by series in the order of their numbers."""
    asked, values = _asked(scope, query, place)
    rows = _instances(asked).rows(engine, **values, limit=query.limit, offset=query.offset)
    return [InstanceRow(**dict(zip(_INSTANCE_FIELDS, row, strict=True))) for row in rows]


@lru_cache(maxsize=512)
def _instances(asked: _Asked) -> Prepared:
    c = t.instance.c
    return Prepared(
        sa.select(*(c[name] for name in _INSTANCE_FIELDS))
        .select_from(_TREE)
        .where(*asked.within(t.instance), seen(asked.scope), *conditions(asked.shape, asked.scope))
        .order_by(c.series_instance_uid, c.number, c.sop_instance_uid)
        .limit(slot("limit"))
        .offset(slot("offset"))
    )


@lru_cache(maxsize=8)
def _bodies(count: int) -> Prepared:
    c = t.instance_document.c
    return Prepared(sa.select(c.instance_id, c.body).where(c.instance_id.in_(_slots(count))))


def documents_by_number(engine: sa.Engine, numbers: Sequence[int]) -> Mapping[int, bytes]:
    """Return the metadata of some instances by their number; see `dicomweb.rawjson` for their form."""
    found: dict[int, bytes] = {}
    for some, names in _padded(list(numbers)):  # type: ignore[arg-type]
        found.update((number, bytes(body)) for number, body in _bodies(len(some)).rows(engine, **names))
    return found
