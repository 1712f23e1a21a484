"""The routes of the DICOMweb service (PS3.18): at the root, or in a release."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Response

from radcommons.access.asked import Asked, ReadRoute, ReadRoutes, Verb, endpoint
from radcommons.access.capabilities import STORE, capabilities_response, capability
from radcommons.access.frames import retrieve_frames
from radcommons.access.qido import search_instances, search_series, search_studies
from radcommons.access.rendered import render_picture, render_thumbnail
from radcommons.access.wado import retrieve, retrieve_bulk, retrieve_metadata
from radcommons.access.wado_uri import retrieve_by_uri

_STUDY = "/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"

_ROUTES: tuple[tuple[str, Verb], ...] = (
    ("/studies", search_studies),
    ("/series", search_series),
    ("/instances", search_instances),
    (_STUDY + "/series", search_series),
    (_STUDY + "/instances", search_instances),
    (_SERIES + "/instances", search_instances),
    (_STUDY, retrieve),
    (_SERIES, retrieve),
    (_INSTANCE, retrieve),
    (_STUDY + "/metadata", retrieve_metadata),
    (_SERIES + "/metadata", retrieve_metadata),
    (_INSTANCE + "/metadata", retrieve_metadata),
    (_STUDY + "/thumbnail", render_thumbnail),
    (_SERIES + "/thumbnail", render_thumbnail),
    (_INSTANCE + "/thumbnail", render_thumbnail),
    (_STUDY + "/rendered", render_picture),
    (_SERIES + "/rendered", render_picture),
    (_INSTANCE + "/rendered", render_picture),
    (_INSTANCE + "/frames/{frames}/thumbnail", render_thumbnail),
    (_INSTANCE + "/frames/{frames}/rendered", render_picture),
    (_INSTANCE + "/frames/{frames}", retrieve_frames),
    (_INSTANCE + "/bulkdata/{path:path}", retrieve_bulk),
)

CAPABILITIES = (*(capability(path, verb.__name__) for path, verb in _ROUTES), *STORE)


def describe_service(asked: Asked) -> Response:
    """Describe what the service can do."""
    return capabilities_response(asked, CAPABILITIES)


def retrieve_root(asked: Asked) -> Response:
    """Retrieve one instance by query parameters (WADO-URI); without any, describe what the service can do."""
    return retrieve_by_uri(asked) if asked.request.query_params else describe_service(asked)


_URI_PARAMETERS = ("requestType", "studyUID", "seriesUID", "objectUID", "contentType", "transferSyntax", "frameNumber")
_NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "Nothing matches."}}


def _described(path: str, parameters: tuple[str, ...]) -> dict[str, Any]:
    """Return what the interface's description says of a path's and a query's parameters; all are texts."""
    text = {"schema": {"type": "string"}}
    within = [{"name": name, "in": "path", "required": True, **text} for name in re.findall(r"\{(\w+)", path)]
    return {"parameters": within + [{"name": name, "in": "query", "required": False, **text} for name in parameters]}


def routers() -> list[APIRouter]:
    """Return the routers of ``/dicomweb`` and of ``/dicomweb/releases/{release}``, for GET and HEAD."""
    made = []
    for prefix in ("/dicomweb", "/dicomweb/releases/{release}"):
        router = APIRouter(prefix=prefix, tags=["DICOMweb"], route_class=ReadRoute)
        for path, verb in _ROUTES:
            call = endpoint(verb)
            name = f"{call.__name__}:{prefix}{path}"
            answers = _NOTHING if call.__name__.startswith("search_") else None
            router.add_api_route(
                path,
                call,
                methods=["GET"],
                name=name,
                response_class=Response,
                responses=answers,
                openapi_extra=_described(prefix + path, capability(path, verb.__name__).parameters),
            )
            router.add_api_route(path, call, methods=["HEAD"], include_in_schema=False, response_class=Response)
        root, description = endpoint(retrieve_root), endpoint(describe_service)
        extra = _described(prefix, _URI_PARAMETERS)
        router.add_api_route("", root, methods=["GET"], response_class=Response, openapi_extra=extra)
        router.add_api_route("", root, methods=["HEAD"], include_in_schema=False, response_class=Response)
        for path in ("", "/studies"):
            router.add_api_route(path, description, methods=["OPTIONS"], include_in_schema=False)
        made.append(router)
    return made


def short_ways(made: list[APIRouter]) -> ReadRoutes:
    """Return a route to put before all others, which finds the reads of `routers` without trying each pattern."""
    return ReadRoutes(
        route
        for router in made
        for route in router.routes
        if isinstance(route, ReadRoute) and "GET" in (route.methods or ())
    )
