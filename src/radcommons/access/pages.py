"""The public portal: releases, their studies, one study with its pictures."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from radcommons.access.overview import age_chart, overview
from radcommons.access.study_page import study_cards
from radcommons.access.tables import base_of
from radcommons.catalogue import shelf
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.catalogue.images import Scope
from radcommons.catalogue.search import count_studies, find_studies
from radcommons.dicomweb.query import Kind, Level, Match, Query
from radcommons.platform.database import reading
from radcommons.ui.pages import page

PAGE = 24


def router() -> APIRouter:
    """Return the portal's routes; pages answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint in (
        ("/", home),
        ("/releases/{identifier}/studies", studies_page),
    ):
        routes.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
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
