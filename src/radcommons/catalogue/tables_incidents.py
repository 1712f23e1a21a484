"""Tables of downloads and of identity incidents; they share the metadata of `tables`."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue.tables import Json, metadata

# Identity that may stand in something received or released: sealed at once, then purged or reopened.
incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("opened_at", sa.String(20), nullable=False),
    sa.Column("opened_by", sa.String(128), nullable=False),
    sa.Column("settled_at", sa.String(20)),
    sa.Column("settled_by", sa.String(128)),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("named", Json, nullable=False),  # {patients, studies, digests} as they were given
    sa.Column("withdrawals", Json, nullable=False),  # what the purge wrote, one a site
    sa.Column("moved_at", sa.String(20)),  # the objects are where their addresses do not lead, or back again
)
incident_instance = sa.Table(
    "incident_instance",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("instance_id", sa.ForeignKey("instance.id"), primary_key=True, index=True),
    sa.Column("state_before", sa.String(12), nullable=False),
)
# The DOI of a release, once DataCite has taken it.
release_doi = sa.Table(
    "release_doi",
    metadata,
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.Column("doi", sa.String(120), nullable=False, unique=True),
    sa.Column("minted_at", sa.String(20), nullable=False),
)
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
