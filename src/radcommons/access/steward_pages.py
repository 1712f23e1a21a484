"""The steward's pages: tier and terms, the request form, the agreement, the committee. They work without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool

from radcommons.access import steward
from radcommons.access.dataset_pages import why_not_askable
from radcommons.access.steward_form import Given, first, policy_of, terms_of
from radcommons.catalogue import access_terms, grants
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.catalogue.sites import dataset_names
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.access_policy import NEEDED, FieldKind
from radcommons.records.countries import COUNTRIES
from radcommons.records.duo import Kind, of_kind
from radcommons.records.errors import Conflict, UsageError
from radcommons.records.event import Actor, Role
from radcommons.records.terms import LICENSES, Tier
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

_SPARE = 1
_MOST_FIELDS = 1500
_TIERS = [(tier, tier.capitalize()) for tier in Tier]
Part = Literal["terms", "policy", "form", "agreement", "committee"]


def router() -> APIRouter:
    """Return the routes below ``/steward``."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint, methods in (
        ("/steward", list_page, ["GET", "HEAD"]),
        ("/steward", create, ["POST"]),
        ("/steward/{name}", dataset_page, ["GET", "HEAD"]),
        ("/steward/{name}/{part}", change, ["POST"]),
    ):
        routes.add_api_route(path, endpoint, methods=methods, response_class=Response)
    return routes


def list_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show the datasets and what each still lacks before it can be asked for."""
    authorize(who.actor, Role.CURATOR)
    with reading(ports.engine) as connection:
        offers = [access_terms.offer(connection, name) for name in dataset_names(connection)]
    return page(
        request,
        "access/steward.html",
        actor=who.actor,
        form_key=who.form_key,
        offers=[(one, why_not_askable(one)) for one in offers],
        tiers=_TIERS,
    )


def create(
    ports: Ports,
    actor: Asking,
    name: Annotated[str, Form(max_length=100)] = "",
    title: Annotated[str, Form(max_length=400)] = "",
    by: Annotated[str, Form(max_length=400)] = "",
    tier: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Begin a dataset and open what its steward sets."""
    authorize(actor, Role.CURATOR)
    try:
        steward.create(name.strip(), title=title, tier=_tier(tier), steward=by, platform=ports, actor=actor)
    except (Conflict, UsageError) as error:
        return redirect("/steward", flash=Flash(error.what, "bad", error.mend))
    return redirect(f"/steward/{name.strip()}", flash=Flash("The dataset is begun.", "good", "Set its terms below."))


def dataset_page(name: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show everything that a steward sets for a dataset, and its grants."""
    authorize(who.actor, Role.CURATOR)
    with reading(ports.engine) as connection:
        offer = access_terms.offer(connection, name)
        versions = access_terms.agreements(connection, name)
        granted = grants.of_dataset(connection, who.actor, name)
    return page(
        request,
        "access/steward_dataset.html",
        actor=who.actor,
        form_key=who.form_key,
        offer=offer,
        versions=versions,
        granted=granted,
        live={one.id for one in granted if one.is_live(grants.today())},
        why_not=why_not_askable(offer),
        tiers=_TIERS,
        licenses=LICENSES,
        permissions=of_kind(Kind.PERMISSION),
        modifiers=of_kind(Kind.MODIFIER),
        countries=COUNTRIES,
        kinds=[(kind, str(kind)) for kind in FieldKind],
        needed=frozenset(NEEDED),
        spare=range(_SPARE),
    )


async def change(name: str, part: Part, request: Request, ports: Ports, actor: Asking) -> Response:
    """Change one part of what a dataset asks."""
    authorize(actor, Role.CURATOR)
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    given: dict[str, list[str]] = {}
    for key, value in form.multi_items():
        if isinstance(value, str):
            given.setdefault(key, []).append(value)
    return await run_in_threadpool(_changed, name, part, given, ports, actor)


def _changed(name: str, part: Part, given: Given, ports: Platform, actor: Actor) -> Response:
    back = f"/steward/{steward.offered(name, platform=ports).dataset.name}"
    try:
        words = _PARTS[part](name, given, ports, actor)
    except UsageError as error:
        return redirect(back, flash=Flash(error.what, "bad", error.mend))
    return redirect(back, flash=Flash(words))


def _terms(name: str, given: Given, ports: Platform, actor: Actor) -> str:
    offer = steward.offered(name, platform=ports)
    steward.set_terms(
        name,
        title=first(given, "title"),
        tier=_tier(first(given, "tier")),
        steward=first(given, "steward") or offer.dataset.steward,
        terms=terms_of(given, before=offer.dataset.terms),
        platform=ports,
        actor=actor,
    )
    policy = policy_of(given, before=offer.policy, parts=("limits",))
    steward.set_policy(name, policy=policy, platform=ports, actor=actor)
    return "The terms are set."


def _tier(text: str) -> Tier:
    try:
        return Tier(text)
    except ValueError:
        raise UsageError("There is no such tier.", mend="Choose one of the list.") from None


def _policy(name: str, given: Given, ports: Platform, actor: Actor) -> str:
    before = steward.offered(name, platform=ports).policy
    policy = policy_of(given, before=before, parts=("words", "days", "fast"))
    steward.set_policy(name, policy=policy, platform=ports, actor=actor)
    return "How it is asked for is set."


def _form(name: str, given: Given, ports: Platform, actor: Actor) -> str:
    before = steward.offered(name, platform=ports).policy
    policy = policy_of(given, before=replace(before), parts=("form",))
    steward.set_policy(name, policy=policy, platform=ports, actor=actor)
    return "The form is set; requests that were submitted keep theirs."


def _agreement(name: str, given: Given, ports: Platform, actor: Actor) -> str:
    made = steward.publish_agreement(
        name, title=first(given, "title"), text=first(given, "text"), platform=ports, actor=actor
    )
    return f"Version {made.version} is in force."


def _committee(name: str, given: Given, ports: Platform, actor: Actor) -> str:
    emails = [one.strip() for one in first(given, "emails").splitlines() if one.strip()]
    steward.seat_committee(name, emails=emails, platform=ports, actor=actor)
    return "The committee is set."


_PARTS: Mapping[str, Callable[[str, Mapping[str, Sequence[str]], Platform, Actor], str]] = {
    "terms": _terms,
    "policy": _policy,
    "form": _form,
    "agreement": _agreement,
    "committee": _committee,
}
