"""Every route by every kind of actor: who gets an answer, who is refused; a route that the table lacks fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from radcommons.records.event import Role
from radcommons.testing.hubs import ADMINISTRATOR, TestHub, running_hub
from radcommons.testing.sender import Sender

ACTORS = ("visitor", "researcher", "reader", "site", "direct", "curator", "administrator")
EVERYBODY = frozenset(ACTORS)
CURATORS = frozenset({"curator", "administrator"})
KEEPERS = frozenset({"researcher", "reader", "curator", "administrator"})
SITES = frozenset({"site"})
STORES = frozenset({"site", "direct"})
# A direct token of role site passes the role's door; what it may know there is decided by its site, and it has none.
SUBMISSIONS = frozenset({"site", "direct", "curator", "administrator"})

D, U = "a" * 64, "2.25.1"
# (method, route): who passes the door. Passing may still mean 404 or 409; not passing is 401 or 403.
TABLE: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
    ("GET", "/api/v1/keys"): EVERYBODY,
    ("GET", "/api/v1/policies"): EVERYBODY,
    ("POST", "/api/v1/sessions"): EVERYBODY,
    ("DELETE", "/api/v1/sessions"): EVERYBODY,
    ("GET", "/api/v1/me"): EVERYBODY - {"visitor"},
    ("POST", "/api/v1/sites/{code}/key"): SITES,
    ("GET", "/api/v1/canary"): STORES,
    ("POST", "/api/v1/canary"): STORES,
    ("POST", "/api/v1/submissions"): STORES,
    ("GET", "/api/v1/submissions"): SUBMISSIONS,
    ("GET", "/api/v1/submissions/{identifier}"): SUBMISSIONS,
    ("GET", "/api/v1/submissions/{identifier}/receipt"): SUBMISSIONS,
    ("POST", "/api/v1/submissions/{identifier}/decisions"): CURATORS,
    ("POST", "/api/v1/withdrawals"): STORES,
    ("POST", "/api/v1/releases"): CURATORS,
    ("POST", "/dicomweb/studies"): STORES,
    ("POST", "/dicomweb/studies/{study}"): STORES,
    ("GET", "/curate"): CURATORS,
    ("GET", "/curate/releases/new"): CURATORS,
    ("POST", "/curate/releases/new"): CURATORS,
    ("GET", "/curate/{identifier}"): CURATORS,
    ("POST", "/curate/{identifier}"): CURATORS,
    ("GET", "/curate/{identifier}/instances/{digest}/preview"): EVERYBODY,  # the instance is not found, see below
    ("GET", "/api/v1/cohorts"): KEEPERS,
    ("POST", "/api/v1/cohorts"): KEEPERS,
    ("POST", "/api/v1/cohorts/{identifier}/versions"): KEEPERS,
    ("GET", "/cohorts"): KEEPERS | {"visitor"},  # who is led to the sign-in
    ("POST", "/cohorts"): KEEPERS,
    ("POST", "/basket"): KEEPERS,
    ("POST", "/basket/remove"): KEEPERS,
    ("POST", "/theme"): EVERYBODY,
    ("POST", "/sign-in"): EVERYBODY,
    ("POST", "/sign-out"): EVERYBODY,
}
# Public doors: what stands behind them is filtered by the visibility functions, so everyone passes and may get 404.
PUBLIC_PREFIXES = (
    "/static/",
    "/dicomweb/",
    "/api/v1/datasets",
    "/api/v1/releases",
    "/releases/",
    "/studies/",
    "/viewer/",
    "/cohorts/",
    "/api/v1/cohorts/",
)
PUBLIC_PAGES = frozenset({"/", "/style", "/explore", "/sign-in", "/account", "/api/openapi.json", "/dicomweb"})
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/sessions"): {"json": dict(zip(("email", "password"), ADMINISTRATOR, strict=True))},
    ("POST", "/api/v1/sites/{code}/key"): {"json": {"public_key": "A" * 43 + "="}},
    ("POST", "/api/v1/submissions/{identifier}/decisions"): {"json": {}},
    ("POST", "/api/v1/releases"): {"json": {"dataset": "covid-chest"}},
    ("POST", "/curate/releases/new"): {"data": {"dataset": "covid-chest"}},
    ("POST", "/curate/{identifier}"): {"data": {"choice": "accept-clean"}},
    ("POST", "/api/v1/cohorts"): {"json": {"name": "x"}},
    ("POST", "/api/v1/cohorts/{identifier}/versions"): {"json": {}},
    ("POST", "/cohorts"): {"data": {"name": "x"}},
    ("POST", "/basket"): {"data": {"study": U}},
    ("POST", "/basket/remove"): {"data": {"study": U}},
    ("POST", "/sign-in"): {"data": {"email": "nobody@localhost", "password": "wrong"}},
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """One hub; nothing is ever stored in it."""
    with running_hub(tmp_path_factory.mktemp("policy"), run_jobs=False) as made:
        yield made


@pytest.fixture(scope="module")
def credentials(hub: TestHub) -> dict[str, dict[str, str]]:
    """The headers of each kind of actor."""
    return {
        "visitor": {},
        "researcher": hub.token(Role.RESEARCHER),
        "reader": hub.token(Role.READER),
        "site": hub.join(Sender()),
        "direct": hub.token(Role.SITE, dataset="covid-chest"),
        "curator": hub.token(Role.CURATOR),
        "administrator": hub.token(Role.ADMINISTRATOR),
    }


def _routes(hub: TestHub) -> set[tuple[str, str]]:
    app: Any = hub.client.app
    return {
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in getattr(route.original_route, "methods", None) or ()
        if method not in ("HEAD", "OPTIONS")
    }


def _is_public(method: str, path: str) -> bool:
    return method == "GET" and (path in PUBLIC_PAGES or path.startswith(PUBLIC_PREFIXES))


def test_no_route_is_missing_from_the_table(hub: TestHub) -> None:
    """A new route must say here who passes it."""
    routes = _routes(hub)
    assert len(routes) > len(TABLE)
    unknown = {route for route in routes if route not in TABLE and not _is_public(*route)}
    assert unknown == set()
    assert set(TABLE) - routes == set()


def test_every_route_is_typed(hub: TestHub) -> None:
    """Each route of the JSON API that answers with a document says which, so that OpenAPI is exact."""
    app: Any = hub.client.app
    routes = [one.original_route for one in iter_route_contexts(app.routes)]
    typed = [route for route in routes if isinstance(route, APIRoute) and route.path.startswith("/api/")]
    assert len(typed) > 15
    untyped = {
        route.path
        for route in typed
        if route.include_in_schema
        if route.response_model is None
        if "manifest" not in route.path
        if "instances" not in route.path
        if not (route.path == "/api/v1/canary" and "GET" in (route.methods or ()))  # an archive
    }
    # 204 has no document
    assert untyped == {"/api/v1/sessions"}


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize(("method", "path"), TABLE)
def test_door(hub: TestHub, credentials: dict[str, dict[str, str]], method: str, path: str, actor: str) -> None:
    """Whoever the table does not name gets 401 without credentials and 403 with them; the others get past the door."""
    address = path.format(code="ALFA", identifier=D, digest=D, study=U)
    hub.client.cookies.clear()
    answer = hub.client.request(
        method, address, headers=credentials[actor], follow_redirects=False, **BODIES.get((method, path), {})
    )
    hub.client.cookies.clear()
    assert answer.status_code < 500, answer.text
    refused = answer.status_code in (401, 403) and path not in ("/sign-in",)
    if actor in TABLE[method, path]:
        # Past the door a direct token may still be told that it speaks for no site.
        assert not refused or (actor == "direct" and answer.status_code == 403), answer.text
    else:
        assert answer.status_code == (401 if actor == "visitor" else 403), answer.text


@pytest.mark.parametrize("actor", ["visitor", "researcher", "reader"])
def test_unknown_is_not_told_from_forbidden(hub: TestHub, credentials: dict[str, dict[str, str]], actor: str) -> None:
    """Who may not know of an instance gets the same 404 as for one that is not there."""
    for address in (f"/curate/{D}/instances/{D}/preview", f"/dicomweb/studies/{U}/series/{U}/instances/{U}"):
        assert hub.client.get(address, headers=credentials[actor]).status_code == 404


def test_unknown_token_is_refused(hub: TestHub) -> None:
    """A token that nobody gave out is no visitor's."""
    answer = hub.client.get("/api/v1/datasets", headers={"Authorization": "Bearer rcm_wrong"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_cookie_needs_the_form_key(hub: TestHub) -> None:
    """A change asked for with a browser's cookie must repeat the session's key; a read needs none."""
    email, password = ADMINISTRATOR
    signed = hub.client.post("/api/v1/sessions", json={"email": email, "password": password})
    assert signed.status_code == 201
    assert "httponly" in signed.headers["set-cookie"].lower()
    body = {"dataset": "covid-chest"}
    assert hub.client.get("/api/v1/me").json()["roles"] == ["administrator", "curator"]
    assert hub.client.post("/api/v1/releases", json=body).status_code == 403
    key = signed.json()["form_key"]
    assert hub.client.post("/api/v1/releases", json=body, headers={"X-Form-Key": key}).status_code == 409
    assert hub.client.post("/curate/releases/new", data=body).status_code == 403
    answer = hub.client.post("/curate/releases/new", data={**body, "form_key": key}, follow_redirects=False)
    assert answer.status_code == 303
    hub.client.cookies.clear()


def test_another_sites_page_changes_nothing(hub: TestHub, credentials: dict[str, dict[str, str]]) -> None:
    """A request that a browser marks as cross-site is refused before anything is looked up."""
    headers = {**credentials["curator"], "Sec-Fetch-Site": "cross-site"}
    assert hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=headers).status_code == 403


def test_problem_repeats_nothing(hub: TestHub, credentials: dict[str, dict[str, str]]) -> None:
    """What a client sent wrongly is named by its place, never repeated."""
    body = {"dataset": "Doe^Jane", "unknown": "19600101"}
    answer = hub.client.post("/api/v1/releases", json=body, headers=credentials["curator"])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Doe" not in answer.text
    assert "19600101" not in answer.text


def test_security_headers_everywhere(hub: TestHub) -> None:
    """Pages, documents and problems alike carry the headers that bind a browser."""
    for address in ("/", "/api/v1/keys", "/nowhere", "/healthz"):
        headers = hub.client.get(address).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
