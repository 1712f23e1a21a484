"""A review in a real browser: by keyboard, without scripts, side by side with a colleague, and up to the hub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, BrowserContext, Page
from pydicom import dcmread

from functional.site_inputs import ct_slice, write
from radcommons.cli.demo_parts import Hub, Site, free_port
from radcommons.platform.pool import import_ahead
from radcommons.site.add import add
from radcommons.site.settings import read_settings, write_settings
from radcommons.site.store import open_store
from radcommons.site.tables import audit, file
from radcommons.web.site_app import site_app
from unit.access.serve import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
NAME = "Vandermolen"


@dataclass(frozen=True, slots=True)
class House:
    """A gateway with studies that wait, and the hub that it joined."""

    site: Site
    hub: Hub


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Seven studies of one device, two of another, and one that is held for the writing in it."""
    root = tmp_path_factory.mktemp("house")
    hub = Hub(root / "hub", port=free_port(), log=root / "hub.log", environment={}, own_session=True)
    hub.start()
    hub.people(("curator",), root / "people.json")
    site = Site(code="ALFA", directory=root / "gateway", input=root / "pacs", hub=hub)
    site.init()
    for number in range(7):
        write(site.input / f"a{number}", ct_slice(1, patient=f"80{number}", ManufacturerModelName="Invented A"))
    for number in range(2):
        write(site.input / f"b{number}", ct_slice(1, patient=f"90{number}", ManufacturerModelName="Invented B"))
    write(site.input / "written", with_writing())
    write_settings(site.directory, replace(read_settings(site.directory), review="groups"))
    import_ahead("radcommons.site.judge")
    store = open_store(site.directory)
    done = add(store, [site.input], jobs=1)
    store.close()
    assert done.states == {"ready": 9, "held": 1}
    yield House(site, hub)
    hub.stop()


def with_writing() -> object:
    """An image whose header says that there is writing in it, and so there is."""
    picture = Image.new("L", (400, 300), 40)
    font = ImageFont.load_default(size=28)
    ImageDraw.Draw(picture).text((60, 40), "MERIWETHER OAKES", fill=235, font=font)
    pixels = np.asarray(picture).astype(np.uint16) * 8
    return ct_slice(
        1,
        patient="77",
        BurnedInAnnotation="YES",
        Rows=300,
        Columns=400,
        PixelData=pixels.tobytes(),
        ManufacturerModelName="Invented C",
    )


@contextmanager
def gateway(house: House, folder: Path) -> Iterator[str]:
    """Serve a copy of the gateway, so that each test finds everything undecided."""
    shutil.copytree(house.site.directory, folder)
    with serving(site_app(folder)) as url:
        yield url


def sign_in(context: BrowserContext, url: str, house: House) -> Page:
    """Return a page of somebody who is signed in."""
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    page.fill("[name=email]", house.site.user)
    page.fill("[name=password]", house.site.password)
    page.click("main button[type=submit]")
    page.wait_for_load_state("load")
    return page


def press(page: Page, key: str) -> None:
    """Press a key that leads to another page."""
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(key)


def accept_all_groups(page: Page, url: str) -> list[str]:
    """Review every group with the keyboard alone; return the titles of the groups."""
    titles = []
    page.goto(f"{url}/review")
    press(page, "n")
    while "/review/g/" in page.url:
        titles.append(page.locator(".rv-title p").inner_text())
        assert page.locator("[data-key=a]").is_disabled(), "nothing was opened yet"
        press(page, "n")
        while page.locator("[data-key=a]").is_disabled():
            press(page, "n")
        press(page, "a")
    return titles


def states(folder: Path) -> dict[str, int]:
    """Files by state."""
    store = open_store(folder)
    with store.read() as connection:
        query = sa.select(file.c.state, sa.func.count()).group_by(file.c.state)
        found = {row[0]: row[1] for row in connection.execute(query)}
    store.close()
    return found


def test_the_whole_road_by_keyboard_up_to_the_hub(browser: Browser, house: House, tmp_path: Path) -> None:
    """Groups are accepted, the writing is covered and let go, the hub takes it all and shows who looked at what."""
    folder = tmp_path / "gateway"
    with gateway(house, folder) as url:
        page = sign_in(browser.new_context(), url, house)
        titles = accept_all_groups(page, url)
        assert len(titles) == 2
        assert "/review/f/" in page.url, "after the last group comes the first held file"
        page.wait_for_load_state("networkidle")
        assert page.locator(".rv-film rect.asked").count() >= 2
        press(page, "c")
        assert page.locator(".rv-film rect.covered").count() >= 2
        press(page, "a")
        assert "No group waits" in page.inner_text("main")
        page.context.close()
    store = open_store(folder)
    with store.read() as connection:
        row = connection.execute(sa.select(file).where(file.c.modality == "CT", file.c.code != "")).one()
    pixels = dcmread(store.object_path(row.object_digest)).pixel_array
    store.close()
    assert pixels[40:70, 60:300].max() < 235 * 8, "what was written is covered in what leaves"
    sent = replace(house.site, directory=folder)
    sent.submit()
    assert states(folder) == {"submitted": 10}
    (submission,) = house.hub.submissions()
    assert submission["received"] == 10
    assert submission["state"] != "refused"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_fit(browser: Browser, house: House, tmp_path: Path, width: int, scheme: str) -> None:
    """axe-core finds nothing on any page of the review, nothing is wider than the screen, the policy blocks nothing."""
    with gateway(house, tmp_path / "gateway") as url:
        viewport = {"width": width, "height": 900}
        strict = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
        page = sign_in(strict, url, house)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{url}/review")
        group = f"{url}{page.locator('.rv-groups h3 a').first.get_attribute('href')}"
        page.goto(group)
        sample = f"{url}{page.locator('.rv-sample h3 a').first.get_attribute('href')}"
        page.goto(f"{url}/review/held")
        addresses = (f"{url}/review", group, sample, page.url)
        for address in addresses:
            page.goto(address, wait_until="networkidle")
            assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), address
        assert said == []
        strict.close()
        # axe's own script is not ours, so these visits alone go without the policy.
        free = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
        page = sign_in(free, url, house)
        for address in addresses:
            page.goto(address, wait_until="networkidle")
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found] == [], address
        free.close()


def test_everything_works_without_scripts(browser: Browser, house: House, tmp_path: Path) -> None:
    """Links and forms do the same: the sample, the decision, a region in numbers, an original value, undo."""
    with gateway(house, tmp_path / "gateway") as url:
        page = sign_in(browser.new_context(java_script_enabled=False), url, house)
        page.goto(f"{url}/review")
        page.click("text=Start")
        page.click("text=Open the sample")
        while page.locator("button[value=accept]").is_disabled():
            page.click("a[rel=next]")
        page.click("button[value=accept]")
        assert "7 studies accepted" in page.inner_text("main")
        page.goto(f"{url}/review")
        page.click("text=Undo")
        assert "7 studies open again" in page.inner_text("main")
        page.goto(f"{url}/review/held")
        for name, value in (("x", "200"), ("y", "200"), ("width", "40"), ("height", "20")):
            page.fill(f"[name={name}]", value)
        page.click("text=Clean again")
        assert "x 200–240, y 200–220" in page.inner_text("#regions-form")
        page.click("button[value=pass]")
        assert "It may go" in page.inner_text(".rv-columns aside")
        page.context.close()


def test_an_original_value_is_shown_on_request_and_written_down(browser: Browser, house: House, tmp_path: Path) -> None:
    """The name stands in no page before somebody asks for it; who asked for which attribute is in the trail."""
    folder = tmp_path / "gateway"
    with gateway(house, folder) as url:
        page = sign_in(browser.new_context(), url, house)
        page.goto(f"{url}/review/held")
        assert NAME not in page.content()
        with page.expect_navigation():
            page.click("button[value=PatientName]")
        assert NAME in page.content()
        assert page.content().count("rv-shown") == 1
        assert "19500312" not in page.content(), "the birth date was not asked for"
        assert NAME not in page.url
        page.context.close()
    store = open_store(folder)
    with store.read() as connection:
        rows = connection.execute(sa.select(audit).where(audit.c.kind == "review.value-revealed")).all()
        everything = connection.execute(sa.select(audit.c.details, audit.c.subject)).all()
    store.close()
    assert [(row.actor, '"PatientName"' in row.details) for row in rows] == [(f"user:{house.site.user}", True)]
    assert not any(NAME in str(row) for row in everything)


def test_of_two_reviewers_the_second_is_told(browser: Browser, house: House, tmp_path: Path) -> None:
    """Both have the group open; the first decides; the second's decision changes nothing and names the first."""
    with gateway(house, tmp_path / "gateway") as url:
        first = sign_in(browser.new_context(), url, house)
        second = sign_in(browser.new_context(), url, house)
        first.goto(f"{url}/review")
        press(first, "n")
        second.goto(first.url)
        press(first, "h")
        with second.expect_navigation() as answered:
            second.keyboard.press("x")
        assert answered.value.status == 409
        assert f"put aside before, by {house.site.user}" in second.inner_text("main")
        first.goto(f"{url}/review")
        assert "put aside" in first.inner_text(".rv-columns aside")
        for page in (first, second):
            page.context.close()


def test_a_region_drawn_in_a_sample_counts_as_wrong(browser: Browser, house: House, tmp_path: Path) -> None:
    """Dragging fills the numbers; cleaning again holds the study, and the group asks for more of the sample."""
    folder = tmp_path / "gateway"
    with gateway(house, folder) as url:
        page = sign_in(browser.new_context(viewport={"width": 1440, "height": 1000}), url, house)
        page.goto(f"{url}/review")
        press(page, "n")
        press(page, "n")
        page.wait_for_load_state("networkidle")
        box = page.locator(".rv-film svg").last.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=4)
        page.mouse.up()
        values = [int(page.input_value(f"[name={name}]")) for name in ("x", "y", "width", "height")]
        assert values == [8, 8, 8, 8], "a quarter of 32 pixels"
        press(page, "c")
        assert "cleaned again" in page.inner_text("main")
        page.goto(f"{url}/review")
        assert page.locator(".rv-cases li").count() == 2
        press(page, "n")
        assert "Found wrong" in page.inner_text("aside")
        assert page.locator(".rv-sample .study").count() == 7, "one wrong, and the six others of the group"
        page.context.close()
    assert states(folder) == {"ready": 8, "held": 2}


def test_a_decision_not_sent_outlives_the_sign_in(browser: Browser, house: House, tmp_path: Path) -> None:
    """Signed out in mid-work, the person comes back to the same page with the same note."""
    with gateway(house, tmp_path / "gateway") as url:
        context = browser.new_context()
        page = sign_in(context, url, house)
        page.goto(f"{url}/review")
        press(page, "n")
        before = page.url
        page.fill("[name=note]", "ask the radiographer")
        context.clear_cookies(name="radcommons_site")
        page.keyboard.press("Escape")
        press(page, "h")
        assert page.url.endswith("/sign-in")
        page.fill("[name=email]", house.site.user)
        page.fill("[name=password]", house.site.password)
        with page.expect_navigation():
            page.click("main button[type=submit]")
        assert page.url == before
        assert page.input_value("[name=note]") == "ask the radiographer"
        context.close()
