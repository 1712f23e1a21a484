"""Sign-in, account, people and audit in a real browser: accessible, whole on a narrow screen; passkeys by a device."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from radcommons.catalogue import personal_tokens
from radcommons.catalogue.accounts import create_account
from radcommons.hub.checkpoint import checkpoint
from radcommons.hub.setup import lay_out, set_up
from radcommons.platform.database import writing
from radcommons.platform.ports import Platform
from radcommons.platform.settings import HubSettings
from radcommons.platform.totp import STEP_SECONDS, code_at
from radcommons.records.event import Role, Scope
from radcommons.records.terms import Tier
from radcommons.testing.hubs import ADMINISTRATOR
from radcommons.testing.people import PASSWORD
from radcommons.web.hub_app import hub_app
from unit.access.serve import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG_NAME = "A-very-long-name-without-any-space-in-it-at-all"
DOORS = ("/sign-in", "/sign-in?left=true", "/join", "/reset")
INSIDE = (
    "/account",
    "/account/security",
    "/account/tokens",
    "/account/sessions",
    "/account/events",
    "/people",
    "/people/2",
    "/people?q=nobody",
    "/audit",
    "/audit?kind=nothing",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub with some people, reached by its name so that browsers offer passkeys."""
    settings = HubSettings(
        directory=tmp_path_factory.mktemp("hub"),
        canary="off",
        run_jobs=False,
        title="Imaging Commons",
        sign_up="open",
        smtp_url="smtp://127.0.0.1:9",
        smtp_sender="commons@hub.example",
        openid_issuer="https://login.university.example",
        openid_client_id="commons",
        openid_title="The University",
    )
    lay_out(settings)
    app = hub_app(settings)
    ports: Platform = app.state.platform
    set_up(ports, email=ADMINISTRATOR[0], tier=Tier.OPEN, steward="The coalition", password=ADMINISTRATOR[1])
    for name in ("Amina Okafor", LONG_NAME, "Lena Schmidt"):
        email = f"{name.split()[-1].lower()}@hospital.example"
        create_account(ports.engine, email=email, name=name, password=PASSWORD, roles=frozenset({Role.READER}))
    with writing(ports.engine) as connection:
        every = frozenset(Scope)
        for name, days in (("Training cluster", 90), ("Old laptop", -1)):
            personal_tokens.create(connection, 1, name=name, scopes=every, days=days)
    checkpoint(ports)
    with serving(app) as address:
        yield address.replace("127.0.0.1", "localhost")


def _sign_in(page: Page, url: str, *, email: str, password: str, to: str = "/account") -> None:
    page.goto(f"{url}/sign-in?to={to}")
    page.fill("#f-email", email)
    page.fill("#f-password", password)
    page.click("form[action='/sign-in'] button")


@pytest.fixture(scope="module")
def state(browser: Browser, url: str) -> str:
    """The cookie of the administrator's session, as a browser keeps it."""
    context = browser.new_context()
    _sign_in(context.new_page(), url, email=ADMINISTRATOR[0], password=ADMINISTRATOR[1])
    cookie = next(one["value"] for one in context.cookies() if one["name"] == "radcommons_session")
    context.close()
    return str(cookie)


def _context(browser: Browser, url: str, state: str, *, width: int, bypass_csp: bool = False) -> BrowserContext:
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=bypass_csp)
    if state:
        context.add_cookies([{"name": "radcommons_session", "value": state, "url": url}])
    return context


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_fit(browser: Browser, url: str, state: str, width: int) -> None:
    """axe-core finds nothing, nothing reaches beyond the screen, and the policy of the headers blocks nothing."""
    wrong: dict[str, object] = {}
    for paths, cookie in ((DOORS, ""), (INSIDE, state)):
        context = _context(browser, url, cookie, width=width)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))  # type: ignore[misc]
        for path in paths:
            page.goto(url + path, wait_until="load")
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                wrong[path] = "too wide"
        if said:
            wrong["console"] = said
        context.close()
        free = _context(browser, url, cookie, width=width, bypass_csp=True)  # axe's own script is not ours
        page = free.new_page()
        for path in paths:
            page.goto(url + path, wait_until="load")
            violations = [one["id"] for one in Axe().run(page).response["violations"]]
            if violations:
                wrong[path] = violations
        free.close()
    assert wrong == {}


def test_a_passkey_is_made_used_and_removed(browser: Browser, url: str) -> None:
    """A device makes a passkey for who is signed in, signs in with it without any name, and is refused once removed."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    _sign_in(page, url, email="okafor@hospital.example", password=PASSWORD, to="/account/security")
    page.fill("#f-passkey", "My <b>phone</b>")
    page.click("[data-passkey=add]")
    page.locator("text=My <b>phone</b>").wait_for()
    held = session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert len(held) == 1
    assert held[0]["rpId"] == "localhost"
    page.click("[data-passkey=add]")  # the device knows that it has one
    page.locator("text=has a passkey for your account already").wait_for()
    page.click("text=Sign out")
    page.goto(f"{url}/sign-in?to=/account/sessions")
    page.click("[data-passkey=sign-in]")
    page.wait_for_url("**/account/sessions")
    assert "Passkey" in page.locator(".rows").inner_text()
    page.goto(f"{url}/account/security")
    page.click("[aria-label^='Remove passkey']")
    page.locator("text=The passkey is removed").wait_for()
    page.click("text=Sign out")
    page.goto(f"{url}/sign-in")
    page.click("[data-passkey=sign-in]")
    page.locator("text=not known here").wait_for()
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_phone_is_set_up_and_used(browser: Browser, url: str, scripts: bool) -> None:
    """With and without scripts: picture and secret are shown, a code proves the phone, and one is asked for then."""
    email = f"{'schmidt' if scripts else LONG_NAME.lower()}@hospital.example"
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    _sign_in(page, url, email=email, password=PASSWORD, to="/account/security")
    page.click("text=Set it up")
    assert page.locator(".qr img").get_attribute("alt")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    step = int(time.time()) // STEP_SECONDS
    page.fill("#f-code", code_at(secret, step=step))
    page.click("text=This is my phone")
    codes = page.locator(".codes li").all_inner_texts()
    assert len(codes) == 8
    page.click("text=I have kept them")
    page.click("text=Sign out")
    _sign_in(page, url, email=email, password=PASSWORD)
    page.fill("#f-code", codes[0])
    page.click("text=Go on")
    page.wait_for_url("**/account")
    context.close()


def test_a_token_is_made_and_revoked_without_scripts(browser: Browser, url: str, state: str) -> None:
    """It is shown once, and the list names it until it is revoked."""
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "radcommons_session", "value": state, "url": url}])
    page = context.new_page()
    page.goto(f"{url}/account/tokens")
    page.fill("#f-name", "Evening run")
    page.click("text=Make the token")
    assert re.fullmatch(r"rcp_[\w-]{43}", page.locator(".once pre").first.inner_text())
    page.goto(f"{url}/account/tokens")
    assert page.locator(".once").count() == 0
    page.click("[aria-label='Revoke token Evening run']")
    assert page.locator("text=Evening run").count() == 0
    context.close()


def test_a_person_is_invited_found_and_disabled(browser: Browser, url: str, state: str) -> None:
    """The administrator's road without a mouse's finer arts: invite, follow the link, find, change, disable."""
    context = _context(browser, url, state, width=1440)
    page = context.new_page()
    page.goto(f"{url}/people")
    page.fill("#f-name", "New Colleague")
    page.fill("#f-email", "colleague@hospital.example")
    page.check("input[name=role][value=curator]")
    page.click("text=Send the invitation")
    link = page.locator(".once pre").inner_text()
    other = browser.new_context()
    guest = other.new_page()
    guest.goto(link)
    guest.fill("#f-password", PASSWORD)
    guest.fill("#f-again", PASSWORD)
    guest.click("text=Make my account")
    guest.wait_for_url("**/account")
    assert "Curator" in guest.locator(".rows").first.inner_text()
    page.fill("#f-q", "colleague")
    page.click("form[role=search] button")
    page.click("text=New Colleague")
    page.click("text=Disable")
    page.locator("text=sessions, tokens and links have ended").wait_for()
    guest.goto(f"{url}/account")
    assert guest.url.endswith("/sign-in?to=/account")
    other.close()
    context.close()
