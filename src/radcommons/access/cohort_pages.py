"""Pages of cohorts: what somebody laid aside, what they saved, and how two versions differ."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response

from radcommons.access import cohort_export, explore
from radcommons.access.cohort import Selection, compared, kept, save
from radcommons.access.cohort_api import Number, table
from radcommons.access.study_page import StudyCard, study_cards
from radcommons.access.tables import base_of
from radcommons.catalogue import cohorts, shelf
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.catalogue.images import Scope
from radcommons.catalogue.search import studies_of
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.records.cohort import OWNERS, Cohort
from radcommons.records.errors import UsageError
from radcommons.records.event import Actor
from radcommons.records.identifiers import UID_PATTERN
from radcommons.ui.filters import plural
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

PAGE = 24
_NEW = "new"


def router() -> APIRouter:
    """Return the routes of the pages and their forms; pages answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint in (
        ("/cohorts", list_page),
        ("/cohorts/{identifier}", cohort_page),
        ("/cohorts/{identifier}/versions/{number}", cohort_page),
        ("/cohorts/{identifier}/compare", compare_page),
        ("/cohorts/{identifier}/versions/{number}/manifest.csv", table),
    ):
        routes.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    routes.add_api_route("/cohorts", do_save, methods=["POST"], response_class=Response)
    routes.add_api_route("/basket", do_lay, methods=["POST"], response_class=Response)
    routes.add_api_route("/basket/remove", do_take_out, methods=["POST"], response_class=Response)
    return routes


def list_page(request: Request, ports: Ports, who: Visitor, query: str | None = None) -> Response:
    """Show one's cohorts and one's basket, and with `query` the form that saves what it finds."""
    if not who.actor.roles:
        return redirect(f"/sign-in?{urlencode({'to': _own_path(request)})}")
    authorize(who.actor, *OWNERS)
    with reading(ports.engine) as connection:
        mine = cohorts.own(connection, who.actor)
        laid = cohorts.basket(connection, who.actor)
    found = explore.found(request, ports, who.actor, query=query) if query is not None else None
    return page(
        request,
        "access/cohorts.html",
        actor=who.actor,
        form_key=who.form_key,
        cohorts=mine,
        laid=len(laid),
        cards=_cards(ports, who.actor, dict(list(laid.items())[:PAGE])),
        found=found,
        chips=explore.chips(found.query) if found else (),
    )


def _own_path(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _cards(ports: Any, actor: Actor, pinned: dict[str, str]) -> list[tuple[StudyCard, str]]:
    """Return (card, address) of studies, each as its release froze it, as far as it is still there and open."""
    made: dict[str, tuple[StudyCard, str]] = {}
    for release in sorted(set(pinned.values())):
        uids = [study for study, one in pinned.items() if one == release]
        scope = Scope(actor=actor, release=release)
        rows = studies_of(ports.engine, scope, uids)
        with reading(ports.engine) as connection:
            middles = list(shelf.middle_instances(connection, scope, uids))
        root = f"/dicomweb/releases/{release}"
        for card in study_cards(list(rows.values()), middles, root=root, clinical=()):
            made[card.uid] = card, f"/studies/{card.uid}?release={release}"
    return [made[study] for study in pinned if study in made]


def cohort_page(
    identifier: str, request: Request, ports: Ports, who: Visitor, number: Number | None = None, offset: int = 0
) -> Response:
    """Show a version: what it holds, how to get it, how it came to be."""
    found = kept(ports, who.actor, identifier, number)
    made = found.cohort
    with reading(ports.engine) as connection:
        gone = cohorts.withdrawn_of(connection, [item.digest for item in made.items])
    pinned = {item.study_instance_uid: item.release for item in made.items}
    offset = min(max(offset, 0), max(len(pinned) - 1, 0)) // PAGE * PAGE
    base = base_of(request, ports)
    path = f"/cohorts/{made.id}/versions/{made.version}"

    def at(place: int) -> str:
        return f"{path}?offset={place}" if place else path

    return page(
        request,
        "access/cohort.html",
        actor=who.actor,
        form_key=who.form_key,
        cohort=made,
        numbers=found.numbers,
        is_own=found.owner == who.actor.id,
        gone=len(gone),
        cards=_cards(ports, who.actor, dict(list(pinned.items())[offset : offset + PAGE])),
        chips=explore.chips(made.query),
        command=cohort_export.command(made, base=base),
        snippet=cohort_export.snippet(made, base=base),
        api=cohort_export.address(made, base=""),
        total=len(pinned),
        offset=offset,
        previous=at(max(offset - PAGE, 0)) if offset else "",
        next=at(offset + PAGE) if offset + PAGE < len(pinned) else "",
    )


def compare_page(identifier: str, request: Request, ports: Ports, who: Visitor, old: Number, new: Number) -> Response:
    """Show what differs between two versions."""
    made = kept(ports, who.actor, identifier, new).cohort
    before = kept(ports, who.actor, identifier, old).cohort
    told = compared(ports, who.actor, identifier, old=old, new=new)
    releases = {one: _release_of(cohort, one) for cohort in (before, made) for one in _studies(cohort)}
    return page(
        request,
        "access/cohort_compare.html",
        actor=who.actor,
        form_key=who.form_key,
        cohort=made,
        old=old,
        told=told,
        parts=[
            (title, tone, [(one, f"/studies/{one}?release={releases[one]}") for one in studies[:200]], len(studies))
            for title, tone, studies in (
                ("Added", "good", told.added),
                ("Removed", "bad", told.removed),
                ("Changed", "warn", told.changed),
            )
        ],
    )


def _studies(cohort: Cohort) -> set[str]:
    return {item.study_instance_uid for item in cohort.items}


def _release_of(cohort: Cohort, study: str) -> str:
    return next(item.release for item in cohort.items if item.study_instance_uid == study)


def do_save(
    request: Request,
    ports: Ports,
    actor: Asking,
    source: Annotated[str, Form()] = "basket",
    into: Annotated[str, Form(max_length=64)] = _NEW,
    name: Annotated[str, Form(max_length=200)] = "",
    description: Annotated[str, Form(max_length=2000)] = "",
    query: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Save the basket, or what a query finds, as a new cohort or as a version of one."""
    authorize(actor, *OWNERS)
    if source == "query":
        found = explore.found(request, ports, actor, query=query)
        chosen = Selection(studies=found.studies, within=found.releases, query=found.query)
        back = f"/cohorts?{urlencode({'query': found.query})}"
    else:
        with reading(ports.engine) as connection:
            laid = cohorts.basket(connection, actor)
        chosen, back = Selection(studies=tuple(laid), pinned=tuple(laid.items())), "/cohorts"
    identifier = "" if into == _NEW else into
    try:
        made = save(chosen, platform=ports, actor=actor, name=name, description=description, identifier=identifier)
    except UsageError as error:
        return redirect(back, flash=Flash(error.what, "bad", error.mend))
    if source != "query":
        with writing(ports.engine) as connection:
            cohorts.take_out(connection, actor)
    said = f"Saved as version {made.version}: {plural(made.counts.studies, 'study', 'studies')}."
    return redirect(f"/cohorts/{made.id}/versions/{made.version}", flash=Flash(said))


def do_lay(
    ports: Ports,
    actor: Asking,
    study: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006  (a form without a tick sends none)
    within: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006
    back: Annotated[str, Form(max_length=8000)] = "",
) -> Response:
    """Lay the ticked studies aside, each pinned to the newest release that holds it."""
    authorize(actor, *OWNERS)
    ticked = [one for one in study if re.match(UID_PATTERN, one)]
    with writing(ports.engine) as connection:
        cohorts.lay(connection, actor, cohorts.newest_releases(connection, actor, ticked, within=within))
        count = len(cohorts.basket(connection, actor))
    said = Flash(f"{plural(count, 'study', 'studies')} in your basket.", "good", "Save them as a cohort under Cohorts.")
    if not ticked:
        said = Flash("No study was ticked.", "warn")
    is_ours = back == "/explore" or back.startswith("/explore?")
    return redirect(back if is_ours and back.isprintable() else "/cohorts", flash=said)


def do_take_out(
    ports: Ports,
    actor: Asking,
    study: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006
) -> Response:
    """Take studies out of the basket: the named ones, or all."""
    authorize(actor, *OWNERS)
    with writing(ports.engine) as connection:
        cohorts.take_out(connection, actor, study or None)
    return redirect("/cohorts")
