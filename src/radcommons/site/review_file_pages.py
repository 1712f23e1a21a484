"""One file before and after: its header, its pixels with the regions in them, its question, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydicom.dataset import Dataset

from radcommons.dicom.frames import frame_count
from radcommons.dicom.pixeltext import TextBox
from radcommons.records.errors import NotFound, UnreadableInstance, UsageError
from radcommons.records.lifecycle import FileState
from radcommons.site import audit
from radcommons.site.desk import AtDesk, DataManager, Desk, view_of
from radcommons.site.review import decide as decide_files
from radcommons.site.review_cases import Case, cases, files_of
from radcommons.site.review_decide import mark_wrong
from radcommons.site.review_desk import names_of, pictures, reviewer_of, signature_of
from radcommons.site.review_groups import Words, settle, words_of
from radcommons.site.review_header import KEPT, HeaderLine, compare, tally
from radcommons.site.review_original import (
    Opened,
    Row,
    deidentified_again,
    open_object,
    open_original,
    row_of,
    with_names,
)
from radcommons.site.review_pixels import Region, clean_again, regions
from radcommons.site.review_sample import Round, file_of, open_round_of_file, opened, round_of, token_of
from radcommons.site.review_sent import sent_of
from radcommons.site.review_stack import Slices, slice_page, slice_picture, slices_of
from radcommons.site.sessions import SiteSession, check_form
from radcommons.site.store import Store
from radcommons.ui.render import Flash

_SAID = {
    "pass": "It may go.",
    "exclude": "It stays out.",
    "refuse": "It cannot be used.",
    "wrong": "The study is held, and the sample is larger now.",
    "cleaned": "The picture was cleaned again. Look at it before you let it go.",
}
_ALL = "all"


def routes_of_files() -> APIRouter:
    """Return the routes of single files."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/review/f/{token}", response_class=HTMLResponse)(file_page)
    routes.get("/review/f/{token}/{side}.jpg")(picture)
    routes.get("/review/f/{token}/slices/{place}")(slice_page)
    routes.get("/review/f/{token}/slices/{place}/{side}.jpg")(slice_picture)
    routes.post("/review/f/{token}")(answer)
    routes.post("/review/f/{token}/reveal", response_class=HTMLResponse)(reveal)
    routes.post("/review/f/{token}/regions")(clean)
    return routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page of a file says of it."""

    token: str
    number: int
    state: str
    code: str
    question: str
    path: str
    pseudonym: str
    lines: list[HeaderLine]
    tally: dict[str, int]
    frames: int
    rows: int
    columns: int
    has_original: bool
    has_object: bool
    regions: list[Region]


@dataclass(frozen=True, slots=True, kw_only=True)
class InSample:
    """The sample that a file is in."""

    group: str
    words: Words
    drawn: Round
    place: int
    previous: str
    following: str


def shown_of(store: Store, number: int, *, token: str) -> Shown:
    """Return what the page of a file shows, the original's values among it."""
    row = row_of(store, number)
    with ExitStack() as stack:
        leaves = _object_here(store, row, stack)
        opened_ = stack.enter_context(open_original(store, row))
        fresh = leaves.header.dataset if leaves is not None else Dataset()
        lines: list[HeaderLine] = []
        if opened_ is not None:
            original = with_names(store, opened_.header, row)
            again = deidentified_again(store, original, row)
            if leaves is None and again is not None and again.done.dataset is not None:
                fresh = again.done.dataset
            lines = compare(original, fresh, record=again.done.record if again else {})
        has_pixels = leaves is not None and leaves.header.pixel is not None
        return Shown(
            token=token,
            number=number,
            state=str(row.state),
            code=str(row.code),
            question=str(row.reason),
            path=str(row.path),
            pseudonym=str(row.pseudonym),
            lines=lines,
            tally=tally(lines),
            frames=frame_count(fresh) if has_pixels else 0,
            rows=int(fresh.get("Rows", 0) or 0),
            columns=int(fresh.get("Columns", 0) or 0),
            has_original=opened_ is not None,
            has_object=leaves is not None,
            regions=regions(store, number),
        )


def _object_here(store: Store, row: Row, stack: ExitStack) -> Opened | None:
    """Return the object that leaves; None where its bytes were freed after the hub took them."""
    try:
        return stack.enter_context(open_object(store, row))
    except NotFound:
        return None


def file_page(
    request: Request,
    token: str,
    desk: AtDesk,
    session: DataManager,
    frame: Annotated[int, Query(ge=1)] = 1,
    done: str = "",
) -> Response:
    """Show a file before and after; that it was opened is written down."""
    return _page(request, desk, session, token, frame=frame, flashes=[Flash(_SAID[done])] if done in _SAID else [])


def _page(
    request: Request,
    desk: Desk,
    session: SiteSession,
    token: str,
    *,
    frame: int = 1,
    flashes: Sequence[Flash] = (),
    revealed: str = "",
    status: int = 200,
) -> Response:
    store = desk.store
    with store.read() as connection:
        number = file_of(connection, token)
    with store.change() as change:
        found = open_round_of_file(change.connection, number)
        if found is not None:
            opened(change, number, found=found, by=session.user)
        change.tell("page.viewed", subject=f"file:{number}", actor=session.actor, page="review-file")
    audit.mark_end(store)
    shown = shown_of(store, number, token=token)
    first = next((one.frame for one in shown.regions if not one.is_covered), None)
    asked = first + 1 if first is not None and frame == 1 else frame
    case, place = _case(store, number)
    with store.read() as connection:
        slices = slices_of(connection, number) if shown.frames == 1 else Slices(files=(number,), at=1)
    return desk.page(
        "review-file",
        view_of(request, session, *flashes),
        status=status,
        file=shown,
        frame=min(asked, max(shown.frames, 1)),
        sample=_sample(store, number, found),
        slices=slices,
        sent=sent_of(store, number, token=token),
        case=case,
        place=place,
        revealed=revealed,
        kept=KEPT,
        names=names_of(store),
        is_open=shown.state in (FileState.READY, FileState.HELD),
    )


def _sample(store: Store, number: int, found: int | None) -> InSample | None:
    if found is None:
        return None
    import sqlalchemy as sa

    from radcommons.site.tables_review import review_group, review_round

    with store.read() as connection:
        drawn = round_of(connection, found)
        query = sa.select(review_group).join(review_round, review_round.c.grp == review_group.c.id)
        group = connection.execute(query.where(review_round.c.id == found)).one()
    tokens = [one.token for one in drawn.asked]
    of_study = str(row_of(store, number).study_uid)
    place = next((index for index, one in enumerate(drawn.asked) if one.study_uid == of_study), None)
    if place is None:
        return None
    return InSample(
        group=group.token,
        words=words_of(group.shown),
        drawn=drawn,
        place=place + 1,
        previous=tokens[place - 1] if place else "",
        following=tokens[place + 1] if place + 1 < len(tokens) else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a case stands among those that wait."""

    place: int
    count: int
    previous: str
    following: str


def _case(store: Store, number: int) -> tuple[Case | None, Place | None]:
    with store.change() as change:
        mine = files_of(change.connection, number)
        if not mine:
            return None, None
        every = cases(change.connection)
        index = next((at for at, one in enumerate(every) if one.file in mine), None)
        if index is None:
            row = row_of(store, number)
            return Case(file=number, files=len(mine), code=str(row.code), question=str(row.reason)), None
        beside = [every[at].file if 0 <= at < len(every) else 0 for at in (index - 1, index + 1)]
        previous, following = (token_of(change.connection, one) if one else "" for one in beside)
    return every[index], Place(place=index + 1, count=len(every), previous=previous, following=following)


def picture(
    request: Request,
    token: str,
    side: str,
    desk: AtDesk,
    session: DataManager,
    frame: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """Show a frame; that the original's was shown is written down."""
    if side not in ("before", "after"):
        raise NotFound("There is no such picture.")
    with desk.store.read() as connection:
        number = file_of(connection, token)
    made = pictures(request, desk)
    if side == "before":
        audit.did(desk.store, session, "review.original-shown", f"file:{number}", frame=frame)
        content = made.before(number, frame=frame - 1)
    else:
        content = made.after(number, frame=frame - 1)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def reveal(
    request: Request,
    token: str,
    desk: AtDesk,
    session: DataManager,
    path: Annotated[str, Form(max_length=400)],
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Show an original value, or all of a header; who saw which attribute is written down."""
    check_form(session, form_key)
    with desk.store.read() as connection:
        number = file_of(connection, token)
    lines = shown_of(desk.store, number, token=token).lines
    if path != _ALL and not any(line.path == path for line in lines):
        raise NotFound("There is no such attribute.")
    audit.did(desk.store, session, "review.value-revealed", f"file:{number}", attribute=path)
    return _page(request, desk, session, token, revealed=path)


def answer(
    request: Request,
    token: str,
    desk: AtDesk,
    session: DataManager,
    decision: Annotated[str, Form()],
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Take the answer to a held file's question, or hold a study of a sample that is wrong."""
    check_form(session, form_key)
    store = desk.store
    with store.read() as connection:
        number = file_of(connection, token)
        found = open_round_of_file(connection, number)
        numbers = files_of(connection, number)
    if decision == "wrong":
        sample = _sample(store, number, found)
        if sample is None or not mark_wrong(store, number, found=sample.drawn.id, reviewer=reviewer_of(session)):
            return _late(request, desk, session, "It is not in an open sample any more.")
        audit.mark_end(store)
        return RedirectResponse(f"/review/g/{sample.group}", status_code=303)
    _, place = _case(store, number)
    signature = signature_of(store, session)
    objections = decide_files(store, numbers or [number], decision=decision, reviewer=signature, actor=session.actor)
    audit.mark_end(store)
    if objections:
        words = objections[0].message
        for mark, name in names_of(store).items():
            words = words.replace(mark, name)
        return _late(request, desk, session, words)
    settle(store)
    to = f"/review/f/{place.following}" if place and place.following else "/review"
    return RedirectResponse(f"{to}?done={decision}" if to != "/review" else to, status_code=303)


def _late(request: Request, desk: Desk, session: SiteSession, words: str) -> Response:
    html = desk.renderer.problem(
        view=view_of(request, session), status=409, title="It cannot be done", detail=words, mend=""
    )
    return HTMLResponse(html, status_code=409, headers={"Cache-Control": "no-store"})


def clean(
    request: Request,
    token: str,
    desk: AtDesk,
    session: DataManager,
    covers: Annotated[Sequence[int], Form()] = (),
    at_frame: Annotated[Sequence[str], Form()] = (),
    x: Annotated[Sequence[str], Form()] = (),
    y: Annotated[Sequence[str], Form()] = (),
    width: Annotated[Sequence[str], Form()] = (),
    height: Annotated[Sequence[str], Form()] = (),
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Clean a file's pixels again with the regions as the person left them."""
    check_form(session, form_key)
    with desk.store.read() as connection:
        number = file_of(connection, token)
    try:
        adds = _drawn(zip(at_frame, x, y, width, height, strict=True))
        clean_again(desk.store, number, covers=list(covers), adds=adds, reviewer=reviewer_of(session))
    except (UsageError, UnreadableInstance, NotFound) as error:
        flash = Flash(error.what, "bad", error.mend)
        return _page(request, desk, session, token, flashes=[flash], status=409)
    except ValueError:
        flash = Flash("A region needs five whole numbers.", "bad", "Frame, x, y, width and height, in pixels.")
        return _page(request, desk, session, token, flashes=[flash], status=400)
    settle(desk.store)
    frame = adds[0][0] + 1 if adds else 1
    return RedirectResponse(f"/review/f/{token}?done=cleaned&frame={frame}", status_code=303)


def _drawn(fields: zip[tuple[str, ...]]) -> list[tuple[int, TextBox]]:
    """Return the regions that were drawn; a row without any number is none."""
    found = []
    for row in fields:
        if not any(text.strip() for text in row[1:]):
            continue
        frame, x, y, width, height = (int(text) for text in row)
        if width <= 0 or height <= 0:
            raise ValueError
        found.append((frame - 1, TextBox(x=x, y=y, width=width, height=height, score=1.0)))
    return found
