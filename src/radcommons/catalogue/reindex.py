"""What the index says of instances, written anew from their objects."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from radcommons.catalogue.instances import Version, first_of
from radcommons.catalogue.readings import Reading, keep_readings
from radcommons.catalogue.tree import First, write_tree
from radcommons.catalogue.visibility import SERVED
from radcommons.records.lifecycle import InstanceState


def write_again(connection: sa.Connection, versions: Sequence[tuple[Version, Reading]]) -> None:
    """Write values, documents and places of frames of instances, and the rows of series and studies that are missing.

    What was not accepted has none of these. A series whose row is there keeps it.
    """
    served = sorted(((v, one) for v, one in versions if v.state in SERVED), key=lambda pair: pair[0].id)
    keep_readings(connection, [(version.id, one) for version, one in served])
    firsts: dict[str, First] = {}
    for version, one in served:
        if version.state is InstanceState.ACCEPTED:
            firsts.setdefault(version.series_instance_uid, first_of(version, one.document))
    write_tree(connection, list(firsts.values()))
