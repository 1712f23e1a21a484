"""The pages of a study and of a series: pictures, header, where it comes from, and how to get exactly this."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from radcommons.access import explore, viewer
from radcommons.access.answers import Urls
from radcommons.access.header_view import found_in, lines_of
from radcommons.access.overview import modality_name
from radcommons.access.study_page import clinical_badges, film_of, series_facts, study_facts, study_title
from radcommons.access.tables import base_of
from radcommons.catalogue import provenance, shelf
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.catalogue.images import InstanceRow, Place, Scope, SeriesRow, StudyRow, headers, instances_at
from radcommons.catalogue.search import find_series, studies_of
from radcommons.dicomweb.query import Level, Query
from radcommons.platform.database import reading
from radcommons.records.errors import NotFound
from radcommons.records.identifiers import UID_PATTERN
from radcommons.ui.pages import page

_MEND = "It may be in a release that asks for a sign-in."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Lines to copy that get exactly what a page shows."""

    command: str
    curl: str
    python: str


def router() -> APIRouter:
    """Return the routes of both pages; they answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint in (("/studies/{study}", study_page), ("/studies/{study}/series/{series}", series_page)):
        routes.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    return routes


def study_page(
    study: str,
    request: Request,
    ports: Ports,
    who: Visitor,
    release: str = "",
    series: str = "",
    window: str = "",
    within: str = "",
) -> Response:
    """Show one study: its series as a strip, one of them slice by slice, and what is known of it.

    ``slice`` counts from 1. With ``release``, the study as that release froze it; `within` is the query of explore
    that led here.
    """
    scope = Scope(actor=who.actor, release=release or None)
    row = _study(ports, scope, study)
    with reading(ports.engine) as connection:
        all_series = find_series(ports.engine, scope, Query(level=Level.SERIES), place=Place(study=study))
        instances = instances_at(connection, scope, Place(study=study))
        clinical = shelf.clinical_rows(connection, release) if release else ()
        origins = provenance.origins(connection, scope, Place(study=study))
        history = provenance.history(connection, who.actor, study)
    film = film_of(
        all_series,
        instances,
        root=_root(release),
        path=request.url.path,
        release=release,
        chosen=series,
        number=request.query_params.get("slice", ""),
        window=window,
        within=within,
    )
    return page(
        request,
        "access/study.html",
        actor=who.actor,
        form_key=who.form_key,
        study=row,
        title=study_title(row),
        film=film,
        listed=_listed(all_series, study, release),
        facts=study_facts(row, clinical),
        badges=clinical_badges(row, clinical),
        origins=origins,
        history=history,
        release=release,
        ways=_ways(base_of(request, ports), _pinned(release, history), study=study),
        viewer=viewer.link(study, release) if viewer.installed() and film else "",
        beside=explore.beside(request, ports, who, study=study, query=within) if within else None,
    )


def series_page(
    study: str,
    series: str,
    request: Request,
    ports: Ports,
    who: Visitor,
    release: str = "",
    q: str = "",
    number: str = "",
) -> Response:
    """Show one series: what it is, the header of one of its instances (`number`, from 1), and how to get it."""
    scope = Scope(actor=who.actor, release=release or None)
    row = _study(ports, scope, study)
    found = find_series(ports.engine, scope, Query(level=Level.SERIES), place=Place(study=study, series=series))
    if not re.match(UID_PATTERN, series) or not found:
        raise NotFound("There is no such series.", mend=_MEND)
    with reading(ports.engine) as connection:
        instances = instances_at(connection, scope, Place(study=study, series=series))
        position = _position(number, len(instances))
        one, header = next(headers(connection, [instances[position - 1]]))
        origins = provenance.origins(connection, scope, Place(study=study, series=series))
        history = provenance.history(connection, who.actor, study)
    lines = list(lines_of(header))
    text = "".join(letter for letter in q[:64] if letter.isprintable()).strip()
    return page(
        request,
        "access/series.html",
        actor=who.actor,
        form_key=who.form_key,
        study=row,
        title=study_title(row),
        series=found[0],
        facts=series_facts(found[0], instances, header),
        lines=found_in(lines, text),
        total=len(lines),
        text=text,
        position=position,
        instances=len(instances),
        instance=one,
        image=_image(one, release),
        turns=_turns(request, release, text, position, len(instances)),
        origins=origins,
        release=release,
        ways=_ways(base_of(request, ports), _pinned(release, history), study=study, series=series),
        viewer=viewer.link(study, release) if viewer.installed() and one.frames else "",
    )


def _study(ports: Any, scope: Scope, study: str) -> StudyRow:
    if not re.match(UID_PATTERN, study):
        raise NotFound("There is no such study.")
    if scope.release:
        with reading(ports.engine) as connection:
            shelf.open_release(connection, scope.actor, scope.release)
    row = studies_of(ports.engine, scope, [study]).get(study)
    if row is None:
        raise NotFound("There is no such study.", mend=_MEND)
    return row


def _root(release: str) -> str:
    return f"/dicomweb/releases/{release}" if release else "/dicomweb"


def _position(number: str, count: int) -> int:
    is_number = number.isascii() and number.isdecimal() and len(number) < 7
    return min(max(int(number), 1), count) if is_number else count // 2 + 1


def _image(one: InstanceRow, release: str) -> str:
    return f"{Urls(_root(release)).instance(one)}/thumbnail?viewport=400,400" if one.frames else ""


def _turns(request: Request, release: str, text: str, position: int, count: int) -> tuple[str, str]:
    """Return the addresses of the instance before and after; empty at the ends."""

    def to(number: int) -> str:
        kept = {"release": release, "q": text, "number": str(number)}
        return f"{request.url.path}?{urlencode({name: value for name, value in kept.items() if value})}"

    return (to(position - 1) if position > 1 else "", to(position + 1) if position < count else "")


def _listed(series: Sequence[SeriesRow], study: str, release: str) -> list[Mapping[str, Any]]:
    """Return the series of a study as its table shows them."""
    kept = f"?{urlencode({'release': release})}" if release else ""
    return [
        {
            "name": one.description or (f"Series {one.number}" if one.number is not None else "Series"),
            "href": f"/studies/{study}/series/{one.series_instance_uid}{kept}",
            "modality": modality_name(one.modality or ""),
            "number": one.number,
            "images": one.instances,
        }
        for one in series
    ]


def _pinned(release: str, history: Sequence[provenance.Held]) -> str:
    """Return the release that a line names: the page's own, else the newest that holds the study."""
    return release or (history[-1].release if history else "")


def _ways(base: str, release: str, *, study: str, series: str = "") -> Ways | None:
    """Return the lines; None where no release holds the study, so that nothing would stay as it is."""
    if not release:
        return None
    part = f"studies/{study}" + (f"/series/{series}" if series else "")
    table = f"{base}/api/v1/releases/{release}/{part}/manifest.csv"
    method = "retrieve_series" if series else "retrieve_study"
    arguments = f'"{study}", "{series}"' if series else f'"{study}"'
    return Ways(
        command=f"radcommons get {table} --to {release}",
        curl=(
            f"curl -fsS {table} | tail -n +2 |\n"
            """  awk -F, '{print "url = \\"" $NF "\\"\\noutput = \\"" $1 "\\""}' |\n"""
            "  curl -fL --parallel --create-dirs -K -"
        ),
        python=(
            "from dicomweb_client import DICOMwebClient\n\n"
            f'client = DICOMwebClient("{base}/dicomweb/releases/{release}")\n'
            f"images = client.{method}({arguments})"
        ),
    )
