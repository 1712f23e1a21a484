"""The public portal: releases, their studies, one study with its pictures, sign-in and account."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response

from radcommons.access.overview import age_chart, overview
from radcommons.access.study_page import study_cards
from radcommons.access.tables import base_of
from radcommons.catalogue import shelf
from radcommons.catalogue.accounts import sign_in, sign_out
from radcommons.catalogue.credentials import COOKIE, Asking, Ports, Visitor
from radcommons.catalogue.images import Scope
from radcommons.catalogue.search import count_studies, find_studies
from radcommons.catalogue.shelf import Shelved
from radcommons.dicomweb.query import Kind, Level, Match, Query
from radcommons.platform.database import reading
from radcommons.platform.identity import SESSION_HOURS
from radcommons.records.errors import SignInRequired
from radcommons.ui.pages import is_own_path, page, redirect
from radcommons.ui.render import Flash

PAGE = 24
_EVENTS = {
    "released": ("Released", "good"),
    "withdrawn": ("Withdrawn", "bad"),
    "erratum": ("Erratum", "warn"),
    "superseded": ("Superseded", "warn"),
}


def router() -> APIRouter:
    """Return the portal's routes; pages answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint in (
        ("/", home),
        ("/releases/{identifier}", release_page),
        ("/releases/{identifier}/studies", studies_page),
        ("/sign-in", sign_in_page),
        ("/account", account_page),
    ):
        routes.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    routes.add_api_route("/sign-in", do_sign_in, methods=["POST"], response_class=Response)
    routes.add_api_route("/sign-out", do_sign_out, methods=["POST"], response_class=Response)
    return routes


def home(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show what the commons is and holds."""
    with reading(ports.engine) as connection:
        listed = shelf.releases(connection, who.actor)
        ages = shelf.studies_by_age(connection, who.actor)
        totals = shelf.holdings(connection, who.actor)
    return page(
        request,
        "access/home.html",
        actor=who.actor,
        form_key=who.form_key,
        releases=listed,
        totals=totals,
        chart=age_chart(ages),
        base=base_of(request, ports),
    )


def release_page(identifier: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show one release: what it holds, how to get it, how to cite it, what happened since."""
    with reading(ports.engine) as connection:
        found = shelf.release(connection, who.actor, identifier)
        feed = shelf.feed(connection, who.actor, found.dataset)
        held = None
        if found.is_open:
            scope = Scope(actor=who.actor, release=identifier)
            held = overview(shelf.tally(connection, scope), shelf.clinical_rows(connection, identifier))
    newer = max(
        (one["release"] for one in feed if one["event"] == "released" and one["release"]),
        key=lambda one: int(one.rpartition("-")[2]),
        default=identifier,
    )
    return page(
        request,
        "access/release.html",
        actor=who.actor,
        form_key=who.form_key,
        release=found,
        held=held,
        events=_events(feed, found),
        newer=newer if newer != identifier else "",
        base=base_of(request, ports),
        key_id=ports.signing_key.key_id,
    )


def _events(feed: list[dict[str, Any]], release: Shelved) -> list[tuple[str, str, str, int, str]]:
    """Return (day, name, tone, instances, reason) of what the feed says of a release or of its whole dataset."""
    return [
        (entry["at"], *_EVENTS[entry["event"]], len(entry["digests"]), entry["reason"])
        for entry in feed
        if entry["release"] in (None, release.id)
    ]


def studies_page(
    identifier: str, request: Request, ports: Ports, who: Visitor, q: str = "", sex: str = "", offset: int = 0
) -> Response:
    """Show a release's studies as cards, to be narrowed by modality, sex and words."""
    modalities = tuple(one for one in request.query_params.getlist("modality") if one.isalnum() and len(one) <= 16)
    offset = min(max(offset, 0), 1_000_000)
    q = "".join(one for one in q[:64] if one.isprintable())
    query = _studies_query(q, sex, modalities, offset)
    scope = Scope(actor=who.actor, release=identifier)
    with reading(ports.engine) as connection:
        release = shelf.open_release(connection, who.actor, identifier)
        tally = shelf.tally(connection, scope)
        total = count_studies(ports.engine, scope, query)
        rows = find_studies(ports.engine, scope, query)
        middles = shelf.middle_instances(connection, scope, [row.study_instance_uid for row in rows])
        root = f"/dicomweb/releases/{identifier}"
        cards = study_cards(rows, list(middles), root=root, clinical=shelf.clinical_rows(connection, identifier))
    kept = [("q", q), ("sex", sex), *(("modality", one) for one in modalities)]
    return page(
        request,
        "access/studies.html",
        actor=who.actor,
        form_key=who.form_key,
        release=release,
        cards=cards,
        total=total,
        offset=offset,
        facets=overview(tally, ()),
        modality_codes=tally.modality,
        chosen={"q": q, "sex": sex, "modality": modalities},
        previous=_page_url(request, kept, offset - PAGE) if offset > 0 else "",
        next=_page_url(request, kept, offset + PAGE) if offset + PAGE < total else "",
    )


def _studies_query(text: str, sex: str, modalities: tuple[str, ...], offset: int) -> Query:
    matches = []
    if text.strip():
        matches.append(Match(keyword="StudyDescription", kind=Kind.WILDCARD, values=(f"*{text.strip()}*",)))
    if sex in ("F", "M", "O"):
        matches.append(Match(keyword="PatientSex", kind=Kind.EXACT, values=(sex,)))
    if modalities:
        matches.append(Match(keyword="ModalitiesInStudy", kind=Kind.LIST, values=modalities))
    return Query(level=Level.STUDY, matches=tuple(matches), limit=PAGE, offset=offset)


def _page_url(request: Request, kept: list[tuple[str, str]], offset: int) -> str:
    parameters = [(name, value) for name, value in kept if value] + ([("offset", str(offset))] if offset > 0 else [])
    return request.url.path + (f"?{urlencode(parameters)}" if parameters else "")


def sign_in_page(request: Request, who: Visitor, to: str = "/") -> Response:
    """Show the sign-in form."""
    return _sign_in_form(request, who, to=to)


def _sign_in_form(request: Request, who: Visitor, *, to: str, email: str = "", error: str = "") -> Response:
    return page(
        request,
        "access/sign_in.html",
        actor=who.actor,
        form_key=who.form_key,
        status=401 if error else 200,
        to=to if is_own_path(to) else "/",
        email=email,
        error=error,
    )


def do_sign_in(
    request: Request,
    ports: Ports,
    who: Visitor,
    email: Annotated[str, Form(max_length=254)],
    password: Annotated[str, Form(max_length=1024)],
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in and go on to where the visitor wanted to be."""
    try:
        cookie = sign_in(ports.engine, email=email, password=password)
    except SignInRequired as error:
        return _sign_in_form(request, who, to=to, email=email, error=error.what)
    answer = redirect(to if is_own_path(to) else "/")
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=SESSION_HOURS * 3600,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def do_sign_out(request: Request, ports: Ports, _actor: Asking) -> Response:
    """End the session."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        sign_out(ports.engine, cookie=cookie)
    answer = redirect("/", flash=Flash("You are signed out."))
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return answer


def account_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show who is signed in and what that allows."""
    if not who.actor.roles:
        return redirect("/sign-in?to=/account")
    return page(
        request,
        "access/account.html",
        actor=who.actor,
        form_key=who.form_key,
        roles=sorted(who.actor.roles),
        name=who.actor.name,
        base=base_of(request, ports),
    )
