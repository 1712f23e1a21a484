"""Show the frame that a reviewer is asked about, from the de-identified object."""

from __future__ import annotations

import io
import re

import sqlalchemy as sa
from PIL import Image, ImageDraw

from radcommons.dicom.frames import iter_frames
from radcommons.dicom.read import read_header
from radcommons.dicom.render import render
from radcommons.records.errors import NotFound
from radcommons.records.finding import Severity
from radcommons.records.lifecycle import FileState
from radcommons.site.store import Store
from radcommons.site.tables import file, finding

_AMBER = "#f0a52b"


def preview(store: Store, number: int, *, size: int = 900) -> bytes:
    """Return a PNG of the frame in question of a held file.

    Raises
    ------
    NotFound
        If there is no such held file, or it has no object.
    UnreadableInstance
        If the pixels cannot be decoded.
    """
    query = sa.select(file.c.object_digest).where(file.c.id == number, file.c.state == FileState.HELD)
    places = sa.select(finding.c.where).where(finding.c.file == number, finding.c.severity == Severity.QUESTION)
    with store.read() as connection:
        digest = connection.execute(query).scalar_one_or_none()
        where = " ".join(connection.execute(places).scalars())
    path = store.object_path(digest) if digest else None
    if path is None or not path.is_file():
        raise NotFound("There is no picture of this file.")
    asked = re.search(r"frame (\d+)", where)
    index = int(asked[1]) - 1 if asked else 0
    with path.open("rb") as source:
        header = read_header(source)
        frame = next(iter_frames(source, header, indices=[index]))
    return _framed(render(frame, header.dataset, size=size), places=where, frame=index + 1, shape=frame.shape)


_PLACE = re.compile(r"frame (\d+), x (\d+)\.\.(\d+), y (\d+)\.\.(\d+)")


def _framed(picture: bytes, *, places: str, frame: int, shape: tuple[int, ...]) -> bytes:
    """Draw a box around each place in question, so that the eye finds it."""
    boxes = [tuple(map(int, found)) for found in _PLACE.findall(places)]
    with Image.open(io.BytesIO(picture)) as opened:
        shown = opened.convert("RGB")
    scale = shown.width / shape[1]
    pen = ImageDraw.Draw(shown)
    for number, left, right, top, bottom in boxes:
        if number == frame:
            pen.rectangle(
                [left * scale - 3, top * scale - 3, right * scale + 3, bottom * scale + 3], outline=_AMBER, width=2
            )
    drawn = io.BytesIO()
    shown.save(drawn, "PNG")
    return drawn.getvalue()
