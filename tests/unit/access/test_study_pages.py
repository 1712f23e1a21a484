"""The pages of a study and a series: header, provenance, the line that gets exactly this, hostile texts."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import re
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from radcommons.access.header_view import found_in, lines_of
from radcommons.catalogue import thumbnails
from radcommons.catalogue.images import Place, Scope, instances_at
from radcommons.catalogue.tables_cohorts import thumbnail
from radcommons.platform.database import reading
from radcommons.platform.objects import object_key
from radcommons.records.event import ANONYMOUS, Role
from unit.access.commons import Commons, image
from unit.access.serve import serving

_SERIES = "/studies/2.25.10/series/2.25.20"
_HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def client(commons: Commons) -> TestClient:
    return commons.client()


def test_the_header_is_found_by_tag_name_and_value(client: TestClient) -> None:
    """Words of any of the three, with and without the comma of a tag; what is nowhere finds nothing."""
    for text, expected in (("0018,0015", "Body Part Examined"), ("rescale slope", "(0028,1053)"), ("chest", "CHEST")):
        page = client.get(_SERIES, params={"q": text, "release": "chest-1"}).text
        assert expected in page
        assert "Pixel Representation" not in page
    assert "No attribute fits" in client.get(_SERIES, params={"q": "nowhere at all"}).text


def test_a_header_in_sequences_is_shown_below_what_holds_it() -> None:
    """A find inside of a sequence brings the sequence along; private and binary values are told, not shown."""
    header = {
        "00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}]},
        "00091001": {"vr": "OB", "InlineBinary": "AAAA"},
        "7FE00010": {"vr": "OW", "BulkDataURI": "x"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]},
    }
    lines = list(lines_of(header))
    assert [(one.name, one.depth) for one in found_in(lines, "1.2.3")] == [
        ("Referenced Image Sequence", 0),
        ("Referenced SOP Instance UID", 1),
    ]
    told = {one.tag: (one.name, one.value) for one in lines}
    assert told["(0009,1001)"] == ("Private", "3 bytes")
    assert told["(7FE0,0010)"] == ("Pixel Data", "too long to show here")
    assert told["(0010,0010)"][1] == "A^B"


def test_each_instance_has_its_header(client: TestClient) -> None:
    """The number chooses the instance; nonsense and numbers beyond the ends choose one that is there."""
    assert "2.25.30.1" in client.get(_SERIES, params={"number": "1", "q": "SOP Instance"}).text
    assert "2.25.30.3" in client.get(_SERIES, params={"number": "3", "q": "SOP Instance"}).text
    for number in ("0", "99999", "-1", "x", "٣", "9" * 40):
        assert client.get(_SERIES, params={"number": number}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["x", "2.25.10/series/x", "2.25.10/series/2.25.21", "2.25.999", "2.25.12", "2.25.12/series/2.25.22"],
)
def test_what_is_not_there_or_not_theirs_is_404(client: TestClient, path: str) -> None:
    """Forged UIDs, a series of another study, and a study of a closed release look alike."""
    assert client.get(f"/studies/{path}").status_code == 404


def test_hostile_texts_of_a_header_stay_texts(own_commons: Commons) -> None:
    """What a site writes into descriptions, patients' ages and values is escaped on every page that shows it."""
    hostile = image(study="2.25.66", series="2.25.67", uid="2.25.68", description=_HOSTILE, sex='"><img src=x>')
    own_commons.load(hostile, dataset="chest")
    own_commons.release("chest")
    client = own_commons.client()
    for path in ("/studies/2.25.66", "/studies/2.25.66/series/2.25.67", "/explore", "/explore?view=table",
                 f"/explore?q={_HOSTILE}", f"/studies/2.25.66?within=q%3D{_HOSTILE}", "/releases/chest-2/studies",
                 f"/studies/2.25.66/series/2.25.67?q={_HOSTILE}"):  # fmt: skip
        text = client.get(path).text
        assert _HOSTILE not in text, path
        assert "<img src=x>" not in text, path


def test_the_history_tells_what_each_release_changed(own_commons: Commons) -> None:
    """First, as before, new and corrected; a withdrawn image is told, and never one of a closed release."""
    old = hashlib.sha256(own_commons.contents["2.25.30.2"]).hexdigest()
    own_commons.load(image(study="2.25.70", series="2.25.71", uid="2.25.72"), dataset="chest")
    own_commons.release("chest")
    own_commons.load(image(uid="2.25.30.4", number=4), dataset="chest")
    own_commons.load(image(uid="2.25.30.2", number=2, value=77), dataset="chest", supersedes=old)
    own_commons.release("chest")
    own_commons.withdraw(hashlib.sha256(own_commons.contents["2.25.30.1"]).hexdigest())
    text = re.sub(r"\s+", " ", own_commons.client().get("/studies/2.25.10?release=chest-3").text)
    assert "2 images, first release, 1 withdrawn since" in text
    assert "2 images, as before, 1 withdrawn since" in text
    assert "3 images, 1 new, 1 corrected, 1 withdrawn since" in text
    assert "Loaded directly from an archive" in text


def test_a_query_leads_from_study_to_study(client: TestClient) -> None:
    """Next and previous follow the order of the query; a study that it no longer finds has no neighbours."""
    first = html.unescape(re.findall(r'href="(/studies/[^"]*)"', client.get("/explore?sort=name").text)[0])
    page = client.get(first).text
    assert "1 of 2" in page
    following = html.unescape(re.search(r'href="([^"]*)" rel="next">Next<', page)[1])  # type: ignore[index]
    again = client.get(following).text
    assert "2 of 2" in again
    assert first.split("?")[0] in again
    assert 'aria-label="Studies of the query"' not in client.get("/studies/2.25.10?within=modality%3DMR").text


@pytest.mark.parametrize("within", ["q=" + "x" * 9000, "&".join(["q=a"] * 500), "%00", "offset=-1&sort=../..&view=x"])
def test_a_hostile_query_leads_nowhere(client: TestClient, within: str) -> None:
    """A query that nobody's page made breaks nothing."""
    assert client.get("/studies/2.25.10", params={"within": within}).status_code in (200, 400)


def test_the_line_for_curl_gets_exactly_this(commons: Commons, tmp_path: Path) -> None:
    """The line of the series' page lays each file under its path with the digest that the table names."""
    with serving(commons.app()) as url:
        page = commons.client().get(f"{_SERIES}?release=chest-1").text
        line = html.unescape(re.search(r"<pre[^>]*>(curl .*?)</pre>", page, re.DOTALL)[1])  # type: ignore[index]
        table = commons.client().get("/api/v1/releases/chest-1/studies/2.25.10/series/2.25.20/manifest.csv").text
        line = line.replace("http://testserver", url).replace("curl ", "curl --noproxy '*' ")
        # The addresses inside are of the hub's own name; this one listens elsewhere.
        line = line.replace("tail -n +2", f"tail -n +2 | sed 's#http://testserver#{url}#'")
        subprocess.run(["bash", "-c", line], check=True, cwd=tmp_path, capture_output=True, timeout=60)
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 3
    for row in rows:
        assert hashlib.sha256((tmp_path / row["path"]).read_bytes()).hexdigest() == row["sha256"]


def test_a_part_of_a_release_asks_for_its_rights(client: TestClient, commons: Commons) -> None:
    """A closed release's part is refused and opens with a sign-in; another study's series is not in it."""
    closed = "/api/v1/releases/closed-1/studies/2.25.12/manifest.csv"
    assert client.get(closed).status_code == 401
    assert "2.25.32" in client.get(closed, headers=commons.token(Role.RESEARCHER)).text
    assert client.get("/api/v1/releases/chest-1/studies/2.25.11/series/2.25.20/manifest.csv").status_code == 404
    assert client.get("/api/v1/releases/chest-1/studies/2.25.12/manifest.csv").status_code == 404


def test_a_thumbnail_is_made_once_and_goes_with_its_instance(
    own_commons: Commons, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second process draws nothing; after a withdrawal the picture is gone, and none is kept for what is gone."""
    path = "/dicomweb/studies/2.25.11/series/2.25.21/instances/2.25.31/thumbnail"
    first = own_commons.client().get(path)
    assert first.status_code == 200
    assert own_commons.count(thumbnail) == 1
    monkeypatch.setattr(thumbnails, "make", None)
    assert own_commons.client().get(path).content == first.content
    smaller = own_commons.client().get(path, params={"viewport": "16,16"})
    assert smaller.status_code == 200
    monkeypatch.undo()
    with reading(own_commons.platform.engine) as connection:
        scope, place = Scope(actor=ANONYMOUS), Place(instance="2.25.31")
        one = instances_at(connection, scope, place)[0]
        digest = connection.execute(sa.select(sa.literal(one.digest))).scalar_one()
    held = own_commons.platform.objects
    own_commons.withdraw(digest)
    assert own_commons.count(thumbnail) == 0
    held.put_file(object_key(digest), _again(own_commons, one.sop_instance_uid))
    thumbnails.make(own_commons.platform.engine, one, objects=held)
    assert own_commons.count(thumbnail) == 0


def _again(commons: Commons, uid: str) -> Path:
    path = commons.directory / "tmp" / "again"
    path.write_bytes(commons.contents[uid])
    return path
