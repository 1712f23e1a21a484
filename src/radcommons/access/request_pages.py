"""The applicant's pages: write, check, sign, follow, answer, take back. They work without JavaScript."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool

from radcommons.access import request as verbs
from radcommons.access.dataset_pages import fields_by_section
from radcommons.access.request_view import EVENTS, NAMES, TONES, road, sections
from radcommons.access.review import grant_of
from radcommons.catalogue import access_terms, requests
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.platform.clock import now
from radcommons.platform.database import reading
from radcommons.platform.ports import Platform
from radcommons.records.access_request import PERSON_PARTS, clock
from radcommons.records.countries import COUNTRIES
from radcommons.records.duo import Kind, of_kind
from radcommons.records.errors import Conflict, UsageError
from radcommons.records.event import Actor
from radcommons.records.lifecycle import RequestState
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

_SPARE_PEOPLE = 2
_MOST_FIELDS = 400


def router() -> APIRouter:
    """Return the routes of a person's own requests."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint, methods in (
        ("/requests", requests_page, ["GET", "HEAD"]),
        ("/datasets/{name}/requests", begin, ["POST"]),
        ("/requests/{identifier}", status_page, ["GET", "HEAD"]),
        ("/requests/{identifier}/edit", edit_page, ["GET", "HEAD"]),
        ("/requests/{identifier}/edit", save, ["POST"]),
        ("/requests/{identifier}/sign", sign_page, ["GET", "HEAD"]),
        ("/requests/{identifier}/sign", sign, ["POST"]),
        ("/requests/{identifier}/messages", say, ["POST"]),
        ("/requests/{identifier}/recall", recall, ["POST"]),
        ("/requests/{identifier}/withdraw", withdraw, ["POST"]),
    ):
        routes.add_api_route(path, endpoint, methods=methods, response_class=Response)
    return routes


def requests_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show a person's own requests and where each stands."""
    verbs.person(who.actor)
    with reading(ports.engine) as connection:
        found = requests.of_account(connection, who.actor)
        steps = requests.steps(connection, [one.id for one in found])
    clocks = {
        one.id: clock(
            steps[one.id],
            promised_days=one.policy.days(is_emergency=one.is_emergency) if one.policy else 0,
            now=now(),
        )
        for one in found
    }
    return page(
        request,
        "access/requests.html",
        actor=who.actor,
        form_key=who.form_key,
        found=found,
        clocks=clocks,
        names=NAMES,
        tones=TONES,
    )


def begin(name: str, ports: Ports, actor: Asking, track: Annotated[str, Form(max_length=12)] = "") -> Response:
    """Make a draft and open its form."""
    try:
        made = verbs.begin(name, is_emergency=track == "emergency", platform=ports, actor=actor)
    except Conflict as error:
        return redirect("/requests", flash=Flash(error.what, "bad", error.mend))
    return redirect(f"/requests/{made}/edit")


def status_page(identifier: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show where a request stands, what was said, what was signed and what comes next."""
    with reading(ports.engine) as connection:
        found = verbs.own(connection, identifier, who.actor)
        offer = access_terms.offer(connection, found.dataset)
        history = requests.history(connection, found.id)
        steps = requests.steps(connection, [found.id])[found.id]
        thread = requests.thread(connection, found.id, with_internal=False)
        signatures = requests.signatures(connection, found.id)
        grant = grant_of(connection, who.actor, found)
    policy = found.policy or offer.policy
    return page(
        request,
        "access/request.html",
        actor=who.actor,
        form_key=who.form_key,
        asked=found,
        offer=offer,
        policy=policy,
        road=road(found, history),
        clock=clock(steps, promised_days=policy.days(is_emergency=found.is_emergency), now=now()),
        history=history,
        thread=thread,
        signatures=signatures,
        grant=grant,
        matches=verbs.prematch(found.answers, offer=offer),
        sections=sections(found, policy.fields(is_emergency=found.is_emergency)),
        names=NAMES,
        tones=TONES,
        events=EVENTS,
        is_open=found.state
        not in (RequestState.DRAFT, RequestState.APPROVED, RequestState.REFUSED, RequestState.WITHDRAWN),
    )


def edit_page(
    identifier: str, request: Request, ports: Ports, who: Visitor, check: str = "", more: int = 0
) -> Response:
    """Show a draft's form, with what is wrong where it was asked for."""
    look = verbs.look(identifier, platform=ports, actor=who.actor)
    if look.request.state is not RequestState.DRAFT:
        return redirect(f"/requests/{look.request.id}")
    fields = look.offer.policy.fields(is_emergency=look.request.is_emergency)
    people = [*look.request.answers.get("people", ())]
    spare = min(max(more, 0), 10) + _SPARE_PEOPLE
    return page(
        request,
        "access/request_form.html",
        actor=who.actor,
        form_key=who.form_key,
        asked=look.request,
        offer=look.offer,
        groups=fields_by_section(fields),
        answers=look.request.answers,
        people=[*people, *({part: "" for part in PERSON_PARTS} for _ in range(spare))],
        faults=look.faults if check else {},
        matches=look.matches if look.request.answers.get("purposes") or check else (),
        countries=COUNTRIES,
        purposes=of_kind(Kind.PURPOSE),
    )


async def _given(request: Request) -> dict[str, list[str]]:
    """Return a form's texts by name; files are not taken."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    given: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            given.setdefault(name, []).append(value)
    return given


async def save(identifier: str, request: Request, ports: Ports, actor: Asking) -> Response:
    """Keep what the form says, and go on to what its button names."""
    given = await _given(request)
    return await run_in_threadpool(_saved, identifier, given, ports, actor)


def _saved(identifier: str, given: dict[str, list[str]], ports: Platform, actor: Actor) -> Response:
    act = (given.get("act") or [""])[0]
    revision = (given.get("revision") or [""])[0]
    try:
        verbs.save(
            identifier,
            given=given,
            is_emergency=(given.get("emergency_track") or [""])[0] == "yes",
            revision=int(revision) if revision.isascii() and revision.isdecimal() and len(revision) < 9 else 0,
            platform=ports,
            actor=actor,
        )
    except Conflict as error:
        return redirect(f"/requests/{identifier}/edit", flash=Flash(error.what, "bad", error.mend))
    if act == "sign":
        look = verbs.look(identifier, platform=ports, actor=actor)
        if look.faults:
            return redirect(
                f"/requests/{identifier}/edit?check=yes",
                flash=Flash("The draft is saved; something is missing still.", "warn", "It is marked below."),
            )
        return redirect(f"/requests/{identifier}/sign")
    more = "&more=4" if act == "more" else ""
    return redirect(f"/requests/{identifier}/edit?check=yes{more}", flash=Flash("The draft is saved."))


def sign_page(identifier: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show a complete draft with its agreement, to be read and signed."""
    look = verbs.look(identifier, platform=ports, actor=who.actor)
    if look.request.state is not RequestState.DRAFT:
        return redirect(f"/requests/{look.request.id}")
    if look.faults:
        return redirect(f"/requests/{look.request.id}/edit?check=yes")
    fields = look.offer.policy.fields(is_emergency=look.request.is_emergency)
    return page(
        request,
        "access/request_sign.html",
        actor=who.actor,
        form_key=who.form_key,
        asked=look.request,
        offer=look.offer,
        sections=sections(look.request, fields),
        matches=look.matches,
        days=look.offer.policy.days(is_emergency=look.request.is_emergency),
    )


def sign(
    identifier: str,
    ports: Ports,
    actor: Asking,
    version: Annotated[int, Form(ge=1, le=999_999)],
    revision: Annotated[int, Form(ge=1, le=999_999_999)],
    typed_name: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Sign and submit."""
    try:
        verbs.submit(identifier, typed_name=typed_name, version=version, revision=revision, platform=ports, actor=actor)
    except (Conflict, UsageError) as error:
        return redirect(f"/requests/{identifier}/sign", flash=Flash(error.what, "bad", error.mend))
    more = "Your institution's signing official has got a link by e-mail."
    return redirect(f"/requests/{identifier}", flash=Flash("Signed and submitted.", "good", more))


def say(identifier: str, ports: Ports, actor: Asking, body: Annotated[str, Form(max_length=20_000)] = "") -> Response:
    """Write to the committee."""
    back = f"/requests/{identifier}"
    try:
        verbs.say(identifier, body=body, platform=ports, actor=actor)
    except (Conflict, UsageError) as error:
        return redirect(back, flash=Flash(error.what, "bad", error.mend))
    return redirect(back, flash=Flash("The committee has your message."))


def recall(identifier: str, ports: Ports, actor: Asking) -> Response:
    """Take a request back to its draft before the institution has signed."""
    try:
        verbs.recall(identifier, platform=ports, actor=actor)
    except Conflict as error:
        return redirect(f"/requests/{identifier}", flash=Flash(error.what, "bad", error.mend))
    return redirect(f"/requests/{identifier}/edit", flash=Flash("It is a draft again; the link that was sent is over."))


def withdraw(identifier: str, ports: Ports, actor: Asking) -> Response:
    """Take a request back."""
    try:
        verbs.withdraw(identifier, platform=ports, actor=actor)
    except Conflict as error:
        return redirect(f"/requests/{identifier}", flash=Flash(error.what, "bad", error.mend))
    return redirect(f"/requests/{identifier}", flash=Flash("The request is withdrawn."))
