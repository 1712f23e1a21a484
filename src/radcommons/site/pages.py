"""The first page of the gateway: what was counted, what waits, what was sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from radcommons.records.errors import UnreadableInstance
from radcommons.site.desk import AtDesk, DataManager, SignedIn, view_of
from radcommons.site.preview import preview
from radcommons.site.review import decide, held
from radcommons.site.sessions import check_form
from radcommons.site.status import FlowLine, at_hub, counts, flow, known_patients
from radcommons.ui.render import Flash

PAGE_SIZE = 20
_TONES = {"refused": "bad", "held": "warn", "ready": "accent", "submitted": "good"}
_DONE = {"pass": "passed", "exclude": "excluded", "refuse": "refused"}


def router() -> APIRouter:
    """Return the routes of the local page; they find their `Desk` in the application's state."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/", response_class=HTMLResponse)(home)
    routes.get("/held", response_class=HTMLResponse)(held_files)
    routes.get("/held/{number}/preview.png")(picture)
    routes.post("/held/{number}")(answer)
    return routes


def home(request: Request, desk: AtDesk, session: SignedIn) -> Response:
    """Show the counts, the exclusion flow and the submissions."""
    return desk.page(
        "home",
        view_of(request, session),
        counts=counts(desk.store),
        flow=[_flow_row(line) for line in flow(desk.store)],
        hub=at_hub(desk.store),
        patients=known_patients(desk.store),
    )


def _flow_row(line: FlowLine) -> tuple[str, int, str, str]:
    if line.code:
        return f"– {line.code}", line.files, "", ""
    patients = f"{line.patients} patient{'' if line.patients == 1 else 's'}"
    studies = f"{line.studies} stud{'y' if line.studies == 1 else 'ies'}"
    return line.words, line.files, _TONES.get(line.state, ""), f"{patients}, {studies}"


def held_files(
    request: Request, desk: AtDesk, session: DataManager, start: Annotated[int, Query(ge=0)] = 0, done: str = ""
) -> Response:
    """Show what waits for a person, with one question each."""
    waiting = held(desk.store, limit=PAGE_SIZE + 1, offset=start)
    flashes = [Flash(f"One file was {_DONE[done]}.")] if done in _DONE else []
    return desk.page(
        "held",
        view_of(request, session, *flashes),
        questions=waiting[:PAGE_SIZE],
        start=start,
        previous=f"/held?start={max(start - PAGE_SIZE, 0)}" if start else "",
        next=f"/held?start={start + PAGE_SIZE}" if len(waiting) > PAGE_SIZE else "",
    )


def picture(number: int, desk: AtDesk, session: DataManager) -> Response:
    """Show the frame in question; that it was looked at stands in the audit trail."""
    with desk.store.change() as change:
        change.tell("review.viewed", subject=f"file:{number}", actor=session.actor)
    try:
        content = preview(desk.store, number)
    except UnreadableInstance:
        return Response(status_code=404)
    return Response(content, media_type="image/png", headers={"Cache-Control": "no-store"})


def answer(
    request: Request,
    number: int,
    desk: AtDesk,
    session: DataManager,
    decision: Annotated[str, Form()],
    form_key: Annotated[str, Form()] = "",
    start: Annotated[int, Form()] = 0,
) -> Response:
    """Take a reviewer's decision."""
    check_form(session, form_key)
    objections = decide(desk.store, [number], decision=decision, reviewer=session.reviewer)
    if objections:
        detail = objections[0].message
        html = desk.renderer.problem(view=view_of(request, session), status=409, title="It cannot pass", detail=detail)
        return HTMLResponse(html, status_code=409)
    return RedirectResponse(f"/held?start={max(start, 0)}&done={decision}", status_code=303)
