"""Selecting and the clinical table in a real browser: by mouse, by keys, accessible, whole on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from openpyxl import Workbook
from playwright.sync_api import Browser, BrowserContext
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.test_selection import ct, radiograph

from radcommons.site import users
from radcommons.site.sessions import COOKIE
from radcommons.site.users import SiteRole
from radcommons.web.site_app import site_app
from unit.access.serve import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROTOCOL = """
schema: radcommons/protocol/v1
id: trial
version: "1"
title: Trial
source: test
criteria:
  - {id: image, says: The object has pixels., test: {fact: is_image, is: true}}
  - {id: adult, level: patient, says: The patient was 18 years or older., test: {fact: age_years, at_least: 18}}
  - id: case-or-control
    level: patient
    says: The patient has confirmed COVID-19 or is a tested negative control.
    test: {any: [{fact: rt_pcr_positive, is: true}, {fact: covid_negative, is: true}]}
  - id: axial
    level: series
    says: Only axial series.
    when: {fact: modality, is: CT}
    test: {fact: is_axial, is: true}
  - id: frontal
    says: Of radiographs only frontal views.
    when: {fact: modality, is: CR}
    test: {fact: view_kind, is: frontal}
one_series:
  - id: ct
    says: Of the CT series of a study one goes.
    when: {fact: modality, is: CT}
    rank:
      - {says: A lung kernel before any other., test: {fact: kernel, is: lung}}
      - {says: The more slices., most: slices}
quotas:
  - id: positive
    says: positive CTs.
    of: {all: [{fact: modality, is: CT}, {fact: rt_pcr_positive, is: true}]}
    target: 4
  - id: negative
    says: negative CTs.
    of: {all: [{fact: modality, is: CT}, {fact: covid_negative, is: true}]}
    target: 12
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway with its page, and who is signed in."""

    gateway: Gateway
    url: str
    cookie: str


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A gateway with CTs and radiographs of five patients, of whom no table says anything yet."""
    gateway = make_gateway(tmp_path / "gateway", "http://127.0.0.1:9")
    rule = tmp_path / "protocol.yaml"
    rule.write_text(PROTOCOL, "utf-8")
    maker = {"Manufacturer": "GE MEDICAL SYSTEMS"}
    for who in ("0101", "0102", "0103"):
        ct(tmp_path / "in", "lung", patient=who, ConvolutionKernel="LUNG", **maker)
        ct(tmp_path / "in", "soft", patient=who, ConvolutionKernel="STANDARD", **maker)
    ct(tmp_path / "in", "cor", patient="0102", ImageOrientationPatient=[1, 0, 0, 0, 0, -1], **maker)
    ct(tmp_path / "in", "odd", patient="0104", ConvolutionKernel="ZQ-7", **maker)
    ct(tmp_path / "in", "soft", patient="0104", ConvolutionKernel="STANDARD", **maker)
    radiograph(tmp_path / "in", 1, patient="0105", SeriesDescription="Thorax")
    radiograph(tmp_path / "in", 2, patient="0105", ViewPosition="LL")
    (tmp_path / "in" / "readme.txt").write_text("no image")
    gateway.add(tmp_path / "in", protocol=str(rule))
    app = site_app(gateway.directory)
    token = users.add_user(app.state.store, "M. Roe", role=SiteRole.DATA_MANAGER)
    number = users.accept(app.state.store, token, name="", password="a sentence of my own")
    cookie = app.state.desk.sessions.begin(number, half=False)
    with serving(app) as url:
        yield Site(gateway, url, cookie)


def signed_in(browser: Browser, site: Site, *, width: int = 1440, bypass_csp: bool = False) -> BrowserContext:
    """Open a browser with the session's cookie."""
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=bypass_csp)
    context.add_cookies([{"name": COOKIE, "value": site.cookie, "url": site.url}])
    return context


def table(tmp_path: Path) -> Path:
    """Make an Excel table with a title, a hidden sheet, lost zeros, an odd word and dates of unknown order."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    rows = [
        ["Laboratory of the hospital", None, None, None],
        ["Patient ID", "RT-PCR", "Test date", "Remark"],
        ["0101", "pos?", "03/04/2020", "Dr. Ferrywright asks"],
        ["0102", "negative", "04/04/2020", ""],
        [103, "neg", "05/04/2020", ""],
        ["0104", "positive", "06/04/2020", ""],
        ["9999", "positive", "07/04/2020", ""],
    ]
    for row in rows:
        sheet.append(row)
    book.create_sheet("old").sheet_state = "hidden"
    path = tmp_path / "lab.xlsx"
    book.save(path)
    return path


def check(browser: Browser, site: Site, path: str, tmp_path: Path, name: str) -> None:
    """axe-core finds nothing, nothing reaches beyond the screen, and the policy of the headers blocks nothing."""
    for width in (1440, 390):
        context = signed_in(browser, site, width=width)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.goto(site.url + path, wait_until="networkidle")
        page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert said == []
        context.close()
        # axe's own script is not ours, so this visit alone goes without the policy.
        free = signed_in(browser, site, width=width, bypass_csp=True)
        page = free.new_page()
        page.goto(site.url + path, wait_until="networkidle")
        found = Axe().run(page)
        assert [violation["id"] for violation in found.response["violations"]] == []
        free.close()


def test_a_data_manager_maps_a_table_and_answers_what_is_left(browser: Browser, site: Site, tmp_path: Path) -> None:
    """From an Excel file with everything wrong to no open question, with the counts that follow."""
    check(browser, site, "/selection", tmp_path, "selection-before")
    context = signed_in(browser, site)
    page = context.new_page()
    page.goto(f"{site.url}/clinical")
    page.set_input_files("input[type=file]", table(tmp_path))
    page.click("text=See how it reads")
    page.wait_for_url("**/clinical/t/*")
    shown = page.inner_text("main")
    assert "1 hidden sheet was not read" in shown
    assert "row 3, RT-PCR" in shown
    assert "pos?" in shown
    assert "1 is only alike a number here (row 5)" in shown
    assert "Ferrywright" not in page.content()
    assert "0101" not in page.url
    check(browser, site, page.url.removeprefix(site.url), tmp_path, "clinical-table")
    page.click("text=Keep the table")
    assert "whether the day or the month comes first" in page.inner_text("main")
    page.check("input[name=dates][value=day]")
    page.select_option("select[name=word-0-is]", "Positive")
    page.keyboard.press("Escape")
    with page.expect_navigation():
        page.keyboard.press("r")
    assert "pos?" not in page.inner_text("main")
    page.check("input[name=alike]")
    page.keyboard.press("k")
    page.wait_for_url("**/clinical?done=kept")
    check(browser, site, "/clinical", tmp_path, "clinical")
    page.goto(f"{site.url}/selection")
    told = page.inner_text("main")
    assert "You still owe 10 negative CTs" in told
    questions = page.locator(".sel-questions li")
    asked = questions.all_inner_texts()
    assert "RT-PCR positive" in asked[0]
    assert len(asked) == 3, asked  # the odd kernel, the radiograph's patient, its view
    check(browser, site, "/selection", tmp_path, "selection")
    answered = 0
    while page.locator("[data-key=x]").count():
        with page.expect_navigation():
            page.keyboard.press("x")
        answered += 1
    assert answered == 2  # what is out by one answer is not asked about again
    page.wait_for_selector("text=Nothing is undecided")
    context.close()
    counts = site.gateway.counts()
    assert counts["ready"] == 16  # one series of each of four CT studies
    assert sum(count for state, count in counts.items() if state != "seen") == counts["seen"]


def test_nobody_else_sees_it(browser: Browser, site: Site) -> None:
    """Without a session every page leads to the sign-in, the drawing and the table too."""
    context = browser.new_context()
    page = context.new_page()
    for path in ("/selection", "/clinical", "/clinical/t/abc", "/selection/flow.svg"):
        page.goto(site.url + path)
        assert page.url.endswith("/sign-in")
    context.close()
