"""The pages on which a data manager reviews by exception: what waits, one group with its sample, one decision."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from radcommons.records.errors import NotFound
from radcommons.records.finding import Finding
from radcommons.site import audit
from radcommons.site.desk import AtDesk, DataManager, Desk, view_of
from radcommons.site.review_cases import Case, answered, take_back
from radcommons.site.review_decide import GroupDecided, decide_group, undo_group
from radcommons.site.review_desk import names_of, pictures, reviewer_of, work_of
from radcommons.site.review_file_pages import routes_of_files
from radcommons.site.review_groups import Group, overview
from radcommons.site.review_sample import draw, file_of, sample_size, token_of
from radcommons.site.review_standing import decided
from radcommons.site.sessions import SiteSession, check_form
from radcommons.site.store import Store
from radcommons.site.tables_review import review_study
from radcommons.ui.render import Flash

_DONE = {"accept": "accepted", "hold": "put aside", "exclude": "left out", "undo": "open again"}
_CASES_SHOWN = 12


def router() -> APIRouter:
    """Return the routes of the review."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/review", response_class=HTMLResponse)(what_waits)
    routes.get("/review/next")(next_piece)
    routes.get("/review/held")(first_case)
    routes.get("/held")(what_waited_before)
    routes.get("/review/g/{token}", response_class=HTMLResponse)(group_page)
    routes.get("/review/g/{token}/picture.jpg")(group_picture)
    routes.post("/review/g/{token}")(decide)
    routes.post("/review/undo/{token}")(undo)
    routes.post("/review/f/{token}/undo")(undo_case)
    routes.include_router(routes_of_files())
    return routes


def what_waited_before() -> Response:
    """Lead an old bookmark to the page that took its place."""
    return RedirectResponse("/review", status_code=308)


def what_waits(
    request: Request, desk: AtDesk, session: DataManager, done: str = "", studies: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """Show the groups, the held files and what was decided."""
    work = work_of(desk.store)
    with desk.store.read() as connection:
        standing, answers = decided(connection), answered(connection)
    shown = work.cases[:_CASES_SHOWN]
    audit.viewed(desk.store, session, "review", "groups")
    flashes = _flashes(done, studies)
    return desk.page(
        "review",
        view_of(request, session, *flashes),
        work=work,
        cases=[(_token(desk.store, one.file), one) for one in shown],
        more_cases=len(work.cases) - len(shown),
        decided=standing,
        answers=[(_token(desk.store, one.file), one) for one in answers],
        names=names_of(desk.store),
        sizes=sample_size,
        needs_groups=desk.store.settings.review == "groups",
    )


def _flashes(done: str, studies: int, *, more: str = "") -> list[Flash]:
    """Say what the decision before did."""
    return (
        [Flash(f"{studies:,} {'study' if studies == 1 else 'studies'} {_DONE[done]}.", more=more)]
        if done in _DONE
        else []
    )


def _token(store: Store, number: int) -> str:
    with store.change() as change:
        return token_of(change.connection, number)


def next_piece(desk: AtDesk, session: DataManager, after: str = "") -> Response:  # noqa: ARG001  (signed in is enough)
    """Lead on to the next group, else to the first held file, else to the list."""
    work = work_of(desk.store)
    left = [group for group in work.groups if group.token != after]
    if left:
        return RedirectResponse(f"/review/g/{left[0].token}", status_code=303)
    return RedirectResponse("/review/held" if work.cases else "/review", status_code=303)


def first_case(desk: AtDesk, session: DataManager) -> Response:  # noqa: ARG001
    """Lead to the first held file."""
    waiting: list[Case] = work_of(desk.store).cases
    to = f"/review/f/{_token(desk.store, waiting[0].file)}" if waiting else "/review"
    return RedirectResponse(to, status_code=303)


def group_page(
    request: Request, token: str, desk: AtDesk, session: DataManager, done: str = "", studies: int = 0
) -> Response:
    """Show a group with its sample; the sample is drawn when the page is opened first."""
    drawn = draw(desk.store, token)
    group, place, count = _group(desk.store, token)
    audit.viewed(desk.store, session, "review-group", f"round:{drawn.id}")
    flashes = _flashes(done, studies, more="The list of groups takes it back.")
    return desk.page(
        "review-group",
        view_of(request, session, *flashes),
        group=group,
        drawn=drawn,
        place=place,
        count=count,
        first=next((one.token for one in drawn.asked if not one.is_opened), ""),
    )


def _group(store: Store, token: str) -> tuple[Group, int, int]:
    with store.read() as connection:
        every = overview(connection)
    for place, group in enumerate(every, start=1):
        if group.token == token:
            return group, place, len(every)
    raise NotFound("No study of this group waits.", mend="See the groups that do.")


def group_picture(request: Request, token: str, desk: AtDesk, session: DataManager) -> Response:  # noqa: ARG001
    """Show one study of a group, small, as it leaves."""
    group, _, _ = _group(desk.store, token)
    number = _any_file(desk.store, group.id)
    content = pictures(request, desk).small(number)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def _any_file(store: Store, group: int) -> int:
    import sqlalchemy as sa

    from radcommons.site.tables import file

    query = (
        sa.select(file.c.id)
        .join(review_study, (review_study.c.site == file.c.site) & (review_study.c.study_uid == file.c.study_uid))
        .where(review_study.c.grp == group, file.c.object_digest != "", file.c.state == "ready")
        .limit(1)
    )
    with store.read() as connection:
        found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no picture of this group.")
    return int(found)


def decide(
    request: Request,
    token: str,
    desk: AtDesk,
    session: DataManager,
    decision: Annotated[str, Form()],
    drawn: Annotated[str, Form()],
    version: Annotated[int, Form()],
    note: Annotated[str, Form(max_length=500)] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Take a decision about a group."""
    check_form(session, form_key)
    reviewer = reviewer_of(session)
    done = decide_group(desk.store, drawn, version=version, decision=decision, reviewer=reviewer, note=note)
    if isinstance(done, Finding):
        return _objection(request, desk, session, done)
    audit.mark_end(desk.store)
    to = next_piece(desk, session, after=token).headers["location"]
    tail = f"?done={done.decision}&studies={done.studies}" if to.startswith(("/review/g/", "/review")) else ""
    return RedirectResponse(to if to == "/review/held" else to + tail, status_code=303)


def undo(
    request: Request,
    token: str,
    desk: AtDesk,
    session: DataManager,
    version: Annotated[int, Form()],
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Take a decision about a group back."""
    check_form(session, form_key)
    done: GroupDecided | Finding = undo_group(desk.store, token, version=version, reviewer=reviewer_of(session))
    if isinstance(done, Finding):
        return _objection(request, desk, session, done)
    audit.mark_end(desk.store)
    return RedirectResponse(f"/review?done=undo&studies={done.studies}", status_code=303)


def undo_case(
    request: Request, token: str, desk: AtDesk, session: DataManager, form_key: Annotated[str, Form()] = ""
) -> Response:
    """Take the answer about a held file back."""
    check_form(session, form_key)
    with desk.store.read() as connection:
        number = file_of(connection, token)
    done = take_back(desk.store, number, reviewer=reviewer_of(session))
    if isinstance(done, Finding):
        return _objection(request, desk, session, done)
    audit.mark_end(desk.store)
    return RedirectResponse(f"/review/f/{token}", status_code=303)


def _objection(request: Request, desk: Desk, session: SiteSession, objection: Finding) -> Response:
    """Say who was faster, or what is missing; nothing was changed."""
    titles = {"decided-before": "Somebody was faster", "sample-not-seen": "The sample is not opened yet"}
    html = desk.renderer.problem(
        view=view_of(request, session),
        status=409,
        title=titles.get(objection.code, "It cannot be done"),
        detail=objection.message,
        mend="Nothing was changed by you. The list of groups shows what stands.",
    )
    return HTMLResponse(html, status_code=409, headers={"Cache-Control": "no-store"})
