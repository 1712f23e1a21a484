"""Datasets, releases and their files over HTTP: exact bytes, ranges, rights, withdrawals."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from radcommons.access.serving import _span
from radcommons.catalogue import shelf
from radcommons.platform.database import reading
from radcommons.platform.keys import verify
from radcommons.platform.objects import FileObjects
from radcommons.records.documents import parse
from radcommons.records.event import ANONYMOUS, Role
from radcommons.records.release import CSV_COLUMNS, Release
from radcommons.records.submission import Signature
from unit.access.commons import Commons

RELEASE = "/api/v1/releases/chest-1"


@pytest.fixture(scope="module")
def client(commons: Commons) -> TestClient:
    return commons.client()


def test_the_manifest_is_what_was_signed(client: TestClient, commons: Commons) -> None:
    """Manifest and signature fit each other and the hub's key; the table names the same instances."""
    manifest = client.get(f"{RELEASE}/manifest.json").content
    signature = parse(Signature, client.get(f"{RELEASE}/manifest.json.sig").content)
    verify(signature, message=manifest, public_key=commons.platform.signing_key.public_key)
    release = parse(Release, manifest)
    rows = list(csv.reader(io.StringIO(client.get(f"{RELEASE}/manifest.csv").text)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row[1] for row in rows[1:]] == [item.digest for item in release.items]
    assert client.head(f"{RELEASE}/manifest.json").status_code == 200


def test_releases_are_listed_with_what_the_caller_may_do(client: TestClient, commons: Commons) -> None:
    """A registered release is known to everyone and open after a sign-in."""
    listed = {one["id"]: one for one in client.get("/api/v1/releases").json()["releases"]}
    assert {name: one["is_open"] for name, one in listed.items()} == {"chest-1": True, "closed-1": False}
    assert listed["chest-1"]["counts"]["instances"] == 4
    researcher = commons.token(Role.RESEARCHER)
    assert client.get("/api/v1/releases/closed-1", headers=researcher).json()["is_open"] is True
    assert client.get("/api/v1/releases/none-1").status_code == 404


@pytest.mark.parametrize("path", ["manifest.json", "manifest.json.sig", "manifest.csv", "instances/" + "0" * 64])
def test_the_content_of_a_registered_release_needs_a_sign_in(client: TestClient, commons: Commons, path: str) -> None:
    """401 for a visitor; a signed-in researcher passes."""
    assert client.get(f"/api/v1/releases/closed-1/{path}").status_code == 401
    status = client.get(f"/api/v1/releases/closed-1/{path}", headers=commons.token(Role.RESEARCHER)).status_code
    assert status == (404 if "instances" in path else 200)


def test_datasets_and_their_feeds(client: TestClient) -> None:
    """A dataset lists its releases; its feed is sealed entry by entry."""
    names = [one["name"] for one in client.get("/api/v1/datasets").json()["datasets"]]
    assert names == ["chest", "closed"]
    assert client.get("/api/v1/datasets/chest").json()["releases"] == ["chest-1"]
    feed = client.get("/api/v1/datasets/chest/feed").json()
    assert [(one["sequence"], one["event"]) for one in feed["entries"]] == [(1, "released")]
    assert feed["entries"][0]["signature"]["algorithm"] == "Ed25519"
    assert client.get("/api/v1/datasets/nothing/feed").status_code == 404


def test_an_instance_resumes_by_range(client: TestClient, commons: Commons) -> None:
    """Whole, a part, beyond the end, and HEAD; the bytes are the announced ones."""
    content = commons.contents["2.25.31"]
    path = f"{RELEASE}/instances/{hashlib.sha256(content).hexdigest()}"
    assert client.get(path).content == content
    part = client.get(path, headers={"Range": "bytes=1000-"})
    assert (part.status_code, part.content) == (206, content[1000:])
    assert client.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    head = client.head(path)
    assert int(head.headers["content-length"]) == len(content)
    assert client.get(f"{RELEASE}/instances/{'0' * 64}").status_code == 404


def test_a_withdrawn_instance_is_410(own_commons: Commons) -> None:
    """Holders are told that it was here; the list counts it."""
    digest = hashlib.sha256(own_commons.contents["2.25.30.1"]).hexdigest()
    own_commons.withdraw(digest)
    client = own_commons.client()
    answer = client.get(f"{RELEASE}/instances/{digest}")
    assert (answer.status_code, answer.json()["code"]) == (410, "withdrawn")
    assert client.get(RELEASE).json()["withdrawn"] == 1


class _Remote(FileObjects):
    """Objects that lie on no local disk, as in S3."""

    def local_path(self, key: str) -> Path | None:
        return None


@pytest.fixture
def remote(commons: Commons) -> TestClient:
    """The same commons over a store that only streams."""
    app = commons.app()
    platform = commons.platform
    root = commons.directory / "objects"
    app.state.platform = type(platform)(
        settings=platform.settings,
        engine=platform.engine,
        objects=_Remote(root),
        signing_key=platform.signing_key,
    )
    return TestClient(app)


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=10-", 206, 10, None),
        ("bytes=-5", 206, -5, None),
        ("bytes=0-99999999", 206, 0, None),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=-", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_streamed_objects_answer_ranges_too(
    remote: TestClient, commons: Commons, asked: str, status: int, first: int, last: int | None
) -> None:
    """What a file answers by itself, a stream from S3 answers as well."""
    content = commons.contents["2.25.31"]
    answer = remote.get(f"{RELEASE}/instances/{hashlib.sha256(content).hexdigest()}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, content[first:last])
    if status != 416:
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_spans_of_bytes() -> None:
    """Suffixes, open ends and ends beyond the object (RFC 9110 section 14.1.2)."""
    assert [_span("", "5", 3), _span("0", "", 3), _span("1", "9", 3), _span("2", "1", 3)] == [
        (0, 3),
        (0, 3),
        (1, 3),
        (2, 2),
    ]


def test_holdings_count_each_thing_once(own_commons: Commons) -> None:
    """A patient in two datasets is one patient, an instance in two releases is one; what was withdrawn is none."""
    with reading(own_commons.platform.engine) as connection:
        found = shelf.holdings(connection, ANONYMOUS)
    assert (found.patients, found.studies, found.series, found.instances, found.sites) == (2, 3, 3, 5, 2)
    assert found.bytes == sum(map(len, own_commons.contents.values()))
    own_commons.withdraw(hashlib.sha256(own_commons.contents["2.25.31"]).hexdigest())
    with reading(own_commons.platform.engine) as connection:
        found = shelf.holdings(connection, ANONYMOUS)
    assert (found.patients, found.studies, found.instances, found.sites) == (1, 2, 4, 1)
