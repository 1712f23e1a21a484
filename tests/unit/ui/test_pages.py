"""Answers with pages carry the headers; a message survives one redirect; redirects stay at home."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from radcommons.records.event import ANONYMOUS, Actor, Role
from radcommons.ui.pages import page, problem_page, redirect
from radcommons.ui.render import Brand, Flash, Renderer

CURATOR = Actor(id="account:1", name="Cu Rator", roles=frozenset({Role.CURATOR}))


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "x.html").write_text("{% extends 'ui/layout.html' %}{% block title %}X{% endblock %}")
    app = FastAPI()
    app.state.renderer = Renderer(brand=Brand("Commons"), nav=[], zones={"zone": tmp_path})

    @app.get("/x")
    def x(request: Request) -> Response:
        return page(request, "zone/x.html", actor=CURATOR, form_key="key")

    @app.post("/x")
    def act() -> Response:
        return redirect("/x", flash=Flash("Done & dusted <b>", "warn"))

    @app.get("/gone")
    def gone(request: Request) -> Response:
        return problem_page(request, actor=ANONYMOUS, status=410, title="Withdrawn")

    return TestClient(app)


def test_a_page_carries_the_security_headers(client: TestClient) -> None:
    """CSP, nosniff and a private cache on every page, error pages too."""
    for path, status in (("/x", 200), ("/gone", 410)):
        answer = client.get(path)
        assert answer.status_code == status
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "private" in answer.headers["cache-control"]
    assert "Cu Rator" in client.get("/x").text


def test_a_message_is_shown_once_after_the_redirect(client: TestClient) -> None:
    """It is escaped, and gone with the next page."""
    after = client.post("/x")
    assert after.history[0].status_code == 303
    assert "Done &amp; dusted &lt;b&gt;" in after.text
    assert "dusted" not in client.get("/x").text


def test_a_forged_message_is_ignored(client: TestClient) -> None:
    """A cookie that is none of ours changes nothing."""
    for text in ("nonsense", "W10=", "eyJhIjoxfQ=="):
        assert client.get("/x", cookies={"radcommons_flash": text}).status_code == 200


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"])
def test_redirects_stay_on_this_host(to: str) -> None:
    """No open redirect."""
    with pytest.raises(ValueError, match="host"):
        redirect(to)
