"""Cohorts: saved by query and by hand, pinned, signed, compared, exported, and read by whoever has the rights."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from fastapi.testclient import TestClient

from radcommons.access.tables import lines
from radcommons.catalogue.tables_cohorts import thumbnail
from radcommons.platform.keys import verify
from radcommons.records.cohort import Cohort
from radcommons.records.documents import canonical, json_schema, parse
from radcommons.records.event import Role
from radcommons.records.release import CSV_COLUMNS, ReleaseItem
from radcommons.records.submission import Signature
from radcommons.records.terms import Tier
from unit.access.commons import Commons, fill, image

ROOT = "/api/v1/cohorts"


@pytest.fixture
def client(own_commons: Commons) -> TestClient:
    return own_commons.client()


@pytest.fixture
def researcher(own_commons: Commons) -> dict[str, str]:
    return own_commons.token(Role.RESEARCHER)


def saved(client: TestClient, headers: dict[str, str], path: str = ROOT, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json={"name": "A question", **body}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_query_becomes_a_signed_document(
    client: TestClient, own_commons: Commons, researcher: dict[str, str]
) -> None:
    """The document fits its published schema, is canonical, signed by the hub, and names the release of each image."""
    made = saved(client, researcher, query="modality=CT&release=chest-1")
    assert made["counts"]["studies"] == 1
    assert made["query"] == "modality=CT&release=chest-1"
    path = f"{ROOT}/{made['id']}/versions/1"
    content = client.get(f"{path}/manifest.json", headers=researcher).content
    cohort = parse(Cohort, content)
    assert canonical(cohort) == content
    signature = parse(Signature, client.get(f"{path}/manifest.json.sig", headers=researcher).json())
    verify(signature, message=content, public_key=own_commons.platform.signing_key.public_key)
    assert {item.release for item in cohort.items} == {"chest-1"} == set(cohort.releases)
    assert {item.sop_instance_uid for item in cohort.items} == {f"2.25.30.{n}" for n in (1, 2, 3)}
    import jsonschema

    jsonschema.validate(json.loads(content), json_schema(Cohort, sealed=False))


def test_a_version_stays_as_it_was(client: TestClient, own_commons: Commons, researcher: dict[str, str]) -> None:
    """After a new release the same query makes another version; the first names what it named, and both compare."""
    made = saved(client, researcher, query="q=ct")
    old = hashlib.sha256(own_commons.contents["2.25.30.2"]).hexdigest()
    own_commons.load(image(study="2.25.13", series="2.25.23", uid="2.25.33"), dataset="chest")
    own_commons.load(image(uid="2.25.30.2", number=2, value=9), dataset="chest", supersedes=old)
    own_commons.release("chest")
    path = f"{ROOT}/{made['id']}"
    before = client.get(f"{path}/versions/1/manifest.json", headers=researcher).content
    second = saved(client, researcher, f"{path}/versions", query="q=ct")
    assert (second["id"], second["version"], second["name"]) == (made["id"], 2, "A question")
    assert client.get(f"{path}/versions/1/manifest.json", headers=researcher).content == before
    document = json.loads(client.get(f"{path}/versions/2/manifest.json", headers=researcher).content)
    assert document["previous"] == hashlib.sha256(before).hexdigest()
    told = client.get(f"{path}/compare", params={"old": 1, "new": 2}, headers=researcher).json()
    assert told == {"added": ["2.25.13"], "removed": [], "changed": ["2.25.10"], "same": 1}
    back = client.get(f"{path}/compare", params={"old": 2, "new": 1}, headers=researcher).json()
    assert back["removed"] == ["2.25.13"]
    assert "2.25.13" in client.get(f"/cohorts/{made['id']}/compare?old=1&new=2", headers=researcher).text


def test_the_table_is_that_of_a_release(client: TestClient, researcher: dict[str, str]) -> None:
    """The same columns, an address for each file that gives its bytes, also below the page's own address."""
    made = saved(client, researcher, studies=["2.25.11", "2.25.12"])
    text = client.get(f"{ROOT}/{made['id']}/versions/1/manifest.csv", headers=researcher).text
    assert client.get(f"/cohorts/{made['id']}/versions/1/manifest.csv", headers=researcher).text == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == CSV_COLUMNS
    for row in rows:
        body = client.get(row["url"].removeprefix("http://testserver"), headers=researcher).content
        assert hashlib.sha256(body).hexdigest() == row["sha256"]
    page = client.get(f"/cohorts/{made['id']}", headers=researcher).text
    assert f"radcommons get http://testserver{ROOT}/{made['id']}/versions/1/manifest.csv" in html.unescape(page)


def test_no_cell_of_a_table_is_a_formula() -> None:
    """A modality that a header fills with a formula is text to a spreadsheet."""
    item = ReleaseItem(
        digest="a" * 64,
        size=1,
        sop_class_uid="1.2",
        transfer_syntax_uid="1.2",
        modality='=HYPERLINK("x")',
        site="ALFA",
        patient="ALFA-AAAAAAAAAA",
        study_instance_uid="1.2",
        series_instance_uid="1.3",
        sop_instance_uid="1.4",
    )
    row = next(csv.DictReader(io.StringIO("".join(lines([("chest-1", item)], base="https://hub.example")))))
    assert row["modality"] == '\'=HYPERLINK("x")'
    assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())


def test_mlcroissant_loads_it(client: TestClient, researcher: dict[str, str], tmp_path: Path) -> None:
    """The tool of the format's makers finds no error, and reads each file's line with its digest."""
    made = saved(client, researcher, query="release=chest-1", description="Everything, for a test.")
    path = f"{ROOT}/{made['id']}/versions/1"
    told = client.get(f"{path}/croissant.json", headers=researcher).json()
    table = client.get(f"{path}/manifest.csv", headers=researcher).content
    assert told["distribution"][0]["sha256"] == hashlib.sha256(table).hexdigest()
    (tmp_path / "manifest.csv").write_bytes(table)
    told["distribution"][0]["contentUrl"] = "manifest.csv"
    (tmp_path / "croissant.json").write_text(json.dumps(told), "utf-8")
    dataset = mlcroissant.Dataset(jsonld=tmp_path / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    records = list(dataset.records("instances"))
    assert len(records) == made["counts"]["instances"]
    digests = {row["sha256"] for row in csv.DictReader(io.StringIO(table.decode()))}
    assert {one["instances/sha256"].decode() for one in records} == digests


def test_who_may_not_open_a_release_reads_no_cohort_of_it(
    client: TestClient, own_commons: Commons, researcher: dict[str, str]
) -> None:
    """The address alone is not enough; with rights to all its releases it is; a stranger changes nothing."""
    made = saved(client, researcher, studies=["2.25.12"])
    path = f"{ROOT}/{made['id']}"
    for name in ("", "/versions/1/manifest.json", "/versions/1/manifest.csv", "/versions/1/croissant.json",
                 "/versions/1/manifest.json.sig", "/compare?old=1&new=1"):  # fmt: skip
        assert client.get(path + name).status_code == 401, name
    assert client.get(f"/cohorts/{made['id']}").status_code == 401
    other = own_commons.token(Role.READER)
    assert client.get(path, headers=other).status_code == 200
    assert client.post(f"{path}/versions", json={"studies": ["2.25.10"]}, headers=other).status_code == 403
    assert client.get(ROOT, headers=other).json() == {"cohorts": []}
    assert [one["id"] for one in client.get(ROOT, headers=researcher).json()["cohorts"]] == [made["id"]]


def test_a_cohort_cannot_reach_what_its_maker_may_not_open(client: TestClient, own_commons: Commons) -> None:
    """Studies of a closed release, of none and of nowhere are not taken; nothing at all is refused."""
    own_commons.dataset("secret", tier=Tier.CONTROLLED)
    own_commons.load(image(study="2.25.90", series="2.25.91", uid="2.25.92"), dataset="secret")
    own_commons.release("secret")
    own_commons.load(image(study="2.25.80", series="2.25.81", uid="2.25.82"), dataset="chest")
    researcher = own_commons.token(Role.RESEARCHER)
    made = saved(client, researcher, studies=["2.25.11", "2.25.90", "2.25.80", "2.25.999"])
    assert made["counts"]["studies"] == 1
    for studies in (["2.25.90"], ["2.25.80"], ["2.25.999"]):
        body = {"name": "x", "studies": studies}
        assert client.post(ROOT, json=body, headers=researcher).status_code == 400
    assert client.post(ROOT, json={"name": "  ", "studies": ["2.25.11"]}, headers=researcher).status_code == 400


@pytest.mark.parametrize("identifier", ["0" * 32, "x", "a" * 5000, "%00", "'; DROP TABLE cohort; --"])
def test_forged_addresses_are_404(client: TestClient, researcher: dict[str, str], identifier: str) -> None:
    """Nothing is behind them, in either road."""
    for path in (f"{ROOT}/{identifier}", f"{ROOT}/{identifier}/versions/1/manifest.csv", f"/cohorts/{identifier}"):
        assert client.get(path, headers=researcher).status_code == 404
    made = saved(client, researcher, studies=["2.25.11"])
    assert client.get(f"{ROOT}/{made['id']}/versions/2/manifest.csv", headers=researcher).status_code == 404


def test_nobody_and_a_site_keep_no_cohorts(client: TestClient, own_commons: Commons) -> None:
    """A visitor is asked to sign in, a gateway's token is refused."""
    assert client.post(ROOT, json={"name": "x"}).status_code == 401
    assert client.get(ROOT).status_code == 401
    assert client.get("/cohorts", follow_redirects=False).headers["location"] == "/sign-in?to=%2Fcohorts"
    site = own_commons.token(Role.SITE, site="ALFA")
    assert client.post(ROOT, json={"name": "x"}, headers=site).status_code == 403


def test_a_basket_becomes_a_cohort(own_commons: Commons) -> None:
    """Ticked on explore, kept over pages, saved with the releases that were looked at, and empty then."""
    client = own_commons.client()
    email, password = own_commons.account(Role.RESEARCHER)
    client.post("/sign-in", data={"email": email, "password": password})
    key = re.search(r'name="form_key" value="([^"]+)"', client.get("/explore").text)[1]  # type: ignore[index]
    ticked = {"form_key": key, "study": ["2.25.10", "x", "2.25.999"], "back": "/explore?modality=CT"}
    assert client.post("/basket", data=ticked, follow_redirects=False).headers["location"] == "/explore?modality=CT"
    client.post("/basket", data={"form_key": key, "study": ["2.25.12"], "within": ["closed-1"]})
    for back in ("//evil.example", "https://evil.example", "/explore\r\nX: y", "/exploreevil"):
        answer = client.post("/basket", data={"form_key": key, "back": back}, follow_redirects=False)
        assert answer.headers["location"] == "/cohorts"
    assert "In your basket: 2 studies" in client.get("/cohorts").text
    assert client.post("/basket", data={"study": ["2.25.11"]}).status_code == 403
    name = "<script>alert(1)</script>"
    answer = client.post("/cohorts", data={"form_key": key, "name": name, "description": name})
    assert answer.status_code == 200
    assert name not in answer.text
    assert html.escape(name) in answer.text
    assert "2 studies" in answer.text
    assert "In your basket" not in client.get("/cohorts").text
    assert name not in client.get("/cohorts").text
    client.post("/basket", data={"form_key": key, "study": ["2.25.11"]})
    client.post("/basket/remove", data={"form_key": key, "study": ["2.25.11"]})
    assert "In your basket" not in client.get("/cohorts").text


def test_a_query_is_kept_by_a_form(own_commons: Commons) -> None:
    """The page tells what the query finds and in words, and the form saves it; an empty name is said, not a fault."""
    client = own_commons.client()
    email, password = own_commons.account(Role.RESEARCHER)
    client.post("/sign-in", data={"email": email, "password": password})
    page = client.get("/cohorts", params={"query": "modality=CT"}).text
    assert "2 studies found" in page
    assert "Modality: CT" in page
    key = re.search(r'name="form_key" value="([^"]+)"', page)[1]  # type: ignore[index]
    form = {"form_key": key, "source": "query", "query": "modality=CT"}
    assert "needs a name" in client.post("/cohorts", data=form).text
    first = client.post("/cohorts", data={**form, "name": "CT"})
    assert "Version 1 of 1" in first.text
    identifier = re.search(r"/cohorts/([0-9a-f]{32})", str(first.url))[1]  # type: ignore[index]
    assert "Version 2 of 2" in client.post("/cohorts", data={**form, "into": identifier}).text
    assert client.post("/cohorts", data={**form, "into": "0" * 32}).status_code == 404


def test_what_was_withdrawn_since_is_told(client: TestClient, own_commons: Commons, researcher: dict[str, str]) -> None:
    """The page counts it, the document stays, the bytes are gone."""
    made = saved(client, researcher, studies=["2.25.10"])
    digest = hashlib.sha256(own_commons.contents["2.25.30.1"]).hexdigest()
    own_commons.withdraw(digest)
    assert "1 image withdrawn since" in client.get(f"/cohorts/{made['id']}", headers=researcher).text
    text = client.get(f"{ROOT}/{made['id']}/versions/1/manifest.csv", headers=researcher).text
    address = next(row["url"] for row in csv.DictReader(io.StringIO(text)) if row["sha256"] == digest)
    assert client.get(address.removeprefix("http://testserver"), headers=researcher).status_code == 410


@pytest.mark.production
def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """Cohorts, baskets, thumbnails, provenance and the facets of explore on the other database."""
    commons = fill(Commons(tmp_path, database_url=postgres_url))
    client, headers = commons.client(), commons.token(Role.RESEARCHER)
    made = saved(client, headers, query="thickness=Not+recorded&sort=name")
    assert made["counts"]["studies"] == 3
    path = f"{ROOT}/{made['id']}"
    assert saved(client, headers, f"{path}/versions", studies=["2.25.10"])["version"] == 2
    told = client.get(f"{path}/compare", params={"old": 1, "new": 2}, headers=headers).json()
    assert told["removed"] == ["2.25.11", "2.25.12"]
    assert client.get(path).status_code == 200  # version 2 stands on the open release alone
    assert client.get(f"{path}/versions/1/manifest.csv").status_code == 401
    assert client.get(f"/cohorts/{made['id']}", headers=headers).status_code == 200
    page = client.get("/studies/2.25.10?release=chest-1&within=sort%3Dname").text
    assert "3 images, first release" in page
    assert client.get("/studies/2.25.10/series/2.25.20?q=slope").status_code == 200
    thumb = "/dicomweb/studies/2.25.11/series/2.25.21/instances/2.25.31/thumbnail"
    assert client.get(thumb).content == client.get(thumb).content
    assert commons.count(thumbnail) == 1
