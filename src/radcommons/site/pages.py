"""The hospital's local page: what was counted, what waits, what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from radcommons.records.errors import SignInRequired, UnreadableInstance
from radcommons.site.preview import preview
from radcommons.site.review import decide, held
from radcommons.site.sessions import COOKIE, Session, Sessions, check_form
from radcommons.site.status import at_hub, counts, flow, known_patients
from radcommons.site.store import Store
from radcommons.ui.render import Account, Flash, Renderer, View

TEMPLATES = Path(__file__).parent / "templates"
PAGE_SIZE = 20
_TONES = {"refused": "bad", "held": "warn", "ready": "accent", "submitted": "good"}
_DONE = {"pass": "passed", "exclude": "excluded", "refuse": "refused"}


def signed_in(request: Request) -> Session:
    """Return the caller's session.

    Raises
    ------
    SignInRequired
        If there is none.
    """
    sessions: Sessions = request.app.state.sessions
    found = sessions.find(request.cookies.get(COOKIE))
    if found is None:
        raise SignInRequired("This page names patients' files; it needs a sign-in.", mend="Sign in first.")
    return found


SignedIn = Annotated[Session, Depends(signed_in)]


def view_of(request: Request, session: Session | None, *flashes: Flash) -> View:
    """Return who looks at which page."""
    account = Account(name=session.reviewer) if session else None
    return View(path=request.url.path, account=account, form_key=session.form_key if session else "", flashes=flashes)


def router(store: Store, renderer: Renderer) -> APIRouter:
    """Return the routes of the local page."""
    routes = APIRouter(include_in_schema=False)

    def page(template: str, view: View, *, status: int = 200, **values: Any) -> HTMLResponse:
        html = renderer.render(f"site/{template}.html", view=view, settings=store.settings, **values)
        return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})

    @routes.get("/", response_class=HTMLResponse)
    def home(request: Request, session: SignedIn) -> Response:
        """Show the counts, the exclusion flow and the submissions."""
        lines = [
            (
                line.code or line.words,
                line.files,
                "" if line.code else _TONES.get(line.state, ""),
                f"{line.patients} patients, {line.studies} studies",
            )
            for line in flow(store)
        ]
        return page(
            "home",
            view_of(request, session),
            counts=counts(store),
            flow=lines,
            hub=at_hub(store),
            patients=known_patients(store),
        )

    @routes.get("/held", response_class=HTMLResponse)
    def held_files(
        request: Request, session: SignedIn, start: Annotated[int, Query(ge=0)] = 0, done: str = ""
    ) -> Response:
        """Show what waits for a person, with one question each."""
        waiting = held(store, limit=PAGE_SIZE + 1, offset=start)
        flashes = [Flash(f"One file was {_DONE[done]}.")] if done in _DONE else []
        return page(
            "held",
            view_of(request, session, *flashes),
            questions=waiting[:PAGE_SIZE],
            start=start,
            previous=f"/held?start={max(start - PAGE_SIZE, 0)}" if start else "",
            next=f"/held?start={start + PAGE_SIZE}" if len(waiting) > PAGE_SIZE else "",
        )

    @routes.get("/held/{number}/preview.png")
    def picture(number: int, session: SignedIn) -> Response:
        """Show the frame in question."""
        with store.change() as change:
            change.tell("review.viewed", subject=f"file:{number}", actor=f"reviewer:{session.reviewer}")
        try:
            content = preview(store, number)
        except UnreadableInstance:
            return Response(status_code=404)
        return Response(content, media_type="image/png", headers={"Cache-Control": "no-store"})

    @routes.post("/held/{number}")
    def answer(
        request: Request,
        number: int,
        session: SignedIn,
        decision: Annotated[str, Form()],
        form_key: Annotated[str, Form()] = "",
        start: Annotated[int, Form()] = 0,
    ) -> Response:
        """Take a reviewer's decision."""
        check_form(session, form_key)
        objections = decide(store, [number], decision=decision, reviewer=session.reviewer)
        if objections:
            detail = objections[0].message
            html = renderer.problem(view=view_of(request, session), status=409, title="It cannot pass", detail=detail)
            return HTMLResponse(html, status_code=409)
        return RedirectResponse(f"/held?start={max(start, 0)}&done={decision}", status_code=303)

    @routes.get("/sign-in", response_class=HTMLResponse)
    def sign_in_page(request: Request) -> Response:
        """Show the form that asks for the password."""
        return page("sign-in", view_of(request, None), error="")

    @routes.post("/sign-in")
    def sign_in(request: Request, password: Annotated[str, Form()], reviewer: Annotated[str, Form()] = "") -> Response:
        """Begin a session."""
        sessions: Sessions = request.app.state.sessions
        cookie = sessions.sign_in(password, reviewer=reviewer)
        if cookie is None:
            return page("sign-in", view_of(request, None), status=401, error="The password is wrong or the name empty.")
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    @routes.post("/sign-out")
    def sign_out(request: Request, session: SignedIn, form_key: Annotated[str, Form()] = "") -> Response:
        """End the session."""
        check_form(session, form_key)
        request.app.state.sessions.sign_out(request.cookies.get(COOKIE))
        response = RedirectResponse("/sign-in", status_code=303)
        response.delete_cookie(COOKIE)
        return response

    return routes
