"""The hospital's local page: what was counted, what waits, what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from radcommons.records.errors import SignInRequired, UnreadableInstance
from radcommons.site.preview import preview
from radcommons.site.review import decide, held
from radcommons.site.sessions import COOKIE, Session, Sessions, check_form
from radcommons.site.status import FlowLine, at_hub, counts, flow, known_patients
from radcommons.site.store import Store
from radcommons.ui.render import Account, Flash, Renderer, View

TEMPLATES = Path(__file__).parent / "templates"
PAGE_SIZE = 20
_TONES = {"refused": "bad", "held": "warn", "ready": "accent", "submitted": "good"}
_DONE = {"pass": "passed", "exclude": "excluded", "refuse": "refused"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What every route works with."""

    store: Store
    sessions: Sessions
    renderer: Renderer

    def page(self, template: str, view: View, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page that no browser keeps."""
        html = self.renderer.render(f"site/{template}.html", view=view, settings=self.store.settings, **values)
        return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]


def signed_in(request: Request, desk: AtDesk) -> Session:
    """Return the caller's session.

    Raises
    ------
    SignInRequired
        If there is none.
    """
    found = desk.sessions.find(request.cookies.get(COOKIE))
    if found is None:
        raise SignInRequired("This page names patients' files; it needs a sign-in.", mend="Sign in first.")
    return found


SignedIn = Annotated[Session, Depends(signed_in)]


def view_of(request: Request, session: Session | None, *flashes: Flash) -> View:
    """Return who looks at which page."""
    account = Account(name=session.reviewer) if session else None
    form_key = session.form_key if session else ""
    return View(path=request.url.path, account=account, form_key=form_key, flashes=flashes)


def router() -> APIRouter:
    """Return the routes of the local page; they find their `Desk` in the application's state."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/", response_class=HTMLResponse)(home)
    routes.get("/held", response_class=HTMLResponse)(held_files)
    routes.get("/held/{number}/preview.png")(picture)
    routes.post("/held/{number}")(answer)
    routes.get("/sign-in", response_class=HTMLResponse)(sign_in_page)
    routes.post("/sign-in")(sign_in)
    routes.post("/sign-out")(sign_out)
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
    request: Request, desk: AtDesk, session: SignedIn, start: Annotated[int, Query(ge=0)] = 0, done: str = ""
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


def picture(number: int, desk: AtDesk, session: SignedIn) -> Response:
    """Show the frame in question; that it was looked at stands in the audit trail."""
    with desk.store.change() as change:
        change.tell("review.viewed", subject=f"file:{number}", actor=f"reviewer:{session.reviewer}")
    try:
        content = preview(desk.store, number)
    except UnreadableInstance:
        return Response(status_code=404)
    return Response(content, media_type="image/png", headers={"Cache-Control": "no-store"})


def answer(
    request: Request,
    number: int,
    desk: AtDesk,
    session: SignedIn,
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


def sign_in_page(request: Request, desk: AtDesk) -> Response:
    """Show the form that asks for the password."""
    return desk.page("sign-in", view_of(request, None), error="")


def sign_in(
    request: Request, desk: AtDesk, password: Annotated[str, Form()], reviewer: Annotated[str, Form()] = ""
) -> Response:
    """Begin a session."""
    cookie = desk.sessions.sign_in(password, reviewer=reviewer)
    if cookie is None:
        error = "The password is wrong or the name empty."
        return desk.page("sign-in", view_of(request, None), status=401, error=error)
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response


def sign_out(request: Request, desk: AtDesk, session: SignedIn, form_key: Annotated[str, Form()] = "") -> Response:
    """End the session."""
    check_form(session, form_key)
    desk.sessions.sign_out(request.cookies.get(COOKIE))
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response
