"""The hub's tables of how people prove who they are, and of what vouches for the audit trail."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue.tables import Json, metadata

_INSTANT = sa.String(20)
_DIGEST = sa.String(64)

# RFC 6238: the shared secret, locked with the hub's key, and the last time step that was accepted.
second_factor = sa.Table(
    "second_factor",
    metadata,
    sa.Column("account_id", sa.ForeignKey("account.id"), primary_key=True, autoincrement=False),
    sa.Column("secret", sa.String(128), nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("set_at", _INSTANT, nullable=False),
)
recovery_code = sa.Table(
    "recovery_code",
    metadata,
    sa.Column("digest", _DIGEST, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("used_at", _INSTANT),
)
# WebAuthn, section 4: a credential's identifier has at most 1023 bytes; here and below in base64url.
passkey = sa.Table(
    "passkey",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("credential", sa.String(1400), nullable=False, unique=True),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("uses", sa.BigInteger, nullable=False),  # the authenticator's signature counter
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("last_used_at", _INSTANT),
)
# Who an account is elsewhere: OpenID Connect Core 1.0, section 5.7, says that these two together name a person.
external_identity = sa.Table(
    "external_identity",
    metadata,
    sa.Column("issuer", sa.String(255), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("linked_at", _INSTANT, nullable=False),
)
# A link that was sent or handed over; it is good once and for a while.
link = sa.Table(
    "link",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", _DIGEST, nullable=False, unique=True),
    sa.Column("kind", sa.String(12), nullable=False),  # invite, confirm, reset
    sa.Column("account_id", sa.ForeignKey("account.id"), index=True),  # of a reset
    sa.Column("email", sa.String(254), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("roles", Json, nullable=False),
    sa.Column("made_by", sa.String(128), nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("used_at", _INSTANT),
)
# E-mail that waits for the mail server. It may hold a link that opens an account: nobody is shown it, and its text goes
# when it was sent.
message = sa.Table(
    "message",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("address", sa.String(254), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("sent_at", _INSTANT),
)
# What a browser has begun and not ended: a second factor to show, a passkey's challenge, a way to another sign-in.
ceremony = sa.Table(
    "ceremony",
    metadata,
    sa.Column("digest", _DIGEST, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("account_id", sa.ForeignKey("account.id"), index=True),
    sa.Column("document", Json, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
)
# Tries by account and by address; both as digests, since neither is needed in the clear.
attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("bucket", _DIGEST, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("blocked_until", sa.Float, nullable=False),  # seconds since 1970, as the two below
    sa.Column("tried_at", sa.Float, nullable=False),
    sa.Column("succeeded_at", sa.Float, nullable=False),
)
personal_token = sa.Table(
    "personal_token",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", _DIGEST, nullable=False, unique=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("scopes", sa.String(120), nullable=False),  # words with spaces between
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("last_used_on", sa.String(10)),
    sa.Column("revoked_at", _INSTANT),
)
# Signed statements about the trail's end at some moments (DSSE envelopes); copies lie with the sites.
audit_checkpoint = sa.Table(
    "audit_checkpoint",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.Integer, nullable=False, unique=True),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("envelope", sa.Text, nullable=False),
)
