"""Pages for administrators: people, their roles, invitations; and the audit trail."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response

from radcommons.catalogue import factors, links, people, sessions, trail
from radcommons.catalogue.accounts import SignedIn
from radcommons.catalogue.credentials import Asking, AtBrowser, Ports, Visitor, public_base
from radcommons.coalition import joining
from radcommons.coalition.desk import Short, add_pages, problem_text
from radcommons.coalition.words import EVENTS, ROLES, TONES, event_words
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.errors import Conflict, RadcommonsError, UsageError
from radcommons.records.event import Role
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

PAGE, LINES = 50, 100
Roles = Annotated[list[Role] | None, Form()]


def router() -> APIRouter:
    """Return the routes below ``/people`` and ``/audit``; pages answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    add_pages(
        routes,
        shown={"/people": people_page, "/people/{number}": person_page, "/audit": audit_page},
        done={
            "/people/invitations": invite,
            "/people/invitations/{number}/take-back": take_back,
            "/people/{number}/roles": change_roles,
            "/people/{number}/sessions/end": end_sessions,
            "/people/{number}/disable": disable,
            "/people/{number}/enable": enable,
            "/people/{number}/reset": hand_reset,
            "/people/{number}/second-factor/remove": remove_second_factor,
        },
    )
    return routes


def people_page(request: Request, ports: Ports, who: Visitor, q: str = "", role: str = "", offset: int = 0) -> Response:
    """Show everybody with an account, and who was invited."""
    return _people(request, ports, who, q=q, role=role, offset=offset)


def _people(
    request: Request,
    ports: Platform,
    who: SignedIn,
    *,
    q: str = "",
    role: str = "",
    offset: int = 0,
    link: str = "",
    email: str = "",
    name: str = "",
    error: RadcommonsError | None = None,
) -> Response:
    authorize(who.actor, Role.ADMINISTRATOR)
    text = "".join(one for one in q[:80] if one.isprintable()).strip()
    wanted = Role(role) if role in set(Role) else None
    offset = min(max(offset, 0), 1_000_000)
    with reading(ports.engine) as connection:
        total = people.count(connection, text=text, role=wanted)
        found = people.people(connection, text=text, role=wanted, limit=PAGE, offset=offset)
        invited = links.open_invitations(connection)
    kept = [("q", text), ("role", role if wanted else "")]
    answer = page(
        request,
        "coalition/people.html",
        actor=who.actor,
        form_key=who.form_key,
        status=422 if error else 200,
        people=found,
        total=total,
        offset=offset,
        invited=invited,
        roles=ROLES,
        q=text,
        role=role if wanted else "",
        link=link,
        email=email,
        name=name,
        error=problem_text(error) if error else "",
        sends_mail=joining.sends_mail(ports.settings),
        previous=_address("/people", kept, offset - PAGE) if offset > 0 else "",
        next=_address("/people", kept, offset + PAGE) if offset + PAGE < total else "",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _address(path: str, kept: list[tuple[str, str]], offset: int) -> str:
    parameters = [(name, value) for name, value in kept if value] + ([("offset", str(offset))] if offset > 0 else [])
    return path + (f"?{urlencode(parameters)}" if parameters else "")


def invite(request: Request, ports: Ports, who: AtBrowser, email: Short, name: Short, role: Roles = None) -> Response:
    """Invite somebody; the link is shown, to be handed over where the hub sends no mail."""
    try:
        link = joining.invite(
            ports, email=email, name=name, roles=frozenset(role or ()), base=public_base(request), actor=who.actor
        )
    except (UsageError, Conflict) as error:
        return _people(request, ports, who, email=email, name=name, error=error)
    return _people(request, ports, who, link=link, email=email)


def take_back(number: int, ports: Ports, actor: Asking) -> Response:
    """End an invitation."""
    joining.take_back(ports, number, actor=actor)
    return redirect("/people", flash=Flash("The invitation is taken back; its link opens nothing."))


def person_page(number: int, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show one person."""
    return _person(number, request, ports, who)


def _person(
    number: int,
    request: Request,
    ports: Platform,
    who: SignedIn,
    *,
    link: str = "",
    error: RadcommonsError | None = None,
) -> Response:
    authorize(who.actor, Role.ADMINISTRATOR)
    with reading(ports.engine) as connection:
        person = people.person(connection, number)
        lines = trail.lines_of(connection, number, limit=20)
    answer = page(
        request,
        "coalition/person.html",
        actor=who.actor,
        form_key=who.form_key,
        status=409 if error else 200,
        person=person,
        lines=lines,
        roles=ROLES,
        link=link,
        hours=links.HOURS[links.Kind.RESET],
        error=problem_text(error) if error else "",
        event_words=event_words,
        tones=TONES,
        is_me=number == who.account,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def change_roles(number: int, request: Request, ports: Ports, who: AtBrowser, role: Roles = None) -> Response:
    """Give a person these roles and no others."""
    try:
        joining.change_roles(ports, number, roles=frozenset(role or ()), actor=who.actor)
    except (UsageError, Conflict) as error:
        return _person(number, request, ports, who, error=error)
    return redirect(f"/people/{number}", flash=Flash("The roles are changed; they hold from the next request on."))


def disable(number: int, request: Request, ports: Ports, who: AtBrowser) -> Response:
    """End a person's access at once."""
    authorize(who.actor, Role.ADMINISTRATOR)
    try:
        with writing(ports.engine) as connection:
            people.disable(connection, number, by=who.actor.id)
    except Conflict as error:
        return _person(number, request, ports, who, error=error)
    text = "The account is disabled; its sessions, tokens and links have ended."
    return redirect(f"/people/{number}", flash=Flash(text, "warn"))


def enable(number: int, request: Request, ports: Ports, who: AtBrowser) -> Response:
    """Let a person sign in again."""
    authorize(who.actor, Role.ADMINISTRATOR)
    try:
        with writing(ports.engine) as connection:
            people.enable(connection, number, by=who.actor.id)
    except Conflict as error:
        return _person(number, request, ports, who, error=error)
    return redirect(f"/people/{number}", flash=Flash("The person can sign in again."))


def hand_reset(number: int, request: Request, ports: Ports, who: AtBrowser) -> Response:
    """Show a link that sets the person's password, to be handed over."""
    link = joining.hand_reset(ports, number, base=public_base(request), actor=who.actor)
    return _person(number, request, ports, who, link=link)


def end_sessions(number: int, ports: Ports, who: AtBrowser) -> Response:
    """End every session of a person."""
    authorize(who.actor, Role.ADMINISTRATOR)
    with writing(ports.engine) as connection:
        people.person(connection, number)
        ended = sessions.end_others(connection, number, but="", by=who.actor.id)
    return redirect(f"/people/{number}", flash=Flash(f"Sessions that ended: {ended}.", "warn"))


def remove_second_factor(number: int, ports: Ports, who: AtBrowser) -> Response:
    """Take the second factor of somebody away who lost phone and recovery codes."""
    authorize(who.actor, Role.ADMINISTRATOR)
    with writing(ports.engine) as connection:
        people.person(connection, number)
        factors.drop_phone(connection, number, by=who.actor.id)
    return redirect(f"/people/{number}", flash=Flash("The second factor is removed.", "warn"))


def audit_page(
    request: Request,
    ports: Ports,
    who: Visitor,
    kind: str = "",
    actor: str = "",
    subject: str = "",
    since: str = "",
    until: str = "",
    before: int = 0,
) -> Response:
    """Show the audit trail, to be narrowed by what, who, about what and when."""
    authorize(who.actor, Role.ADMINISTRATOR)
    wanted = trail.Filter(
        kind=_plain(kind), actor=_plain(actor), subject=_plain(subject), since=_day(since), until=_day(until)
    )
    before = min(max(before, 0), (1 << 31) - 1)
    with reading(ports.engine) as connection:
        lines = trail.lines(connection, wanted, limit=LINES + 1, before=before)
        newest = trail.last_checkpoint(connection)
        end = trail.last_line(connection)
    asked = {name: getattr(wanted, name) for name in ("kind", "actor", "subject", "since", "until")}
    kept = [(name, value) for name, value in asked.items() if value]
    more = f"/audit?{urlencode([*kept, ('before', lines[LINES - 1].sequence)])}" if len(lines) > LINES else ""
    return page(
        request,
        "coalition/audit.html",
        actor=who.actor,
        form_key=who.form_key,
        lines=lines[:LINES],
        asked=asked,
        more=more,
        newest=f"/audit?{urlencode(kept)}" if before else "",
        checkpoint=newest,
        end=end[0] if end else 0,
        kinds=EVENTS,
        event_words=event_words,
        tones=TONES,
    )


def _plain(text: str) -> str:
    return "".join(one for one in text[:128] if one.isprintable()).strip()


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
