"""Pages are escaped, CSP-safe and show who may see what."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from radcommons.records.event import Role
from radcommons.ui.assets import STATIC, Assets
from radcommons.ui.charts import Bar, Chart, short, stacked_bars
from radcommons.ui.filters import day, in_bytes, plural, share
from radcommons.ui.render import CSP, Account, Brand, Flash, NavItem, Renderer, View

CHART: Chart = stacked_bars(
    [Bar(label=f"2020-{month:02}", values=(month * 3, 40 - month)) for month in range(1, 13)],
    id="months",
    title="Studies by month",
    parts=("X-ray", "CT"),
    unit="studies",
)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(
        brand=Brand("Imaging <Commons>"),
        nav=[NavItem("Releases", "/"), NavItem("Curate", "/curate", {Role.CURATOR})],
        zones={"gallery": Path(__file__).parent / "templates"},
    )


def gallery(renderer: Renderer, view: View, heading: str = "Gallery") -> str:
    return renderer.render("gallery/gallery.html", view=view, heading=heading, chart=CHART)


class _Tags(HTMLParser):
    """Collects tags with their attributes and whether all are closed in order."""

    VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def tags(html: str) -> _Tags:
    parser = _Tags()
    parser.feed(html)
    return parser


def test_every_component_is_well_formed_and_free_of_inline_code(renderer: Renderer) -> None:
    """Tags nest, ids are unique, and no style, script text or handler stands in the page: the CSP would block it."""
    found = tags(gallery(renderer, View(path="/")))
    assert found.faults == []
    assert found.open == []
    ids = [attributes["id"] for _, attributes in found.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in found.seen:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "script" or attributes.get("src", "")
    assert "unsafe" not in CSP


def test_text_is_escaped_everywhere(renderer: Renderer) -> None:
    """Whatever a visitor or a site wrote is text, in the brand, in the page and in messages."""
    evil = '<script>alert("x")</script>'
    view = View(path="/", account=Account(evil), flashes=[Flash(evil)], form_key='"><script>')
    page = gallery(renderer, view, heading=evil)
    assert evil not in page
    assert '"><script>' not in page
    assert "Imaging &lt;Commons&gt;" in page


def test_navigation_shows_what_a_role_may_use(renderer: Renderer) -> None:
    """An entry with roles is for those; the current page is marked for screen readers."""
    visitor = gallery(renderer, View(path="/"))
    curator = gallery(renderer, View(path="/curate/7", account=Account("Cu Rator", frozenset({"curator"}))))
    assert "Curate" not in visitor
    assert re.search(r'href="/curate" aria-current="page"', curator)
    assert re.search(r'href="/" aria-current="page"', visitor)
    assert "CR" in curator


def test_forms_carry_the_sessions_key(renderer: Renderer) -> None:
    """Both the component's form and the sign-out form repeat it."""
    page = gallery(renderer, View(path="/", account=Account("A"), form_key="k3y"))
    assert page.count('name="form_key" value="k3y"') == 2


def test_a_field_with_an_error_says_so_to_everyone(renderer: Renderer) -> None:
    """The error is tied to its input by aria-describedby, as is the hint."""
    found = tags(gallery(renderer, View(path="/")))
    email = next(attributes for tag, attributes in found.seen if tag == "input" and attributes.get("name") == "email")
    assert email["aria-invalid"] == "true"
    assert email["aria-describedby"] == "f-email-hint f-email-error"


def test_a_problem_is_a_page(renderer: Renderer) -> None:
    """It names the status, what happened and what to do."""
    page = renderer.problem(view=View(path="/x"), status=410, title="Withdrawn", detail="Taken back.", mend="See feed.")
    assert all(text in page for text in ("410", "Withdrawn", "Taken back.", "See feed."))


def test_assets_are_served_for_good_under_their_hash() -> None:
    """The URL changes with the content; fonts in style sheets are hashed as well; HEAD and gzip work."""
    assets = Assets()
    app = FastAPI()
    app.include_router(assets.router())
    client = TestClient(app)
    url = assets.url("base.css")
    answer = client.get(url)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert assets.url("vendor/inter-latin-wght-normal.woff2") in answer.text
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content
    assert client.head(url).status_code == 200
    digest = hashlib.sha256(plain.content).hexdigest()
    assert url == f"/static/base.{digest[:10]}.css"


def test_vendored_files_are_what_their_list_says() -> None:
    """Each committed foreign file has its SHA-512 in VENDOR.sha512, and each has its licence beside it."""
    folder = STATIC / "vendor"
    listed = dict(reversed(line.split("  ")) for line in (folder / "VENDOR.sha512").read_text().splitlines())
    present = {path.name for path in folder.iterdir()} - {"VENDOR.sha512"}
    assert present == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha512((folder / name).read_bytes()).hexdigest() == digest
    assert {"htmx.LICENSE", "inter.LICENSE", "source-serif-4.LICENSE"} <= present


def test_a_chart_draws_its_figures() -> None:
    """Heights are in proportion, stacks do not overlap, and the description holds the figures."""
    first = [rect for rect in CHART.rects if rect.x == CHART.rects[0].x]
    assert first[0].height / first[1].height == pytest.approx(3 / 39, rel=0.01)
    assert first[1].y + first[1].height == pytest.approx(first[0].y, abs=0.02)
    assert max(rect.x + rect.width for rect in CHART.rects) <= CHART.width
    assert "636 studies in 12 columns" in CHART.description
    assert stacked_bars([], id="x", title="t", parts=("a",)).rects == ()
    with pytest.raises(ValueError, match="one value a part"):
        stacked_bars([Bar(label="a", values=(1,))], id="x", title="t", parts=("a", "b"))


def test_figures_read_well() -> None:
    """Counts, sizes, days and shares as people write them."""
    assert (in_bytes(999), in_bytes(1_500), in_bytes(1_100_000_000_000)) == ("999 B", "1.5 kB", "1.1 TB")
    assert (day("2026-11-22T10:00:00Z"), day("20200301"), day(None), day("x")) == (
        "22 Nov 2026",
        "1 Mar 2020",
        "–",
        "x",
    )
    assert (plural(1, "study", "studies"), plural(1200, "study", "studies")) == ("1 study", "1,200 studies")
    assert (share(1, 8), share(0, 0)) == ("12.5", "0")
    assert (short(950), short(1200), short(3_000_000)) == ("950", "1.2k", "3M")
