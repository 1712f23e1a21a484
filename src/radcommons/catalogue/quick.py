"""Statements that are asked thousands of times a second: compiled once, run on the driver's own cursor.

What they ask is written with SQLAlchemy like every other query, by the same visibility functions; only the way to the
database is shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from radcommons.platform.database import looking
from radcommons.platform.rawsql import faults_are_named, own_connection

Rows = Sequence[Sequence[Any]]


def slot(name: str) -> sa.BindParameter[Any]:
    """Return the place of a value that each call brings."""
    return sa.bindparam(name, required=False)


class Prepared:
    """A statement whose text is made once for each kind of database; its rows are plain tuples.

    Parameters
    ----------
    statement : sqlalchemy.Select
        What changes from call to call is a `slot`. No column of it may need a conversion.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, dict[str, Any], tuple[str, ...] | None]] = {}

    def rows(self, engine: sa.Engine, **values: object) -> Rows:
        """Return the rows for some values.

        Raises
        ------
        sqlalchemy.exc.OperationalError
            If the database does not answer.
        """
        text, fixed, order = self._text(engine.dialect)
        bound = {**fixed, **values}
        if order is None:
            with looking(engine) as connection:
                return [tuple(row) for row in connection.exec_driver_sql(text, bound)]
        with faults_are_named(engine):
            return own_connection(engine).execute(text, [bound[name] for name in order]).fetchall()

    def _text(self, dialect: sa.Dialect) -> tuple[str, dict[str, Any], tuple[str, ...] | None]:
        found = self._texts.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            order = tuple(compiled.positiontup or ()) if dialect.name == "sqlite" else None
            found = str(compiled), _for_driver(compiled, dialect), order
            self._texts[dialect.name] = found
        return found


def _for_driver(compiled: Any, dialect: sa.Dialect) -> dict[str, Any]:
    """Return the fixed values of a statement as its driver takes them, such as a path into a document."""
    values: dict[str, Any] = {}
    for name, value in compiled.params.items():
        bind = compiled.binds.get(name)
        process = bind.type.dialect_impl(dialect).bind_processor(dialect) if bind is not None else None
        values[name] = process(value) if process is not None and value is not None else value
    return {name: str(value) if isinstance(value, str) else value for name, value in values.items()}
