"""The audit trail as people look at it, and the checkpoints that vouch for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.tables_identity import audit_checkpoint
from radcommons.platform.database import insert_new


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailLine:
    """One line of the trail with what it tells."""

    sequence: int
    at: str
    kind: str
    actor: str
    subject: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which lines are asked for; empty members leave all. Days as ``2026-03-30``, the last one included."""

    kind: str = ""
    actor: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    conditions: tuple[sa.ColumnElement[bool], ...] = field(default=(), repr=False)


def lines(connection: sa.Connection, wanted: Filter, *, limit: int, before: int = 0) -> list[TrailLine]:
    """Return lines, the newest first; with `before`, those below a sequence number."""
    column = t.audit_event.c
    conditions = list(wanted.conditions)
    for name in ("kind", "actor", "subject"):
        value = getattr(wanted, name)
        if value:
            conditions.append(column[name] == value)
    if wanted.since:
        conditions.append(column.at >= wanted.since)
    if wanted.until:
        conditions.append(column.at < f"{wanted.until}U")  # the letter after the T of an instant
    if before:
        conditions.append(column.sequence < before)
    query = sa.select(t.audit_event).where(*conditions).order_by(column.sequence.desc()).limit(limit)
    return [
        TrailLine(
            sequence=row.sequence,
            at=row.at,
            kind=row.kind,
            actor=row.actor,
            subject=row.subject,
            details=json.loads(row.details),
        )
        for row in connection.execute(query)
    ]


def lines_of(connection: sa.Connection, account: int, *, limit: int, before: int = 0) -> list[TrailLine]:
    """Return the lines about a person: what they did, and what was done to their account."""
    who = f"account:{account}"
    own = sa.or_(t.audit_event.c.subject == who, t.audit_event.c.actor == who)
    return lines(connection, Filter(conditions=(own,)), limit=limit, before=before)


# --- checkpoints --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCheckpoint:
    """A checkpoint as it is kept: its envelope, and what it is found by."""

    number: int
    sequence: int
    at: str
    envelope: str


def last_line(connection: sa.Connection) -> tuple[int, str] | None:
    """Return (sequence, hash) of the trail's end, None where nothing was written."""
    column = t.audit_event.c
    query = sa.select(column.sequence, column.hash).order_by(column.sequence.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return (row.sequence, row.hash) if row is not None else None


def hash_at(connection: sa.Connection, sequence: int) -> str | None:
    """Return the hash of a line, None where there is no such line."""
    column = t.audit_event.c
    found = connection.execute(sa.select(column.hash).where(column.sequence == sequence)).scalar_one_or_none()
    return str(found) if found is not None else None


def last_checkpoint(connection: sa.Connection) -> KeptCheckpoint | None:
    """Return the newest checkpoint."""
    return next(iter(checkpoints(connection, limit=1)), None)


def checkpoints(connection: sa.Connection, *, limit: int, before: int = 0) -> list[KeptCheckpoint]:
    """Return checkpoints, the newest first; with `before`, those below a number."""
    column = audit_checkpoint.c
    query = sa.select(audit_checkpoint).order_by(column.number.desc()).limit(limit)
    rows = connection.execute(query.where(column.number < before) if before else query)
    return [KeptCheckpoint(number=row.number, sequence=row.sequence, at=row.at, envelope=row.envelope) for row in rows]


def checkpoint_at(connection: sa.Connection, number: int) -> KeptCheckpoint | None:
    """Return one checkpoint by its number."""
    return next((one for one in checkpoints(connection, limit=1, before=number + 1) if one.number == number), None)


def all_checkpoints(connection: sa.Connection) -> Iterator[KeptCheckpoint]:
    """Yield every checkpoint, the oldest first."""
    for row in connection.execute(sa.select(audit_checkpoint).order_by(audit_checkpoint.c.number)):
        yield KeptCheckpoint(number=row.number, sequence=row.sequence, at=row.at, envelope=row.envelope)


def keep_checkpoint(connection: sa.Connection, kept: KeptCheckpoint) -> None:
    """Keep a checkpoint, unless another process was first."""
    values = {"number": kept.number, "sequence": kept.sequence, "at": kept.at, "envelope": kept.envelope}
    insert_new(connection, audit_checkpoint, [values])
