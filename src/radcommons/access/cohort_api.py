"""JSON of cohorts: save, list, compare, and the documents of a version."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from radcommons.access import cohort_export, explore
from radcommons.access.cohort import Selection, compared, kept, save
from radcommons.access.tables import base_of, table_response
from radcommons.catalogue import cohorts
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.records.cohort import MOST_STUDIES, OWNERS, Cohort
from radcommons.records.identifiers import Uid

_STEADY = {"Cache-Control": "private, no-cache"}
Number = Annotated[int, Field(ge=1, le=1_000_000)]


class CohortBody(BaseModel):
    """What to keep: studies by their UID, or what a query of explore finds now."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=2000)
    studies: list[Uid] = Field(default=[], max_length=MOST_STUDIES)
    query: str = Field(default="", max_length=2000)


class CohortSummary(BaseModel):
    """A version without its list of instances."""

    id: str
    name: str
    version: int
    created_at: str
    query: str
    counts: dict[str, int]


class CohortsAnswer(BaseModel):
    """The caller's own cohorts."""

    cohorts: list[CohortSummary]


class ComparedAnswer(BaseModel):
    """What differs between two versions, as Study Instance UIDs."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    same: int


def _summary(made: Cohort) -> CohortSummary:
    return CohortSummary(
        id=made.id,
        name=made.name,
        version=made.version,
        created_at=made.created_at,
        query=made.query,
        counts=asdict(made.counts),
    )


def selection_of(request: Request, ports: Any, actor: Any, body: CohortBody) -> Selection:
    """Return what a body selects: its studies, or what its query finds now."""
    if body.studies:
        return Selection(studies=tuple(body.studies))
    found = explore.found(request, ports, actor, query=body.query)
    return Selection(studies=found.studies, within=found.releases, query=found.query)


def router() -> APIRouter:
    """Return the routes; documents answer HEAD as well."""
    routes = APIRouter(prefix="/api/v1/cohorts", tags=["Cohorts"])

    @routes.get("")
    def list_cohorts(ports: Ports, who: Visitor) -> CohortsAnswer:
        """List the caller's own cohorts, each in its newest version."""
        authorize(who.actor, *OWNERS)
        with reading(ports.engine) as connection:
            rows = cohorts.own(connection, who.actor)
        return CohortsAnswer(
            cohorts=[
                CohortSummary(
                    id=row.id,
                    name=row.name,
                    version=row.number,
                    created_at=row.created_at,
                    query=row.query,
                    counts=row.counts,
                )
                for row in rows
            ]
        )

    @routes.post("", status_code=201)
    def create_cohort(body: CohortBody, request: Request, ports: Ports, actor: Asking) -> CohortSummary:
        """Save a selection as a new cohort; with neither studies nor a query, everything that explore shows."""
        authorize(actor, *OWNERS)
        chosen = selection_of(request, ports, actor, body)
        return _summary(save(chosen, platform=ports, actor=actor, name=body.name, description=body.description))

    @routes.post("/{identifier}/versions", status_code=201)
    def create_version(
        identifier: str, body: CohortBody, request: Request, ports: Ports, actor: Asking
    ) -> CohortSummary:
        """Save a selection as the next version of a cohort of one's own."""
        authorize(actor, *OWNERS)
        chosen = selection_of(request, ports, actor, body)
        made = save(chosen, platform=ports, actor=actor, description=body.description, identifier=identifier)
        return _summary(made)

    @routes.get("/{identifier}")
    def get_cohort(identifier: str, ports: Ports, who: Visitor) -> CohortSummary:
        """Return the newest version without its list."""
        return _summary(kept(ports, who.actor, identifier).cohort)

    @routes.get("/{identifier}/compare")
    def compare_versions(
        identifier: str, ports: Ports, who: Visitor, old: Annotated[Number, Query()], new: Annotated[Number, Query()]
    ) -> ComparedAnswer:
        """Return which studies were added, removed or changed from one version to another."""
        return ComparedAnswer(**asdict(compared(ports, who.actor, identifier, old=old, new=new)))

    _add_documents(routes)
    return routes


def _add_documents(routes: APIRouter) -> None:
    for name, endpoint, model in (
        ("manifest.json", manifest, None),
        ("manifest.json.sig", signature, None),
        ("manifest.csv", table, None),
        ("croissant.json", croissant, dict[str, Any]),
    ):
        path = f"/{{identifier}}/versions/{{number}}/{name}"
        routes.add_api_route(path, endpoint, methods=["GET"], response_class=Response, response_model=model)
        routes.add_api_route(path, endpoint, methods=["HEAD"], response_class=Response, include_in_schema=False)


def manifest(identifier: str, number: Number, ports: Ports, who: Visitor) -> Response:
    """Return the exact bytes of a version that were signed."""
    return Response(kept(ports, who.actor, identifier, number).document, media_type="application/json", headers=_STEADY)


def signature(identifier: str, number: Number, ports: Ports, who: Visitor) -> Response:
    """Return the detached signature of a version."""
    return JSONResponse(kept(ports, who.actor, identifier, number).signature, headers=_STEADY)


def table(identifier: str, number: Number, request: Request, ports: Ports, who: Visitor) -> Response:
    """Return a version's instances as a table, with the address of each; the same form as a release's."""
    made = kept(ports, who.actor, identifier, number).cohort
    name = f"cohort-{made.id[:8]}-{made.version}"
    return table_response(cohort_export.pairs(made), base=base_of(request, ports), name=name)


def croissant(identifier: str, number: Number, request: Request, ports: Ports, who: Visitor) -> Response:
    """Return a version in Croissant 1.0."""
    made = kept(ports, who.actor, identifier, number).cohort
    told = cohort_export.croissant(made, base=base_of(request, ports))
    return JSONResponse(told, media_type="application/ld+json", headers=_STEADY)
