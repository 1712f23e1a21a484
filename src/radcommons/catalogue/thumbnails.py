"""One small picture that stands for an instance: made once, when its submission is verified or it is first looked at.

It lies in the database, so that it goes in the transaction of a withdrawal and is in every backup.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.images import InstanceRow, instance_row
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.tables_cohorts import thumbnail
from radcommons.catalogue.visibility import SERVED
from radcommons.dicom.frames import iter_frames
from radcommons.dicom.read import read_header
from radcommons.dicom.render import render
from radcommons.platform.database import insert_new, reading, writing
from radcommons.platform.objects import Objects, object_key
from radcommons.records.errors import StorageError

# The longer side. A page shows it at half of that on a plain screen.
SIDE = 400
_QUALITY = 85


def kept(engine: sa.Engine, one: InstanceRow) -> bytes | None:
    """Return the thumbnail of an instance, None where none was made yet."""
    with reading(engine) as connection:
        body = connection.execute(sa.select(thumbnail.c.body).where(thumbnail.c.instance_id == one.id)).scalar()
    return None if body is None else bytes(body)


def make(engine: sa.Engine, one: InstanceRow, *, objects: Objects) -> bytes:
    """Draw an instance's middle frame and keep the picture.

    Raises
    ------
    UnreadableInstance
        If its pixels cannot be decoded.

    Notes
    -----
    Where it cannot be kept, because a disk is full or the instance was withdrawn meanwhile, it is drawn all the same.
    """
    with objects.open(object_key(one.digest)) as source:
        header = read_header(source)
        frame = next(iter_frames(source, header, indices=[(one.frames or 1) // 2]))
        body = render(frame, header.dataset, size=SIDE, kind="jpeg", quality=_QUALITY)
    try:
        with writing(engine) as connection:
            state = sa.select(t.instance.c.state).where(t.instance.c.id == one.id).with_for_update(read=True)
            if connection.execute(state).scalar() in SERVED:
                insert_new(connection, thumbnail, [{"instance_id": one.id, "body": body}])
    except (StorageError, sa.exc.OperationalError):
        pass
    return body


def lacking(engine: sa.Engine, submission: str) -> list[InstanceRow]:
    """Return the middle image of each series of a submission that has no thumbnail yet."""
    columns = [t.instance.c[name] for name in InstanceRow.__dataclass_fields__]
    named = sa.select(t.submission_item.c.instance_id).where(t.submission_item.c.submission_id == submission)
    statement = (
        sa.select(*columns)
        .where(t.instance.c.id.in_(named), t.instance.c.frames.is_not(None), t.instance.c.state.in_(SERVED))
        .order_by(t.instance.c.series_instance_uid, t.instance.c.number, t.instance.c.sop_instance_uid)
    )
    series: dict[str, list[InstanceRow]] = {}
    with reading(engine) as connection:
        for row in connection.execute(statement):
            series.setdefault(row.series_instance_uid, []).append(instance_row(row))
        middles = [found[len(found) // 2] for found in series.values()]
        drawn = _drawn(connection, [one.id for one in middles])
    return [one for one in middles if one.id not in drawn]


def _drawn(connection: sa.Connection, numbers: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for some in batches(numbers):
        query = sa.select(thumbnail.c.instance_id).where(thumbnail.c.instance_id.in_(some))
        found.update(connection.execute(query).scalars())
    return found
