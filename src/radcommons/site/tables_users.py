"""Who may look at the local pages, how they prove it, and what the hub found in the canary set."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.site.tables_base import metadata

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False, unique=True),
    sa.Column("role", sa.String(24), nullable=False),
    # argon2id; none before the person has followed the set-up link.
    sa.Column("password", sa.Text),
    # RFC 6238: the shared secret in base32 (the store is encrypted), and the last time step that was accepted.
    sa.Column("totp_secret", sa.String(64)),
    sa.Column("totp_step", sa.Integer, nullable=False, default=0, server_default=sa.text("0")),
    sa.Column("failures", sa.Integer, nullable=False, default=0, server_default=sa.text("0")),
    sa.Column("locked_until", sa.Float, nullable=False, default=0, server_default=sa.text("0")),
    # Sessions of an earlier generation are over: sign-out everywhere, a new password, a removed person.
    sa.Column("generation", sa.Integer, nullable=False, default=1, server_default=sa.text("1")),
    sa.Column("added_at", sa.String(20), nullable=False),
    sa.Column("removed_at", sa.String(20)),
    sqlite_autoincrement=True,
)

# A set-up link, once and for a while; without an account, for the first data manager.
invitation = sa.Table(
    "invitation",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("account", sa.Integer, sa.ForeignKey("account.id")),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("used_at", sa.String(20)),
)

recovery_code = sa.Table(
    "recovery_code",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("account", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("used_at", sa.String(20)),
)

# What the hub answered to the canary set, by what made the result.
canary = sa.Table(
    "canary",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("profile", sa.String(64), nullable=False),
    sa.Column("software", sa.String(64), nullable=False),
    sa.Column("is_clean", sa.Boolean, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)
