"""The page of selecting: the exclusion flow, what is still owed, and the undecided cases with one question each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from radcommons.records.errors import NotFound
from radcommons.site import audit
from radcommons.site.desk import AtDesk, DataManager, view_of
from radcommons.site.review_desk import pictures
from radcommons.site.selection_flow import drawn, exclusion_flow
from radcommons.site.selection_page import owed_lines, words_of_fact
from radcommons.site.selection_questions import Asked, answer, questions
from radcommons.site.sessions import check_form
from radcommons.site.store import Store
from radcommons.ui.render import Flash

_SHOWN = 10
_DONE = {"yes": "Answered with yes.", "no": "Answered with no.", "gone": "Somebody answered that already."}


def router() -> APIRouter:
    """Return the routes of selecting."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/selection", response_class=HTMLResponse)(page)
    routes.post("/selection/answer")(answered)
    routes.get("/selection/{token}/picture.jpg")(picture)
    routes.get("/selection/flow.svg")(flow_file)
    return routes


def page(request: Request, desk: AtDesk, session: DataManager, done: str = "") -> Response:
    """Show what is undecided, what is owed and what went out."""
    asked, steps = questions(desk.store), exclusion_flow(desk.store)
    audit.viewed(desk.store, session, "selection", "questions")
    flashes = [Flash(_DONE[done])] if done in _DONE else []
    return desk.page(
        "selection",
        view_of(request, session, *flashes),
        asked=[(one, [words_of_fact(name, value) for name, value in one.known]) for one in asked[:_SHOWN]],
        count=len(asked),
        waiting=len({number for one in asked for number in one.files}),
        quotas=owed_lines(desk.store),
        steps=steps,
        # Our own drawing; every text in it was escaped when it was drawn.
        drawing=Markup(drawn(steps)),  # noqa: S704
    )


def answered(
    request: Request,  # noqa: ARG001
    desk: AtDesk,
    session: DataManager,
    question: Annotated[str, Form()],
    decision: Annotated[str, Form(pattern="^(yes|no)$")],
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Take an answer."""
    check_form(session, form_key)
    try:
        answer(desk.store, question, is_so=decision == "yes", reviewer=session.user)
    except NotFound:
        return RedirectResponse("/selection?done=gone", status_code=303)
    return RedirectResponse(f"/selection?done={decision}", status_code=303)


def picture(request: Request, token: str, desk: AtDesk, session: DataManager) -> Response:
    """Show the first of the files that a question is about, small, as it would leave."""
    one = _asked(desk.store, token)
    audit.viewed(desk.store, session, "selection picture", f"file:{one.files[0]}")
    content = pictures(request, desk).small(one.files[0])
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def _asked(store: Store, token: str) -> Asked:
    found = next((one for one in questions(store) if one.id == token), None)
    if found is None:
        raise NotFound("This question was answered.")
    return found


def flow_file(desk: AtDesk, session: DataManager) -> Response:
    """Give the drawing as a file; it holds counts alone."""
    audit.viewed(desk.store, session, "exclusion flow", "drawing")
    headers = {"Content-Disposition": 'attachment; filename="exclusion-flow.svg"', "Cache-Control": "no-store"}
    return Response(drawn(exclusion_flow(desk.store)), media_type="image/svg+xml", headers=headers)
