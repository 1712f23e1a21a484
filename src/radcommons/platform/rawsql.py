"""Transactions that are written hundreds of times a second: statements compiled once, on the driver's own cursor.

The statements are SQLAlchemy's like all others; only the way to the database is shorter, which is most of the cost.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from radcommons.platform.database import full_disk_is_named, looking, writing

Values = Mapping[str, Any]


class Fixed:
    """A statement whose text is made once for each kind of database.

    Parameters
    ----------
    statement : sqlalchemy executable
        Its values are bound parameters by name; no column of it may need a conversion that a driver does not do.
    """

    def __init__(self, statement: sa.ClauseElement) -> None:
        self._statement = statement
        self._made: dict[str, tuple[str, Callable[[Values], Any]]] = {}

    def made(self, dialect: sa.Dialect) -> tuple[str, Callable[[Values], Any]]:
        """Return the text for a database, and what turns values into what its driver takes."""
        found = self._made.get(dialect.name)
        if found is None:
            compiled: Any = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            order = compiled.positiontup
            if order is None:
                found = str(compiled), lambda values: {**constants, **values}
            elif constants:
                found = str(compiled), lambda values: [{**constants, **values}[name] for name in order]
            else:
                found = str(compiled), lambda values: [values[name] for name in order]
            self._made[dialect.name] = found
        return found


class Transaction:
    """One transaction on a driver's cursor."""

    def __init__(self, cursor: Any, dialect: sa.Dialect) -> None:
        self._cursor = cursor
        self.dialect = dialect

    def rows(self, statement: Fixed, values: Values) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return self._asked(self._cursor, statement, values)

    def turn(self, asked: Sequence[tuple[Fixed, Values]]) -> list[list[tuple[Any, ...]]]:
        """Run statements one after the other and return the rows of each; to PostgreSQL they go in one turn."""
        if self.dialect.name != "postgresql" or len(asked) < 2:
            return [self._asked(self._cursor, statement, values) for statement, values in asked]
        connection = self._cursor.connection
        cursors = [connection.cursor() for _ in asked]
        with connection.pipeline():
            for cursor, (statement, values) in zip(cursors, asked, strict=True):
                text, bind = statement.made(self.dialect)
                cursor.execute(text, bind(values))
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]

    def _asked(self, cursor: Any, statement: Fixed, values: Values) -> list[tuple[Any, ...]]:
        text, bind = statement.made(self.dialect)
        cursor.execute(text, bind(values))
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found

    def run(self, statement: Fixed, rows: Sequence[Values]) -> None:
        """Run a statement once for each row of values; it returns nothing."""
        if rows:
            text, bind = statement.made(self.dialect)
            if len(rows) == 1:  # psycopg's way for many takes some turns more between the machines
                self._cursor.execute(text, bind(rows[0]))
            else:
                self._cursor.executemany(text, [bind(row) for row in rows])


_own: WeakKeyDictionary[sa.Engine, threading.local] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def raw_writing(engine: sa.Engine) -> Iterator[Transaction]:
    """Yield one transaction; it commits when the block ends well, else nothing happened.

    Raises
    ------
    StorageError
        If the disk is full.
    """
    if engine.dialect.name != "sqlite":
        with writing(engine) as pooled, faults_are_named(engine):
            driver: Any = pooled.connection.driver_connection
            yield Transaction(driver.cursor(), engine.dialect)
        return
    connection = own_connection(engine)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield Transaction(connection.cursor(), engine.dialect)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        with full_disk_is_named():
            raise sa.exc.DBAPIError.instance(None, None, error, sqlite3.Error, hide_parameters=True) from None
    except BaseException:
        _roll_back(connection)
        raise


@contextmanager
def faults_are_named(engine: sa.Engine) -> Iterator[None]:
    """Raise the driver's faults as SQLAlchemy's, as they are known elsewhere, without the values of the statement."""
    fault: Any = engine.dialect.loaded_dbapi.Error
    try:
        yield
    except fault as error:
        raise sa.exc.DBAPIError.instance(None, None, error, fault, hide_parameters=True) from None


def raw_rows(engine: sa.Engine, statement: Fixed, values: Values) -> list[tuple[Any, ...]]:
    """Return the rows of a statement that only reads."""
    if engine.dialect.name == "sqlite":
        with faults_are_named(engine):
            return Transaction(own_connection(engine).cursor(), engine.dialect).rows(statement, values)
    with looking(engine) as connection, faults_are_named(engine):
        driver: Any = connection.connection.driver_connection
        return Transaction(driver.cursor(), engine.dialect).rows(statement, values)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def own_connection(engine: sa.Engine) -> sqlite3.Connection:
    """Return this thread's own connection to a SQLite database, with the engine's settings."""
    held = _own.get(engine)
    if held is None:
        with _lock:
            held = _own.setdefault(engine, threading.local())
    connection: sqlite3.Connection | None = getattr(held, "connection", None)
    if connection is None:
        pooled = engine.raw_connection()
        found: Any = pooled.driver_connection
        pooled.detach()  # it stays with the thread, and the pool may make another
        connection = held.connection = found
    return connection
