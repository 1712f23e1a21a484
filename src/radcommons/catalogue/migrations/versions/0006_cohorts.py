"""Thumbnails that are kept, baskets, cohorts with their versions, and what more explore counts of a series.

A hub that is made now may have these tables from the first revision on, which makes whatever tables are known.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from radcommons.catalogue.tables_cohorts import basket_item, cohort, cohort_release, cohort_version, thumbnail
from radcommons.catalogue.tree import counted_part

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ADDED: dict[str, Any] = {"manufacturer": sa.String(64), "view": sa.String(16), "slice_mm": sa.Float()}
_BATCH = 500


def upgrade() -> None:
    """Go forward."""
    bind = op.get_bind()
    for table in (thumbnail, basket_item, cohort, cohort_version, cohort_release):
        table.create(bind, checkfirst=True)
    held = {one["name"] for one in sa.inspect(bind).get_columns("series")}
    missing = [name for name in _ADDED if name not in held]
    for name in missing:
        op.add_column("series", sa.Column(name, _ADDED[name]))
    if missing:
        _fill(bind)


def _fill(bind: sa.Connection) -> None:
    """Read the new columns out of the header of one instance of each series."""
    series = sa.table("series", sa.column("series_instance_uid"), *map(sa.column, _ADDED))
    instance = sa.table("instance", sa.column("id"), sa.column("series_instance_uid"))
    document = sa.table("instance_document", sa.column("instance_id"), sa.column("body"))
    key, last = series.c.series_instance_uid, ""
    while True:
        uids = bind.execute(sa.select(key).where(key > last).order_by(key).limit(_BATCH)).scalars().all()
        if not uids:
            return
        firsts = (
            sa.select(sa.func.min(instance.c.id).label("id"))
            .select_from(instance.join(document, document.c.instance_id == instance.c.id))
            .where(instance.c.series_instance_uid.in_(uids))
            .group_by(instance.c.series_instance_uid)
        ).subquery()
        rows = bind.execute(
            sa.select(instance.c.series_instance_uid, document.c.body)
            .select_from(firsts.join(instance, instance.c.id == firsts.c.id))
            .join(document, document.c.instance_id == instance.c.id)
        ).all()
        values = [{"key": row.series_instance_uid, **counted_part(bytes(row.body))} for row in rows]
        if values:
            changed: dict[str, Any] = {name: sa.bindparam(name) for name in _ADDED}
            bind.execute(series.update().where(key == sa.bindparam("key")).values(changed), values)
        last = uids[-1]
