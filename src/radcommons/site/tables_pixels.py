"""Where writing was found in the pixels of an object, for the page on which a person decides about it."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.site.tables_base import metadata

pixel_box = sa.Table(
    "pixel_box",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.Integer, sa.ForeignKey("file.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("frame", sa.Integer, nullable=False),  # from 0
    sa.Column("x", sa.Integer, nullable=False),
    sa.Column("y", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),  # text, unsure (may be no writing) or hand
    sa.Column("is_covered", sa.Boolean, nullable=False),  # in the object that lies in the store
)
