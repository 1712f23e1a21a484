"""Stepping through the slices of a sampled series in a real browser: keys, slider, wheel, prefetch, and the audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from functional.site_inputs import ct_slice, write
from radcommons.platform.pool import import_ahead
from radcommons.site.add import add
from radcommons.site.join import init
from radcommons.site.review_sample import token_of
from radcommons.site.review_stack import slices_of
from radcommons.site.settings import SiteSettings
from radcommons.site.store import open_store
from radcommons.site.tables import audit, file, submission
from radcommons.web.site_app import site_app
from unit.access.serve import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
SLICES = 24
USER, PASSWORD = "M. Roe", "correct horse battery staple"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway with one series, whose files came in another order than their slices lie."""
    root = tmp_path_factory.mktemp("slices")
    for number in range(1, SLICES + 1):
        name = f"{(number * 7) % 25:02}"  # 7 and 25 share no divisor: every name once, in a scattered order
        write(root / "pacs" / name, ct_slice(number))
    settings = SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",), review="groups", second_factor="off")
    init(root / "gateway", settings=settings, token="x", user=USER, password=PASSWORD, offline=True)
    import_ahead("radcommons.site.judge")
    store = open_store(root / "gateway")
    done = add(store, [root / "pacs"], jobs=1)
    store.close()
    assert done.states == {"ready": SLICES}
    return root / "gateway"


@pytest.fixture
def page(folder: Path, browser: Browser) -> Iterator[Page]:
    """A signed-in browser on the page of the sampled study."""
    with serving(site_app(folder)) as url:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(f"{url}/sign-in")
        page.fill("[name=email]", USER)
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_load_state("load")
        yield page
        context.close()


def address_of(page: Page) -> str:
    """Return the gateway's address."""
    return "/".join(page.url.split("/")[:3])


def open_sample(page: Page) -> int:
    """Open the study of the sample, and return which slice it shows."""
    page.goto(f"{address_of(page)}/review")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("n")
    page.goto(address_of(page) + str(page.locator("main a[href^='/review/f/']").first.get_attribute("href")))
    return int(page.locator(".rv-panes").get_attribute("data-at") or 0)


def words(page: Page) -> str:
    """Return which slice the page says it shows."""
    return page.locator("[data-words]").inner_text()


def test_keys_slider_and_wheel_step_through_every_slice(page: Page) -> None:
    """Arrows, Page Up and Down, the slider and the wheel change both pictures in place; the ends stop."""
    own = open_sample(page)
    assert words(page) == f"Slice {own} of {SLICES}"
    address = page.url
    for _ in range(3):
        page.keyboard.press("PageUp")
    assert words(page) == f"Slice 1 of {SLICES}"
    page.keyboard.press("ArrowUp")
    assert words(page) == f"Slice 1 of {SLICES}", "the first slice is the end"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("]")
    assert words(page) == f"Slice 3 of {SLICES}"
    page.locator(".rv-film").first.hover()
    page.mouse.wheel(0, 40)
    expect(page.locator("[data-words]")).to_have_text(f"Slice 4 of {SLICES}")
    page.locator(".rv-range").fill("20")
    assert words(page) == f"Slice 20 of {SLICES}"
    for side in ("before", "after"):
        picture = page.locator(f".rv-film[data-side={side}] img")
        expect(picture).to_have_attribute("alt", f"Slice 20, {side}")
        assert picture.evaluate("(one) => one.complete && one.naturalWidth > 0")
    assert page.url == address, "no page was loaded for it"
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("o")
    assert int(page.locator(".rv-panes").get_attribute("data-at") or 0) == 20
    assert page.locator("[data-key=w]").count() == 1, "another slice of a sampled study stands for the study"
    assert Axe().run(page).response["violations"] == []


def test_both_sides_change_at_once(page: Page) -> None:
    """While one side's picture is late, both stay on the slice before: nobody compares two different slices."""
    own = open_sample(page)
    step, key = (1, "ArrowDown") if own < SLICES else (-1, "ArrowUp")
    late: list[Route] = []
    page.route(f"**/slices/{own + step}/before.jpg", lambda route: late.append(route))
    films = [page.locator(f".rv-film[data-side={side}] img") for side in ("before", "after")]
    with page.expect_response(f"**/slices/{own + step}/after.jpg"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert [film.get_attribute("alt") for film in films] == [f"Frame 1, {side}" for side in ("before", "after")]
    expect(page.locator(".rv-panes")).to_have_attribute("aria-busy", "true")
    late[0].continue_()
    for film, side in zip(films, ("before", "after"), strict=True):
        expect(film).to_have_attribute("alt", f"Slice {own + step}, {side}")


def test_the_next_slices_are_there_before_they_are_asked_for(page: Page) -> None:
    """One step fetches three pictures ahead for both sides; the step after asks the gateway for nothing new to show."""
    own = open_sample(page)
    way = "ArrowDown" if own <= SLICES - 6 else "ArrowUp"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/review/f/")[2]))
    with page.expect_event("requestfinished", lambda request: request.url.endswith("before.jpg")):
        page.keyboard.press(way)
    page.wait_for_load_state("networkidle")
    step = 1 if way == "ArrowDown" else -1
    wanted = {f"slices/{own + step * count}/{side}.jpg" for count in (1, 2, 3, 4) for side in ("before", "after")}
    assert {one.split("/", 1)[1] for one in asked} == wanted
    asked.clear()
    page.keyboard.press(way)
    next_words = f"Slice {own + 2 * step}"
    expect(page.locator(".rv-film[data-side=after] img")).to_have_attribute("alt", f"{next_words}, after")
    assert not any(f"slices/{own + 2 * step}/" in one for one in asked)


def test_slices_stand_in_the_order_of_their_places_and_are_written_down(page: Page, folder: Path) -> None:
    """The order is that of the body, not of the files; each original that was shown is in the trail."""
    own = open_sample(page)
    store = open_store(folder)
    with store.read() as connection:
        numbers = slices_of(connection, 1).files
        names = [
            connection.execute(sa.select(file.c.path).where(file.c.id == number)).scalar_one().rpartition("/")[2]
            for number in numbers
        ]
    assert names == [f"{(number * 7) % 25:02}" for number in range(1, SLICES + 1)]
    other = 2 if own != 2 else 3
    page.locator(".rv-range").fill(str(other))
    page.wait_for_load_state("networkidle")
    with store.read() as connection:
        query = sa.select(audit.c.subject).where(audit.c.kind == "review.original-shown")
        shown = set(connection.execute(query).scalars())
    store.close()
    assert f"file:{numbers[other - 1]}" in shown


def test_the_page_of_a_file_that_was_sent_and_freed_still_helps(page: Page, folder: Path) -> None:
    """A task's link opens after clean-up: how it stands at the hub, and what can be done."""
    store = open_store(folder)
    with store.change() as change:
        row = change.connection.execute(sa.select(file).where(file.c.id == 5)).one()
        token = token_of(change.connection, 5)
        told = [{"digest": row.object_digest, "severity": "question", "code": "burned-in-text", "message": "m"}]
        answer = {"state": "in-review", "quarantined": 1, "findings": told}
        change.connection.execute(
            submission.insert().values(
                id="f" * 64,
                site="ALFA",
                dataset="d",
                state="received",
                items=1,
                document=b"{}",
                answer=json.dumps(answer),
                created_at="2026-01-01T00:00:00Z",
            )
        )
        values = {"state": "submitted", "submission": "f" * 64, "acknowledged": True}
        change.connection.execute(file.update().where(file.c.id == 5).values(**values))
    store.object_path(str(row.object_digest)).unlink()
    store.close()
    answered = page.goto(f"{address_of(page)}/review/f/{token}")
    assert answered is not None
    assert answered.status == 200
    text = page.locator("main").inner_text()
    assert "a curator looks at it" in text
    assert "text in the image" in text
    assert "radcommons site resubmit DIR --submission ffffffffffff" in text
    assert "Its bytes are not here any more" in text
    assert "PatientName" in text, "the header is compared with the original, which still lies where it was"
    assert Axe().run(page).response["violations"] == []
