"""Tables of downloads and of identity incidents; they share the metadata of `tables`."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue.tables import metadata

# Who took what of which release on which day; the rows of a day add up, and a first one is written before its bytes go.
download_record = sa.Table(
    "download_record",
    metadata,
    sa.Column("actor", sa.String(64), primary_key=True),  # as in the audit trail: account:7, token:3, anonymous
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True, index=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("instances", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)
