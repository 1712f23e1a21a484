"""JSON of the public side: datasets, releases, manifests, feeds, and the download of one instance."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from radcommons.access import download
from radcommons.access.tables import base_of, table_response
from radcommons.catalogue import shelf
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.catalogue.downloads import tallies, tally_of
from radcommons.catalogue.images import Place, Scope
from radcommons.catalogue.provenance import items_at
from radcommons.platform.database import reading
from radcommons.platform.ports import Platform
from radcommons.records.describe import Described, datacite, schema_org
from radcommons.records.documents import parse
from radcommons.records.errors import NotFound
from radcommons.records.event import Actor
from radcommons.records.release import Release

# A signed manifest never changes; whether a caller may have it does.
_STEADY = {"Cache-Control": "private, no-cache"}


class ReleaseSummary(BaseModel):
    """A release without its list of instances."""

    model_config = ConfigDict(extra="forbid")

    id: str
    dataset: str
    number: int
    title: str
    tier: str
    created_at: str
    terms: dict[str, Any]
    citation: str
    counts: dict[str, int]
    withdrawn: int
    is_open: bool
    downloads: int
    downloaders: int


class ReleasesAnswer(BaseModel):
    """The releases that the caller may know of, the newest first."""

    releases: list[ReleaseSummary]


class DatasetAnswer(BaseModel):
    """A dataset and its releases."""

    name: str
    title: str
    tier: str
    steward: str
    releases: list[str]
    downloads: int
    downloaders: int


class DatasetsAnswer(BaseModel):
    """All datasets."""

    datasets: list[DatasetAnswer]


class FeedAnswer(BaseModel):
    """A dataset's signed, append-only feed."""

    dataset: str
    entries: list[dict[str, Any]]


def _summaries(connection: sa.Connection, found: list[shelf.Shelved]) -> list[ReleaseSummary]:
    taken = tallies(connection, [one.id for one in found])
    shown = []
    for one in found:
        members: dict[str, Any] = {name: getattr(one, name, 0) for name in ReleaseSummary.model_fields}
        members["downloads"], members["downloaders"] = taken.get(one.id, (0, 0))
        shown.append(ReleaseSummary(**members))
    return shown


def _datasets(ports: Platform, actor: Actor) -> list[DatasetAnswer]:
    with reading(ports.engine) as connection:
        rows = shelf.datasets(connection, actor)
        listed = shelf.releases(connection, actor)
        taken = {row.name: tally_of(connection, row.name) for row in rows}
    return [
        DatasetAnswer(
            name=row.name,
            title=row.title,
            tier=row.tier,
            steward=row.steward,
            releases=[one.id for one in sorted(listed, key=lambda one: one.number) if one.dataset == row.name],
            downloads=taken[row.name][0],
            downloaders=taken[row.name][1],
        )
        for row in rows
    ]


def _manifest(ports: Platform, actor: Actor, identifier: str) -> tuple[bytes, dict[str, Any]]:
    with reading(ports.engine) as connection:
        shelf.open_release(connection, actor, identifier)
        return shelf.manifest(connection, identifier)


def router() -> APIRouter:
    """Return the routes of datasets and releases; those that serve files answer HEAD as well."""
    routes = APIRouter(prefix="/api/v1")
    _add_datasets(routes)
    _add_releases(routes)
    for path, endpoint in (
        ("/releases/{identifier}/manifest.json", manifest),
        ("/releases/{identifier}/manifest.json.sig", manifest_signature),
        ("/releases/{identifier}/manifest.csv", manifest_table),
        ("/releases/{identifier}/studies/{study}/manifest.csv", part_table),
        ("/releases/{identifier}/studies/{study}/series/{series}/manifest.csv", part_table),
    ):
        routes.add_api_route(path, endpoint, methods=["GET"], response_class=Response, tags=["Releases"])
        routes.add_api_route(path, endpoint, methods=["HEAD"], response_class=Response, include_in_schema=False)
    download.add_routes(routes)
    return routes


def _add_datasets(routes: APIRouter) -> None:
    @routes.get("/datasets", tags=["Datasets"])
    def list_datasets(ports: Ports, who: Visitor) -> DatasetsAnswer:
        """List the datasets."""
        return DatasetsAnswer(datasets=_datasets(ports, who.actor))

    @routes.get("/datasets/{name}", tags=["Datasets"])
    def get_dataset(name: str, ports: Ports, who: Visitor) -> DatasetAnswer:
        """Return one dataset."""
        with reading(ports.engine) as connection:
            shelf.dataset(connection, who.actor, name)
        return next(one for one in _datasets(ports, who.actor) if one.name == name)

    @routes.get("/datasets/{name}/feed", tags=["Datasets"])
    def get_feed(name: str, ports: Ports, who: Visitor) -> FeedAnswer:
        """Return what happened to a dataset: releases, withdrawals, errata."""
        with reading(ports.engine) as connection:
            return FeedAnswer(dataset=name, entries=shelf.feed(connection, who.actor, name))


class ChangedTerm(BaseModel):
    """A term that is another one."""

    name: str
    before: str
    after: str


class ChangesAnswer(BaseModel):
    """What changed between two releases of a dataset: SOP Instance UIDs, patients, terms."""

    older: str
    newer: str
    same: int
    added: list[str]
    removed: list[str]
    corrected: list[str]
    relabelled: list[str]
    terms: list[ChangedTerm]


def _add_releases(routes: APIRouter) -> None:
    @routes.get("/releases/{identifier}/changes", tags=["Releases"])
    def get_changes(identifier: str, since: str, ports: Ports, who: Visitor) -> ChangesAnswer:
        """Return what changed in a release since another one."""
        with reading(ports.engine) as connection:
            found = shelf.changes(connection, who.actor, since, identifier)
        return ChangesAnswer(
            older=found.older,
            newer=found.newer,
            same=found.same,
            added=[item.sop_instance_uid for item in found.added],
            removed=[item.sop_instance_uid for item in found.removed],
            corrected=[item.sop_instance_uid for _, item in found.corrected],
            relabelled=list(found.relabelled),
            terms=[ChangedTerm(name=one.name, before=one.before, after=one.after) for one in found.terms],
        )

    @routes.get("/releases/{identifier}/datacite.json", tags=["Releases"])
    def get_datacite(identifier: str, request: Request, ports: Ports, who: Visitor) -> dict[str, Any]:
        """Return the release's DataCite metadata; that it exists and how much it holds is public."""
        return datacite(_described(identifier, request, ports, who.actor))

    @routes.get("/releases/{identifier}/dataset.jsonld", tags=["Releases"])
    def get_linked_data(identifier: str, request: Request, ports: Ports, who: Visitor) -> dict[str, Any]:
        """Return the release as a schema.org data set."""
        return schema_org(_described(identifier, request, ports, who.actor))

    @routes.get("/releases", tags=["Releases"])
    def list_releases(ports: Ports, who: Visitor) -> ReleasesAnswer:
        """List the releases."""
        with reading(ports.engine) as connection:
            return ReleasesAnswer(releases=_summaries(connection, shelf.releases(connection, who.actor)))

    @routes.get("/releases/{identifier}", tags=["Releases"])
    def get_release(identifier: str, ports: Ports, who: Visitor) -> ReleaseSummary:
        """Return one release."""
        with reading(ports.engine) as connection:
            return _summaries(connection, [shelf.release(connection, who.actor, identifier)])[0]


def _described(identifier: str, request: Request, ports: Platform, actor: Actor) -> Described:
    base = base_of(request, ports)
    with reading(ports.engine) as connection:
        return shelf.described(connection, actor, identifier, base=base, publisher=ports.settings.title)


def manifest(identifier: str, ports: Ports, who: Visitor) -> Response:
    """Return the exact bytes that were signed."""
    content, _ = _manifest(ports, who.actor, identifier)
    return Response(content, media_type="application/json", headers=_STEADY)


def manifest_signature(identifier: str, ports: Ports, who: Visitor) -> Response:
    """Return the detached signature of the manifest."""
    _, signature = _manifest(ports, who.actor, identifier)
    return JSONResponse(signature, headers=_STEADY)


def manifest_table(identifier: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Return the manifest's instances as a table for people, with the address of each: curl and wget take it."""
    content, _ = _manifest(ports, who.actor, identifier)
    items = ((identifier, item) for item in parse(Release, content).items)
    return table_response(items, base=base_of(request, ports), name=identifier)


def part_table(identifier: str, study: str, request: Request, ports: Ports, who: Visitor, series: str = "") -> Response:
    """Return a study, or one series of it, as a release froze it: the same table as of the whole release."""
    with reading(ports.engine) as connection:
        shelf.open_release(connection, who.actor, identifier)
        scope = Scope(actor=who.actor, release=identifier)
        items = [(identifier, item) for item in items_at(connection, scope, Place(study=study, series=series or None))]
    if not items:
        raise NotFound("There is no such study or series in the release.")
    return table_response(items, base=base_of(request, ports), name=f"{identifier}-{series or study}")
