"""The routes of the DICOMweb service (PS3.18): at the root, or in a release."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from radcommons.access.asked import ReadRoute, Verb, endpoint
from radcommons.access.frames import retrieve_frames
from radcommons.access.qido import search_instances, search_series, search_studies
from radcommons.access.rendered import render_picture, render_thumbnail
from radcommons.access.wado import retrieve, retrieve_bulk, retrieve_metadata

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
    (_INSTANCE + "/rendered", render_picture),
    (_INSTANCE + "/frames/{frames}/rendered", render_picture),
    (_INSTANCE + "/frames/{frames}", retrieve_frames),
    (_INSTANCE + "/bulkdata/{path:path}", retrieve_bulk),
)

_NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "Nothing matches."}}


def routers() -> list[APIRouter]:
    """Return the routers of ``/dicomweb`` and of ``/dicomweb/releases/{release}``, for GET and HEAD."""
    made = []
    for prefix in ("/dicomweb", "/dicomweb/releases/{release}"):
        router = APIRouter(prefix=prefix, tags=["DICOMweb"], route_class=ReadRoute)
        for path, verb in _ROUTES:
            call = endpoint(verb)
            name = f"{call.__name__}:{prefix}{path}"
            answers = _NOTHING if call.__name__.startswith("search_") else None
            router.add_api_route(path, call, methods=["GET"], name=name, response_class=Response, responses=answers)
            router.add_api_route(path, call, methods=["HEAD"], include_in_schema=False, response_class=Response)
        made.append(router)
    return made
