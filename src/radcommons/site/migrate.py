"""Bring a store of an earlier program to this one's schema: frozen SQL, one transaction, a line for each step."""

from __future__ import annotations

from importlib.metadata import version

import sqlalchemy as sa

from radcommons.platform.audit import write_events
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.records.errors import StorageError
from radcommons.records.event import Event
from radcommons.site.tables import SCHEMA_VERSION, audit, meta, schema_step

# {schema: what brings the one before to it}. A step that left this house is never edited: add the next one.
STEPS: dict[str, tuple[str, ...]] = {
    "2": (
        "CREATE TABLE schema_step (version VARCHAR(8) NOT NULL, software TEXT NOT NULL, at VARCHAR(20) NOT NULL, "
        "PRIMARY KEY (version))",
        "CREATE TABLE alias (site VARCHAR(12) NOT NULL, issuer TEXT NOT NULL, patient_id TEXT NOT NULL, "
        "patient INTEGER NOT NULL, linked_at VARCHAR(20) NOT NULL, PRIMARY KEY (site, issuer, patient_id), "
        "FOREIGN KEY(patient) REFERENCES patient (id))",
        "CREATE INDEX ix_alias_patient ON alias (patient)",
        "CREATE TABLE opt_out (mark VARCHAR(64) NOT NULL, added_at VARCHAR(20) NOT NULL, PRIMARY KEY (mark))",
        "CREATE TABLE agreement (digest VARCHAR(64) NOT NULL, document BLOB NOT NULL, accepted_by TEXT NOT NULL, "
        "accepted_at VARCHAR(20) NOT NULL, PRIMARY KEY (digest))",
        "CREATE TABLE earlier (id INTEGER NOT NULL, file INTEGER NOT NULL, submission VARCHAR(64) NOT NULL, "
        "object_digest VARCHAR(64) NOT NULL, object_size INTEGER NOT NULL, pseudonym VARCHAR(23) NOT NULL, "
        "sop_uid VARCHAR(64) NOT NULL, reason TEXT NOT NULL, replaced_at VARCHAR(20) NOT NULL, PRIMARY KEY (id), "
        "FOREIGN KEY(submission) REFERENCES submission (id))",
        "CREATE INDEX ix_earlier_file ON earlier (file)",
        "CREATE INDEX ix_earlier_submission ON earlier (submission)",
        "CREATE TABLE fetch_study (peer VARCHAR(128) NOT NULL, study_uid VARCHAR(64) NOT NULL, asked TEXT NOT NULL, "
        "patient_id TEXT NOT NULL, issuer TEXT NOT NULL, accession TEXT NOT NULL, study_date VARCHAR(8) NOT NULL, "
        "state VARCHAR(16) NOT NULL, code VARCHAR(40) NOT NULL, at VARCHAR(20) NOT NULL, "
        "PRIMARY KEY (peer, study_uid))",
        "CREATE INDEX ix_fetch_study_state ON fetch_study (state)",
        "CREATE TABLE fetch_series (peer VARCHAR(128) NOT NULL, study_uid VARCHAR(64) NOT NULL, "
        "series_uid VARCHAR(64) NOT NULL, state VARCHAR(16) NOT NULL, code VARCHAR(40) NOT NULL, expected INTEGER, "
        "at VARCHAR(20) NOT NULL, PRIMARY KEY (peer, study_uid, series_uid))",
        "CREATE TABLE arrival (path TEXT NOT NULL, digest VARCHAR(64) NOT NULL, sop_uid TEXT NOT NULL, "
        "sop_class TEXT NOT NULL, series_uid TEXT NOT NULL, study_uid TEXT NOT NULL, source VARCHAR(128) NOT NULL, "
        "size INTEGER NOT NULL, at VARCHAR(20) NOT NULL, PRIMARY KEY (path))",
        "CREATE INDEX ix_arrival_digest ON arrival (digest)",
        "CREATE INDEX ix_arrival_series_uid ON arrival (series_uid)",
        "CREATE INDEX ix_arrival_sop_uid ON arrival (sop_uid)",
        "ALTER TABLE patient ADD COLUMN merged_into INTEGER",
        "ALTER TABLE study ADD COLUMN moved_to INTEGER",
        "ALTER TABLE file ADD COLUMN supersedes VARCHAR(64) DEFAULT '' NOT NULL",
        "ALTER TABLE file ADD COLUMN supersedes_reason TEXT DEFAULT '' NOT NULL",
        "ALTER TABLE file ADD COLUMN acknowledged BOOLEAN DEFAULT 0 NOT NULL",
        "ALTER TABLE file ADD COLUMN modality VARCHAR(16) DEFAULT '' NOT NULL",
        "ALTER TABLE file ADD COLUMN age_years FLOAT",
        # A receipt over as many instances as the submission has items covers each of them; of others nothing is said.
        "UPDATE file SET acknowledged = 1 WHERE state = 'submitted' AND submission IN (SELECT id FROM submission "
        "WHERE state = 'received' AND json_extract(CAST(receipt AS TEXT), '$.instances') = items)",
    ),
    "3": (
        # people (tables_users)
        "CREATE TABLE account (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name VARCHAR(80) NOT NULL, "
        "role VARCHAR(24) NOT NULL, password TEXT, totp_secret VARCHAR(64), totp_step INTEGER DEFAULT 0 NOT NULL, "
        "failures INTEGER DEFAULT 0 NOT NULL, locked_until FLOAT DEFAULT 0 NOT NULL, "
        "generation INTEGER DEFAULT 1 NOT NULL, added_at VARCHAR(20) NOT NULL, removed_at VARCHAR(20), UNIQUE (name))",
        "CREATE TABLE invitation (digest VARCHAR(64) NOT NULL, account INTEGER, expires_at FLOAT NOT NULL, "
        "used_at VARCHAR(20), PRIMARY KEY (digest), FOREIGN KEY(account) REFERENCES account (id))",
        "CREATE TABLE recovery_code (digest VARCHAR(64) NOT NULL, account INTEGER NOT NULL, used_at VARCHAR(20), "
        "PRIMARY KEY (digest), FOREIGN KEY(account) REFERENCES account (id))",
        "CREATE INDEX ix_recovery_code_account ON recovery_code (account)",
        "CREATE TABLE canary (id VARCHAR(64) NOT NULL, site VARCHAR(12) NOT NULL, profile VARCHAR(64) NOT NULL, "
        "software VARCHAR(64) NOT NULL, is_clean BOOLEAN NOT NULL, answer TEXT NOT NULL, at VARCHAR(20) NOT NULL, "
        "PRIMARY KEY (id))",
        # Review by exception: what waits is grouped; triggers mark what changed.
        "CREATE TABLE review_look (id INTEGER NOT NULL, digest VARCHAR(64) NOT NULL, shown TEXT NOT NULL, "
        "PRIMARY KEY (id), UNIQUE (digest))",
        "CREATE TABLE review_file (file INTEGER NOT NULL, look INTEGER NOT NULL, PRIMARY KEY (file), FOREIGN "
        "KEY(file) REFERENCES file (id) ON DELETE CASCADE, FOREIGN KEY(look) REFERENCES review_look (id))",
        "CREATE TABLE review_dirty (site VARCHAR(12) NOT NULL, study_uid VARCHAR(64) NOT NULL, PRIMARY KEY "
        "(site, study_uid))",
        "CREATE TABLE review_group (id INTEGER NOT NULL, token VARCHAR(22) NOT NULL, digest VARCHAR(64) NOT "
        "NULL, site VARCHAR(12) NOT NULL, shown TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (token), UNIQUE "
        "(digest))",
        "CREATE TABLE review_round (id INTEGER NOT NULL, token VARCHAR(22) NOT NULL, grp INTEGER NOT NULL, "
        "state VARCHAR(16) NOT NULL, version INTEGER NOT NULL, studies INTEGER NOT NULL, files INTEGER NOT "
        "NULL, seen INTEGER NOT NULL, wrong INTEGER NOT NULL, drawn_at VARCHAR(20) NOT NULL, reviewer TEXT "
        "NOT NULL, role VARCHAR(24) NOT NULL, note TEXT NOT NULL, decided_at VARCHAR(20), undone_at "
        "VARCHAR(20), undone_by TEXT, PRIMARY KEY (id), UNIQUE (token), FOREIGN KEY(grp) REFERENCES "
        "review_group (id))",
        "CREATE INDEX ix_review_round_grp ON review_round (grp)",
        "CREATE INDEX ix_review_round_state ON review_round (state)",
        "CREATE TABLE review_study (id INTEGER NOT NULL, site VARCHAR(12) NOT NULL, study_uid VARCHAR(64) NOT"
        " NULL, grp INTEGER NOT NULL, round INTEGER, files INTEGER NOT NULL, PRIMARY KEY (id), UNIQUE (site, "
        "study_uid), FOREIGN KEY(grp) REFERENCES review_group (id), FOREIGN KEY(round) REFERENCES "
        "review_round (id))",
        "CREATE INDEX ix_review_study_grp ON review_study (grp)",
        "CREATE INDEX ix_review_study_round ON review_study (round)",
        "CREATE TABLE review_sample (id INTEGER NOT NULL, round INTEGER NOT NULL, site VARCHAR(12) NOT NULL, "
        "study_uid VARCHAR(64) NOT NULL, file INTEGER NOT NULL, object_digest VARCHAR(64) NOT NULL, verdict "
        "VARCHAR(16) NOT NULL, opened_at VARCHAR(20), opened_by TEXT, PRIMARY KEY (id), FOREIGN KEY(round) "
        "REFERENCES review_round (id))",
        "CREATE INDEX ix_review_sample_file ON review_sample (file)",
        "CREATE INDEX ix_review_sample_round ON review_sample (round)",
        "CREATE TABLE review_member (round INTEGER NOT NULL, file INTEGER NOT NULL, object_digest VARCHAR(64)"
        " NOT NULL, PRIMARY KEY (round, file), FOREIGN KEY(round) REFERENCES review_round (id))",
        "CREATE INDEX ix_review_member_file ON review_member (file)",
        "CREATE TABLE review_token (token VARCHAR(22) NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (token), "
        "UNIQUE (file))",
        "CREATE TABLE review_box (id INTEGER NOT NULL, file INTEGER NOT NULL, frame INTEGER NOT NULL, x "
        "INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, kind "
        "VARCHAR(8) NOT NULL, reviewer TEXT NOT NULL, at VARCHAR(20) NOT NULL, PRIMARY KEY (id))",
        "CREATE INDEX ix_review_box_file ON review_box (file)",
        "CREATE TRIGGER review_file_added AFTER INSERT ON file WHEN NEW.state = 'ready' BEGIN INSERT OR "
        "IGNORE INTO review_dirty (site, study_uid) VALUES (NEW.site, NEW.study_uid); END",
        "CREATE TRIGGER review_file_changed AFTER UPDATE OF state, submission, object_digest, study_uid, "
        "site, dataset, protocol, profile ON file WHEN NEW.study_uid <> '' BEGIN INSERT OR IGNORE INTO "
        "review_dirty (site, study_uid) VALUES (NEW.site, NEW.study_uid); INSERT OR IGNORE INTO review_dirty "
        "(site, study_uid) VALUES (OLD.site, OLD.study_uid); END",
        "CREATE TRIGGER review_file_gone AFTER DELETE ON file WHEN OLD.study_uid <> '' BEGIN INSERT OR IGNORE"
        " INTO review_dirty (site, study_uid) VALUES (OLD.site, OLD.study_uid); END",
        "INSERT INTO review_dirty (site, study_uid) SELECT DISTINCT site, study_uid FROM file WHERE state = "
        "'ready' AND submission IS NULL AND study_uid <> ''",
        # selecting (tables_select)
        "CREATE TABLE placed (file INTEGER NOT NULL, facts TEXT NOT NULL, orientation TEXT DEFAULT '' NOT NULL, "
        "positions TEXT DEFAULT '[]' NOT NULL, moment TEXT DEFAULT '' NOT NULL, "
        "settled VARCHAR(64) DEFAULT '' NOT NULL, PRIMARY KEY (file), "
        "FOREIGN KEY(file) REFERENCES file (id) ON DELETE CASCADE)",
        "CREATE TABLE series (site VARCHAR(12) NOT NULL, study_uid VARCHAR(64) NOT NULL, "
        "series_uid VARCHAR(64) NOT NULL, protocol VARCHAR(64) NOT NULL, facts TEXT NOT NULL, "
        "PRIMARY KEY (site, study_uid, series_uid))",
        "CREATE INDEX ix_series_protocol ON series (protocol)",
        "CREATE TABLE answer (site VARCHAR(12) NOT NULL, protocol VARCHAR(64) NOT NULL, "
        "question VARCHAR(80) NOT NULL, subject VARCHAR(80) NOT NULL, is_so BOOLEAN NOT NULL, "
        "reviewer TEXT NOT NULL, at VARCHAR(20) NOT NULL, PRIMARY KEY (site, protocol, question, subject))",
        "CREATE TABLE protocol_text (digest VARCHAR(64) NOT NULL, text TEXT NOT NULL, PRIMARY KEY (digest))",
        "CREATE TABLE clinical_upload (token VARCHAR(64) NOT NULL, site VARCHAR(12) NOT NULL, name TEXT NOT NULL, "
        "content BLOB NOT NULL, mapping TEXT NOT NULL, uploaded_by TEXT NOT NULL, at VARCHAR(20) NOT NULL, "
        "PRIMARY KEY (token))",
        "CREATE TABLE clinical_mapping (site VARCHAR(12) NOT NULL, headings VARCHAR(64) NOT NULL, "
        "mapping TEXT NOT NULL, mapped_by TEXT NOT NULL, at VARCHAR(20) NOT NULL, PRIMARY KEY (site, headings))",
        # writing found in pixels (tables_pixels)
        "CREATE TABLE pixel_box (id INTEGER NOT NULL, file INTEGER NOT NULL, frame INTEGER NOT NULL, "
        "x INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, "
        "kind VARCHAR(8) NOT NULL, is_covered BOOLEAN NOT NULL, PRIMARY KEY (id), "
        "FOREIGN KEY(file) REFERENCES file (id) ON DELETE CASCADE)",
        "CREATE INDEX ix_pixel_box_file ON pixel_box (file)",
        # The one password of the local page is nobody's any more: people have their own.
        "DELETE FROM meta WHERE name = 'password-hash'",
    ),
    "4": (
        "CREATE TABLE commitment (caller VARCHAR(16) NOT NULL, transaction_uid VARCHAR(64) NOT NULL, "
        "named JSON NOT NULL, at VARCHAR(20) NOT NULL, PRIMARY KEY (caller, transaction_uid))",
    ),
}


def bring_up(engine: sa.Engine) -> str:
    """Bring a store to `SCHEMA_VERSION` and return the schema that it had; nothing happens when it is there.

    Raises
    ------
    StorageError
        If the store is of a newer program than this one; it is left as it is.

    Notes
    -----
    All steps are one transaction: whoever opens the store meanwhile waits, and a power cut leaves the old store.
    """
    with reading(engine) as connection:
        found = _schema(connection)
    if found == SCHEMA_VERSION:
        return found
    with writing(engine) as connection:
        found = _schema(connection)  # another process may have been faster
        for step in _steps_after(found):
            for statement in STEPS[step]:
                connection.exec_driver_sql(statement)
            connection.execute(meta.update().where(meta.c.name == "schema").values(value=step))
            write_step(connection, step)
            event = Event(kind="store.migrated", actor="site", subject="store", details={"schema": step})
            write_events(connection, audit, event)
    return found


def write_step(connection: sa.Connection, step: str) -> None:
    """Note which program made the schema."""
    connection.execute(schema_step.insert().values(version=step, software=version("radcommons"), at=instant()))


def _schema(connection: sa.Connection) -> str:
    return str(connection.execute(sa.select(meta.c.value).where(meta.c.name == "schema")).scalar_one_or_none())


def _steps_after(found: str) -> list[str]:
    known = ["1", *STEPS]
    if found not in known:
        raise StorageError(f"The store has schema {found}, expected {SCHEMA_VERSION}.", mend="Update radcommons.")
    return known[known.index(found) + 1 :]
