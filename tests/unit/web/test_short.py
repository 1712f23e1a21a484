"""The short way before the application takes what the application would have taken, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter
from starlette.routing import Match

from radcommons.access import dicomweb_api
from radcommons.hub import api_stow

_PATHS = (
    "/dicomweb/studies",
    "/dicomweb/studies/",
    "/dicomweb/studies/1.2.3",
    "/dicomweb/studies/1.2.3/",
    "/dicomweb/studies//",
    "/dicomweb/studies/1.2.3/series",
    "/dicomweb/studies/1.2.3/series/4/instances/5/frames/1,2",
    "/dicomweb/studies/1.2.3/metadata",
    "/dicomweb/studies/1.2.3/bulkdata/x",
    "/dicomweb/studiesandmore",
    "/dicomweb/studies-1/1",
    "/dicomweb",
    "/other/studies/1.2.3",
    "/x/dicomweb/studies",
    "/",
)


def _scope(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "root_path": "", "headers": [], "query_string": b""}


def _told(routers: list[APIRouter], scope: dict[str, Any]) -> tuple[Any, Any] | None:
    """Return the route and its parameters by the application's own way: the first whose pattern fits."""
    for router in routers:
        for route in router.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                return getattr(route, "path", None), found.get("path_params")
    return None


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_a_short_way_leads_where_the_long_one_does(method: str, path: str) -> None:
    """Whatever a short route takes, the described route takes with the same parameters; a store is never missed."""
    reads, stores = dicomweb_api.routers(), api_stow.router()
    scope = _scope(method, path)
    told = _told([stores, *reads], scope)
    for short in (dicomweb_api.short_ways(reads), api_stow.StoreRoutes(stores)):
        match, found = short.matches(scope)
        if match is Match.FULL:
            assert told == (found["route"].path, found["path_params"])
    if method == "POST" and told is not None:
        assert api_stow.StoreRoutes(stores).matches(scope)[0] is Match.FULL
