"""The first page of the gateway: what was counted, what waits, what was sent."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from radcommons.site.desk import AtDesk, SignedIn, view_of
from radcommons.site.status import FlowLine, at_hub, counts, flow, known_patients

_TONES = {"refused": "bad", "held": "warn", "ready": "accent", "submitted": "good"}


def router() -> APIRouter:
    """Return the routes of the local page; they find their `Desk` in the application's state."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/", response_class=HTMLResponse)(home)
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
