"""The hub's web application: ports, routers, jobs, headers; the composition and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

# The engine of jobs is loaded beside the first requests and brings this part of SQLAlchemy, which changes how all
# statements are read: a request that came while it was half there failed.
import sqlalchemy.orm  # noqa: F401
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from radcommons import access, coalition, hub
from radcommons.access import api as access_api
from radcommons.access import (
    cohort_api,
    cohort_pages,
    dicomweb_api,
    explore,
    release_pages,
    road,
    study_routes,
    style_page,
    viewer,
)
from radcommons.access import pages as access_pages
from radcommons.access.download import DownloadRoute
from radcommons.catalogue.accounts import SignedIn
from radcommons.catalogue.credentials import signed_in
from radcommons.catalogue.downloads import counts_of
from radcommons.catalogue.migrate import upgrade
from radcommons.coalition import api as coalition_api
from radcommons.coalition import pages_account, pages_joining, pages_people, pages_sign_in
from radcommons.hub import api as hub_api
from radcommons.hub import api_stow, incident_api, incident_pages, jobs
from radcommons.hub import pages as hub_pages
from radcommons.hub.work import JUDGING
from radcommons.platform.pool import import_ahead
from radcommons.platform.ports import Platform, open_platform
from radcommons.platform.settings import HubSettings
from radcommons.records.cohort import OWNERS
from radcommons.records.errors import RadcommonsError
from radcommons.records.event import ANONYMOUS, Role
from radcommons.ui.pages import THEMES_PATH, problem_page, theme_router
from radcommons.ui.render import Brand, NavItem, Renderer
from radcommons.web import health, working
from radcommons.web.errors import PROBLEM_RESPONSES, add_error_handlers
from radcommons.web.guard import BrowserGuard, LastResort
from radcommons.web.metrics import Measured
from radcommons.web.short import Hub

_KEEPERS = frozenset({*OWNERS, Role.ADMINISTRATOR})
_CURATORS = frozenset({Role.CURATOR, Role.ADMINISTRATOR})
_ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
_COMMITTEES = _CURATORS | {Role.COMMITTEE}
NAVIGATION = (
    NavItem("Releases", "/"),
    NavItem("Explore", "/explore"),
    NavItem("Datasets", "/datasets"),
    NavItem("Cohorts", "/cohorts", roles=_KEEPERS),
    NavItem("Register", "/register"),
    NavItem("My access", "/requests", roles=frozenset(Role) - {Role.SITE}),
    NavItem("Committee", "/committee", roles=_COMMITTEES),
    NavItem("Curation", "/curate", roles=_CURATORS),
    NavItem("People", "/people", roles=_ADMINISTRATORS),
    NavItem("Audit", "/audit", roles=_ADMINISTRATORS),
)


def hub_app(settings: HubSettings) -> FastAPI:
    """Return the hub as an ASGI application; its database is brought up to date, and its jobs start, with it.

    Raises
    ------
    UsageError
        If the settings' folder is no hub's.
    """
    platform = open_platform(settings)
    app = Hub(
        title=settings.title,
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(platform),
        responses=PROBLEM_RESPONSES,
    )
    app.state.platform = platform
    app.state.renderer = _renderer(settings)
    add_error_handlers(app, page=_problem_page)
    app.add_middleware(LastResort)
    app.add_middleware(BrowserGuard)
    app.add_middleware(Measured)  # the outermost: what the others answer counts as well
    dicomweb, storing = dicomweb_api.routers(), api_stow.router()
    app.go_short([DownloadRoute(), dicomweb_api.short_ways(dicomweb), api_stow.StoreRoutes(storing)])
    for router in (
        storing,
        health.router(),
        app.state.renderer.assets.router(),
        coalition_api.router(),
        pages_sign_in.router(),
        pages_joining.router(),
        pages_account.router(),
        pages_people.router(),
        hub_api.router(),
        incident_api.router(),
        incident_pages.router(),  # before the pages of submissions, whose paths would take theirs
        hub_pages.router(),
        access_api.router(),
        *dicomweb,
        access_pages.router(),
        release_pages.router(),
        study_routes.router(),
        explore.router(),
        *road.routers(),
        cohort_api.router(),
        cohort_pages.router(),
        viewer.router(viewer.installed()),
        style_page.router(),
        theme_router(),
    ):
        app.include_router(router)
    return app


def _renderer(settings: HubSettings) -> Renderer:
    zones = {
        zone.__name__.rpartition(".")[2]: Path(zone.__path__[0]) / "templates" for zone in (access, coalition, hub)
    }
    return Renderer(brand=Brand(name=settings.title), nav=NAVIGATION, zones=zones, themes=THEMES_PATH)


def _lifespan(platform: Platform) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(_prepare, platform)
        worker = None
        if platform.settings.run_jobs:
            import_ahead(JUDGING)
            worker = working.worker(platform, executor="hub")
            await run_in_threadpool(jobs.ask_again, platform)
            await run_in_threadpool(worker.start)
            app.state.platform = replace(platform, wake_jobs=worker.wake)
        yield
        if worker is not None:
            await run_in_threadpool(worker.stop)
        await run_in_threadpool(counts_of(platform.engine).flush)
        platform.engine.dispose()

    return lifespan


def _prepare(platform: Platform) -> None:
    upgrade(platform.engine)
    if platform.settings.database.startswith("sqlite"):
        # One process alone works here, so what lies in the folder was left by one that was killed.
        shutil.rmtree(platform.temporary, ignore_errors=True)
    platform.temporary.mkdir(exist_ok=True)


def _problem_page(request: Request, status: int, title: str, detail: str, mend: str) -> Response:
    try:
        who = signed_in(request)
    except RadcommonsError:
        who = SignedIn(actor=ANONYMOUS, form_key="")
    return problem_page(
        request, actor=who.actor, form_key=who.form_key, status=status, title=title, detail=detail, mend=mend
    )
