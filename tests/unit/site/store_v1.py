"""A gateway as the first program laid it out: its schema as SQL text, so that no later change reaches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from radcommons.platform.keys import SigningKey
from radcommons.site.settings import SiteSettings, write_settings

KEY = "5a" * 32
PATIENT = ("ALFA", "HOSPITAL", "QUELLMANN-4471902", "ALFA-0123456789", -77, "2026-03-30T12:00:00Z")
RECEIPT = '{"instances":1,"schema":"radcommons/receipt/v1"}'

SCHEMA = """
CREATE TABLE audit_event (
	sequence INTEGER NOT NULL,
	at VARCHAR(20) NOT NULL,
	kind VARCHAR(64) NOT NULL,
	actor VARCHAR(128) NOT NULL,
	subject VARCHAR(128) NOT NULL,
	details TEXT NOT NULL,
	hash VARCHAR(64) NOT NULL,
	PRIMARY KEY (sequence),
	UNIQUE (hash)
);
CREATE INDEX ix_audit_event_kind ON audit_event (kind);
CREATE INDEX ix_audit_event_subject ON audit_event (subject);
CREATE TABLE clinical (
	site VARCHAR(12) NOT NULL,
	patient_id TEXT NOT NULL,
	members TEXT NOT NULL,
	PRIMARY KEY (site, patient_id)
);
CREATE TABLE decision (
	id INTEGER NOT NULL,
	file INTEGER NOT NULL,
	code VARCHAR(40) NOT NULL,
	decision VARCHAR(16) NOT NULL,
	reviewer TEXT NOT NULL,
	at VARCHAR(20) NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_decision_file ON decision (file);
CREATE TABLE meta (
	name VARCHAR(64) NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE patient (
	id INTEGER NOT NULL,
	site VARCHAR(12) NOT NULL,
	issuer TEXT NOT NULL,
	patient_id TEXT NOT NULL,
	pseudonym VARCHAR(23) NOT NULL,
	shift_days INTEGER NOT NULL,
	assigned_at VARCHAR(20) NOT NULL,
	withdrawn_at VARCHAR(20),
	PRIMARY KEY (id),
	UNIQUE (site, issuer, patient_id),
	UNIQUE (pseudonym)
);
CREATE TABLE policy (
	digest VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	id VARCHAR(64) NOT NULL,
	version VARCHAR(32) NOT NULL,
	PRIMARY KEY (digest)
);
CREATE TABLE secret (
	name VARCHAR(64) NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE study (
	study_uid VARCHAR(64) NOT NULL,
	site VARCHAR(12) NOT NULL,
	original_uid TEXT NOT NULL,
	pseudonym VARCHAR(23) NOT NULL,
	study_date VARCHAR(8) NOT NULL,
	names_two_patients BOOLEAN NOT NULL,
	withdrawn_at VARCHAR(20),
	PRIMARY KEY (study_uid, site)
);
CREATE TABLE submission (
	id VARCHAR(64) NOT NULL,
	site VARCHAR(12) NOT NULL,
	dataset VARCHAR(40) NOT NULL,
	state VARCHAR(16) NOT NULL,
	items INTEGER NOT NULL,
	document BLOB NOT NULL,
	receipt BLOB,
	answer TEXT,
	created_at VARCHAR(20) NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_submission_state ON submission (state);
CREATE TABLE withdrawal (
	id VARCHAR(64) NOT NULL,
	document BLOB NOT NULL,
	created_at VARCHAR(20) NOT NULL,
	sent_at VARCHAR(20),
	answer TEXT,
	PRIMARY KEY (id)
);
CREATE TABLE file (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	path TEXT NOT NULL,
	stamp TEXT NOT NULL,
	original_digest VARCHAR(64) NOT NULL,
	size INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	code VARCHAR(40) NOT NULL,
	reason TEXT NOT NULL,
	site VARCHAR(12) NOT NULL,
	dataset VARCHAR(40) NOT NULL,
	protocol VARCHAR(64) NOT NULL,
	profile VARCHAR(64) NOT NULL,
	policy VARCHAR(64) NOT NULL,
	pseudonym VARCHAR(23) NOT NULL,
	study_uid VARCHAR(64) NOT NULL,
	series_uid VARCHAR(64) NOT NULL,
	sop_uid VARCHAR(64) NOT NULL,
	sop_class VARCHAR(64) NOT NULL,
	transfer_syntax VARCHAR(64) NOT NULL,
	object_digest VARCHAR(64) NOT NULL,
	object_size INTEGER NOT NULL,
	submission VARCHAR(64),
	added_at VARCHAR(20) NOT NULL,
	UNIQUE (path, original_digest),
	FOREIGN KEY(submission) REFERENCES submission (id)
);
CREATE INDEX ix_file_code ON file (code);
CREATE INDEX ix_file_object_digest ON file (object_digest);
CREATE INDEX ix_file_original_digest ON file (original_digest);
CREATE INDEX ix_file_pseudonym ON file (pseudonym);
CREATE INDEX ix_file_sop_uid ON file (sop_uid);
CREATE INDEX ix_file_state ON file (state);
CREATE INDEX ix_file_study_uid ON file (study_uid);
CREATE INDEX ix_file_submission ON file (submission);
CREATE TABLE finding (
	id INTEGER NOT NULL,
	file INTEGER NOT NULL,
	code VARCHAR(40) NOT NULL,
	severity VARCHAR(16) NOT NULL,
	message TEXT NOT NULL,
	"where" TEXT NOT NULL,
	answered BOOLEAN NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(file) REFERENCES file (id) ON DELETE CASCADE
);
CREATE INDEX ix_finding_code ON finding (code);
CREATE INDEX ix_finding_file ON finding (file);
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""


def _connected(directory: Path) -> Any:
    connection = sqlcipher.connect(str(directory / "store.db"))
    connection.execute(f"PRAGMA key = \"x'{KEY}'\"")
    return connection


def make_v1(directory: Path) -> None:
    """Lay out a gateway of schema 1 with a patient, a submission that was received and one that was not."""
    for name in ("keys", "objects", "inbox", "spool"):
        (directory / name).mkdir(parents=True)
    (directory / "keys" / "store.key").write_text(KEY)
    SigningKey.load_or_create(directory / "keys" / "signing.key")
    write_settings(directory, SiteSettings(hub="http://127.0.0.1:1", sites=("ALFA",)))
    connection = _connected(directory)
    connection.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)
    connection.execute("INSERT INTO meta VALUES ('schema', '1')")
    connection.execute("INSERT INTO secret VALUES ('mapping', ?)", (b"s" * 32,))
    connection.execute(
        "INSERT INTO patient (site, issuer, patient_id, pseudonym, shift_days, assigned_at) VALUES (?, ?, ?, ?, ?, ?)",
        PATIENT,
    )
    for identifier, items, state in (("a" * 64, 1, "received"), ("b" * 64, 2, "received"), ("c" * 64, 1, "sealed")):
        connection.execute(
            "INSERT INTO submission VALUES (?, 'ALFA', 'covid-chest', ?, ?, x'7b7d', ?, NULL, '2026-03-30T12:00:00Z')",
            (identifier, state, items, RECEIPT.encode() if state == "received" else None),
        )
        connection.execute(
            "INSERT INTO file (path, stamp, original_digest, size, state, code, reason, site, dataset, protocol, "
            "profile, policy, pseudonym, study_uid, series_uid, sop_uid, sop_class, transfer_syntax, object_digest, "
            "object_size, submission, added_at) VALUES (?, '1', ?, 1, ?, '', '', 'ALFA', 'covid-chest', 'p', 'q', 'r', "
            "'ALFA-0123456789', '1.2', '1.2.3', '1.2.3.4', '1.2.840', '1.2.840', ?, 1, ?, '2026-03-30T12:00:00Z')",
            (f"/{identifier[:1]}", identifier, "submitted" if state == "received" else "ready", identifier, identifier),
        )
    connection.commit()
    connection.close()


def columns(directory: Path, key: str) -> dict[str, Any]:
    """Return every table's columns, and every index, as SQLite knows them."""
    connection = sqlcipher.connect(str(directory / "store.db"))
    connection.execute(f"PRAGMA key = \"x'{key}'\"")
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: dict[str, Any] = {
        name: sorted(tuple(row[1:]) for row in connection.execute(f"PRAGMA table_info('{name}')")) for name in names
    }
    others = "SELECT type, name, tbl_name FROM sqlite_master WHERE type IN ('index', 'trigger')"
    found["others"] = sorted(tuple(row) for row in connection.execute(others))
    connection.close()
    return found
