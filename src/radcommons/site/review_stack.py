"""The slices of the series that a file is in, in their order: a sample shows one, and a person steps through all."""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from radcommons.records.errors import NotFound
from radcommons.records.lifecycle import FileState
from radcommons.site import audit
from radcommons.site.desk import AtDesk, DataManager
from radcommons.site.review_desk import pictures
from radcommons.site.review_sample import file_of, token_of
from radcommons.site.tables import file
from radcommons.site.tables_select import placed

_WAITS = (FileState.READY, FileState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """The files of a series in the order of their places; `at` is where the file in hand stands, from 1."""

    files: tuple[int, ...]
    at: int

    def file_at(self, place: int) -> int:
        """Return the file at a place, from 1.

        Raises
        ------
        NotFound
            If the series has no such slice.
        """
        if not 1 <= place <= len(self.files):
            raise NotFound("The series has no such slice.")
        return self.files[place - 1]


def slices_of(connection: sa.Connection, number: int) -> Slices:
    """Return the slices of a file's series that are here as it is: what waits together, or what went together.

    Notes
    -----
    In the order of their places along the stack where each has one, else as they came.
    """
    row = connection.execute(sa.select(file).where(file.c.id == number)).one()
    states = _WAITS if row.state in _WAITS else (row.state,)
    query = (
        sa.select(file.c.id, placed.c.positions)
        .outerjoin(placed, placed.c.file == file.c.id)
        .where(file.c.study_uid == row.study_uid, file.c.site == row.site, file.c.series_uid == row.series_uid)
        .where(file.c.series_uid != "", file.c.object_digest != "", file.c.state.in_(states))
        .order_by(file.c.id)
    )
    rows = connection.execute(query).all()
    places = [json.loads(one.positions) if one.positions else [] for one in rows]
    numbers = [int(one.id) for one in rows]
    if all(len(place) == 1 for place in places):
        numbers = [found for _, found in sorted(zip((place[0] for place in places), numbers, strict=True))]
    if number not in numbers:
        return Slices(files=(number,), at=1)
    return Slices(files=tuple(numbers), at=numbers.index(number) + 1)


def slice_page(token: str, place: int, desk: AtDesk, session: DataManager) -> Response:  # noqa: ARG001  (signed in)
    """Lead to the page of another slice of the series."""
    with desk.store.change() as change:
        found = slices_of(change.connection, file_of(change.connection, token)).file_at(place)
        to = token_of(change.connection, found)
    return RedirectResponse(f"/review/f/{to}", status_code=303)


def slice_picture(request: Request, token: str, place: int, side: str, desk: AtDesk, session: DataManager) -> Response:
    """Show another slice of the series; that the original's was shown is written down."""
    if side not in ("before", "after"):
        raise NotFound("There is no such picture.")
    with desk.store.read() as connection:
        found = slices_of(connection, file_of(connection, token)).file_at(place)
    made = pictures(request, desk)
    if side == "before":
        audit.did(desk.store, session, "review.original-shown", f"file:{found}", frame=1)
        content = made.before(found, frame=0)
    else:
        content = made.after(found, frame=0)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
