"""What the hub knows of an instance from its own header: a few values, its metadata as text, where its frames lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.submissions import batches
from radcommons.dicom.frameindex import NOWHERE, FrameIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the object's own header says: a few values, the metadata as JSON text, and where its frames lie."""

    modality: str
    number: int | None
    rows: int | None
    columns: int | None
    frames: int | None
    document: bytes
    index: FrameIndex = NOWHERE


def keep_readings(connection: sa.Connection, readings: Sequence[tuple[int, Reading]]) -> None:
    """Keep what the objects' own headers say, by instance number."""
    if not readings:
        return
    names = ("modality", "number", "rows", "columns", "frames", "pixel_offset", "frame_length")
    statement = (
        t.instance.update()
        .where(t.instance.c.id == sa.bindparam("key"))
        .values({name: sa.bindparam(f"new_{name}", type_=t.instance.c[name].type) for name in names})
    )
    connection.execute(
        statement,
        [
            {"key": number, **{f"new_{name}": value for name, value in values_of(reading).items()}}
            for number, reading in readings
        ],
    )
    # An object that is judged again has a newer document.
    for some in batches(number for number, _ in readings):
        connection.execute(t.instance_document.delete().where(t.instance_document.c.instance_id.in_(some)))
    connection.execute(
        t.instance_document.insert(),
        [
            {"instance_id": number, "frames": reading.index.spans, "body": reading.document}
            for number, reading in readings
        ],
    )


def values_of(reading: Reading) -> dict[str, str | int | None]:
    """Return a reading's values by the columns of an instance."""
    return {
        "modality": reading.modality,
        "number": reading.number,
        "rows": reading.rows,
        "columns": reading.columns,
        "frames": reading.frames,
        "pixel_offset": reading.index.offset,
        "frame_length": reading.index.length,
    }


def documents(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    """Return the documents of some instances by their number; see `dicomweb.rawjson` for their form."""
    table = t.instance_document
    rows = connection.execute(
        sa.select(table.c.instance_id, table.c.body).where(table.c.instance_id.in_(list(numbers)))
    )
    return {row.instance_id: bytes(row.body) for row in rows}
