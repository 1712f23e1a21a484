"""The audit trail: a hash chain in the database, written in the transaction of the change that it tells of.

Each line's hash covers the hash before it, so a line that was changed or taken out is found by `check_chain`; triggers
refuse UPDATE and DELETE to whoever holds the application's credentials.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from radcommons.platform import dsse
from radcommons.platform.clock import instant
from radcommons.platform.rawsql import Fixed, Transaction
from radcommons.records.checkpoint import PAYLOAD_TYPE, Checkpoint
from radcommons.records.documents import parse
from radcommons.records.event import Event

_CHAIN_LOCK = 0x52434144  # any constant: names the chain among PostgreSQL's advisory locks
GENESIS = "0" * 64


def define_audit(metadata: sa.MetaData) -> sa.Table:
    """Add the audit table, and the triggers that keep it append-only, to a schema."""
    table = sa.Table(
        "audit_event",
        metadata,
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False, index=True),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False, index=True),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
    )
    for statement in trigger_statements():
        dialect = "postgresql" if "plpgsql" in statement or "EXECUTE" in statement else "sqlite"
        sa.event.listen(table, "after_create", sa.DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]
    return table


def trigger_statements() -> tuple[str, ...]:
    """Return the DDL of the triggers, SQLite's first."""
    sqlite = tuple(
        f"CREATE TRIGGER audit_event_no_{verb} BEFORE {verb.upper()} ON audit_event "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        for verb in ("update", "delete")
    )
    return (
        *sqlite,
        "CREATE OR REPLACE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$",
        "CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event "
        "EXECUTE FUNCTION audit_event_refuse()",
    )


# The canonical form of `records.documents`, for values that are plain already.
_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _line_hash(previous: str, at: str, event: Event) -> str:
    line = {
        "previous": previous,
        "at": at,
        "kind": event.kind,
        "actor": event.actor,
        "subject": event.subject,
        "details": dict(event.details),
    }
    return hashlib.sha256(_text(line).encode()).hexdigest()


def _rows(last: tuple[int, str], events: Sequence[Event]) -> list[dict[str, object]]:
    """Return the lines of events that follow the last line (sequence, hash)."""
    sequence, previous = last
    at = instant()
    rows: list[dict[str, object]] = []
    for event in events:
        sequence += 1
        previous = _line_hash(previous, at, event)
        rows.append(
            {
                "sequence": sequence,
                "at": at,
                "kind": event.kind,
                "actor": event.actor,
                "subject": event.subject,
                "details": _text(dict(event.details)),
                "hash": previous,
            }
        )
    return rows


class Trail:
    """The same for transactions on a driver's own cursor."""

    def __init__(self, table: sa.Table) -> None:
        last = sa.select(table.c.sequence, table.c.hash).order_by(table.c.sequence.desc()).limit(1)
        self._last = Fixed(last)
        self._insert = Fixed(table.insert())
        self._hold = Fixed(sa.select(sa.func.pg_advisory_xact_lock(sa.literal_column(str(_CHAIN_LOCK)))))

    def write(self, transaction: Transaction, *events: Event) -> None:
        """Append events within the caller's transaction."""
        asked: list[tuple[Fixed, dict[str, object]]] = [(self._last, {})]
        if transaction.dialect.name == "postgresql":
            asked.insert(0, (self._hold, {}))
        last = transaction.turn(asked)[-1]
        transaction.run(self._insert, _rows((last[0][0], last[0][1]) if last else (0, GENESIS), events))


def write_events(connection: sa.Connection, table: sa.Table, *events: Event) -> None:
    """Append events within the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    last = connection.execute(
        sa.select(table.c.sequence, table.c.hash).order_by(table.c.sequence.desc()).limit(1)
    ).one_or_none()
    rows = _rows((last.sequence, last.hash) if last else (0, GENESIS), events)
    if rows:
        connection.execute(table.insert(), rows)


def check_chain(connection: sa.Connection, table: sa.Table) -> Iterator[int]:
    """Yield the sequence numbers of lines that do not follow from the line before."""
    previous, expected = GENESIS, 0
    for row in connection.execute(sa.select(table).order_by(table.c.sequence)):
        expected += 1
        event = Event(kind=row.kind, actor=row.actor, subject=row.subject, details=json.loads(row.details))
        if row.sequence != expected or row.hash != _line_hash(previous, row.at, event):
            yield row.sequence
        previous, expected = row.hash, row.sequence


def read_checkpoint(envelope: str, *, public_key: bytes) -> Checkpoint:
    """Return what a checkpoint's envelope says.

    Raises
    ------
    DocumentError
        If it is no checkpoint.
    IntegrityError
        If it is not signed with the key.
    """
    return parse(Checkpoint, dsse.opened(envelope, kind=PAYLOAD_TYPE, public_key=public_key))
