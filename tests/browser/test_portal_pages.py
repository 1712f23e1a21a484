"""The portal in a real browser: accessible, whole on a narrow screen, and usable with and without scripts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from radcommons.web.guard import BrowserGuard
from unit.access.commons import Commons, fill
from unit.access.serve import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = (
    "/",
    "/explore",
    "/explore?modality=CR&q=chest&view=table",
    "/releases/chest-1",
    "/releases/closed-1",
    "/releases/chest-1/studies",
    "/studies/2.25.10?release=chest-1&within=sort%3Dname",
    "/studies/2.25.10/series/2.25.20?release=chest-1",
    "/studies/2.25.10/series/2.25.20?q=slope",
    "/style",
    "/sign-in",
    "/releases/none-1",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A filled commons behind a real server, with the headers that the hub adds."""
    commons = fill(Commons(tmp_path_factory.mktemp("portal")))
    app = commons.app()
    app.add_middleware(BrowserGuard)
    with serving(app) as address:
        yield address


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_accessible_and_fit(browser: Browser, url: str, path: str, width: int) -> None:
    """axe-core finds nothing, light or dark; nothing reaches beyond the screen; the headers' policy blocks nothing."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(url + path, wait_until="networkidle")
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert [line for line in said if "404 (Not Found)" not in line] == []
    context.close()
    # axe's own script is not ours, so this visit alone goes without the policy.
    size = {"width": width, "height": 900}
    # Colours that fade from light to dark would be looked at halfway.
    free = browser.new_context(viewport=size, bypass_csp=True, reduced_motion="reduce")  # type: ignore[arg-type]
    page = free.new_page()
    page.goto(url + path, wait_until="networkidle")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page)
        assert [violation["id"] for violation in found.response["violations"]] == [], scheme
    free.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_slices_step_with_and_without_scripts(browser: Browser, url: str, scripts: bool) -> None:
    """The links lead on either way; with scripts the arrow keys do too, and the address follows."""
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{url}/studies/2.25.10?release=chest-1")
    output = page.locator(".screen output")
    assert output.inner_text() == "2 / 3"
    page.click("[data-step='1']")
    assert output.inner_text() == "3 / 3"
    assert "slice=3" in page.url
    if scripts:
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        assert output.inner_text() == "1 / 3"
        assert "2.25.30.1/" in (page.locator(".screen .film img").get_attribute("src") or "")
    context.close()


@pytest.mark.parametrize("path", ["/releases/chest-1/studies", "/explore"])
@pytest.mark.parametrize("scripts", [True, False])
def test_filters_work_with_and_without_scripts(browser: Browser, url: str, scripts: bool, path: str) -> None:
    """With scripts a tick is enough; without, the button shows the same; the address is the query."""
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(url + path)
    assert page.locator("#found").inner_text() == "2 studies"
    page.check("input[value=CR]")
    if not scripts:
        page.click("text=Show")
    page.locator("#found", has_text="1 study").wait_for()
    assert "modality=CR" in page.url
    assert page.locator(".study").count() == 1
    if path == "/explore":  # a chip takes the tick back
        page.click(".chips a >> nth=0")
        page.locator("#found", has_text="2 studies").wait_for()
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [1440, 390])
def test_explore_by_keyboard_alone(browser: Browser, url: str, width: int, scripts: bool) -> None:
    """Filters are reached, ticked, kept in focus and taken back, and a study is opened, without a mouse."""
    context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{url}/explore")
    if width == 390:
        _tab_to(page, ".filters-fold summary")
        page.keyboard.press("Enter")
    _tab_to(page, "input[value=CR]")
    page.keyboard.press("Space")
    if scripts:
        page.locator("#found", has_text="1 study").wait_for()
        assert page.locator("input[value=CR]:focus").count() == 1
    else:
        _tab_to(page, ".facets button")
        page.keyboard.press("Enter")
    page.locator("#found", has_text="1 study").wait_for()
    _tab_to(page, ".chips a")
    page.keyboard.press("Enter")
    page.locator("#found", has_text="2 studies").wait_for()
    _tab_to(page, ".study a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/**")
    context.close()


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


@pytest.mark.parametrize("width", [1440, 390])
def test_explore_is_tabbed_through_as_it_is_seen(browser: Browser, url: str, width: int) -> None:
    """Of two stops in the same column the later one is never above; the column of the filters comes first."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{url}/explore?modality=CR")
    if width == 390:
        page.click(".filters-fold summary")
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    stops = page.evaluate("""() => [...document.querySelectorAll("main a, main button, main input, main select")]
        .filter(one => one.checkVisibility() && one.type !== "hidden")
        .map(one => [!one.closest("#results") ? 0 : 1, one.getBoundingClientRect().top])
    """)
    assert len(stops) > 6
    assert stops == sorted(stops, key=lambda one: one[0]), "the filters come before the results"
    for column in (0, 1):
        tops = [top for which, top in stops if which == column]
        assert all(later >= before - 24 for before, later in itertools.pairwise(tops)), tops
    if width == 390:
        assert max(top for which, top in stops if which == 0) < min(top for which, top in stops if which == 1)
    page.close()


def test_the_keyboard_reaches_the_content(browser: Browser, url: str) -> None:
    """The first stop is the skip link, it is visible then, and it leads to the content."""
    page = browser.new_page()
    page.goto(url)
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.close()


def test_the_menu_opens_on_a_narrow_screen(browser: Browser, url: str) -> None:
    """Without scripts as well."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    link = page.locator("nav.menu a", has_text="Sign in")
    assert not link.is_visible()
    page.click("summary:has-text('Menu')")
    assert link.is_visible()
    context.close()
