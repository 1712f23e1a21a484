"""People at the gateway in a real browser: set-up with a phone, the day's page, the officer's page; accessible."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from radcommons.platform.identity import RECOVERY_CODES
from radcommons.platform.totp import code_at
from radcommons.site import users
from radcommons.site.store import Store
from radcommons.site.users import SiteRole
from radcommons.web.site_app import site_app
from unit.access.serve import serving
from unit.site.sent_store import answered, finding, make_store, send

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "a sentence of my own"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A gateway with a submission in which the hub found text."""
    opened = make_store(tmp_path_factory.mktemp("site") / "gateway")
    identifier, made = send(opened)
    told = [finding(made[0], "burned-in-text", where="frame 1, x 1..9, y 1..5")]
    answered(opened, identifier, state="in-review", received=5, quarantined=1, accepted=4, findings=told)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(store: Store) -> Iterator[str]:
    """The gateway's pages behind a real server."""
    with serving(site_app(store.directory)) as address:
        yield address


def _set_up(page: Page, url: str, token: str, *, name: str = "") -> None:
    """Follow a set-up link to the end, as a person with a phone does."""
    page.goto(f"{url}/set-up/{token}")
    if name:
        page.fill("[name=email]", name)
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.keyboard.press("Enter")
    page.locator("img.qr").wait_for()
    secret = page.inner_text(".code pre").replace(" ", "")
    page.fill("[name=code]", "000000")
    page.keyboard.press("Enter")
    page.locator("text=not the code of now").wait_for()
    page.fill("[name=code]", code_at(secret, step=int(time.time()) // 30))
    page.keyboard.press("Enter")
    page.locator(".codes li").first.wait_for()
    assert page.locator(".codes li").count() == RECOVERY_CODES
    page.click("text=I have kept them")


@pytest.fixture(scope="module")
def manager(browser: Browser, store: Store, url: str) -> Iterator[Page]:
    """The first data manager, after the link that the first start prints."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(url)
    page.locator("text=Nobody can sign in yet").wait_for()
    _set_up(page, url, users.first_link(store), name="M. Roe")
    yield page
    context.close()


def test_the_day_begins_with_what_the_hub_asks(manager: Page, url: str) -> None:
    """The task stands in plain words on the first page, with a way to the file and nothing of a patient's in it."""
    manager.goto(url)
    task = manager.locator(".todo li", has_text="Study 1: text in the image, top left")
    assert task.locator("a").get_attribute("href").startswith("/review/f/")  # type: ignore[union-attr]
    assert manager.locator("td", has_text="in-review").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_fit(browser: Browser, manager: Page, url: str, width: int, scheme: str) -> None:
    """By day and by night: axe-core finds nothing, nothing is wider than the screen, the policy blocks nothing."""
    state = manager.context.storage_state()
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "storage_state": state}
    strict, free = browser.new_context(**options), browser.new_context(**options, bypass_csp=True)
    said: list[str] = []
    page, looked = strict.new_page(), free.new_page()
    page.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    manager.goto(f"{url}/officer")
    report = manager.locator("a[href^='/officer/submissions/']").first.get_attribute("href")
    for path in ("/", "/start", "/officer", str(report), "/account", "/sign-in"):
        page.goto(url + path, wait_until="networkidle")
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), path
        # axe's own script is not ours, so this visit alone goes without the policy.
        looked.goto(url + path, wait_until="networkidle")
        found = Axe().run(looked)
        assert [violation["id"] for violation in found.response["violations"]] == [], path
    assert said == []
    strict.close()
    free.close()


def test_the_officer_reads_the_trail_and_takes_everything_along(
    browser: Browser, store: Store, url: str, manager: Page
) -> None:
    """A privacy officer of a link of their own sees who did what, that it is whole, and no page of review."""
    assert manager.url
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    _set_up(page, url, users.add_user(store, "Dr. Poe", role=SiteRole.PRIVACY_OFFICER))
    page.goto(f"{url}/officer/audit")
    page.locator("text=The trail is whole").wait_for()
    assert page.locator("td", has_text="user:M. Roe").count() > 0
    with page.expect_download() as caught:
        page.goto(f"{url}/officer")
        page.click("text=Everything for an inspection")
    assert caught.value.suggested_filename == "privacy.zip"
    assert page.locator("nav.menu a", has_text="Review").count() == 0
    page.goto(f"{url}/review")
    assert page.locator("h1").inner_text() == "Forbidden"
    context.close()


def test_a_lost_phone_is_mended_by_a_recovery_code(browser: Browser, store: Store, url: str, manager: Page) -> None:
    """Sign-in without the phone works once with a code; another screen is thrown out by sign-out everywhere."""
    assert manager.url
    secret_link = users.add_user(store, "A. Third", role=SiteRole.DATA_MANAGER)
    one, other = browser.new_context(), browser.new_context()
    page = one.new_page()
    page.goto(f"{url}/set-up/{secret_link}")
    for name in ("password", "again"):
        page.fill(f"[name={name}]", PASSWORD)
    page.keyboard.press("Enter")
    secret = page.inner_text(".code pre").replace(" ", "")
    page.fill("[name=code]", code_at(secret, step=int(time.time()) // 30))
    page.keyboard.press("Enter")
    code = page.locator(".codes li").first.inner_text()
    elsewhere = other.new_page()
    elsewhere.goto(f"{url}/sign-in")
    elsewhere.fill("[name=email]", "A. Third")
    elsewhere.fill("[name=password]", PASSWORD)
    elsewhere.fill("[name=code]", code)
    elsewhere.keyboard.press("Enter")
    elsewhere.locator("h1", has_text="Gateway of").wait_for()
    page.goto(f"{url}/account")
    page.click("text=End the others")
    page.locator("text=Every other session of yours has ended").wait_for()
    elsewhere.goto(f"{url}/")
    assert elsewhere.url == f"{url}/sign-in"
    one.close()
    other.close()


def test_the_officer_s_page_prints(manager: Page, url: str) -> None:
    """On paper the navigation is gone and the page takes a few sheets of A4, not dozens."""
    manager.goto(f"{url}/officer")
    printed = manager.pdf(format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF-")
    assert 1 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 6


def test_the_first_day_works_by_keyboard(manager: Page, url: str) -> None:
    """The form that asks a PACS is reached and sent without a mouse; the answer says what is wrong."""
    manager.goto(f"{url}/start")
    manager.focus("#f-peer")
    manager.keyboard.type("PACS@127.0.0.1:1")
    manager.keyboard.press("Enter")
    manager.locator(".flash.bad", has_text="It did not answer").wait_for()
    assert manager.input_value("#f-peer") == "PACS@127.0.0.1:1"
