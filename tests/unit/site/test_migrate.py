"""A store of an earlier program opens with this one, keeps all it held, and has the schema of a new store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.unit.site.store_v1 import KEY, PATIENT, columns, make_v1

from radcommons.platform.audit import check_chain
from radcommons.records.errors import StorageError
from radcommons.site import migrate
from radcommons.site.crosswalk import PatientKey, get_or_assign
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import create_store, open_store
from radcommons.site.tables import SCHEMA_VERSION, audit, file, schema_step


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A gateway of schema 1."""
    make_v1(tmp_path / "old")
    return tmp_path / "old"


def test_an_old_store_gets_the_schema_of_a_new_one(old: Path, tmp_path: Path) -> None:
    """Every table, column, default, index and trigger of a migrated store is that of a store made today."""
    open_store(old).close()
    new = tmp_path / "new"
    create_store(new)
    assert columns(old, KEY) == columns(new, (new / "keys" / "store.key").read_text())


def test_what_it_held_is_still_there(old: Path) -> None:
    """The patient keeps pseudonym and shift; only what a receipt covers as a whole counts as acknowledged."""
    store = open_store(old)
    site, issuer, number, pseudonym, shift, _ = PATIENT
    linked = get_or_assign(store, PatientKey(site=site, issuer=issuer, patient_id=number), secret=b"x" * 32)
    assert (linked.pseudonym, linked.shift_days) == (pseudonym, shift)
    with store.read() as connection:
        rows = connection.execute(sa.select(file.c.path, file.c.acknowledged, file.c.supersedes)).all()
        steps = connection.execute(sa.select(schema_step.c.version)).scalars().all()
        assert list(check_chain(connection, audit)) == []
    assert {row.path: (row.acknowledged, row.supersedes) for row in rows} == {
        "/a": (True, ""),
        "/b": (False, ""),
        "/c": (False, ""),
    }
    assert steps == list(migrate.STEPS)
    store.close()


def test_many_that_open_it_at_once_migrate_it_once(old: Path) -> None:
    """Workers and commands that start together all find the new schema."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: open_store(old).remembered("schema"), range(4)))
    assert found == [SCHEMA_VERSION] * 4


def test_a_step_that_fails_leaves_the_old_store(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are one transaction: a broken one changes nothing, and the next program goes on from there."""
    before = columns(old, KEY)
    first = next(iter(migrate.STEPS))
    monkeypatch.setitem(migrate.STEPS, first, (*migrate.STEPS[first], "ALTER TABLE nowhere ADD COLUMN x"))
    with pytest.raises(StorageError):
        open_store(old)
    assert columns(old, KEY) == before
    monkeypatch.undo()
    open_store(old).close()


def test_a_store_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    """An older program says what to do and changes nothing."""
    write_settings(tmp_path, SiteSettings(hub="http://127.0.0.1:1", sites=("ALFA",)))
    create_store(tmp_path)
    store = open_store(tmp_path)
    with store.change() as change:
        change.remember("schema", "99")
    store.close()
    with pytest.raises(StorageError, match="Update radcommons"):
        open_store(tmp_path)
