"""Headers become documents of their own, and the place of each frame gets columns.

A hub that is made now has this schema from the first revision on, which is made from the tables themselves.
"""

import json

import sqlalchemy as sa
from alembic import op

from radcommons.catalogue.tables import instance_document

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_BATCH = 500


def upgrade() -> None:
    """Go forward."""
    bind = op.get_bind()
    if sa.inspect(bind).has_table("instance_document"):
        return
    instance_document.create(bind)
    op.add_column("instance", sa.Column("pixel_offset", sa.BigInteger))
    op.add_column("instance", sa.Column("frame_length", sa.BigInteger))
    _move_headers(bind)
    op.drop_column("instance", "header")
    op.drop_index("ix_instance_study_instance_uid", "instance")
    op.drop_index("ix_instance_series_instance_uid", "instance")
    study = ["study_instance_uid", "state", "modality", "series_instance_uid", "size"]
    op.create_index("ix_instance_study", "instance", study)
    op.create_index("ix_instance_series", "instance", ["series_instance_uid", "number", "sop_instance_uid"])
    op.create_index("ix_study_date", "study", ["study_date", "study_instance_uid"])


def _move_headers(bind: sa.Connection) -> None:
    names = ("id", "sop_instance_uid", "study_instance_uid", "series_instance_uid", "transfer_syntax_uid", "frames")
    old = sa.table("instance", *map(sa.column, names), sa.column("header", sa.JSON))
    last = 0
    while True:
        page = sa.select(old).where(old.c.id > last, old.c.header.is_not(None)).order_by(old.c.id).limit(_BATCH)
        rows = bind.execute(page).all()
        if not rows:
            return
        documents = [{"instance_id": row.id, "body": _body(row)} for row in rows if row.header]
        if documents:
            bind.execute(instance_document.insert(), documents)
        last = rows[-1].id


def _body(row: sa.Row[tuple[object, ...]]) -> bytes:
    """Return the document of an instance from its header as it was kept, without its large values."""
    base = f"/studies/{row.study_instance_uid}/series/{row.series_instance_uid}/instances/{row.sop_instance_uid}"
    model = dict(row.header)
    for tag, member in row.header.items():
        if set(member) == {"vr"} and member["vr"] in _BINARY:
            model[tag] = {**member, "BulkDataURI": f"\x01{base}/bulkdata/{tag}"}
    if row.frames is not None:
        model["7FE00010"] = {"vr": "OW", "BulkDataURI": f"\x01{base}/bulkdata/7FE00010"}
    model["00083002"] = {"vr": "UI", "Value": [row.transfer_syntax_uid]}
    text = json.dumps(dict(sorted(model.items())), ensure_ascii=False, separators=(",", ":"))
    return text.replace('"BulkDataURI":"\\u0001', '"BulkDataURI":"\x01').encode("utf-8", "replace")
