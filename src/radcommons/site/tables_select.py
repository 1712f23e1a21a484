"""What selecting remembers: the facts of each image, what people answered, and clinical tables until they are taken."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.site.tables_base import metadata

# The facts of one image as they were when it was judged, and how it stood when its study was looked at last.
placed = sa.Table(
    "placed",
    metadata,
    sa.Column("file", sa.Integer, sa.ForeignKey("file.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("orientation", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("positions", sa.Text, nullable=False, default="[]", server_default="[]"),
    sa.Column("moment", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("settled", sa.String(64), nullable=False, default="", server_default=""),
)

# What a series is, once its images are here; quotas count by it.
series = sa.Table(
    "series",
    metadata,
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("study_uid", sa.String(64), primary_key=True),
    sa.Column("series_uid", sa.String(64), primary_key=True),
    sa.Column("protocol", sa.String(64), nullable=False, index=True),
    sa.Column("facts", sa.Text, nullable=False),
)

# What a person answered to a question of selecting; it holds for what comes later of the same series, study, patient.
answer = sa.Table(
    "answer",
    metadata,
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("protocol", sa.String(64), primary_key=True),
    sa.Column("question", sa.String(80), primary_key=True),
    sa.Column("subject", sa.String(80), primary_key=True),
    sa.Column("is_so", sa.Boolean, nullable=False),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)

# The words of each protocol that files came under, since a file of the hospital may be gone when they are needed.
protocol_text = sa.Table(
    "protocol_text",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)

# A clinical table that somebody is mapping in the browser: its bytes never lie on the disk in clear.
clinical_upload = sa.Table(
    "clinical_upload",
    metadata,
    sa.Column("token", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("mapping", sa.Text, nullable=False),
    sa.Column("uploaded_by", sa.Text, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)

# How tables with these headings were understood the last time.
clinical_mapping = sa.Table(
    "clinical_mapping",
    metadata,
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("headings", sa.String(64), primary_key=True),
    sa.Column("mapping", sa.Text, nullable=False),
    sa.Column("mapped_by", sa.Text, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)
