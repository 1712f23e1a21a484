"""The first schema. Until the first release of radcommons it is made from the tables themselves."""

from alembic import op

from radcommons.catalogue.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    metadata.create_all(op.get_bind(), checkfirst=False)
