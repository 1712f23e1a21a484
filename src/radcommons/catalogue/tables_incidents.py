"""Tables of downloads and of identity incidents; they share the metadata of `tables`."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue.tables import metadata

# One row for a person, a release and a day: who holds what, and how often a dataset is fetched.
download = sa.Table(
    "download",
    metadata,
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.Column("actor", sa.String(128), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("instances", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Index("ix_download_actor", "actor", "day"),
)
