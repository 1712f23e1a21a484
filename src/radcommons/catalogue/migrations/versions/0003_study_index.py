"""The index over a study's instances begins with what is asked first: which modality, and then which series.

Studies are so counted in the index's own order, and "has a CT" is one look-up however many slices there are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = "ix_instance_study"
_COLUMNS = ["study_instance_uid", "modality", "series_instance_uid", "state", "size"]


def upgrade() -> None:
    """Go forward."""
    held = {one["name"]: one["column_names"] for one in sa.inspect(op.get_bind()).get_indexes("instance")}
    if held.get(_NAME) == _COLUMNS:
        return
    if _NAME in held:
        op.drop_index(_NAME, "instance")
    op.create_index(_NAME, "instance", _COLUMNS)
