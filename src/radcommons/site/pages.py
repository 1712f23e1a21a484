"""The first pages of the gateway: today's work, and the first day."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from radcommons.site import audit
from radcommons.site.desk import AtDesk, DataManager, SignedIn, view_of
from radcommons.site.sessions import check_form
from radcommons.site.start import CanaryRun, ask_pacs, steps
from radcommons.site.status import FlowLine, at_hub, counts, flow, known_patients
from radcommons.site.tasks import progress, spoken, tasks
from radcommons.ui.render import Flash

_TONES = {"refused": "bad", "held": "warn", "ready": "accent", "submitted": "good"}


def router() -> APIRouter:
    """Return the routes of the local page; they find their `Desk` in the application's state."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/", response_class=HTMLResponse)(home)
    routes.get("/start", response_class=HTMLResponse)(start)
    routes.post("/start/canary")(begin_canary)
    routes.post("/start/pacs", response_class=HTMLResponse)(echo_pacs)
    return routes


def home(request: Request, desk: AtDesk, session: SignedIn) -> Response:
    """Show what is to be done today, what became of the files and how far the submissions are."""
    hub = at_hub(desk.store)
    audit.viewed(desk.store, session, "home", "today")
    return desk.page(
        "home",
        view_of(request, session),
        counts=counts(desk.store),
        flow=[_flow_row(line) for line in flow(desk.store)],
        problem=hub["problem"],
        sent=list(progress(desk.store)),
        tasks=tasks(desk.store),
        spoken=spoken,
        patients=known_patients(desk.store),
        steps=steps(desk.store),
    )


def _flow_row(line: FlowLine) -> tuple[str, int, str, str]:
    if line.code:
        return f"– {line.code}", line.files, "", ""
    patients = f"{line.patients} patient{'' if line.patients == 1 else 's'}"
    studies = f"{line.studies} stud{'y' if line.studies == 1 else 'ies'}"
    return line.words, line.files, _TONES.get(line.state, ""), f"{patients}, {studies}"


def start(request: Request, desk: AtDesk, session: SignedIn) -> Response:
    """Show the first day step by step."""
    return _start(request, desk, session)


def _start(request: Request, desk: AtDesk, session: SignedIn, *flashes: Flash, peer: str = "") -> Response:
    run = _canary(request, desk)
    if run.problem:
        flashes = (*flashes, Flash("The canary set did not go through.", "bad", run.problem))
    return desk.page(
        "start",
        view_of(request, session, *flashes),
        steps=steps(desk.store),
        run=run,
        peer=peer,
    )


def _canary(request: Request, desk: AtDesk) -> CanaryRun:
    state = request.app.state
    if not hasattr(state, "canary"):
        state.canary = CanaryRun(desk.store)
    found: CanaryRun = state.canary
    return found


def begin_canary(
    request: Request, desk: AtDesk, session: DataManager, form_key: Annotated[str, Form()] = ""
) -> Response:
    """Begin a run of the canary set; the page shows how far it is."""
    check_form(session, form_key)
    audit.did(desk.store, session, "canary.begun", "gateway")
    _canary(request, desk).begin()
    return RedirectResponse("/start#canary", status_code=303)


def echo_pacs(
    request: Request,
    desk: AtDesk,
    session: DataManager,
    peer: Annotated[str, Form()],
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Ask a PACS whether it is there and knows us."""
    check_form(session, form_key)
    problem = ask_pacs(desk.store, peer, session=session)
    flash = Flash("It did not answer.", "bad", problem) if problem else Flash("The PACS answered, and it knows us.")
    return _start(request, desk, session, flash, peer=peer if problem else "")
