"""The access road: policies, agreements, committees, requests, signatures, grants, letters.

A hub that is made now has these tables from the first revision on.
"""

from alembic import op

from radcommons.catalogue.tables_access import TABLES

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    for table in TABLES:
        table.create(op.get_bind(), checkfirst=True)
