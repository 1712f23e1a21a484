"""The audit trail: written with the change or not at all, append-only, and chained."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from radcommons.platform.audit import check_chain, define_audit, write_events
from radcommons.platform.database import make_engine, reading, writing
from radcommons.records.event import Event

METADATA = sa.MetaData()
NOTE = sa.Table("note", METADATA, sa.Column("text", sa.String(10)))
AUDIT = define_audit(METADATA)


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    """A database with a table and its audit trail, made the way that the hub makes them."""
    made = make_engine(f"sqlite:///{tmp_path / 'audit.db'}")
    METADATA.create_all(made)
    return made


def _change(engine: sa.Engine, number: int) -> None:
    with writing(engine) as connection:
        connection.execute(NOTE.insert().values(text=str(number)))
        write_events(connection, AUDIT, Event(kind="noted", actor="system", subject=f"note:{number}"))


def _broken(engine: sa.Engine) -> list[int]:
    with reading(engine) as connection:
        return list(check_chain(connection, AUDIT))


def _without_triggers(engine: sa.Engine, statement: str) -> None:
    """Do what only the owner of the database can: take the triggers away and change the trail."""
    with writing(engine) as connection:
        for verb in ("update", "delete"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS audit_event_no_{verb}")
        connection.exec_driver_sql(statement)


def _fail_half_way(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(NOTE.insert().values(text="2"))
        write_events(connection, AUDIT, Event(kind="noted", actor="system", subject="note:2"))
        raise RuntimeError


def test_a_change_and_its_event_are_one(engine: sa.Engine) -> None:
    """When the transaction fails after the event was written, neither the change nor the event is there."""
    _change(engine, 1)
    with pytest.raises(RuntimeError):
        _fail_half_way(engine)
    with reading(engine) as connection:
        assert connection.execute(sa.select(NOTE.c.text)).scalars().all() == ["1"]
        assert connection.execute(sa.select(AUDIT.c.subject)).scalars().all() == ["note:1"]


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET actor = 'nobody'", "DELETE FROM audit_event"])
def test_the_trail_is_append_only(engine: sa.Engine, statement: str) -> None:
    """The application's own credentials cannot change or remove a line."""
    _change(engine, 1)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), writing(engine) as connection:
        connection.exec_driver_sql(statement)
    assert _broken(engine) == []


def test_an_untouched_chain_holds(engine: sa.Engine) -> None:
    """Lines of one and of several transactions follow from each other."""
    for number in range(5):
        _change(engine, number)
    assert _broken(engine) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit_event SET actor = 'nobody' WHERE sequence = 2", [2]),
        ("UPDATE audit_event SET at = '2020-01-01T00:00:00Z' WHERE sequence = 4", [4]),
        ("DELETE FROM audit_event WHERE sequence = 3", [4]),
        ("DELETE FROM audit_event WHERE sequence = 1", [2]),
    ],
)
def test_a_changed_chain_is_found(engine: sa.Engine, statement: str, found: list[int]) -> None:
    """A line that was changed, or the line after one that was taken out, does not follow from the line before."""
    for number in range(5):
        _change(engine, number)
    _without_triggers(engine, statement)
    assert _broken(engine) == found
