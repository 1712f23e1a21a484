"""Releases, their changes and an identity incident in a real browser: accessible, whole on a phone, with and without
scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext

from radcommons.hub import incident
from radcommons.records.event import OPERATOR, Role
from radcommons.records.release import instance_address
from radcommons.testing.hubs import ADMINISTRATOR, TestHub, running_hub
from radcommons.testing.sender import Sender, superseding
from radcommons.testing.served import ServedHub, free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A hub with two releases that differ in every way, and an incident of each state."""

    url: str
    session: str
    sealed: str
    purged: str

    @property
    def pages(self) -> tuple[str, ...]:
        """The addresses of the pages."""
        return (
            "/releases/covid-chest-1",
            "/releases/covid-chest-2",
            "/releases/covid-chest-2/changes",
            "/releases/covid-chest-1/changes",
            "/releases/covid-chest-3/changes?since=covid-chest-1",
            "/curate/incidents",
            f"/curate/incidents/{self.sealed}",
            f"/curate/incidents/{self.purged}",
        )


def _fill(hub: TestHub) -> None:
    """Release; then correct one image, add a patient, tighten the terms, and release again."""
    sender = Sender()
    headers, curator = hub.join(sender), hub.token(Role.CURATOR)
    first = [sender.instance(patient=f"P{n}", number=n) for n in range(1, 5)]
    hub.submit(sender, first, headers=headers)
    hub.client.post("/api/v1/releases", json={"dataset": "covid-chest", "notes": "The first wave."}, headers=curator)
    better = sender.instance(patient="P1", number=1, change=lambda one: setattr(one, "SeriesDescription", "chest"))
    later = [superseding(better, old=first[0]), sender.instance(patient="P9", number=9)]
    document = sender.submission(later)
    strict = replace(document, terms=replace(document.terms, duo=("DUO:0000042",)))
    answer = hub.announce(sender.sealed(strict), headers=headers)
    hub.store(later, headers=headers)
    hub.verified(answer.json()["id"], headers=headers)
    made = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=curator)
    assert made.status_code == 201, made.text
    email, password = ADMINISTRATOR
    hub.client.post("/api/v1/sessions", json={"email": email, "password": password})
    for one in first[1:]:
        assert hub.client.get(instance_address("covid-chest-2", one.item.digest)).status_code == 200


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The hub, filled and then served by a process of its own, with a session of the administrator."""
    folder = tmp_path_factory.mktemp("release-pages") / "hub"
    with running_hub(folder) as hub:
        _fill(hub)
        items = hub.client.get("/api/v1/releases/covid-chest-2/manifest.json").json()["items"]
        purged = _sealed(hub, items[-1]["digest"], "A name on the film, told by a reader.")
        incident.purge_incident(purged, platform=hub.platform, actor=OPERATOR)
        sealed = _sealed(hub, items[1]["digest"], "A face can be seen in the head slices.")
    process = ServedHub(directory=folder, port=free_port())
    process.start()
    email, password = ADMINISTRATOR
    signed = process.client.post(f"{process.url}/api/v1/sessions", json={"email": email, "password": password})
    yield Served(url=process.url, session=signed.cookies["radcommons_session"], sealed=sealed, purged=purged)
    process.client.close()
    process.kill()


def _sealed(hub: TestHub, digest: str, reason: str) -> str:
    return incident.seal(digests=[digest], reason=reason, platform=hub.platform, actor=OPERATOR).id


def _context(browser: Browser, served: Served, **more: object) -> BrowserContext:
    context = browser.new_context(**more)  # type: ignore[arg-type]
    context.add_cookies([{"name": "radcommons_session", "value": served.session, "url": served.url}])
    return context


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit(browser: Browser, served: Served, width: int, scheme: str) -> None:
    """axe-core finds nothing on any of them, nothing reaches beyond the screen, and the policy blocks nothing."""
    strict = _context(browser, served, viewport={"width": width, "height": 900}, color_scheme=scheme)
    free = _context(browser, served, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    for path in served.pages:
        page = strict.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        assert page.goto(served.url + path, wait_until="networkidle").status == 200  # type: ignore[union-attr]
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), path
        assert said == [], path
        if folder := os.environ.get("RADCOMMONS_SCREENSHOTS"):  # for whoever wants to look at them
            name = path.strip("/").replace("/", "-").replace("?", "-")
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
        page.close()
        page = free.new_page()
        page.goto(served.url + path, wait_until="networkidle")
        found = Axe().run(page)
        assert [(path, violation["id"]) for violation in found.response["violations"]] == []
        page.close()
    strict.close()
    free.close()


def test_a_release_describes_itself(browser: Browser, served: Served) -> None:
    """JSON-LD that a search engine reads, the events of the feed, and the change log with its links."""
    context = _context(browser, served)
    page = context.new_page()
    page.goto(f"{served.url}/releases/covid-chest-1")
    linked = json.loads(page.locator("script[type='application/ld+json']").inner_text())
    assert (linked["@type"], linked["version"], linked["url"]) == (
        "Dataset",
        "1",
        f"{served.url}/releases/covid-chest-1",
    )
    events = page.locator("section[aria-labelledby=events]").inner_text()
    assert "Superseded" in events
    assert "corrected in covid-chest-2" in events
    assert "The first wave." in page.locator("section[aria-labelledby=log]").inner_text()
    page.click("section[aria-labelledby=log] a[href='/releases/covid-chest-2/changes']")
    assert page.locator("h1").inner_text() == "What changed in covid-chest-2"
    assert "1 added, 1 corrected, other terms" in page.locator(".lede").inner_text()
    assert "DUO:0000042" in page.locator("section[aria-labelledby=terms]").inner_text()
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_incident_is_sealed_and_reopened(browser: Browser, served: Served, scripts: bool) -> None:
    """One form seals, the page lists copies and downloads, one button undoes it; a purge wants its box ticked."""
    context = _context(browser, served, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{served.url}/curate")
    page.click("text=Identity incidents")
    manifest = page.request.get(f"{served.url}/api/v1/releases/covid-chest-2/manifest.json").json()
    page.fill("[name=names]", manifest["items"][2]["study_instance_uid"])
    page.fill("[name=reason]", "<b>A name</b> on the film")
    page.click("button:has-text('Seal')")
    assert page.locator(".flash").inner_text().startswith("Sealed. Nothing of it is served any more.")
    assert page.locator(".lede").inner_text() == "<b>A name</b> on the film"
    assert "account:1" in page.locator("section[aria-labelledby=who]").inner_text()
    address = f"{served.url}/api/v1/releases/covid-chest-2/instances/{manifest['items'][2]['digest']}"
    assert page.request.get(address).status == 410
    page.click("button:has-text('Reopen')")
    assert page.locator(".flash").inner_text().startswith("Reopened.")
    assert page.request.get(address).status == 200
    context.close()


def test_nobody_else_sees_an_incident(browser: Browser, served: Served) -> None:
    """A visitor is led to the sign-in, and a form without the session's key changes nothing."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served.url}/curate/incidents/{served.sealed}")
    assert "/sign-in" in page.url or page.locator("h1").inner_text() != f"Incident {served.sealed}"
    context.close()
    context = _context(browser, served)
    page = context.new_page()
    sent = page.request.post(f"{served.url}/curate/incidents/{served.sealed}", form={"choice": "reopen"})
    assert sent.status == 403
    context.close()
