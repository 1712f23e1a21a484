"""Instances that are accepted as they arrive: every row that they need, in a few statements on the driver's cursor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
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
_ADD_DOCUMENT = Fixed(_inserting(t.instance_document, ("instance_id", "frames", "body")))
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
_OF_UIDS = Fixed(
    sa.select(*(t.instance.c[name] for name in FIELDS))
    .where(t.instance.c.sop_instance_uid == sa.any_(sa.bindparam("uids", type_=ARRAY(sa.Text))))
    .order_by(t.instance.c.id)
)


def hold_uids(transaction: Transaction, uids: Iterable[str]) -> None:
    """Keep other writers of the same UIDs waiting until this transaction ends; SQLite has one writer anyway."""
    if transaction.dialect.name != "postgresql":
        return
    digests = (hashlib.blake2b(uid.encode(), digest_size=8).digest() for uid in uids)
    # In one order, so that two writers cannot wait for each other.
    keys = sorted({int.from_bytes(digest, "big") - 2**63 for digest in digests})
    transaction.rows(_HOLD, {"keys": keys})


def of_uids(transaction: Transaction, uids: Iterable[str]) -> dict[str, list[Version]]:
    """Return every version of some SOP Instance UIDs, by UID."""
    if transaction.dialect.name == "postgresql":
        rows = transaction.rows(_OF_UIDS, {"uids": list(uids)})
    else:
        rows = [row for uid in uids for row in transaction.rows(_OF_UID, {"uid": uid})]
    found: dict[str, list[Version]] = {}
    for version in map(_version, rows):
        found.setdefault(version.sop_instance_uid, []).append(version)
    return found


def versions_of(engine: sa.Engine, uid: str) -> list[Version]:
    """Return every version of a SOP Instance UID, outside of a transaction."""
    return [_version(row) for row in raw_rows(engine, _OF_UID, {"uid": uid})]


def _version(row: Sequence[Any]) -> Version:
    values = dict(zip(FIELDS, row, strict=True))
    return Version(**{**values, "state": InstanceState(values["state"])})


def load(transaction: Transaction, rows: Sequence[tuple[Version, Reading]]) -> None:
    """Add versions that were loaded directly, as accepted, with the rows of studies and series that are new."""
    state, at = advance(INSTANCE, InstanceState.RECEIVED, InstanceEvent.ACCEPT), instant()
    documents = []
    for version, reading in rows:
        values: dict[str, Any] = {name: getattr(version, name) for name in FIELDS}
        values |= {**values_of(reading), "state": str(state), "accepted_at": at}
        ((number,),) = transaction.rows(_ADD, values)
        documents.append({"instance_id": number, "frames": reading.index.spans, "body": reading.document})
    transaction.run(_ADD_DOCUMENT, documents)
    firsts: dict[str, tuple[Version, Reading]] = {}
    for version, reading in rows:
        firsts.setdefault(version.series_instance_uid, (version, reading))
    new = [
        first_of(version, reading.document)
        for series, (version, reading) in firsts.items()
        if not transaction.rows(_SERIES, {"uid": series})
    ]
    if new:
        studies, series_rows = tree_rows(new)
        for table, some in ((_ADD_STUDY, studies), (_ADD_SERIES, series_rows)):
            transaction.run(table[transaction.dialect.name], [_plain(row) for row in some])


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "header": json.dumps(row["header"])}


def ensure_site(transaction: Transaction, code: str) -> None:
    """Add a site by its code where it is new."""
    if not transaction.rows(_SITE, {"code": code}):
        values = {"code": code, "name": code, "created_at": instant()}
        transaction.run(_ADD_SITE[transaction.dialect.name], [values])


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
