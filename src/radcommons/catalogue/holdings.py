"""How much a hub holds, for monitoring and checks."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.records.lifecycle import InstanceState


def holdings(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return counts by state: instances, submissions, and jobs that wait to be enqueued."""

    def by_state(table: sa.Table) -> dict[str, int]:
        rows = connection.execute(sa.select(table.c.state, sa.func.count()).group_by(table.c.state))
        return {state: count for state, count in rows}

    waiting = sa.select(sa.func.count()).select_from(t.outbox).where(t.outbox.c.enqueued_at.is_(None))
    released = sa.select(sa.func.count()).select_from(t.release)
    return {
        "instances": by_state(t.instance),
        "submissions": by_state(t.submission),
        "jobs": {"waiting": connection.execute(waiting).scalar_one()},
        "releases": {"released": connection.execute(released).scalar_one()},
    }


def promised(connection: sa.Connection) -> Iterator[tuple[str, int]]:
    """Yield (digest, size) of every object that the hub has acknowledged and not purged."""
    gone = [InstanceState.ANNOUNCED, InstanceState.SEALED, InstanceState.WITHDRAWN]
    instances = sa.select(t.instance.c.digest, t.instance.c.size).where(t.instance.c.state.notin_(gone))
    uploads = sa.select(t.upload.c.digest, t.upload.c.size)
    for row in connection.execute(instances.union(uploads).order_by("digest")):
        yield row.digest, row.size
