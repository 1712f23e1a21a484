"""The applicant's and the committee's road in a real browser: by mouse, without scripts, on a phone, accessible."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from radcommons.access import grant as grant_verbs
from radcommons.access import review
from radcommons.records.committee import Vote
from radcommons.web.guard import BrowserGuard
from unit.access.controlled import ANSWERS, DATASET, Controlled, new_commons
from unit.access.serve import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def commons(tmp_path_factory: pytest.TempPathFactory) -> Controlled:
    """A controlled dataset with requests in every state that a page can show."""
    made = new_commons(tmp_path_factory.mktemp("browser"))
    ports, people = made.platform, made.people
    una, dos, ada = (people[name].actor for name in ("una", "dos", "ada"))
    made.app().add_middleware(BrowserGuard)
    made.places = {"waiting": made.submitted(title=["Follow-up"]), "link": made.link()}
    case = made.endorsed()
    review.ask(case, body="Which scanners?", platform=ports, actor=una)
    review.note(case, body="Looks sound.", platform=ports, actor=dos)
    fast = made.endorsed(is_emergency=True, title=["Field hospital"])
    review.vote(fast, choice=Vote.APPROVE, reason="", platform=ports, actor=una)
    review.decide(fast, approve=True, reason="Now.", conditions="Stay inside.", platform=ports, actor=una)
    grant_verbs.go_round(ports)
    draft = made.begun(ada)
    made.places |= {"case": case, "fast": fast, "draft": draft}
    return made


@pytest.fixture(scope="module")
def url(commons: Controlled) -> Iterator[str]:
    """The commons behind a real server, with the headers that the hub adds."""
    with serving(commons.app()) as address:
        yield address


PAGES = {
    "/datasets": "",
    f"/datasets/{DATASET}": "ada",
    f"/datasets/{DATASET}?purposes=DUO:0000031&country=US": "",
    f"/datasets/{DATASET}/agreements/1": "",
    "/register": "",
    "/requests": "ada",
    "/requests/{draft}/edit?check=yes": "ada",
    "/requests/{case}": "ada",
    "/requests/{fast}": "ada",
    "/grants": "ada",
    "/messages": "ada",
    "/sign/{link}": "",
    "/committee": "una",
    "/committee/{case}": "una",
    "/committee/{fast}": "una",
    "/steward": "curator",
    f"/steward/{DATASET}": "curator",
}


def _context(
    browser: Browser, url: str, commons: Controlled, who: str, *, width: int = 1440, scheme: str = "light", **more: bool
) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        bypass_csp=more.get("bypass_csp", False),
        java_script_enabled=more.get("scripts", True),
    )
    if who:
        context.add_cookies([{"name": "radcommons_session", "value": commons.people[who].cookie, "url": url}])
    return context


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_accessible_and_fit(browser: Browser, url: str, commons: Controlled, path: str) -> None:
    """axe-core finds nothing, narrow or dark, nothing reaches beyond the screen, and no policy is broken."""
    address, who = url + path.format(**commons.places), PAGES[path]
    for width in (1440, 390):
        context = _context(browser, url, commons, who, width=width)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))  # type: ignore[misc]
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), width
        assert said == []
        context.close()
    # axe's own script is not ours, so these visits go without the policy.
    for width, scheme in ((390, "light"), (1440, "dark")):
        context = _context(browser, url, commons, who, width=width, scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(address)
        found = Axe().run(page).response["violations"]
        assert [violation["id"] for violation in found] == [], (width, scheme)
        context.close()


def _fill(page: Page, answers: dict[str, list[str]]) -> None:
    for name, values in answers.items():
        if name == "purposes":
            for code in values:
                page.check(f"input[name=purposes][value='{code}']")
        elif name in ("organisation", "country"):
            page.select_option(f"select[name={name}]", values[0])
        elif name == "publish":
            page.check("input[name=publish]")
        else:
            page.locator(f"[name={name}]").first.fill(values[0])


@pytest.mark.parametrize(("scripts", "width"), [(True, 1440), (False, 390)])
def test_from_the_dataset_to_the_grant(
    browser: Browser, url: str, commons: Controlled, scripts: bool, width: int
) -> None:
    """Ada asks, her institution signs, two members vote, it opens: with scripts on a desk, without on a phone."""
    ada = _context(browser, url, commons, "ada", scripts=scripts, width=width).new_page()
    title = f"Road with {'scripts' if scripts else 'none'}"
    ada.goto(f"{url}/datasets/{DATASET}")
    ada.click("text=Request access >> visible=true")
    _fill(ada, {**ANSWERS, "title": [title], "country": ["US"]})
    ada.click("text=Save draft")
    assert "United States is not among the allowed countries" in ada.inner_text("aside")
    ada.select_option("select[name=country]", "DE")
    ada.click("text=Go on to sign")
    ada.fill("input[name=typed_name]", "Ada Applicant")
    ada.click("text=Sign and submit")
    assert "Dean Official is asked to sign" in ada.inner_text("main")
    assert ada.locator(".road .now").inner_text().startswith("Institution signs")
    identifier = ada.url.rpartition("/")[2]

    dean = browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 900}).new_page()
    dean.goto(f"{url}/sign/{commons.link()}")
    assert title in dean.inner_text("main")
    dean.fill("input[name=typed_name]", "Dean Official")
    dean.click("text=Sign for the institution")
    assert "Signed. Thank you." in dean.inner_text("h1")

    for name in ("una", "dos"):
        member = _context(browser, url, commons, name, scripts=scripts, width=width).new_page()
        member.goto(f"{url}/committee")
        member.click(f"text={title}")
        member.check("input[name=vote][value=approve]")
        member.click("button[value=vote]")
    member.fill("#decide-reason", "Sound plan.")
    member.fill("#conditions", "Cite us.")
    member.click("button[value=approve]")
    assert "Approved" in member.inner_text("main")

    ada.goto(f"{url}/requests/{identifier}")
    assert "Sound plan." in ada.inner_text("main")
    ada.click("text=To my grants")
    assert title in ada.inner_text("main")
    ada.goto(f"{url}/releases/{DATASET}-1/studies")
    assert ada.locator(".study").count() == 1
    for page in (ada, dean, member):
        page.context.close()


def test_a_request_by_keyboard_alone(browser: Browser, url: str, commons: Controlled) -> None:
    """A member reaches a request, votes and is told so, without a mouse."""
    case = commons.endorsed(title=["By keyboard"])
    page = _context(browser, url, commons, "tre").new_page()
    page.goto(f"{url}/committee/{case}")
    _tab_to(page, "input[name=vote]")
    page.keyboard.press("Space")
    _tab_to(page, "button[value=vote]")
    page.keyboard.press("Enter")
    page.locator("[role=status]", has_text="Your vote is counted").wait_for()
    page.context.close()


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"the keyboard does not reach {selector}")
