"""Every route of the gateway by every visitor: nothing opens without a whole sign-in but the doors themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from tests.unit.site.sent_store import make_store

from radcommons.site import users
from radcommons.site.store import Store
from radcommons.site.users import SiteRole
from radcommons.web.site_app import site_app

PASSWORD = "a sentence of my own"
# Who has no session yet needs these; none of them shows a patient.
DOORS = {"/held", "/sign-in", "/sign-out", "/set-up/{token}", "/healthz", "/static/{name:path}"}
HALF_DOORS = DOORS | {"/second-factor"}
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A gateway that asks for a second factor."""
    opened = make_store(tmp_path_factory.mktemp("site") / "gateway")
    users.add_user(opened, "M. Roe", role=SiteRole.DATA_MANAGER, password=PASSWORD)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(store: Store) -> TestClient:
    """A browser without a session."""
    return TestClient(site_app(store.directory, hosts=("testserver",)), follow_redirects=False)


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Return (method, path) of every route."""
    found = list(iter_route_contexts(client.app.routes))  # type: ignore[attr-defined]
    return sorted({(method, str(route.path)) for route in found for method in route.methods or ()})


def filled(path: str) -> str:
    """Return a path with something in the place of its parts."""
    return re.sub(r"\{[^}]*\}", "1" * 64, path)


def test_nobody_gets_in(client: TestClient) -> None:
    """Without a session every page leads to the sign-in, and every act is refused."""
    seen = routes(client)
    assert len(seen) > 20
    for method, path in seen:
        if path in DOORS:
            continue
        answer = client.request(method, filled(path), headers=HTML)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in"), (method, path)


def test_a_password_alone_gets_no_further_than_the_second_factor(client: TestClient) -> None:
    """A half session sees the page that sets the phone up, and nothing else."""
    answer = client.post("/sign-in", data={"email": "M. Roe", "password": PASSWORD})
    assert answer.status_code == 303
    try:
        for method, path in routes(client):
            if path in HALF_DOORS:
                continue
            answer = client.request(method, filled(path), headers=HTML)
            assert (answer.status_code, answer.headers.get("location")) == (303, "/second-factor"), (method, path)
        assert client.get("/second-factor", headers=HTML).status_code == 200
        assert client.post("/second-factor", data={"code": "123456"}, headers=HTML).status_code == 403
    finally:
        client.cookies.clear()


def test_acts_need_the_session_s_key(client: TestClient, store: Store, tmp_path: Path) -> None:
    """A form from elsewhere does nothing, whoever is signed in."""
    near = make_store(tmp_path / "near", hub="http://127.0.0.1:9", second_factor="off")
    users.add_user(near, "M. Roe", role=SiteRole.DATA_MANAGER, password=PASSWORD)
    inside = TestClient(site_app(near.directory, hosts=("testserver",)), follow_redirects=False)
    assert inside.post("/sign-in", data={"email": "M. Roe", "password": PASSWORD}).status_code == 303
    assert (
        "samesite=strict"
        in inside.post("/sign-in", data={"email": "M. Roe", "password": PASSWORD}).headers["set-cookie"].lower()
    )
    for method, path in routes(inside):
        if method == "POST" and path not in DOORS:
            answer = inside.request(method, filled(path), headers=HTML)
            assert answer.status_code in (403, 404, 422), (path, answer.status_code)
            cross = inside.request(method, filled(path), headers={**HTML, "Sec-Fetch-Site": "cross-site"})
            assert cross.status_code == 403, path
    assert inside.post("/sign-out", data={}, headers=HTML).status_code == 403
    near.close()


def test_answers_carry_the_policy_and_no_page_is_kept(client: TestClient) -> None:
    """The strict policy on every answer; no browser keeps a page."""
    answer = client.get("/sign-in", headers=HTML)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/sign-in", headers={"Host": "evil.example"}).status_code == 400
