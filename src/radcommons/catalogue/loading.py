"""Instances that are accepted as they arrive: every row that they need, in a few statements on the driver's cursor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from radcommons.catalogue import tables as t
from radcommons.catalogue.instances import FIELDS, Version, first_of
from radcommons.catalogue.readings import Reading, values_of
from radcommons.catalogue.tree import tree_rows
from radcommons.platform.clock import instant
from radcommons.platform.rawsql import Fixed, Transaction, raw_rows
from radcommons.records.finding import Finding
from radcommons.records.lifecycle import INSTANCE, InstanceEvent, InstanceState, advance

_HUB = "hub"
_INSTANCE_NAMES = (
    *(name for name in FIELDS if name != "id"),
    *("modality", "number", "rows", "columns", "frames", "pixel_offset", "frame_length", "accepted_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the catalogue knows of what is about to be written.

    Parameters
    ----------
    versions : dict
        Every version of the SOP Instance UIDs asked for, by UID; what is added becomes known here.
    series : set of str
        Those of the series asked for that have a row.
    sites : set of str
        Those of the sites asked for that have one.
    """

    versions: dict[str, list[Version]]
    series: set[str]
    sites: set[str]


def _inserting(table: sa.Table, names: Iterable[str]) -> sa.Insert:
    return table.insert().values({name: sa.bindparam(name) for name in names})


def _adding(table: sa.Table, names: Sequence[str]) -> dict[str, Fixed]:
    """Return statements, by kind of database, that leave a row alone whose key is there."""
    values: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(name) for name in names}
    return {
        "sqlite": Fixed(sqlite_insert(table).values(values).on_conflict_do_nothing()),
        "postgresql": Fixed(postgresql_insert(table).values(values).on_conflict_do_nothing()),
    }


_OF_UID = Fixed(
    sa.select(*(t.instance.c[name] for name in FIELDS))
    .where(t.instance.c.sop_instance_uid == sa.bindparam("uid"))
    .order_by(t.instance.c.id)
)
_ADD = Fixed(_inserting(t.instance, _INSTANCE_NAMES).returning(t.instance.c.id))
_ADD_DOCUMENT = Fixed(
    t.instance_document.insert().values(
        instance_id=sa.bindparam("instance_id"), frames=sa.bindparam("spans"), body=sa.bindparam("body")
    )
)
_ADD_FINDING = Fixed(
    _inserting(t.finding, ("submission_id", "digest", "made_by", "code", "severity", "message", "place"))
)
_SERIES = Fixed(sa.select(t.series.c.series_instance_uid).where(t.series.c.series_instance_uid == sa.bindparam("uid")))
_SITE = Fixed(sa.select(t.site.c.code).where(t.site.c.code == sa.bindparam("code")))
_ADD_SITE = _adding(t.site, ("code", "name", "created_at"))
_ADD_STUDY = _adding(t.study, t.study.c.keys())
_ADD_SERIES = _adding(t.series, t.series.c.keys())
# PostgreSQL is another machine: one turn for many, where SQLite takes no time for one after the other.
_HELD = sa.func.unnest(sa.bindparam("keys", type_=ARRAY(sa.BigInteger))).column_valued("key")
_HOLD = Fixed(sa.select(sa.func.pg_advisory_xact_lock(_HELD)))


def _any(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    return column == sa.any_(sa.bindparam(name, type_=ARRAY(sa.Text)))


_OF_UIDS = Fixed(
    sa.select(*(t.instance.c[name] for name in FIELDS))
    .where(_any(t.instance.c.sop_instance_uid, "uids"))
    .order_by(t.instance.c.id)
)
_OF_SERIES = Fixed(sa.select(t.series.c.series_instance_uid).where(_any(t.series.c.series_instance_uid, "uids")))
_OF_SITES = Fixed(sa.select(t.site.c.code).where(_any(t.site.c.code, "codes")))
_MADE = _inserting(t.instance, _INSTANCE_NAMES).returning(t.instance.c.id).cte("made")
# An instance with its document, where a statement may hold another that inserts.
_ADD_WHOLE = Fixed(
    t.instance_document.insert().from_select(
        ["instance_id", "frames", "body"],
        sa.select(
            _MADE.c.id,
            sa.cast(sa.bindparam("spans"), sa.LargeBinary),
            sa.cast(sa.bindparam("body"), sa.LargeBinary),
        ),
    )
)


def hold_and_look(
    transaction: Transaction, *, uids: Collection[str], series: Collection[str], sites: Collection[str]
) -> Known:
    """Keep other writers of some SOP Instance UIDs waiting until this transaction ends, and return what is known.

    SQLite has one writer anyway.
    """
    if transaction.dialect.name == "postgresql":
        digests = (hashlib.blake2b(uid.encode(), digest_size=8).digest() for uid in uids)
        # In one order, so that two writers cannot wait for each other.
        keys = sorted({int.from_bytes(digest, "big") - 2**63 for digest in digests})
        _, rows, known_series, known_sites = transaction.turn(
            [
                (_HOLD, {"keys": keys}),
                (_OF_UIDS, {"uids": list(uids)}),
                (_OF_SERIES, {"uids": list(series)}),
                (_OF_SITES, {"codes": list(sites)}),
            ]
        )
    else:
        rows = [row for uid in uids for row in transaction.rows(_OF_UID, {"uid": uid})]
        known_series = [row for uid in series for row in transaction.rows(_SERIES, {"uid": uid})]
        known_sites = [row for code in sites for row in transaction.rows(_SITE, {"code": code})]
    return Known(
        versions=_by_uid(rows), series={uid for (uid,) in known_series}, sites={code for (code,) in known_sites}
    )


def _by_uid(rows: Iterable[Sequence[Any]]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for version in map(_version, rows):
        found.setdefault(version.sop_instance_uid, []).append(version)
    return found


def versions_of(engine: sa.Engine, uids: Collection[str]) -> dict[str, list[Version]]:
    """Return every version of some SOP Instance UIDs, by UID, outside of a transaction."""
    if engine.dialect.name == "postgresql":
        return _by_uid(raw_rows(engine, _OF_UIDS, {"uids": list(uids)}))
    return _by_uid(row for uid in uids for row in raw_rows(engine, _OF_UID, {"uid": uid}))


def _version(row: Sequence[Any]) -> Version:
    values = dict(zip(FIELDS, row, strict=True))
    return Version(**{**values, "state": InstanceState(values["state"])})


def load(transaction: Transaction, rows: Sequence[tuple[Version, Reading]], *, known: Known) -> None:
    """Add versions that were loaded directly, as accepted, with the rows of sites, studies and series that are new."""
    for code in {version.site for version, _ in rows} - known.sites:
        transaction.run(_ADD_SITE[transaction.dialect.name], [{"code": code, "name": code, "created_at": instant()}])
    state, at = advance(INSTANCE, InstanceState.RECEIVED, InstanceEvent.ACCEPT), instant()
    firsts: dict[str, tuple[Version, Reading]] = {}
    made: list[dict[str, Any]] = []
    for version, reading in rows:
        values: dict[str, Any] = {name: getattr(version, name) for name in FIELDS}
        values |= values_of(reading)
        values["state"], values["accepted_at"] = str(state), at
        values["spans"], values["body"] = reading.index.spans, reading.document
        made.append(values)
        if version.series_instance_uid not in known.series:
            firsts.setdefault(version.series_instance_uid, (version, reading))
    if transaction.dialect.name == "postgresql":
        transaction.turn([(_ADD_WHOLE, values) for values in made])
    else:
        for values in made:
            ((values["instance_id"],),) = transaction.rows(_ADD, values)
        transaction.run(_ADD_DOCUMENT, made)
    if firsts:
        studies, series = tree_rows([first_of(version, reading.document) for version, reading in firsts.values()])
        for table, some in ((_ADD_STUDY, studies), (_ADD_SERIES, series)):
            transaction.run(table[transaction.dialect.name], [_plain(row) for row in some])


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "header": json.dumps(row["header"])}


def add_findings(transaction: Transaction, found: Iterable[tuple[str, Finding]]) -> None:
    """Keep the hub's findings (digest, finding) about instances that are new."""
    rows = [
        {
            "submission_id": None,
            "digest": digest,
            "made_by": _HUB,
            "code": finding.code,
            "severity": str(finding.severity),
            "message": finding.message,
            "place": finding.where[:400],
        }
        for digest, finding in found
    ]
    transaction.run(_ADD_FINDING, rows)
