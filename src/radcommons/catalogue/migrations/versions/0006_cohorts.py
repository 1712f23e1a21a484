"""Thumbnails that are kept, baskets, and cohorts with their versions.

A hub that is made now may have these tables from the first revision on, which makes whatever tables are known.
"""

from alembic import op

from radcommons.catalogue.tables_cohorts import basket_item, cohort, cohort_release, cohort_version, thumbnail

revision = "0006"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    for table in (thumbnail, basket_item, cohort, cohort_version, cohort_release):
        table.create(op.get_bind(), checkfirst=True)
