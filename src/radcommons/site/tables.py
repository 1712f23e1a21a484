"""The tables of a hospital's own store. It is encrypted as a whole, because here patients have names."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.platform.audit import define_audit
from radcommons.site import tables_pixels, tables_review, tables_select, tables_users
from radcommons.site.tables_base import metadata

SCHEMA_VERSION = "4"  # `migrate.STEPS` brings an older store here

# Tables of other files; a file that is not imported here is not in the schema of a new store.
BESIDE = (tables_pixels, tables_review, tables_select, tables_users)

# Which program brought the store to which schema, and when.
schema_step = sa.Table(
    "schema_step",
    metadata,
    sa.Column("version", sa.String(8), primary_key=True),
    sa.Column("software", sa.Text, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)

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
    # Two numbers turned out to be one person: this one's number is an alias of the patient named here.
    sa.Column("merged_into", sa.Integer),
    sa.UniqueConstraint("site", "issuer", "patient_id"),
)

# Other numbers of a patient: a changed or merged one never gets a pseudonym of its own.
alias = sa.Table(
    "alias",
    metadata,
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("patient", sa.Integer, sa.ForeignKey("patient.id"), nullable=False, index=True),
    sa.Column("linked_at", sa.String(20), nullable=False),
)

# Who wants no part: a keyed hash of the number, so that the list names nobody whom the crosswalk does not.
opt_out = sa.Table(
    "opt_out",
    metadata,
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Column("added_at", sa.String(20), nullable=False),
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
    # The hospital moved the study to this patient, whatever the headers of older copies say.
    sa.Column("moved_to", sa.Integer),
)

policy = sa.Table(
    "policy",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
)

# Agreements as they were accepted; `settings.agreement` names the one in force by its digest.
agreement = sa.Table(
    "agreement",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("accepted_by", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.String(20), nullable=False),
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
    # The version that the hub has of this SOP Instance UID and that this one replaces, and why.
    sa.Column("supersedes", sa.String(64), nullable=False, default="", server_default=""),
    sa.Column("supersedes_reason", sa.Text, nullable=False, default="", server_default=""),
    # The hub's signed receipt covers the bytes, so they need not stay here.
    sa.Column("acknowledged", sa.Boolean, nullable=False, default=False, server_default=sa.text("0")),
    # What the clauses of an agreement ask for, so that a later one is held against what is here already.
    sa.Column("modality", sa.String(16), nullable=False, default="", server_default=""),
    sa.Column("age_years", sa.Float),
    sa.UniqueConstraint("path", "original_digest"),
    sqlite_autoincrement=True,  # a file number stands in the audit trail, so it is never given twice
)

# What a file's row said in an earlier submission, before the file was corrected or given to another patient.
earlier = sa.Table(
    "earlier",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.Integer, nullable=False, index=True),
    sa.Column("submission", sa.String(64), sa.ForeignKey("submission.id"), nullable=False, index=True),
    sa.Column("object_digest", sa.String(64), nullable=False),
    sa.Column("object_size", sa.Integer, nullable=False),
    sa.Column("pseudonym", sa.String(23), nullable=False),
    sa.Column("sop_uid", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("replaced_at", sa.String(20), nullable=False),
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

# What a PACS was asked for and what came: a repeated fetch asks for what misses and for nothing else.
fetch_study = sa.Table(
    "fetch_study",
    metadata,
    sa.Column("peer", sa.String(128), primary_key=True),
    sa.Column("study_uid", sa.String(64), primary_key=True),
    sa.Column("asked", sa.Text, nullable=False, default=""),
    sa.Column("patient_id", sa.Text, nullable=False, default=""),
    sa.Column("issuer", sa.Text, nullable=False, default=""),
    sa.Column("accession", sa.Text, nullable=False, default=""),
    sa.Column("study_date", sa.String(8), nullable=False, default=""),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("code", sa.String(40), nullable=False, default=""),
    sa.Column("at", sa.String(20), nullable=False),
)

fetch_series = sa.Table(
    "fetch_series",
    metadata,
    sa.Column("peer", sa.String(128), primary_key=True),
    sa.Column("study_uid", sa.String(64), primary_key=True),
    sa.Column("series_uid", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("code", sa.String(40), nullable=False, default=""),
    sa.Column("expected", sa.Integer),
    sa.Column("at", sa.String(20), nullable=False),
)

# Every object that reached the inbox, by its bytes; it stays when the original has gone, so that a peer can be told.
arrival = sa.Table(
    "arrival",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("sop_uid", sa.Text, nullable=False, index=True),
    sa.Column("sop_class", sa.Text, nullable=False),
    sa.Column("series_uid", sa.Text, nullable=False, index=True),
    sa.Column("study_uid", sa.Text, nullable=False),
    sa.Column("source", sa.String(128), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)

# Reports of storage commitment that a sender waits for; a row goes when the report was taken.
commitment = sa.Table(
    "commitment",
    metadata,
    sa.Column("caller", sa.String(16), primary_key=True),
    sa.Column("transaction_uid", sa.String(64), primary_key=True),
    sa.Column("named", sa.JSON, nullable=False),  # [[SOP Class UID, SOP Instance UID], ...]
    sa.Column("at", sa.String(20), nullable=False),
)

audit = define_audit(metadata)
