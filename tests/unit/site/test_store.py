"""The store: encrypted, self-contained, one transaction for a change and its audit event."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from radcommons.records.errors import Conflict, StorageError
from radcommons.site.settings import SiteSettings, read_settings, write_settings
from radcommons.site.store import create_store, only_one, open_store
from radcommons.site.tables import audit

SETTINGS = SiteSettings(hub="https://hub.example", sites=("ALFA", "BRAVO"), name='St. "Ä"\\n', geography=("DE",))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A new gateway."""
    write_settings(tmp_path, SETTINGS)
    create_store(tmp_path)
    return tmp_path


def test_settings_come_back_as_they_were_written(directory: Path) -> None:
    """Quotes, backslashes and letters of every alphabet survive the file."""
    assert read_settings(directory) == SETTINGS


def test_the_database_shows_nothing_without_its_key(directory: Path) -> None:
    """Neither a table's name nor a value stands in the file, and another key does not open it."""
    store = open_store(directory)
    with store.change() as change:
        change.remember("canary", "Quintessa Vandermolen")
        change.tell("test", subject="x")
    store.close()
    content = b"".join(path.read_bytes() for path in directory.glob("store.db*"))
    assert b"SQLite" not in content
    assert b"crosswalk" not in content
    assert b"Quintessa" not in content
    (directory / "keys" / "store.key").write_text("0" * 64)
    with pytest.raises(StorageError):
        open_store(directory)


def test_making_it_again_changes_no_secret(directory: Path) -> None:
    """Pseudonyms depend on the mapping secret, so it is made once."""
    before = open_store(directory).mapping_secret()
    create_store(directory)
    assert open_store(directory).mapping_secret() == before


def test_a_change_that_fails_leaves_neither_rows_nor_events(directory: Path) -> None:
    """Rows and audit events are one transaction."""
    store = open_store(directory)

    def count() -> int:
        with store.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one())

    def half() -> None:
        with store.change() as change:
            change.remember("half", "done")
            change.tell("half", subject="x")
            raise ZeroDivisionError

    before = count()
    with pytest.raises(ZeroDivisionError):
        half()
    assert store.remembered("half") is None
    assert count() == before


def test_two_cannot_do_the_same_at_once(directory: Path) -> None:
    """The second one is told, at once."""
    with only_one(directory, "add"), pytest.raises(Conflict), only_one(directory, "add"):
        pass
    with only_one(directory, "add"):
        pass
