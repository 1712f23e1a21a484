"""The committee's pages: the queue with its clock, one request with thread, votes and decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from radcommons.access import docket, review
from radcommons.access import grant as grant_verbs
from radcommons.access.request_view import EVENTS, NAMES, TONES, sections
from radcommons.catalogue import requests
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.committee import Vote
from radcommons.records.errors import Conflict, UsageError
from radcommons.records.event import Actor, Role
from radcommons.records.lifecycle import RequestState
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

_DECIDED = (RequestState.APPROVED, RequestState.REFUSED, RequestState.WITHDRAWN)
Act = Literal["ask", "note", "vote", "conflict", "return", "approve", "refuse"]
_DONE = {
    "ask": "The applicant has your question.",
    "note": "The other members see your note.",
    "vote": "Your vote is counted.",
    "conflict": "Your conflict of interest is noted; the others decide.",
    "return": "The request is with its applicant again.",
    "approve": "Approved. The grant is made and the applicant is told.",
    "refuse": "Refused. The applicant is told.",
}


def router() -> APIRouter:
    """Return the routes below ``/committee``, and the one that revokes a grant."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint, methods in (
        ("/committee", queue_page, ["GET", "HEAD"]),
        ("/committee/{identifier}", case_page, ["GET", "HEAD"]),
        ("/committee/{identifier}", act_on, ["POST"]),
        ("/grants/{identifier}/revoke", revoke, ["POST"]),
    ):
        routes.add_api_route(path, endpoint, methods=methods, response_class=Response)
    return routes


def queue_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show the requests of a member's committees: what waits for them, what waits for others, what is decided."""
    lines = docket.queue(platform=ports, actor=who.actor)
    waiting = [one for one in lines if one.clock.waits_for == "committee"]
    return page(
        request,
        "access/committee.html",
        actor=who.actor,
        form_key=who.form_key,
        waiting=waiting,
        elsewhere=[one for one in lines if one.request.state not in _DECIDED and one not in waiting],
        decided=[one for one in reversed(lines) if one.request.state in _DECIDED][:50],
        overdue=sum(one.clock.is_overdue for one in lines),
        mine=sum(not one.voted and not one.in_conflict for one in waiting),
        names=NAMES | {RequestState.SUBMITTED: "Waits for the institution"},
        tones=TONES,
    )


def case_page(identifier: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show one request with everything that a decision needs."""
    case = docket.case(identifier, platform=ports, actor=who.actor)
    own = next((one for one in case.votes if one.account == who.actor.account), None)
    return page(
        request,
        "access/case.html",
        actor=who.actor,
        form_key=who.form_key,
        case=case,
        asked=case.request,
        own=own,
        sections=sections(case.request, case.policy.fields(is_emergency=case.request.is_emergency)),
        names=NAMES,
        tones=TONES,
        events=EVENTS,
        quorum=case.policy.votes(is_emergency=case.request.is_emergency),
        is_decided=case.request.state in _DECIDED,
    )


def act_on(
    identifier: str,
    ports: Ports,
    actor: Asking,
    act: Annotated[Act, Form()],
    text: Annotated[str, Form(max_length=20_000)] = "",
    vote: Annotated[Vote, Form()] = Vote.ABSTAIN,
    conditions: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    """Do what the button names."""
    authorize(actor, Role.COMMITTEE, Role.CURATOR)
    with reading(ports.engine) as connection:
        back = f"/committee/{requests.visible(connection, actor, identifier).id}"
    try:
        _acts(identifier, text, vote, conditions, ports, actor)[act]()
    except (Conflict, UsageError) as error:
        return redirect(back, flash=Flash(error.what, "bad", error.mend))
    return redirect(back, flash=Flash(_DONE[act]))


def _acts(
    identifier: str, text: str, vote: Vote, conditions: str, ports: Platform, actor: Actor
) -> dict[str, Callable[[], None]]:
    def decide(approve: bool) -> None:
        review.decide(identifier, approve=approve, reason=text, conditions=conditions, platform=ports, actor=actor)

    return {
        "ask": lambda: review.ask(identifier, body=text, platform=ports, actor=actor),
        "note": lambda: review.note(identifier, body=text, platform=ports, actor=actor),
        "vote": lambda: review.vote(identifier, choice=vote, reason=text, platform=ports, actor=actor),
        "conflict": lambda: review.declare_conflict(identifier, reason=text, platform=ports, actor=actor),
        "return": lambda: review.send_back(identifier, reason=text, platform=ports, actor=actor),
        "approve": lambda: decide(True),
        "refuse": lambda: decide(False),
    }


def revoke(
    identifier: str, ports: Ports, actor: Asking, reason: Annotated[str, Form(max_length=4000)] = ""
) -> Response:
    """Revoke a grant at once."""
    try:
        grant_verbs.revoke(identifier, reason=reason, platform=ports, actor=actor)
    except (Conflict, UsageError) as error:
        return redirect("/committee", flash=Flash(error.what, "bad", error.mend))
    return redirect("/committee", flash=Flash("The grant is revoked; nothing is open by it any more."))
