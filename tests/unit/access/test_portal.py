"""The portal's pages: what they show to whom, links that lead somewhere, sign-in that holds."""

from __future__ import annotations

import hashlib
import re

import pytest
from fastapi.testclient import TestClient

from radcommons.access.overview import age_chart, age_in_years, decade, overview
from radcommons.access.preview import Look, Pictures
from radcommons.catalogue import images
from radcommons.catalogue.images import Place, Scope
from radcommons.catalogue.shelf import Tally
from radcommons.platform.database import reading
from radcommons.records.errors import NotFound
from radcommons.records.event import Role
from unit.access.commons import CURATOR, Commons

PAGES = ["/", "/releases/chest-1", "/releases/chest-1/studies", "/studies/2.25.10", "/sign-in"]


@pytest.fixture
def client(commons: Commons) -> TestClient:
    return commons.client()


@pytest.mark.parametrize("path", PAGES)
def test_every_link_and_picture_of_a_page_leads_somewhere(client: TestClient, path: str) -> None:
    """No page shows a dead link; each page answers HEAD and has one main heading."""
    page = client.get(path)
    assert page.status_code == 200
    assert client.head(path).status_code == 200
    assert page.text.count("<h1") == 1
    found = set(re.findall(r'(?:href|src|data-src)="(/[^"#]*)', page.text))
    assert len(found) > 5
    for target in found:
        answer = client.get(target.replace("&amp;", "&"), follow_redirects=False)
        assert answer.status_code in (200, 303), target


def test_a_release_page_tells_what_it_holds_and_how_to_get_it(client: TestClient) -> None:
    """Counts, the exact command, the citation, terms and the feed."""
    text = client.get("/releases/chest-1").text
    assert "radcommons get chest-1 --to chest-1 --hub http://testserver" in text
    for expected in ("CC-BY-4.0", "How to cite it", "manifest.csv", "Radiograph (CR)", "60–69", "Released", "Female"):
        assert expected in text


def test_a_registered_release_hides_its_content(client: TestClient, commons: Commons) -> None:
    """The page exists and offers a sign-in; lists, studies and figures need one."""
    text = client.get("/releases/closed-1").text
    assert "Sign in" in text
    assert "Studies by modality" not in text
    assert client.get("/releases/closed-1/studies").status_code == 401
    assert client.get("/studies/2.25.12").status_code == 404
    researcher = commons.token(Role.RESEARCHER)
    assert "Studies by modality" in client.get("/releases/closed-1", headers=researcher).text
    assert client.get("/studies/2.25.12", headers=researcher).status_code == 200


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"2.25.10", "2.25.11"}),
        ("?modality=CR", {"2.25.11"}),
        ("?modality=CR&modality=CT", {"2.25.10", "2.25.11"}),
        ("?sex=F", {"2.25.10"}),
        ("?q=100%25", {"2.25.11"}),
        ("?q=nothing", set()),
        ("?offset=24", set()),
        ("?offset=-5", {"2.25.10", "2.25.11"}),
        ("?modality=%27%3Bdrop", {"2.25.10", "2.25.11"}),
    ],
)
def test_studies_are_narrowed(client: TestClient, query: str, shown: set[str]) -> None:
    """Filters combine, odd values do no harm."""
    text = client.get(f"/releases/chest-1/studies{query}").text
    assert set(re.findall(r'href="/studies/([\d.]+)\?', text)) == shown


def test_a_study_steps_through_its_slices(client: TestClient) -> None:
    """The middle slice first; links lead on, keep the window, and stop at the ends; odd numbers do no harm."""
    middle = client.get("/studies/2.25.10").text
    assert "2 / 3" in middle
    assert "frames/1/rendered?viewport=768,768&amp;window=-600,1500" in middle
    last = client.get("/studies/2.25.10?slice=99&window=bone").text
    assert "3 / 3" in last
    assert "window=400,1800" in last
    assert 'data-step="1" aria-disabled="true"' in last
    for odd in ("x", "-1", "0", "999999999999"):
        assert client.get(f"/studies/2.25.10?slice={odd}").status_code == 200
    film = client.get("/studies/2.25.11").text
    assert 'aria-label="Window"' not in film


def test_frames_of_one_instance_are_slices(client: TestClient, commons: Commons) -> None:
    """A multi-frame object steps through its frames."""
    text = client.get("/studies/2.25.12?slice=3", headers=commons.token(Role.RESEARCHER)).text
    assert "3 / 3" in text
    assert "/frames/3/rendered" in text


def test_a_withdrawal_shows_on_the_release_page(own_commons: Commons) -> None:
    """The page says how many images were taken back, and the study shows the rest."""
    own_commons.withdraw(hashlib.sha256(own_commons.contents["2.25.30.1"]).hexdigest())
    client = own_commons.client()
    assert "1 image of this release was withdrawn since" in client.get("/releases/chest-1").text
    assert "/ 2</output>" in client.get("/studies/2.25.10").text


def test_clinical_rows_speak_before_headers() -> None:
    """Sex and age come from the clinical table where it has them, each patient counted once, withdrawn ones never."""
    tally = Tally(
        modality=(("CT", 2),),
        site=(("ALFA", 2),),
        patients={"ALFA-A": ("F", "063Y"), "ALFA-B": ("", ""), "ALFA-C": ("M", "")},
    )
    row = {"patient": "ALFA-A", "sex": "Male", "age_at_index": 35, "test_method": "RT-PCR", "test_result": "Positive"}
    old = {"patient": "ALFA-C", "age_at_index_gt89": True, "sex": "Not Reported", "test_result": "Not Reported"}
    found = overview(tally, [row, old, {**row, "patient": "ALFA-GONE"}])
    assert found.sex == (("Male", 2), ("Not recorded", 1))
    assert found.age == (("30–39", 1), ("80+", 1), ("Not recorded", 1))
    assert found.test == (("RT-PCR positive", 1), ("Not recorded", 2))


def test_ages_of_the_header() -> None:
    """Days, weeks, months and years; what is none is none."""
    assert [age_in_years(text) for text in ("063Y", "018M", "003W", "010D", "63", "")] == [63, 1, 0, 0, None, None]
    assert [decade(age) for age in (0, 9, 10, 89, None)] == ["0–9", "0–9", "10–19", "80+", "Not recorded"]
    assert age_chart([("", "CT", 4)]) is None
    chart = age_chart([("063Y", "CT", 2), ("061Y", "DX", 1), ("061Y", "SR", 9)])
    assert chart is not None
    assert "3 studies" in chart.description


def test_pictures_are_kept_for_a_while(commons: Commons) -> None:
    """The same picture is made once, is forgotten on request and in time, and a missing frame is not found."""
    with reading(commons.platform.engine) as connection:
        (one,) = images.instances_at(connection, Scope(actor=CURATOR), Place(instance="2.25.30.1"))
    now = [0.0]
    pictures = Pictures(clock=lambda: now[0])
    first = pictures.picture(one, Look(), objects=commons.platform.objects)
    assert pictures.picture(one, Look(), objects=commons.platform.objects) is first
    pictures.forget(frozenset({one.digest}))
    second = pictures.picture(one, Look(), objects=commons.platform.objects)
    assert second is not first
    now[0] = 601.0
    assert pictures.picture(one, Look(), objects=commons.platform.objects) is not second
    with pytest.raises(NotFound):
        pictures.picture(one, Look(frame=1), objects=commons.platform.objects)


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/", "/\\evil.example", "x"])
def test_the_switch_leads_nowhere_else_and_keeps_known_words(client: TestClient, back: str) -> None:
    """A strange address leads to the start; a strange choice is none."""
    answer = client.post("/theme", data={"theme": "dark", "back": back}, follow_redirects=False)
    assert answer.headers["location"] == "/"
    assert 'data-theme="dark"' in client.get("/").text
    client.post("/theme", data={"theme": '"><script>', "back": "/"})
    client.cookies.set("radcommons_theme", '"><script>alert(1)</script>')
    assert "<script>alert" not in client.get("/").text
    client.cookies.clear()
