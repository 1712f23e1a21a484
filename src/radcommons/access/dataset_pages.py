"""Public pages of datasets: what each is, what its terms mean, who may ask, and who has been let in."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from radcommons.access.request import prematch
from radcommons.catalogue import access_terms, grants, requests, shelf
from radcommons.catalogue.access_terms import Offer
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.platform.database import reading
from radcommons.records.access_policy import FieldKind, FormField
from radcommons.records.access_request import read_answers
from radcommons.records.countries import COUNTRIES, country
from radcommons.records.duo import TERMS, DuoTerm, Kind, of_kind
from radcommons.records.errors import NotFound
from radcommons.records.event import Actor
from radcommons.records.grant import Grant
from radcommons.records.terms import Tier
from radcommons.ui.pages import page

# The questions of a form that bear on terms; the check on a dataset's page asks these alone.
_CHECKED = frozenset(
    {"purposes", "disease", "months", "commercial", "care", "publish", "collaborate", "give_back", "organisation",
     "country", "ethics"}
)  # fmt: skip
_TIERS = {
    Tier.OPEN: "Open to everybody, without an account.",
    Tier.REGISTERED: "Open to everybody who signs in.",
    Tier.CONTROLLED: "Open to whoever was granted access for a project.",
}


def router() -> APIRouter:
    """Return the routes of datasets, their agreements, and the register."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint in (
        ("/datasets", datasets_page),
        ("/datasets/{name}", dataset_page),
        ("/datasets/{name}/agreements/{version}", agreement_page),
        ("/register", register_page),
    ):
        routes.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    return routes


def datasets_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show the datasets."""
    with reading(ports.engine) as connection:
        listed = shelf.datasets(connection, who.actor)
        offers = {one.name: access_terms.offer(connection, one.name) for one in listed}
    return page(
        request,
        "access/datasets.html",
        actor=who.actor,
        form_key=who.form_key,
        listed=listed,
        offers=offers,
        tiers=_TIERS,
    )


def dataset_page(name: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show what a dataset is, its terms in plain words, its releases, who may apply, and a check of one's own plan."""
    with reading(ports.engine) as connection:
        shelf.dataset(connection, who.actor, name)
        offer = access_terms.offer(connection, name)
        releases = shelf.releases(connection, who.actor, dataset=name)
        approved = grants.register(connection, dataset=name)
        own = [one for one in _own_requests(connection, who.actor) if one.dataset == name]
        live = [one for one in _own_grants(connection, who.actor) if one.dataset == name]
    given = {key: request.query_params.getlist(key) for key in request.query_params}
    checked = tuple(one for one in offer.policy.form if one.name in _CHECKED)
    answers, _ = read_answers(checked, given)
    return page(
        request,
        "access/dataset.html",
        actor=who.actor,
        form_key=who.form_key,
        offer=offer,
        tier_words=_TIERS[offer.dataset.tier],
        terms=terms_in_words(offer),
        releases=releases,
        approved=approved,
        own=own,
        live=live,
        checked=[one for one in checked if one.kind is not FieldKind.TEXT or one.name == "ethics"],
        answers=answers,
        matches=prematch(answers, offer=offer) if given else (),
        is_checked=bool(given),
        countries=COUNTRIES,
        purposes=of_kind(Kind.PURPOSE),
        why_not=why_not_askable(offer),
    )


def _own_requests(connection: sa.Connection, actor: Actor) -> list[requests.Request]:
    return requests.of_account(connection, actor) if actor.account is not None else []


def _own_grants(connection: sa.Connection, actor: Actor) -> list[Grant]:
    if actor.account is None:
        return []
    found = grants.naming(connection, actor)
    return [one for one in found if one.opens_for(actor.account, today=grants.today())]


def why_not_askable(offer: Offer) -> str:
    """Return why a dataset takes no requests, or an empty text where it does."""
    if offer.dataset.tier is not Tier.CONTROLLED:
        return ""
    if offer.agreement is None:
        return "Its steward has not published an agreement yet."
    if not offer.is_askable:
        return "Its committee has too few members to decide."
    return ""


def terms_in_words(offer: Offer) -> list[tuple[DuoTerm, str]]:
    """Return each data use term of a dataset with what it leaves open filled in."""
    limits = offer.policy.limits
    filled = {
        "DUO:0000007": limits.disease,
        "DUO:0000024": limits.moratorium and f"until {limits.moratorium}",
        "DUO:0000025": f"{limits.months} months" if limits.months else "",
        "DUO:0000028": ", ".join(limits.institutions),
    }
    found = [(TERMS[code], filled.get(code, "")) for code in offer.terms.duo if code in TERMS]
    if offer.terms.geography is not None:
        names = ", ".join(country(code) for code in offer.terms.geography)
        found = [one for one in found if one[0].code != "DUO:0000022"]
        found.append((TERMS["DUO:0000022"], names))
    return found


def agreement_page(name: str, version: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show one version of a dataset's agreement; each can be read for ever."""
    if not version.isascii() or not version.isdecimal() or len(version) > 6:
        raise NotFound("There is no such agreement.")
    with reading(ports.engine) as connection:
        offer = access_terms.offer(connection, name)
        found = access_terms.agreement(connection, name, int(version))
        versions = access_terms.agreements(connection, name)
    return page(
        request,
        "access/agreement.html",
        actor=who.actor,
        form_key=who.form_key,
        offer=offer,
        agreement=found,
        versions=versions,
    )


def register_page(
    request: Request, ports: Ports, who: Visitor, dataset: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Show the approved projects with their summaries for everybody."""
    with reading(ports.engine) as connection:
        names = [one.name for one in shelf.datasets(connection, who.actor)]
        approved = grants.register(connection, dataset=dataset if dataset in names else None)
    return page(
        request,
        "access/register.html",
        actor=who.actor,
        form_key=who.form_key,
        approved=approved,
        chosen=dataset if dataset in names else "",
        names=sorted({one.dataset for one in approved} | ({dataset} if dataset in names else set())),
        countries=COUNTRIES,
    )


def fields_by_section(fields: tuple[FormField, ...]) -> dict[str, list[FormField]]:
    """Return a form's fields under their headings, in the order in which each heading first stands."""
    found: dict[str, list[FormField]] = {}
    for one in fields:
        found.setdefault(one.section, []).append(one)
    return found
