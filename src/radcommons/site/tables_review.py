"""Which studies wait for one decision together, which of them a person looked at, and what was decided."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.site.tables_base import metadata

# What a file's group depends on, once for all files that look alike; `shown` is as it leaves, so it names nobody.
review_look = sa.Table(
    "review_look",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("shown", sa.Text, nullable=False),
)

review_file = sa.Table(
    "review_file",
    metadata,
    sa.Column("file", sa.Integer, sa.ForeignKey("file.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("look", sa.Integer, sa.ForeignKey("review_look.id"), nullable=False),
)

# Studies whose files changed since they were last put into a group: triggers on `file` write it, whoever changes one.
review_dirty = sa.Table(
    "review_dirty",
    metadata,
    sa.Column("site", sa.String(12), primary_key=True),
    sa.Column("study_uid", sa.String(64), primary_key=True),
)

review_group = sa.Table(
    "review_group",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("token", sa.String(22), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
)

# One decision about the studies that were in a group when its sample was drawn; `version` is what a form must name.
review_round = sa.Table(
    "review_round",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("token", sa.String(22), nullable=False, unique=True),
    sa.Column("grp", sa.Integer, sa.ForeignKey("review_group.id"), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("studies", sa.Integer, nullable=False),
    sa.Column("files", sa.Integer, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False, default=0),
    sa.Column("wrong", sa.Integer, nullable=False, default=0),
    sa.Column("drawn_at", sa.String(20), nullable=False),
    sa.Column("reviewer", sa.Text, nullable=False, default=""),
    sa.Column("role", sa.String(24), nullable=False, default=""),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("decided_at", sa.String(20)),
    sa.Column("undone_at", sa.String(20)),
    sa.Column("undone_by", sa.Text),
)

# The studies of a group with files that wait; `round` says in which drawn sample's population they are.
review_study = sa.Table(
    "review_study",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("study_uid", sa.String(64), nullable=False),
    sa.Column("grp", sa.Integer, sa.ForeignKey("review_group.id"), nullable=False, index=True),
    sa.Column("round", sa.Integer, sa.ForeignKey("review_round.id"), index=True),
    sa.Column("files", sa.Integer, nullable=False),
    sa.UniqueConstraint("site", "study_uid"),
)

review_sample = sa.Table(
    "review_sample",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("round", sa.Integer, sa.ForeignKey("review_round.id"), nullable=False, index=True),
    sa.Column("site", sa.String(12), nullable=False),
    sa.Column("study_uid", sa.String(64), nullable=False),
    sa.Column("file", sa.Integer, nullable=False, index=True),
    sa.Column("object_digest", sa.String(64), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False, default=""),
    sa.Column("opened_at", sa.String(20)),
    sa.Column("opened_by", sa.Text),
)

# Which version of which file a decision covers; another version of it waits again.
review_member = sa.Table(
    "review_member",
    metadata,
    sa.Column("round", sa.Integer, sa.ForeignKey("review_round.id"), primary_key=True),
    sa.Column("file", sa.Integer, primary_key=True, index=True),
    sa.Column("object_digest", sa.String(64), nullable=False),
)

# How a page names a file: at random, so that an address tells nothing.
review_token = sa.Table(
    "review_token",
    metadata,
    sa.Column("token", sa.String(22), primary_key=True),
    sa.Column("file", sa.Integer, nullable=False, unique=True),
)

# Regions that a person added to what is covered in the pixels, or took out of it.
review_box = sa.Table(
    "review_box",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.Integer, nullable=False, index=True),
    sa.Column("frame", sa.Integer, nullable=False),
    sa.Column("x", sa.Integer, nullable=False),
    sa.Column("y", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("at", sa.String(20), nullable=False),
)

_MARK = "INSERT OR IGNORE INTO review_dirty (site, study_uid) VALUES ({row}.site, {row}.study_uid); "


def trigger_statements() -> tuple[str, ...]:
    """Return the DDL of the triggers that mark a study when one of its files comes, changes or goes."""
    changed = (
        "AFTER UPDATE OF state, submission, object_digest, study_uid, site, dataset, protocol, profile ON file "
        "WHEN NEW.study_uid <> ''"
    )
    return (
        f"CREATE TRIGGER review_file_added AFTER INSERT ON file WHEN NEW.state = 'ready' "
        f"BEGIN {_MARK.format(row='NEW')}END",
        f"CREATE TRIGGER review_file_changed {changed} BEGIN {_MARK.format(row='NEW')}{_MARK.format(row='OLD')}END",
        f"CREATE TRIGGER review_file_gone AFTER DELETE ON file WHEN OLD.study_uid <> '' "
        f"BEGIN {_MARK.format(row='OLD')}END",
    )


for _statement in trigger_statements():
    sa.event.listen(metadata, "after_create", sa.DDL(_statement))  # type: ignore[no-untyped-call]
