"""How people prove who they are: second factors, passkeys, links, personal tokens; checkpoints.

A hub that is made now has these tables from the first revision on.
"""

import sqlalchemy as sa
from alembic import op

from radcommons.catalogue import tables_identity as t

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = (
    t.second_factor,
    t.recovery_code,
    t.passkey,
    t.external_identity,
    t.link,
    t.message,
    t.ceremony,
    t.attempt,
    t.personal_token,
    t.audit_checkpoint,
)


def upgrade() -> None:
    """Go forward; a process of the program before may go on to sign people in, so what is new has a default."""
    bind = op.get_bind()
    for table in _TABLES:
        table.create(bind, checkfirst=True)
    op.create_index("ix_audit_event_actor", "audit_event", ["actor"], if_not_exists=True)
    held = {column["name"] for column in sa.inspect(bind).get_columns("session")}
    if "handle" in held:
        return
    with op.batch_alter_table("session") as batch:
        batch.add_column(sa.Column("handle", sa.String(22), nullable=False, server_default=""))
        batch.add_column(sa.Column("seen_at", sa.String(20), nullable=False, server_default=""))
        batch.add_column(sa.Column("agent", sa.String(80), nullable=False, server_default=""))
        batch.add_column(sa.Column("method", sa.String(20), nullable=False, server_default=""))
    op.execute("UPDATE session SET handle = substr(digest, 1, 22), seen_at = created_at")
    op.create_index("ix_session_account_id", "session", ["account_id"], if_not_exists=True)
