"""Every page of the gateway, and the navigation; a new page adds its line to both."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from radcommons.site import clinical_pages, officer_pages, pages, review_pages, selection_pages, users_pages
from radcommons.site.users import SiteRole
from radcommons.ui.render import NavItem

ROUTERS: tuple[Callable[[], APIRouter], ...] = (
    pages.router,
    users_pages.router,
    officer_pages.router,
    review_pages.router,
    selection_pages.router,
    clinical_pages.router,
)

NAV: tuple[NavItem, ...] = (
    NavItem("Today", "/"),
    NavItem("Selection", "/selection", roles={SiteRole.DATA_MANAGER}),
    NavItem("Review", "/review", roles={SiteRole.DATA_MANAGER}),
    NavItem("Privacy", "/officer"),
)
