"""The audit trail and the outbox as the hub's verbs use them: always inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.platform import audit, jobs
from radcommons.platform.rawsql import Transaction
from radcommons.records.event import Event

OUTBOX = t.outbox  # what the relay of jobs reads


def record(connection: sa.Connection, *events: Event) -> None:
    """Append events to the audit trail."""
    audit.write_events(connection, t.audit_event, *events)


def tell(
    kind: str, connection: sa.Connection, account: int, *, by: str = "", **details: str | int | bool | None
) -> None:
    """Append an event about an account to the audit trail; `by` is who did it, when it was not the person."""
    who = f"account:{account}"
    record(connection, Event(kind=kind, actor=by or who, subject=who, details=details))


_TRAIL = audit.Trail(t.audit_event)


def record_raw(transaction: Transaction, *events: Event) -> None:
    """Append events to the audit trail in a transaction on a driver's cursor."""
    _TRAIL.write(transaction, *events)


def leave_job(connection: sa.Connection, job: str, *, argument: str) -> None:
    """Ask for a job; it is enqueued after the commit."""
    jobs.leave(connection, t.outbox, job=job, argument=argument)


def broken_lines(connection: sa.Connection) -> Iterator[int]:
    """Yield the numbers of audit lines that do not follow from the line before."""
    yield from audit.check_chain(connection, t.audit_event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the audit trail."""

    sequence: int
    at: str
    kind: str
    actor: str
    subject: str


def lines_about(connection: sa.Connection, subject: str) -> list[Line]:
    """Return what the trail tells of a subject, oldest first."""
    table = t.audit_event
    rows = connection.execute(sa.select(table).where(table.c.subject == subject).order_by(table.c.sequence))
    return [Line(sequence=row.sequence, at=row.at, kind=row.kind, actor=row.actor, subject=row.subject) for row in rows]
