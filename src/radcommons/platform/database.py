"""Engines for SQLite and PostgreSQL that behave alike: short transactions, durable commits, foreign keys."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from radcommons.records.errors import StorageError

_READ = "radcommons_read"


def make_engine(url: str) -> sa.Engine:
    """Return an engine.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH`` or ``postgresql://...`` (psycopg 3).

    Notes
    -----
    An error of the database never repeats the values of its statement.
    SQLite: WAL, synchronous FULL because an acknowledgement depends on it, foreign keys, and BEGIN IMMEDIATE for
    writers, so that a writer waits at its start instead of failing in its middle.
    """
    address = sa.make_url(url)
    if address.get_backend_name() == "postgresql":
        engine = sa.create_engine(
            address.set(drivername="postgresql+psycopg"), pool_size=10, max_overflow=10, hide_parameters=True
        )
        sa.event.listen(engine, "checkout", _refuse_stale)
        return engine
    engine = sa.create_engine(address, connect_args={"timeout": 30, "check_same_thread": False}, hide_parameters=True)
    prepare_sqlite(engine)
    # Pages of the indexes are written by nearly every commit: the longer the log, the fewer of them go twice.
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA wal_autocheckpoint=4000"))
    return engine


def _refuse_stale(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool take another connection in place of one that its server has closed.

    A server that goes says so, or the end of the stream does: either way an idle connection has something to read.
    To look costs nothing, where to ask the server would cost a turn each time.
    """
    if connection.closed or select.select([connection.fileno()], [], [], 0)[0]:
        raise sa.exc.DisconnectionError


def prepare_sqlite(engine: sa.Engine) -> None:
    """Give a SQLite engine (or one of SQLCipher) the behaviour that `make_engine` describes."""
    set_pragmas(engine, synchronous="FULL")

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        deferred = connection.get_execution_options().get(_READ, False)
        connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")


def set_pragmas(engine: sa.Engine, *, synchronous: str) -> None:
    """Open every SQLite connection in WAL mode, patient with other writers, and strict about foreign keys."""

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")


@contextmanager
def full_disk_is_named() -> Iterator[None]:
    """Turn a database's complaint of a full disk into a StorageError that says what to do; other errors pass."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        complaint = str(error.orig)  # SQLITE_FULL, or PostgreSQL's class 53
        if "disk is full" not in complaint and "No space left" not in complaint:
            raise
        raise StorageError(
            "The disk is full while writing the database.", mend="Nothing was lost: free some space and run it again."
        ) from None


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection that only reads; on SQLite it never waits for a writer."""
    with full_disk_is_named(), engine.connect() as connection:
        yield connection.execution_options(**{_READ: True})


@contextmanager
def looking(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection for one statement of PostgreSQL that only reads: no transaction has to begin and end."""
    with full_disk_is_named(), engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection in one transaction; it commits when the block ends well, else nothing happened.

    Raises
    ------
    StorageError
        If the disk is full.
    """
    with full_disk_is_named(), engine.begin() as connection:
        yield connection


def insert_new(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, leaving those alone whose key is there already (both databases)."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert  # the hospital's commands need it never

        connection.execute(postgresql_insert(table).on_conflict_do_nothing(), rows)
    else:
        connection.execute(sqlite_insert(table).on_conflict_do_nothing(), rows)
