"""The download of one instance of a release: rights, a withdrawal and the count are looked at each time.

Bytes of a local store come from the hub, with ranges. Those of S3 come from there: the hub answers with an address that
holds for minutes, so that it still decides and counts, and the store stays private.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from radcommons.access.asked import ReadRoute
from radcommons.access.serving import asked_bytes, object_response
from radcommons.catalogue import shelf
from radcommons.catalogue.credentials import signed_in
from radcommons.catalogue.downloads import counts_of
from radcommons.catalogue.images import InstanceRow
from radcommons.catalogue.images import Scope as Window
from radcommons.catalogue.reads import instance_with
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.platform.objects import object_key
from radcommons.platform.ports import Platform
from radcommons.records.event import Actor
from radcommons.records.event import Scope as Permission

PATH = "/api/v1/releases/{identifier}/instances/{digest}"


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    ports: Platform
    actor: Actor
    release: str
    digest: str

    def __post_init__(self) -> None:
        authorize(self.actor, scope=Permission.DOWNLOAD)

    def found(self) -> InstanceRow | None:
        return instance_with(self.ports.engine, Window(actor=self.actor, release=self.release), self.digest)


async def release_instance(request: Request) -> Response:
    """Return one instance of a release, or where it is; ranges resume, 410 says that it was withdrawn."""
    ports: Platform = request.app.state.platform
    release, digest = request.path_params["identifier"], request.path_params["digest"]
    is_quick = ports.engine.dialect.name == "sqlite" and "\0" not in release + digest
    if is_quick:
        # Database and objects are this machine's files: a thread would cost more than the look-up.
        asked = _Asked(request, ports, signed_in(request).actor, release, digest)
        if counts_of(ports.engine).is_known(asked.actor.id, release) and (found := asked.found()) is not None:
            return _give(asked, found)
    return await run_in_threadpool(_answer, request, ports)


def _answer(request: Request, ports: Platform) -> Response:
    release, digest = request.path_params["identifier"], request.path_params["digest"]
    asked = _Asked(request, ports, signed_in(request).actor, release, digest)
    with reading(ports.engine) as connection:
        found = shelf.release_instance(connection, asked.actor, release, digest)
    counts_of(ports.engine).begin(asked.actor.id, release)
    return _give(asked, found)


def _give(asked: _Asked, found: InstanceRow) -> Response:
    request, ports = asked.request, asked.ports
    start, end = asked_bytes(request, found)
    if request.method != "HEAD":
        # A file that goes on where it stopped is no second one.
        counts_of(ports.engine).add(asked.actor.id, asked.release, instances=int(start == 0), size=end - start)
        seconds = 0 if _repeats_its_token(request) else ports.settings.download_s
        address = ports.objects.signed_url(object_key(found.digest), seconds=seconds) if seconds else None
        if address is not None:
            headers = {"Location": address, "Cache-Control": "no-store"}
            return Response(status_code=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)
    return object_response(request, found, objects=ports.objects)


def _repeats_its_token(request: Request) -> bool:
    """Say whether the client would send its token where a redirect leads, which S3 refuses; wget does."""
    return "authorization" in request.headers and request.headers.get("user-agent", "").startswith("Wget/")


def add_routes(routes: APIRouter) -> None:
    """Add the download of one instance, for GET and HEAD; `routes` has the prefix of the API."""
    path = PATH.removeprefix(routes.prefix)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("identifier", "digest")
    ]
    extra: dict[str, Any] = {"parameters": parameters}
    answers: dict[int | str, dict[str, Any]] = {307: {"description": "The bytes are at another address for minutes."}}
    for method in ("GET", "HEAD"):
        route = ReadRoute(
            routes.prefix + path,
            release_instance,
            methods=[method],
            response_class=Response,
            tags=["Releases"],
            responses=answers,
            openapi_extra=extra,
            include_in_schema=method == "GET",
        )
        routes.routes.append(route)


class DownloadRoute(BaseRoute):
    """The same before all other routes, found without trying each pattern: a release has many files."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is a download."""
        path: str = scope["path"] if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else ""
        if not path.startswith("/api/v1/releases/") or scope.get("root_path"):
            return Match.NONE, {}
        parts = path.split("/")
        if len(parts) != 7 or parts[5] != "instances" or not parts[4] or not parts[6]:
            return Match.NONE, {}
        return Match.FULL, {"path_params": {"identifier": parts[4], "digest": parts[6]}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        response = await release_instance(Request(scope, receive, send))
        await response(scope, receive, send)
