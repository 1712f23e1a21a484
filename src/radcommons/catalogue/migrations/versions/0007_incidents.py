"""Who downloaded what of a release, and identity incidents.

A hub that is made now may have these tables from the first revision on, which makes whatever tables are known.
"""

from alembic import op

from radcommons.catalogue.tables_incidents import download, incident, incident_instance, release_doi

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    for table in (download, release_doi, incident, incident_instance):
        table.create(op.get_bind(), checkfirst=True)
