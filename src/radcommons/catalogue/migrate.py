"""Bring a hub's database to the schema that this program knows (Alembic)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

# Alembic is imported where it migrates: a start that finds nothing to do is quicker without.

_LOCK = 0x5243  # any constant: names the schema among PostgreSQL's advisory locks
_SCRIPTS = Path(__file__).parent / "migrations"
_VERSIONS = sa.table("alembic_version", sa.column("version_num"))  # Alembic's own


def newest() -> str:
    """Return the revision of the schema that this program knows: its files are named by their revisions, in order."""
    return max(path.name[:4] for path in (_SCRIPTS / "versions").glob("[0-9]*.py"))


def upgrade(engine: sa.Engine) -> None:
    """Apply the migrations that are missing; nothing happens when there are none."""
    if is_current(engine):
        return
    from alembic import command
    from alembic.config import Config

    with engine.connect() as connection, _alone(connection):
        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    """Keep two starts at once from both migrating; the lock is let go, since a pooled connection would keep it."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
        connection.commit()


def is_current(engine: sa.Engine) -> bool:
    """Say whether the database has the schema of this program."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(_VERSIONS.name):
            return False
        return connection.execute(sa.select(_VERSIONS.c.version_num)).scalar_one_or_none() == newest()
