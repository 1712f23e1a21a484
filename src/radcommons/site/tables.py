"""The tables of a hospital's own store. It is encrypted as a whole, because here patients have names."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.platform.audit import define_audit

SCHEMA_VERSION = "1"

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# The mapping secret never rotates: a new one would give every patient a second pseudonym (design, section 5).
secret = sa.Table(
    "secret",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)

# The crosswalk is the truth: what stands here once is never computed again.
patient = sa.Table(
    "patient",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("pseudonym", sa.String(23), nullable=False, unique=True),
    sa.Column("shift_days", sa.Integer, nullable=False),
    sa.Column("assigned_at", sa.String(20), nullable=False),
    sa.Column("withdrawn_at", sa.String(20)),
    sa.UniqueConstraint("site", "issuer", "patient_id"),
)

study = sa.Table(
    "study",
    metadata,
    sa.Column("study_uid", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("original_uid", sa.Text, nullable=False),
    sa.Column("pseudonym", sa.String(23), nullable=False),
    sa.Column("study_date", sa.String(8), nullable=False, default=""),
    sa.Column("names_two_patients", sa.Boolean, nullable=False, default=False),
    sa.Column("withdrawn_at", sa.String(20)),
)

policy = sa.Table(
    "policy",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
)

submission = sa.Table(
    "submission",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("dataset", sa.String(40), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("receipt", sa.LargeBinary),
    sa.Column("answer", sa.Text),
    sa.Column("created_at", sa.String(20), nullable=False),
)

file = sa.Table(
    "file",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("stamp", sa.Text, nullable=False),
    sa.Column("original_digest", sa.String(64), nullable=False, default="", index=True),
    sa.Column("size", sa.Integer, nullable=False, default=0),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("code", sa.String(40), nullable=False, default="", index=True),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("dataset", sa.String(40), nullable=False),
    sa.Column("protocol", sa.String(64), nullable=False),
    sa.Column("profile", sa.String(64), nullable=False),
    # Protocol, profile and clinical table together: a file that they excluded is judged again when they change.
    sa.Column("policy", sa.String(64), nullable=False),
    sa.Column("pseudonym", sa.String(23), nullable=False, default="", index=True),
    sa.Column("study_uid", sa.String(64), nullable=False, default="", index=True),
    sa.Column("series_uid", sa.String(64), nullable=False, default=""),
    sa.Column("sop_uid", sa.String(64), nullable=False, default="", index=True),
    sa.Column("sop_class", sa.String(64), nullable=False, default=""),
    sa.Column("transfer_syntax", sa.String(64), nullable=False, default=""),
    sa.Column("object_digest", sa.String(64), nullable=False, default="", index=True),
    sa.Column("object_size", sa.Integer, nullable=False, default=0),
    sa.Column("submission", sa.String(64), sa.ForeignKey("submission.id"), index=True),
    sa.Column("added_at", sa.String(20), nullable=False),
    sa.UniqueConstraint("path", "original_digest"),
    sqlite_autoincrement=True,  # a file number stands in the audit trail, so it is never given twice
)

finding = sa.Table(
    "finding",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.Integer, sa.ForeignKey("file.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("code", sa.String(40), nullable=False, index=True),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("where", sa.Text, nullable=False, default=""),
    sa.Column("answered", sa.Boolean, nullable=False, default=False),
)

# The clinical table as the hospital gave it: days are counted from these dates, the dates never leave.
clinical = sa.Table(
    "clinical",
    metadata,
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("members", sa.Text, nullable=False),
)

decision = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.Integer, nullable=False, index=True),
    sa.Column("code", sa.String(40), nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)

withdrawal = sa.Table(
    "withdrawal",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.String(20), nullable=False),
    sa.Column("sent_at", sa.String(20)),
    sa.Column("answer", sa.Text),
)

audit = define_audit(metadata)
