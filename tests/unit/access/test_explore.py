"""Explore: what is counted, for whom, and that nothing of others' records is in any figure."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from radcommons.access.explore import wanted
from radcommons.hub.withdraw import withdraw_here
from radcommons.records.event import Actor, Role
from radcommons.records.terms import Tier
from unit.access.commons import Commons, fill, image

ADMINISTRATOR = Actor(id="account:2", name="Administrator", roles=frozenset({Role.ADMINISTRATOR}))


def _counts(text: str) -> list[tuple[str, str]]:
    return re.findall(r'value="([^"]*)" form="explore"[^>]*><span>[^<]*</span><span class="n">([\d,]+)<', text)


def test_each_facet_ignores_its_own_filter(tmp_path: Path) -> None:
    """With CR chosen one study is found, and CT still says how many it would be."""
    client = fill(Commons(tmp_path)).client()
    text = client.get("/explore?modality=CR").text
    assert ">1 study</h2>" in text
    counts = dict(_counts(text))
    assert counts["CT"] == "1"
    assert counts["CR"] == "1"
    assert "Female" not in counts  # sex does not ignore the filter of the modality
    assert 'href="/studies/2.25.11?within=modality%3DCR"' in text


def test_words_table_and_paging(tmp_path: Path) -> None:
    """Words are found in descriptions, a page beyond the end is the last, and the table holds the same studies."""
    client = fill(Commons(tmp_path)).client()
    assert "2.25.11" in client.get("/explore?q=100%25+ap").text
    assert "No study fits" in client.get("/explore?q=nothing").text
    table = client.get("/explore?view=table&offset=99999&sort=largest").text
    assert "<table" in table
    assert "2.25.10" in table


def test_counts_follow_rights_and_releases(tmp_path: Path) -> None:
    """A registered release is counted once somebody signed in, and a new release is seen at once."""
    commons = fill(Commons(tmp_path))
    client = commons.client()
    visitor = client.get("/explore").text
    assert ">2 studies</h2>" in visitor
    assert "2.25.12" not in visitor
    assert "Not counted here" in visitor
    researcher = client.get("/explore", headers=commons.token(Role.RESEARCHER)).text
    assert ">3 studies</h2>" in researcher
    commons.load(image(study="2.25.13", series="2.25.23", uid="2.25.33"), dataset="chest")
    commons.release("chest")
    assert ">3 studies</h2>" in client.get("/explore").text


def test_a_withdrawn_study_leaves(tmp_path: Path) -> None:
    """The hub's own verb takes it out of the cards and out of every count, from an index that stands."""
    commons = fill(Commons(tmp_path))
    client = commons.client()
    assert "/studies/2.25.11" in client.get("/explore").text
    withdraw_here(studies=("2.25.11",), reason="error", platform=commons.platform, actor=ADMINISTRATOR)
    text = client.get("/explore").text
    assert "/studies/2.25.11" not in text
    assert ">1 study</h2>" in text
    assert "CR" not in dict(_counts(text))


def test_a_link_keeps_the_release(tmp_path: Path) -> None:
    """With a release chosen, a study is opened, and pictured, as that release froze it; of several the newest."""
    commons = fill(Commons(tmp_path))
    client = commons.client()
    assert 'href="/studies/2.25.11?within=' in client.get("/explore").text
    commons.load(image(study="2.25.13", series="2.25.23", uid="2.25.33"), dataset="chest")
    commons.release("chest")
    older = client.get("/explore?release=chest-1").text
    assert 'href="/studies/2.25.11?release=chest-1&amp;within=' in older
    assert "/dicomweb/releases/chest-1/studies/2.25.11/" in older
    assert "2.25.13" not in older
    both = client.get("/explore?release=chest-1&release=chest-2&view=table").text
    assert 'href="/studies/2.25.11?release=chest-2&amp;within=' in both
    assert client.get("/studies/2.25.11?release=chest-2").status_code == 200
    assert "No study fits" in client.get("/explore?release=closed-1&release=none-1").text


def test_no_difference_of_queries_tells_of_a_record_that_is_closed(tmp_path: Path) -> None:
    """The attack: two commons that differ in one closed patient answer every visitor's query alike, however often.

    Singles, pairs across facets, repeats, words and sorts: with equal answers there is nothing to difference or
    to average. The sentence about the closed release holds its public total alone, so it is cut off.
    """
    answers = []
    for name, more in (("without", False), ("with", True)):
        commons = fill(Commons(tmp_path / name))
        files = [image(study="2.25.50", series="2.25.51", uid="2.25.52", age="077Y", sex="O")]
        if more:
            files.append(image(study="2.25.60", series="2.25.61", uid="2.25.62", age="093Y", description="Rare word"))
        commons.dataset("secret", tier=Tier.CONTROLLED)
        commons.load(*files, dataset="secret")
        commons.release("secret")
        client = commons.client()
        single = [f"{k}={v}" for k, v in (
            ("modality", "CT"), ("modality", "CR"), ("sex", "Other"), ("sex", "Female"), ("age", "80%2B"),
            ("age", "60%E2%80%9369"), ("site", "ALFA"), ("release", "secret-1"), ("q", "rare"), ("sort", "name"),
        )]  # fmt: skip
        queries = ["", *single, *("&".join(pair) for pair in itertools.combinations(single, 2)), *single]
        texts = [client.get(f"/explore?{query}").text for query in queries]
        answers.append([(_counts(text), re.findall(r"/studies/[\d.]+", text), "Rare" in text) for text in texts])
        assert all("2.25.60" not in text for text in texts)
        assert any(_counts(text) for text in texts)
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "query",
    [
        "modality=%00",
        "offset=-1",
        "offset=1e9",
        "offset=99999999999999999999",
        "sort=;drop",
        "view=<b>",
        "sex=" + "x" * 5000,
        "q=" + "%F0%9F%AB%81" * 500,
        "&".join(f"modality={n}" for n in range(1000)),
        "q=<script>alert(1)</script>",
    ],
)
def test_hostile_queries_are_answered(tmp_path: Path, query: str) -> None:
    """Whatever the address says, the page is a page, and nothing of it is markup."""
    answer = fill(Commons(tmp_path)).client().get(f"/explore?{query}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def test_the_address_is_the_query() -> None:
    """What is asked comes back as the same pairs."""
    pairs = [("q", "lung"), ("modality", "CT"), ("modality", "CR"), ("sort", "name"), ("view", "table")]
    assert wanted(pairs).pairs() == pairs
    assert wanted([("other", "1"), ("sort", "none"), ("view", "none")]).pairs() == []


def test_views_and_slices_are_counted(tmp_path: Path) -> None:
    """The view of a radiograph and the band of a slice's thickness are facets; both narrow what is found."""
    commons = fill(Commons(tmp_path))
    thin = [image(study=f"2.25.4{n}", series=f"2.25.5{n}", uid=f"2.25.6{n}", slice_mm=one)
            for n, one in enumerate(("0.625", "1.5", "5", "7.5"))]  # fmt: skip
    film = image(study="2.25.47", series="2.25.57", uid="2.25.67", modality="CR", view=" PA")
    commons.load(*thin, film, dataset="chest")
    commons.release("chest")
    client = commons.client()
    counts = dict(_counts(client.get("/explore").text))
    for band in ("1 mm or less", "1 to 2 mm", "3 to 5 mm", "Over 5 mm", "PA"):
        assert counts[band] == "1", band
    found = client.get("/explore", params={"thickness": ["1 mm or less", "Over 5 mm"], "view": "table"}).text
    assert ">2 studies</h2>" in found
    assert "2.25.47" in client.get("/explore?projection=PA").text
