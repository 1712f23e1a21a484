"""Instances that are accepted as they arrive: every row that they need, in a few statements."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.instances import FIELDS, Version, first_of
from radcommons.catalogue.readings import Reading, values_of
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.tree import write_tree
from radcommons.platform.clock import instant
from radcommons.records.lifecycle import INSTANCE, InstanceEvent, InstanceState, advance


def load(connection: sa.Connection, rows: Sequence[tuple[Version, Reading]]) -> None:
    """Add versions that were loaded directly, as accepted, with the rows of studies and series that are new."""
    if not rows:
        return
    state, at = advance(INSTANCE, InstanceState.RECEIVED, InstanceEvent.ACCEPT), instant()
    values = [
        {
            **{name: getattr(version, name) for name in FIELDS if name != "id"},
            **values_of(reading),
            "state": state,
            "accepted_at": at,
        }
        for version, reading in rows
    ]
    statement = t.instance.insert().returning(t.instance.c.id, sort_by_parameter_order=True)
    numbers = connection.execute(statement, values).scalars().all()
    connection.execute(
        t.instance_document.insert(),
        [
            {"instance_id": number, "frames": reading.index.spans, "body": reading.document}
            for number, (_, reading) in zip(numbers, rows, strict=True)
        ],
    )
    firsts: dict[str, tuple[Version, Reading]] = {}
    for version, reading in rows:
        firsts.setdefault(version.series_instance_uid, (version, reading))
    known: set[str] = set()
    for some in batches(firsts):
        column = t.series.c.series_instance_uid
        known.update(connection.execute(sa.select(column).where(column.in_(some))).scalars())
    write_tree(
        connection,
        [first_of(version, reading.document) for series, (version, reading) in firsts.items() if series not in known],
    )
