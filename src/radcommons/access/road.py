"""The routers of the access road, for whoever composes an application."""

from __future__ import annotations

from fastapi import APIRouter

from radcommons.access import (
    access_api,
    committee_pages,
    dataset_pages,
    grant_pages,
    request_pages,
    signoff_pages,
    steward_pages,
)


def routers() -> tuple[APIRouter, ...]:
    """Return JSON and pages: datasets, requests, sign-off, committee, grants, stewardship."""
    zones = (access_api, dataset_pages, request_pages, signoff_pages, committee_pages, grant_pages, steward_pages)
    return tuple(one.router() for one in zones)
