"""The tables of the access road: policies, agreements, committees, requests, grants, letters."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue.tables import Json, metadata

_INSTANT = sa.String(20)
_DAY = sa.String(10)
_DIGEST = sa.String(64)
_ID = sa.String(24)
_EMAIL = sa.String(254)

access_policy = sa.Table(
    "access_policy",
    metadata,
    sa.Column("dataset", sa.ForeignKey("dataset.name"), primary_key=True),
    sa.Column("document", Json, nullable=False),  # an AccessPolicy
    sa.Column("changed_at", _INSTANT, nullable=False),
)
# Texts stay for ever: a signature names one by its digest.
agreement = sa.Table(
    "agreement",
    metadata,
    sa.Column("dataset", sa.ForeignKey("dataset.name"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", _DIGEST, nullable=False, index=True),  # SHA-256 of the text's UTF-8 bytes
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
)
committee_member = sa.Table(
    "committee_member",
    metadata,
    sa.Column("dataset", sa.ForeignKey("dataset.name"), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), primary_key=True, index=True),
    sa.Column("since", _INSTANT, nullable=False),
)
access_request = sa.Table(
    "access_request",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("dataset", sa.ForeignKey("dataset.name"), nullable=False, index=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("is_emergency", sa.Boolean, nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("answers", Json, nullable=False),
    # How often it was submitted; signatures, endorsements and votes belong to one round.
    sa.Column("round", sa.Integer, nullable=False),
    # Raised by each saving: a form that was loaded before another was saved is told so.
    sa.Column("revision", sa.Integer, nullable=False),
    # What was asked and promised when it was submitted; the policy may change meanwhile.
    sa.Column("policy", Json),
    sa.Column("renews", _ID),  # the grant that a short request is to renew
    sa.Column("conditions", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("submitted_at", _INSTANT),
    sa.Column("decided_at", _INSTANT),
)
request_step = sa.Table(
    "request_step",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("request_id", sa.ForeignKey("access_request.id"), nullable=False, index=True),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("event", sa.String(12), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # that it led to
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
request_message = sa.Table(
    "request_message",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("request_id", sa.ForeignKey("access_request.id"), nullable=False, index=True),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("side", sa.String(12), nullable=False),  # applicant or committee
    sa.Column("is_internal", sa.Boolean, nullable=False),  # between members, never shown to the applicant
    sa.Column("body", sa.Text, nullable=False),
)
request_vote = sa.Table(
    "request_vote",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # the last one of a member counts
    sa.Column("request_id", sa.ForeignKey("access_request.id"), nullable=False, index=True),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False),
    sa.Column("vote", sa.String(8), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
)
request_conflict = sa.Table(
    "request_conflict",
    metadata,
    sa.Column("request_id", sa.ForeignKey("access_request.id"), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
)
signature = sa.Table(
    "signature",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("request_id", sa.ForeignKey("access_request.id"), nullable=False, index=True),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("capacity", sa.String(12), nullable=False),  # applicant, official or person
    sa.Column("account_id", sa.ForeignKey("account.id")),  # None: the official, who needs none
    sa.Column("typed_name", sa.String(200), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("agreement", _DIGEST, nullable=False),
    sa.Column("answers", _DIGEST, nullable=False),  # of the request as it was signed
    sa.Column("at", _INSTANT, nullable=False),
    sa.UniqueConstraint("request_id", "round", "capacity", "account_id", name="uq_signature_once"),
)
# Whom the link in a letter lets sign for an institution, once; the token itself is kept nowhere.
signoff = sa.Table(
    "signoff",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("request_id", sa.ForeignKey("access_request.id"), nullable=False, index=True),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", _EMAIL, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("used_at", _INSTANT),
)
access_grant = sa.Table(
    "access_grant",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("dataset", sa.ForeignKey("dataset.name"), nullable=False, index=True),
    sa.Column("request_id", sa.ForeignKey("access_request.id"), nullable=False, index=True),
    sa.Column("holder", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("starts", _DAY, nullable=False),
    sa.Column("ends", _DAY, nullable=False),
    sa.Column("conditions", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("agreement", _DIGEST, nullable=False),
    sa.Column("renewals", sa.Integer, nullable=False),
    sa.Column("revoked_reason", sa.Text, nullable=False),
    sa.Column("attested_at", _INSTANT),
    sa.Column("attestation", sa.Text, nullable=False),
)
grant_person = sa.Table(
    "grant_person",
    metadata,
    sa.Column("grant_id", sa.ForeignKey("access_grant.id"), primary_key=True),
    sa.Column("email", _EMAIL, primary_key=True),  # case folded
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("institution", sa.String(254), nullable=False),
    sa.Column("account_id", sa.ForeignKey("account.id"), index=True),
    sa.Column("signed_at", _INSTANT),
)
letter = sa.Table(
    "letter",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(120), nullable=False, unique=True),  # the same letter is never written twice
    sa.Column("account_id", sa.ForeignKey("account.id"), index=True),  # None: somebody without an account
    sa.Column("address", _EMAIL, nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("signoff", _ID),  # its link is made when the letter leaves
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("taken_at", _INSTANT),  # by a job that hands it over: no second one does so meanwhile
    sa.Column("sent_at", _INSTANT),
    sa.Column("failed", sa.String(200)),
    sa.Column("read_at", _INSTANT),
)

APPEND_ONLY = (agreement, request_step, request_message, request_vote, request_conflict, signature)


def append_only_statements(table: str) -> dict[str, tuple[str, ...]]:
    """Return by dialect the DDL of the triggers that refuse to change or delete a row of a table."""
    said = f"{table} is append-only"
    sqlite = tuple(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} BEGIN SELECT RAISE(ABORT, '{said}'); END"
        for verb in ("update", "delete")
    )
    postgresql = (
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{said}'; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"EXECUTE FUNCTION {table}_refuse()",
    )
    return {"sqlite": sqlite, "postgresql": postgresql}


for _table in APPEND_ONLY:
    for _dialect, _statements in append_only_statements(_table.name).items():
        for _statement in _statements:
            sa.event.listen(_table, "after_create", sa.DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

TABLES = (
    access_policy,
    agreement,
    committee_member,
    access_request,
    request_step,
    request_message,
    request_vote,
    request_conflict,
    signature,
    signoff,
    access_grant,
    grant_person,
    letter,
)
