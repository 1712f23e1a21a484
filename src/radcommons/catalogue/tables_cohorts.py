"""Tables of thumbnails, baskets and cohorts; they share the metadata of `tables`."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue.tables import Json, metadata

_INSTANT = sa.String(20)
_OWNER = sa.String(64)  # as in the audit trail: account:7, token:3

# A small JPEG that stands for an instance, made once; an instance never changes, so neither does it.
thumbnail = sa.Table(
    "thumbnail",
    metadata,
    sa.Column("instance_id", sa.ForeignKey("instance.id"), primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
# What somebody laid aside by hand and has not saved yet.
basket_item = sa.Table(
    "basket_item",
    metadata,
    sa.Column("owner", _OWNER, primary_key=True),
    sa.Column("study_instance_uid", sa.String(64), primary_key=True),
    sa.Column("release_id", sa.ForeignKey("release.id"), nullable=False),
    sa.Column("added_at", _INSTANT, nullable=False),
)
cohort = sa.Table(
    "cohort",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("owner", _OWNER, nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
)
cohort_version = sa.Table(
    "cohort_version",
    metadata,
    sa.Column("cohort_id", sa.ForeignKey("cohort.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # the exact signed bytes, UTF-8
    sa.Column("signature", Json, nullable=False),
    sa.Column("summary", Json, nullable=False),  # query, counts
)
# A cohort stands on releases: whoever may not open one of them may not read it.
cohort_release = sa.Table(
    "cohort_release",
    metadata,
    sa.Column("cohort_id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.ForeignKeyConstraint(["cohort_id", "number"], ["cohort_version.cohort_id", "cohort_version.number"]),
)
