"""A hub that is older than this program is brought to its schema with what it holds."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from radcommons.catalogue import migrate
from radcommons.catalogue import tables as t
from radcommons.catalogue.migrate import is_current, upgrade
from radcommons.dicomweb.rawjson import fitted
from radcommons.platform.database import make_engine

_HEADER = {
    "00080060": {"vr": "CS", "Value": ["CT"]},
    "00091002": {"vr": "OB"},  # too long to stand inline
    "00081030": {"vr": "LO", "Value": ['\u0001 "BulkDataURI":"\u0001']},
}


def as_it_was(engine: sa.Engine) -> None:
    """Give a database the schema of the first revision, with one instance."""
    upgrade(engine)
    with engine.begin() as connection:
        t.instance_document.drop(connection)
        for statement in (
            "DROP INDEX ix_instance_study",
            "DROP INDEX ix_instance_series",
            "DROP INDEX ix_study_date",
            "ALTER TABLE instance DROP COLUMN pixel_offset",
            "ALTER TABLE instance DROP COLUMN frame_length",
            "ALTER TABLE instance ADD COLUMN header JSON",
            "CREATE INDEX ix_instance_study_instance_uid ON instance (study_instance_uid)",
            "CREATE INDEX ix_instance_series_instance_uid ON instance (series_instance_uid)",
            "UPDATE alembic_version SET version_num = '0001'",
            "INSERT INTO dataset VALUES ('chest', 'Chest', 'open', 'Nobody', '{}', '2026-01-01T00:00:00Z')",
        ):
            connection.execute(sa.text(statement))
        connection.execute(
            sa.text(
                "INSERT INTO instance (id, sop_instance_uid, digest, size, sop_class_uid, transfer_syntax_uid, patient,"
                " study_instance_uid, series_instance_uid, site, dataset, state, frames, header) VALUES"
                " (7, '2.25.3', :digest, 1, '1.2', '1.2.840.10008.1.2.1', 'P', '2.25.1', '2.25.2', 'ALFA', 'chest',"
                " 'accepted', 1, :header)"
            ),
            {"digest": "a" * 64, "header": json.dumps(_HEADER)},
        )


def test_headers_become_documents(tmp_path: Path) -> None:
    """Every header that was kept is there as a document, its large values and pixels by reference."""
    engine = make_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    as_it_was(engine)
    upgrade(engine)
    assert is_current(engine)
    with engine.connect() as connection:
        row = connection.execute(sa.select(t.instance_document)).one()
        kept = connection.execute(sa.select(t.instance)).one()
    assert (row.instance_id, row.frames, kept.pixel_offset) == (7, None, None)
    model = json.loads(fitted(row.body, "http://h"))
    base = "http://h/studies/2.25.1/series/2.25.2/instances/2.25.3/bulkdata/"
    assert model["00091002"] == {"vr": "OB", "BulkDataURI": base + "00091002"}
    assert model["7FE00010"] == {"vr": "OW", "BulkDataURI": base + "7FE00010"}
    assert model["00083002"] == {"vr": "UI", "Value": ["1.2.840.10008.1.2.1"]}
    assert model["00081030"] == _HEADER["00081030"]
    assert list(model) == sorted(model)


def test_both_ways_end_in_one_schema(tmp_path: Path) -> None:
    """A database that was brought here has the columns and indexes of one that is made now."""
    old, new = (make_engine(f"sqlite:///{tmp_path / name}") for name in ("old.db", "new.db"))
    as_it_was(old)
    upgrade(old)
    upgrade(new)
    for table in ("instance", "instance_document", "study"):
        shapes = []
        for engine in (old, new):
            seen = sa.inspect(engine)
            columns = {column["name"] for column in seen.get_columns(table)}
            indexes = {(one["name"], tuple(one["column_names"])) for one in seen.get_indexes(table)}
            shapes.append((columns, indexes))
        assert shapes[0] == shapes[1]


def test_people_of_an_earlier_hub_are_kept(tmp_path: Path) -> None:
    """Accounts and the trail stay, sessions end, and the tables are those of a hub that is made now."""
    old, new = (make_engine(f"sqlite:///{tmp_path / name}") for name in ("old.db", "new.db"))
    upgrade(new)
    upgrade(old)
    with old.begin() as connection:
        for table in ("second_factor", "passkey", "link", "message", "attempt", "personal_token", "audit_checkpoint"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.execute(sa.text("DROP INDEX ix_session_account_id"))
        connection.execute(sa.text("DROP INDEX ix_audit_event_actor"))
        for column in ("handle", "seen_at", "agent", "method"):
            connection.execute(sa.text(f"ALTER TABLE session DROP COLUMN {column}"))
        connection.execute(
            sa.text("INSERT INTO account VALUES (1, 'a@b.example', 'A', 'hash', '2026-01-01T00:00:00Z', NULL)")
        )
        connection.execute(
            sa.text("INSERT INTO session VALUES ('d', 1, '2026-01-01T00:00:00Z', '2099-01-01T00:00:00Z', 'key')")
        )
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))
    upgrade(old)
    with old.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM account")).scalar_one() == 1
        session = connection.execute(sa.text("SELECT handle, seen_at, agent FROM session")).one()
        assert tuple(session) == ("d", "2026-01-01T00:00:00Z", "")  # who is signed in stays so
    for table in ("session", "audit_event", "passkey", "personal_token"):
        shapes = [
            ({one["name"] for one in seen.get_columns(table)}, {one["name"] for one in seen.get_indexes(table)})
            for seen in (sa.inspect(old), sa.inspect(new))
        ]
        assert shapes[0] == shapes[1], table


def test_the_newest_revision_is_known_without_alembic() -> None:
    """A start looks at the names of files alone; Alembic says the same."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert migrate.newest() == ScriptDirectory.from_config(config).get_current_head()
