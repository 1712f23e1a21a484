"""QIDO-RS and WADO-RS as DICOM clients meet them: rights, filters, representations, frozen releases."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from fastapi.testclient import TestClient
from PIL import Image
from pydicom import dcmread

from radcommons.records.event import Role
from unit.access.commons import ALFA, BRAVO, Commons, image
from unit.access.serve import serving

STUDY = "/dicomweb/studies/2.25.10"
SERIES = STUDY + "/series/2.25.20"
INSTANCE = SERIES + "/instances/2.25.30.1"
MULTI = "/dicomweb/studies/2.25.12/series/2.25.22/instances/2.25.32"


@pytest.fixture(scope="module")
def client(commons: Commons) -> TestClient:
    return commons.client()


def uids(client: TestClient, path: str, tag: str = "0020000D", **options: object) -> list[str]:
    answer = client.get(path, **options)  # type: ignore[arg-type]
    return [one[tag]["Value"][0] for one in answer.json()] if answer.status_code == 200 else []


def test_a_visitor_finds_open_releases_alone(client: TestClient, commons: Commons) -> None:
    """The registered dataset appears with a sign-in, for retrieval as well as in searches; before, it is a 404."""
    assert uids(client, "/dicomweb/studies") == ["2.25.11", "2.25.10"]
    assert client.get(MULTI, headers={"Accept": "application/dicom"}).status_code == 404
    researcher = commons.token(Role.RESEARCHER)
    assert uids(client, "/dicomweb/studies", headers=researcher) == ["2.25.12", "2.25.11", "2.25.10"]
    assert client.get(MULTI, headers={"Accept": "application/dicom"} | researcher).status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("PatientID=" + BRAVO, ["2.25.11"]),
        ("PatientID=BRAVO*", ["2.25.11"]),
        ("PatientName=" + ALFA, ["2.25.10"]),
        ("PatientID=nobody", []),
        ("00100020=" + ALFA, ["2.25.10"]),
        ("ModalitiesInStudy=CT", ["2.25.10"]),
        ("ModalitiesInStudy=CT,CR", ["2.25.11", "2.25.10"]),
        ("StudyDate=20200401-20200430", ["2.25.11"]),
        ("StudyDate=-20200331", ["2.25.10"]),
        ("StudyDate=20200301", ["2.25.10"]),
        ("StudyInstanceUID=2.25.10,2.25.12", ["2.25.10"]),
        ("StudyDescription=*100%25*", ["2.25.11"]),
        ("StudyDescription=*ap*", ["2.25.11"]),
        ("PatientSex=F", ["2.25.10"]),
        ("limit=1", ["2.25.11"]),
        ("limit=1&offset=1", ["2.25.10"]),
    ],
)
def test_searches_filter(client: TestClient, query: str, found: list[str]) -> None:
    """Each kind of matching, always within what the caller may see."""
    assert uids(client, f"/dicomweb/studies?{query}") == found


def test_a_study_answer_holds_what_the_standard_asks_for(client: TestClient) -> None:
    """Counts, modalities and the retrieve URL, beside the header's own attributes; includefield adds."""
    (one,) = client.get(f"/dicomweb/studies?PatientID={ALFA}&includefield=PatientAge").json()
    assert one["00080061"]["Value"] == ["CT"]
    assert one["00201206"]["Value"] == [1]
    assert one["00201208"]["Value"] == [3]
    assert one["00081190"]["Value"] == ["http://testserver" + STUDY]
    assert one["00101010"]["Value"] == ["063Y"]
    assert one["00100010"]["Value"] == [{"Alphabetic": ALFA}]
    assert "00080050" in one
    assert list(one) == sorted(one)


def test_series_and_instances_at_every_level(client: TestClient) -> None:
    """Below a study or a series, and over everything."""
    assert uids(client, "/dicomweb/series?Modality=CR", "0020000E") == ["2.25.21"]
    assert uids(client, f"{STUDY}/series", "0020000E") == ["2.25.20"]
    assert uids(client, f"{STUDY}/instances", "00080018") == ["2.25.30.1", "2.25.30.2", "2.25.30.3"]
    assert uids(client, f"{SERIES}/instances?InstanceNumber=2", "00080018") == ["2.25.30.2"]
    assert uids(client, "/dicomweb/instances?SOPInstanceUID=2.25.31", "00080018") == ["2.25.31"]
    (over_all,) = client.get("/dicomweb/series?Modality=CR").json()
    assert over_all["00100020"]["Value"] == [BRAVO]


def test_ignored_keys_and_bad_ones(client: TestClient) -> None:
    """A key that is not matched is told in a Warning; one that does not exist is 400; no match is 204."""
    answer = client.get("/dicomweb/studies?RequestAttributesSequence.ScheduledProcedureStepID=x")
    assert answer.status_code == 200
    assert "RequestAttributesSequence" in answer.headers["warning"]
    assert client.get("/dicomweb/series?RequestAttributesSequence.ScheduledProcedureStepID=x").status_code == 204
    bad = client.get("/dicomweb/studies?Nonsense=1")
    assert (bad.status_code, bad.json()["code"]) == (400, "query")
    assert client.get("/dicomweb/studies?PatientID=nobody").status_code == 204
    assert client.get("/dicomweb/studies?PatientID=%00").status_code == 400
    assert client.get("/dicomweb/instances?InstanceNumber=²").status_code == 204
    assert client.get("/dicomweb/studies/%00").status_code == 404


def test_an_instance_is_its_very_bytes(client: TestClient, commons: Commons) -> None:
    """As application/dicom and as a part of a multipart answer; ranges and HEAD work; the ETag spares a copy."""
    content = commons.contents["2.25.30.1"]
    whole = client.get(INSTANCE, headers={"Accept": "application/dicom"})
    assert whole.content == content
    part = client.get(INSTANCE, headers={"Accept": "application/dicom", "Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    again = client.get(INSTANCE, headers={"Accept": "application/dicom", "If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    many = client.get(SERIES, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert int(many.headers["content-length"]) == len(many.content)
    assert all(commons.contents[f"2.25.30.{n}"] in many.content for n in (1, 2, 3))
    head = client.head(SERIES)
    assert (head.status_code, head.content) == (200, b"")


def test_what_cannot_be_made_is_406(client: TestClient) -> None:
    """Another type, and another transfer syntax than the stored one."""
    assert client.get(INSTANCE, headers={"Accept": "text/html"}).status_code == 406
    jpeg = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50'
    assert client.get(INSTANCE, headers={"Accept": jpeg}).status_code == 406


@pytest.mark.parametrize("path", [STUDY, SERIES, INSTANCE])
def test_metadata_at_three_levels(client: TestClient, path: str) -> None:
    """The header of each instance, pixel data by reference alone, and the reference leads to the pixels."""
    found = client.get(f"{path}/metadata").json()
    assert len(found) == (1 if path == INSTANCE else 3)
    assert found[0]["00080018"]["Value"] == ["2.25.30.1"]
    pixels = found[0]["7FE00010"]
    assert set(pixels) == {"vr", "BulkDataURI"}
    bulk = client.get(pixels["BulkDataURI"])
    assert bulk.status_code == 200
    assert np.arange(24 * 32, dtype="<i2").__add__(1).tobytes() in bulk.content


def test_pictures_are_rendered(client: TestClient) -> None:
    """JPEG by default, PNG on request, sized by viewport, windowed; a thumbnail stands for study and series."""
    plain = client.get(f"{INSTANCE}/rendered")
    assert plain.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(plain.content)).size == (32, 24)
    small = client.get(f"{INSTANCE}/rendered?viewport=16,16&window=-1000,50", headers={"Accept": "image/png"})
    assert Image.open(io.BytesIO(small.content)).format == "PNG"
    assert max(Image.open(io.BytesIO(small.content)).size) == 16
    for path in (STUDY, SERIES, INSTANCE):
        assert client.get(f"{path}/thumbnail").status_code == 200
    again = client.get(f"{INSTANCE}/rendered", headers={"If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "query", ["window=a,b", "window=1,-5", "window=nan,nan", "viewport=0,0", "viewport=x", "window=1"]
)
def test_bad_rendering_parameters_are_told(client: TestClient, query: str) -> None:
    """400 with a sentence, and no fault."""
    assert client.get(f"{INSTANCE}/rendered?{query}").status_code == 400


@pytest.mark.parametrize(
    ("frames", "status"),
    [("1", 200), ("3,1", 200), ("4", 404), ("0", 404), ("x", 400), ("1,,2", 400), ("²", 400), ("9" * 5000, 400)],
)
def test_frames_by_number(client: TestClient, commons: Commons, frames: str, status: int) -> None:
    """From 1, in the order asked for; what does not exist is 404, what is no number 400."""
    answer = client.get(f"{MULTI}/frames/{frames}", headers=commons.token(Role.RESEARCHER))
    assert answer.status_code == status


def test_frames_native_and_as_stored(client: TestClient, commons: Commons) -> None:
    """Compressed frames come decoded by default, and untouched for transfer-syntax=*."""
    researcher = commons.token(Role.RESEARCHER)
    second = np.arange(24 * 32, 2 * 24 * 32, dtype="<i2").tobytes()
    native = client.get(f"{MULTI}/frames/2", headers=researcher)
    assert second in native.content
    wish = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
    stored = client.get(f"{MULTI}/frames/2", headers=researcher | wish)
    assert b"transfer-syntax=1.2.840.10008.1.2.5" in stored.content
    assert second not in stored.content


def test_a_release_stays_frozen(own_commons: Commons) -> None:
    """A newer version shows at the root for a curator, and the release keeps the one that it named."""
    old = own_commons.contents["2.25.30.1"]
    new = image(uid="2.25.30.1", number=1, value=99)
    own_commons.load(new, dataset="chest", supersedes=hashlib.sha256(old).hexdigest())
    client = own_commons.client()
    curator = own_commons.token(Role.CURATOR) | {"Accept": "application/dicom"}
    frozen = INSTANCE.replace("/dicomweb", "/dicomweb/releases/chest-1")
    assert client.get(INSTANCE, headers=curator).content == new
    assert client.get(frozen, headers=curator).content == old
    assert client.get(INSTANCE, headers={"Accept": "application/dicom"}).content == old
    own_commons.release("chest")
    assert client.get(INSTANCE, headers={"Accept": "application/dicom"}).content == new
    assert client.get(frozen, headers={"Accept": "application/dicom"}).content == old
    second = INSTANCE.replace("/dicomweb", "/dicomweb/releases/chest-2")
    assert client.get(second, headers={"Accept": "application/dicom"}).content == new


def test_what_is_not_released_is_for_curators(own_commons: Commons) -> None:
    """Accepted and unreleased: the curator sees it, the visitor and another site do not; its own site does."""
    own_commons.load(image(study="2.25.99", series="2.25.98", uid="2.25.97"), dataset="chest")
    own_commons.load(image(study="2.25.96", series="2.25.95", uid="2.25.94"), dataset="chest", accept=False)
    client = own_commons.client()
    path = "/dicomweb/studies?StudyInstanceUID=2.25.99,2.25.96"
    assert uids(client, path) == []
    assert uids(client, path, headers=own_commons.token(Role.RESEARCHER)) == []
    assert uids(client, path, headers=own_commons.token(Role.SITE, site="BRAVO")) == []
    assert uids(client, path, headers=own_commons.token(Role.SITE, site="ALFA")) == ["2.25.99"]
    assert uids(client, path, headers=own_commons.token(Role.CURATOR)) == ["2.25.99"]


def test_what_was_withdrawn_is_gone_everywhere(own_commons: Commons) -> None:
    """From the root, from the release and from searches, pictures that were shown before included."""
    client = own_commons.client()
    assert client.get(f"{INSTANCE}/rendered").status_code == 200
    own_commons.withdraw(hashlib.sha256(own_commons.contents["2.25.30.1"]).hexdigest())
    for path in (INSTANCE, INSTANCE + "/rendered", INSTANCE + "/metadata", INSTANCE + "/frames/1"):
        assert client.get(path, headers={"Accept": "*/*"}).status_code == 404
        assert client.get(path.replace("/dicomweb", "/dicomweb/releases/chest-1")).status_code == 404
    assert uids(client, f"{SERIES}/instances", "00080018") == ["2.25.30.2", "2.25.30.3"]


def test_a_release_that_is_not_open_says_why(client: TestClient, commons: Commons) -> None:
    """Registered: 401 for a visitor; unknown: 404; with a sign-in it opens."""
    path = "/dicomweb/releases/closed-1/studies"
    assert client.get(path).status_code == 401
    assert client.get("/dicomweb/releases/nothing-1/studies").status_code == 404
    assert uids(client, path, headers=commons.token(Role.RESEARCHER)) == ["2.25.12"]
    assert uids(client, "/dicomweb/releases/chest-1/studies") == ["2.25.11", "2.25.10"]


@pytest.fixture(scope="module")
def served(commons: Commons) -> Iterator[str]:
    """The same app behind a real HTTP server."""
    with serving(commons.app()) as url:
        yield f"{url}/dicomweb"


def test_dicomweb_client_searches_and_retrieves(served: str, commons: Commons) -> None:
    """The real `dicomweb-client` works with its own defaults."""
    client = DICOMwebClient(url=served)
    studies = client.search_for_studies(search_filters={"PatientID": ALFA})
    assert [one["0020000D"]["Value"][0] for one in studies] == ["2.25.10"]
    assert len(client.search_for_series("2.25.10")) == 1
    assert len(client.search_for_instances("2.25.10", "2.25.20")) == 3
    assert len(client.retrieve_series_metadata("2.25.10", "2.25.20")) == 3
    series = client.retrieve_series("2.25.10", "2.25.20")
    assert sorted(one.InstanceNumber for one in series) == [1, 2, 3]
    one = client.retrieve_instance("2.25.10", "2.25.20", "2.25.30.2")
    assert one.PixelData == dcmread(io.BytesIO(commons.contents["2.25.30.2"])).PixelData
    (frame,) = client.retrieve_instance_frames("2.25.10", "2.25.20", "2.25.30.3", frame_numbers=[1])
    assert frame == (np.arange(24 * 32, dtype="<i2") + 3).tobytes()
    picture = client.retrieve_instance_rendered("2.25.10", "2.25.20", "2.25.30.1", media_types=("image/png",))
    assert Image.open(io.BytesIO(picture)).size == (32, 24)


def test_a_short_answer_is_the_long_one_without_what_was_not_asked(client: TestClient, commons: Commons) -> None:
    """An instance found without includefield has the values that the whole header has, in the standard's order."""
    researcher = commons.token(Role.RESEARCHER)
    brief = client.get("/dicomweb/studies/2.25.10/instances", headers=researcher).json()
    whole = client.get("/dicomweb/studies/2.25.10/instances?includefield=all", headers=researcher).json()
    asked = {"00080005", "00080016", "00080018", "00080056", "00080060", "00081190", "00083002", "0020000D"}
    asked |= {"0020000E", "00200011", "00200013", "0008103E", "00280008", "00280010", "00280011", "00280100"}
    assert len(brief) == len(whole) == 3
    for short, long in zip(brief, whole, strict=True):
        assert short == {tag: member for tag, member in long.items() if tag in asked}
        assert list(short) == sorted(short)
