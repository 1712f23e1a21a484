"""The hub's tables. Nothing outside `catalogue/` names one; migrations follow them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from radcommons.platform.audit import define_audit
from radcommons.platform.jobs import define_outbox

# One column type for documents on both databases.
Json = sa.JSON().with_variant(JSONB(), "postgresql")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_INSTANT = sa.String(20)
_DIGEST = sa.String(64)
_UID = sa.String(64)
_PATIENT = sa.String(64)  # (0010,0020) LO: a pseudonym, or the identifier of an archive that was loaded directly

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String(254), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("disabled_at", _INSTANT),
)
account_role = sa.Table(
    "account_role",
    metadata,
    sa.Column("account_id", sa.ForeignKey("account.id"), primary_key=True),
    sa.Column("role", sa.String(20), primary_key=True),
)
session = sa.Table(
    "session",
    metadata,
    sa.Column("digest", _DIGEST, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column(
        "handle", sa.String(22), nullable=False, server_default=""
    ),  # names it in its person's list, and opens nothing
    sa.Column("seen_at", _INSTANT, nullable=False, server_default=""),
    sa.Column("agent", sa.String(80), nullable=False, server_default=""),
    sa.Column("method", sa.String(20), nullable=False, server_default=""),  # how the person proved who they are
    # Repeated in every form of the session; a form without it comes from somewhere else.
    sa.Column("form_key", sa.String(64), nullable=False),
)
api_token = sa.Table(
    "api_token",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", _DIGEST, nullable=False, unique=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("site", sa.String(12)),
    sa.Column("dataset", sa.String(40)),  # set: a direct token, which loads into this dataset
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT),
    sa.Column("revoked_at", _INSTANT),
)
site = sa.Table(
    "site",
    metadata,
    sa.Column("code", sa.String(12), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("public_key", sa.String(44)),  # base64
    sa.Column("created_at", _INSTANT, nullable=False),
)
dataset = sa.Table(
    "dataset",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("tier", sa.String(12), nullable=False),
    sa.Column("steward", sa.String(200), nullable=False),
    sa.Column("terms", Json, nullable=False),  # of what is loaded directly; a submission brings its own
    sa.Column("created_at", _INSTANT, nullable=False),
)
submission = sa.Table(
    "submission",
    metadata,
    sa.Column("id", _DIGEST, primary_key=True),
    sa.Column("site", sa.ForeignKey("site.code"), nullable=False, index=True),
    sa.Column("dataset", sa.ForeignKey("dataset.name"), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("document", sa.Text, nullable=False),  # the sealed JSON as it came
    sa.Column("profile", _DIGEST, nullable=False),
    sa.Column("terms", Json, nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    # Items that were refused at announcement, [{digest, code, message}]: they are never waited for.
    sa.Column("refusals", Json, nullable=False),
    sa.Column("announced_at", _INSTANT, nullable=False),
    sa.Column("received_at", _INSTANT),
    sa.Column("decided_at", _INSTANT),
    sa.Column("receipt", sa.Text),  # the sealed receipt
)
# Bytes that are durable here, announced or not: STOW and announcement may come in either order.
upload = sa.Table(
    "upload",
    metadata,
    sa.Column("digest", _DIGEST, primary_key=True),
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("received_at", _INSTANT, nullable=False),
)
instance = sa.Table(
    "instance",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sop_instance_uid", _UID, nullable=False),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sop_class_uid", _UID, nullable=False),
    sa.Column("transfer_syntax_uid", _UID, nullable=False),
    sa.Column("patient", _PATIENT, nullable=False, index=True),
    sa.Column("study_instance_uid", _UID, nullable=False),
    sa.Column("series_instance_uid", _UID, nullable=False),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("dataset", sa.ForeignKey("dataset.name"), nullable=False),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), index=True),  # None: loaded directly
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("supersedes", _DIGEST),
    # Filled at verification, from the object's own header.
    sa.Column("modality", sa.String(16)),
    sa.Column("number", sa.Integer),
    sa.Column("rows", sa.Integer),
    sa.Column("columns", sa.Integer),
    sa.Column("frames", sa.Integer),
    # Where its frames lie (see dicom.frameindex); both NULL where there are many encapsulated ones, or nobody knows.
    sa.Column("pixel_offset", sa.BigInteger),
    sa.Column("frame_length", sa.BigInteger),
    sa.Column("accepted_at", _INSTANT),
    sa.UniqueConstraint("sop_instance_uid", "digest", name="uq_instance_version"),
    sa.Index("ix_instance_digest", "digest"),
    # Studies are counted, and series read in order, from the index alone.
    sa.Index("ix_instance_study", "study_instance_uid", "modality", "series_instance_uid", "state", "size"),
    sa.Index("ix_instance_series", "series_instance_uid", "number", "sop_instance_uid"),
)
# The header as WADO-RS metadata, made once: DICOM JSON text (see dicomweb.rawjson), large values by reference.
instance_document = sa.Table(
    "instance_document",
    metadata,
    sa.Column("instance_id", sa.ForeignKey("instance.id"), primary_key=True, autoincrement=False),
    sa.Column("frames", sa.LargeBinary),  # where many encapsulated frames lie; before the body, which is seldom read
    sa.Column("body", sa.LargeBinary, nullable=False),
)
# What each submission names: the same version may come again in a later one.
submission_item = sa.Table(
    "submission_item",
    metadata,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
    sa.Column("instance_id", sa.ForeignKey("instance.id"), primary_key=True, index=True),
)
# Words with digits in the free text of a series, as digests: a word that one patient alone has may name them.
series_word = sa.Table(
    "series_word",
    metadata,
    sa.Column("series_instance_uid", _UID, primary_key=True),
    sa.Column("word", sa.String(16), primary_key=True, index=True),
    sa.Column("patient", _PATIENT, nullable=False, index=True),
    sa.Column("place", sa.String(400), nullable=False),
)
# One row a study and a series, written at acceptance: what QIDO-RS and the portal search.
study = sa.Table(
    "study",
    metadata,
    sa.Column("study_instance_uid", _UID, primary_key=True),
    sa.Column("patient", _PATIENT, nullable=False, index=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("study_date", sa.String(8)),
    sa.Column("description", sa.String(256)),
    sa.Column("accession_number", sa.String(64)),
    sa.Column("study_id", sa.String(64)),
    sa.Column("patient_sex", sa.String(16)),
    sa.Column("patient_age", sa.String(4)),
    sa.Column("header", Json, nullable=False),  # patient- and study-level attributes as DICOM JSON
    sa.Index("ix_study_date", "study_date", "study_instance_uid"),
)
series = sa.Table(
    "series",
    metadata,
    sa.Column("series_instance_uid", _UID, primary_key=True),
    sa.Column("study_instance_uid", sa.ForeignKey("study.study_instance_uid"), nullable=False, index=True),
    sa.Column("modality", sa.String(16), index=True),
    sa.Column("number", sa.Integer),
    sa.Column("description", sa.String(256)),
    sa.Column("body_part", sa.String(64)),
    # What explore counts as well, beside the header that QIDO-RS answers with.
    sa.Column("manufacturer", sa.String(64)),
    sa.Column("view", sa.String(16)),
    sa.Column("slice_mm", sa.Float),
    sa.Column("header", Json, nullable=False),
)
finding = sa.Table(
    "finding",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), index=True),
    sa.Column("digest", _DIGEST, nullable=False, index=True),
    sa.Column("made_by", sa.String(8), nullable=False),  # hub or site
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("severity", sa.String(12), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("place", sa.String(400), nullable=False),
)
clinical = sa.Table(
    "clinical",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), nullable=False, index=True),
    sa.Column("patient", sa.String(24), nullable=False, index=True),
    sa.Column("study_instance_uid", _UID),
    sa.Column("row", Json, nullable=False),
)
release = sa.Table(
    "release",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True),
    sa.Column("dataset", sa.ForeignKey("dataset.name"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("tier", sa.String(12), nullable=False),
    sa.Column("embargo_until", sa.String(10)),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),  # the exact signed bytes, UTF-8
    sa.Column("signature", Json, nullable=False),
    sa.Column("summary", Json, nullable=False),  # terms, citation, counts, notes
    sa.UniqueConstraint("dataset", "number", name="uq_release_number"),
)
release_item = sa.Table(
    "release_item",
    metadata,
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.Column("instance_id", sa.ForeignKey("instance.id"), primary_key=True, index=True),
)
feed_entry = sa.Table(
    "feed_entry",
    metadata,
    sa.Column("dataset", sa.ForeignKey("dataset.name"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("document", sa.Text, nullable=False),  # the sealed entry
)
withdrawal = sa.Table(
    "withdrawal",
    metadata,
    sa.Column("id", _DIGEST, primary_key=True),
    sa.Column("site", sa.ForeignKey("site.code"), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
)
# What was withdrawn is refused when it comes again; a site speaks for its own data alone.
withdrawn = sa.Table(
    "withdrawn",
    metadata,
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("kind", sa.String(12), primary_key=True),  # patient, study, digest
    sa.Column("value", sa.String(64), primary_key=True),
    sa.Column("withdrawal_id", sa.ForeignKey("withdrawal.id"), nullable=False),
)
audit_event = define_audit(metadata)
sa.Index("ix_audit_event_actor", audit_event.c.actor)  # people see what they did
outbox = define_outbox(metadata)
