"""What PS3.18 asks of a DICOMweb server beyond the plain way: representations, encodings, conditions, warnings."""

from __future__ import annotations

import gzip
import hashlib
import io
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pydicom import dcmread

from radcommons.access import dicomweb_api
from radcommons.records.event import Role
from unit.access.commons import ALFA, BRAVO, Commons

STUDY = "/dicomweb/studies/2.25.10"
SERIES = STUDY + "/series/2.25.20"
INSTANCE = SERIES + "/instances/2.25.30.1"
RLE = "1.2.840.10008.1.2.5"
COMPRESSED = SERIES + "/instances/2.25.30.3"  # stored as RLE
MULTI = "/dicomweb/studies/2.25.12/series/2.25.22/instances/2.25.32"
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


@pytest.fixture(scope="module")
def client(commons: Commons) -> TestClient:
    return commons.client()


def pixels(value: int) -> bytes:
    return (np.arange(24 * 32, dtype="<i2") + value).tobytes()


def found(client: TestClient, query: str) -> list[str]:
    answer = client.get(f"/dicomweb/studies?{query}")
    return [one["0020000D"]["Value"][0] for one in answer.json()] if answer.status_code == 200 else []


@pytest.mark.parametrize(
    ("query", "uids"),
    [
        (f"PatientName={ALFA.lower()}", ["2.25.10"]),
        (f"PatientName={ALFA.lower()}%5E%5E", ["2.25.10"]),
        ("PatientName=alfa*", ["2.25.10"]),
        ("PatientName=alf?-aa*", ["2.25.10"]),
        ("PatientName=alfa", []),
        ("PatientName=alfa&fuzzymatching=true", ["2.25.10"]),
        ("PatientName=aaaa%5Ealfa&fuzzymatching=true", ["2.25.10"]),
        ("PatientName=lfa&fuzzymatching=true", []),
        ("StudyInstanceUID=2.25.10%5C2.25.11", ["2.25.11", "2.25.10"]),
        ("StudyDate=20200301-20200405", ["2.25.11", "2.25.10"]),
        ("StudyDate=20200302-", ["2.25.11"]),
        ("PatientName=%25", []),
    ],
)
def test_matching(client: TestClient, query: str, uids: list[str]) -> None:
    """Names match whatever their case (PS3.4 C.2.2.2.1), fuzzily by the beginnings of words; UIDs come as lists."""
    assert found(client, query) == uids


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "limit=-1",
        "offset=1.5",
        "fuzzymatching=maybe",
        "emptyvaluematching=1",
        "TimezoneOffsetFromUTC=0100",
        "TimezoneOffsetFromUTC=-0000",
        "TimezoneOffsetFromUTC=%2B1570",
        "StudyDate=2020",
        "StudyDate=x-y",
        "StudyTime=25-x",
        "StudyInstanceUID=1..2",
        "Nothing=1",
        "includefield=Nothing",
    ],
)
def test_what_has_no_meaning_is_400_with_a_reason(client: TestClient, query: str) -> None:
    """A problem document says what is wrong (section 8.3.4)."""
    answer = client.get(f"/dicomweb/studies?{query}")
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_cut_answer_says_so(client: TestClient) -> None:
    """Warning 299 where more could be asked for, and none where all came (section 8.3.4.4.1)."""
    cut = client.get("/dicomweb/studies?limit=1")
    assert len(cut.json()) == 1
    assert cut.headers["warning"] == (
        "299 http://testserver/dicomweb: There are additional results that can be requested"
    )
    nothing = client.get("/dicomweb/studies?limit=0")
    assert (nothing.status_code, nothing.headers["warning"]) == (204, cut.headers["warning"])
    cut_instances = client.get(f"{SERIES}/instances?limit=1&offset=1")
    assert "additional results" in cut_instances.headers["warning"]
    assert "warning" not in client.get("/dicomweb/studies?limit=2").headers
    assert "warning" not in client.get("/dicomweb/studies?limit=1&offset=1").headers


@pytest.mark.parametrize(
    ("query", "warnings"),
    [
        ("TimezoneOffsetFromUTC=%2B0100", []),
        ("00080201=-0330", []),
        ("TimezoneOffsetFromUTC=%2B0100&StudyDate=20200301", ["matched as they are stored"]),
        ("emptyvaluematching=true", ["emptyvaluematching parameter is not supported. Empty Value Matching has not"]),
        ("multiplevaluematching=true&Manufacturer=x", ["Manufacturer", "multiplevaluematching parameter is not"]),
        ("multiplevaluematching=false&emptyvaluematching=false", []),
    ],
)
def test_each_wish_that_is_not_met_has_its_warning(client: TestClient, query: str, warnings: list[str]) -> None:
    """Zones and the two optional ways of matching are known; each is answered in a header of its own (8.3.4)."""
    answer = client.get(f"/dicomweb/studies?{query}")
    told = answer.headers.get_list("warning")
    assert answer.status_code == 200
    assert len(told) == len(warnings)
    assert all(part in text and text.startswith("299 http") for part, text in zip(warnings, told, strict=True))


def test_instances_of_several_series_tell_of_these(client: TestClient) -> None:
    """A search over all instances tells of their studies and series, in a study of its series (10.6.3.3.3)."""
    of_all, of_study, of_series = (
        client.get(f"{place}/instances?limit=1").json()[0] for place in ("/dicomweb", STUDY, SERIES)
    )
    assert {"00080020", "00100010", "0008103E", "00200011", "00080018"} <= set(of_all)
    assert {"0008103E", "00200011", "00080018"} <= set(of_study)
    assert "00080020" not in of_study
    assert "00100010" not in of_series
    assert all(list(one) == sorted(one) for one in (of_all, of_study, of_series))


def test_answers_as_xml(client: TestClient) -> None:
    """One part a result, in the Native DICOM Model (section 10.6.3.3.1); the same values as in JSON."""
    answer = client.get("/dicomweb/studies", headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"')
    boundary = answer.headers["content-type"].split("boundary=")[1]
    parts = [part.split("\r\n\r\n", 1) for part in answer.text.split(f"--{boundary}") if "\r\n\r\n" in part]
    assert [head.strip() for head, _ in parts] == ["Content-Type: application/dicom+xml"] * 2
    documents = [ET.fromstring(body.strip()) for _, body in parts]
    path = f"{NATIVE}DicomAttribute[@keyword='PatientName']/{NATIVE}PersonName/{NATIVE}Alphabetic/{NATIVE}FamilyName"
    assert [one.findtext(path) for one in documents] == [BRAVO, ALFA]
    metadata = client.get(f"{INSTANCE}/metadata", headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    assert f'uri="http://testserver{INSTANCE}/bulkdata/7FE00010"' in metadata.text


def test_metadata_are_packed_and_conditional(client: TestClient) -> None:
    """gzip where it is taken, another ETag for it, 304 for either, q=0 honoured."""
    plain = client.get(f"{SERIES}/metadata", headers={"Accept-Encoding": "identity"})
    packed = client.get(f"{SERIES}/metadata", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in packed.headers["vary"]
    for one, coding in ((plain, "identity"), (packed, "gzip")):
        known = {"If-None-Match": f'"x", W/{one.headers["etag"]}', "Accept-Encoding": coding}
        assert client.get(f"{SERIES}/metadata", headers=known).status_code == 304
    refused = client.get(f"{SERIES}/metadata", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers
    raw = client.get("/dicomweb/studies?includefield=all", headers={"Accept-Encoding": "gzip"})
    assert raw.status_code == 200


def test_metadata_follow_a_changed_study(own_commons: Commons) -> None:
    """A slice that is taken back is gone from the metadata of its series, and the ETag is another."""
    client = own_commons.client()
    before = client.get(f"{SERIES}/metadata")
    own_commons.withdraw(next(d for d in _digests(own_commons)))
    after = client.get(f"{SERIES}/metadata", headers={"If-None-Match": before.headers["etag"]})
    assert (len(before.json()), after.status_code, len(after.json())) == (3, 200, 2)


def _digests(commons: Commons) -> list[str]:
    return [hashlib.sha256(commons.contents["2.25.30.2"]).hexdigest()]


def test_a_host_name_cannot_break_the_json(commons: Commons) -> None:
    """The root stands in the metadata as JSON text, whatever the caller wrote as Host."""
    settings = commons.platform.settings
    app = commons.app()
    app.state.platform = replace(commons.platform, settings=settings.model_copy(update={"base_url": None}))
    answer = TestClient(app).get(f"{INSTANCE}/metadata", headers={"Host": 'a"b\\'})
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert "bulkdata" in answer.json()[0]["7FE00010"]["BulkDataURI"]


def test_frames_by_themselves_and_conditional(client: TestClient) -> None:
    """One frame as application/octet-stream is its bytes alone; several cannot be; ETag and length are told."""
    single = {"Accept": "application/octet-stream"}
    answer = client.get(f"{INSTANCE}/frames/1", headers=single)
    assert answer.content == pixels(1)
    assert int(answer.headers["content-length"]) == len(answer.content)
    again = client.get(f"{INSTANCE}/frames/1", headers=single | {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    part = client.get(f"{INSTANCE}/frames/1")
    assert int(part.headers["content-length"]) == len(part.content)
    assert part.headers["etag"] != answer.headers["etag"]


def test_several_frames_of_one_instance(client: TestClient, commons: Commons) -> None:
    """In the order that is asked for, each with its address; alone they cannot be one octet stream."""
    researcher = commons.token(Role.RESEARCHER)
    answer = client.get(f"{MULTI}/frames/3,1", headers=researcher)
    third = np.arange(2 * 24 * 32, 3 * 24 * 32, dtype="<i2").tobytes()
    first = np.arange(24 * 32, dtype="<i2").tobytes()
    assert answer.content.index(third) < answer.content.index(first)
    assert answer.content.index(b"frames/3") < answer.content.index(b"frames/1")
    assert int(answer.headers["content-length"]) == len(answer.content)
    single = client.get(f"{MULTI}/frames/3,1", headers=researcher | {"Accept": "application/octet-stream"})
    assert single.status_code == 406


@pytest.mark.parametrize(
    ("accept", "syntax"),
    [
        ("image/dicom-rle", RLE),
        ("image/jls", "1.2.840.10008.1.2.4.80"),
        ("application/octet-stream; transfer-syntax=*", RLE),
        ("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.80"),
        ("application/octet-stream", "1.2.840.10008.1.2.1"),
    ],
)
def test_frames_in_other_transfer_syntaxes(client: TestClient, accept: str, syntax: str) -> None:
    """By media type or by transfer-syntax (table 8.7.3-5); the header says which came."""
    answer = client.get(f"{COMPRESSED}/frames/1", headers={"Accept": accept})
    assert answer.status_code == 200
    assert f"transfer-syntax={syntax}" in answer.headers["content-type"]
    if syntax == "1.2.840.10008.1.2.4.80":
        assert answer.content[:2] == b"\xff\xd8"
    if syntax == "1.2.840.10008.1.2.1":
        assert answer.content == pixels(3)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", RLE, "1.2.840.10008.1.2.4.80"])
@pytest.mark.parametrize("path", [INSTANCE, COMPRESSED])
def test_instances_in_other_transfer_syntaxes(client: TestClient, path: str, syntax: str) -> None:
    """The same pixels and UIDs, encoded as asked for; nothing is lost."""
    answer = client.get(path, headers={"Accept": f"application/dicom; transfer-syntax={syntax}"})
    assert answer.status_code == 200
    made = dcmread(io.BytesIO(answer.content))
    assert made.file_meta.TransferSyntaxUID == syntax
    assert made.SOPInstanceUID == path.rsplit("/", 1)[1]
    assert made.pixel_array.astype("<i2").tobytes() == pixels(int(path[-1]))


def test_what_no_encoder_takes_is_406(client: TestClient) -> None:
    """JPEG 2000 of a picture smaller than its six resolutions; JPEG with loss of any."""
    for syntax in ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.201"):
        for path, media in ((INSTANCE, "application/dicom"), (f"{INSTANCE}/frames/1", "application/octet-stream")):
            assert client.get(path, headers={"Accept": f"{media}; transfer-syntax={syntax}"}).status_code == 406


def test_a_series_in_one_transfer_syntax(client: TestClient) -> None:
    """A mixed series comes in the one that is named; one that cannot be made is 406."""
    wish = 'multipart/related; type="application/dicom"; transfer-syntax={}'
    answer = client.get(SERIES, headers={"Accept": wish.format("1.2.840.10008.1.2.1")})
    assert answer.status_code == 200
    assert answer.content.count(b"transfer-syntax=1.2.840.10008.1.2.1\r\n") == 3
    assert pixels(3) in answer.content
    assert client.get(SERIES, headers={"Accept": wish.format("1.2.840.10008.1.2.4.50")}).status_code == 406


def test_a_whole_series_is_conditional(client: TestClient) -> None:
    """The same answer twice has the same bytes and the same ETag."""
    first, second = client.get(SERIES), client.get(SERIES)
    assert first.content == second.content
    assert client.get(SERIES, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_pictures_of_a_part_and_in_a_quality(client: TestClient) -> None:
    """viewport with a region, quality, several frames as parts, annotation refused where unknown (section 8.3.5)."""
    part = client.get(f"{INSTANCE}/rendered?viewport=8,8,4,4,8,8", headers={"Accept": "image/png"})
    assert Image.open(io.BytesIO(part.content)).size == (8, 8)
    low, high = (client.get(f"{INSTANCE}/rendered?quality={q}").content for q in (5, 100))
    assert len(low) < len(high)
    several = client.get(f"{SERIES}/rendered")
    assert several.headers["content-type"].startswith('multipart/related; type="image/jpeg"')
    assert several.content.count(b"Content-Type: image/jpeg") == 3
    assert client.get(f"{SERIES}/rendered", headers={"Accept": "image/jpeg"}).status_code == 406
    assert client.get(f"{INSTANCE}/frames/1/thumbnail").status_code == 200
    assert client.get(f"{INSTANCE}/rendered?annotation=patient").status_code == 200
    for bad in ("quality=0", "quality=101", "annotation=all", "viewport=8,8,99", "viewport=8,8,90,90,8,8"):
        assert client.get(f"{INSTANCE}/rendered?{bad}").status_code == 400, bad


def test_bulk_data_by_itself(client: TestClient) -> None:
    """application/octet-stream without multipart around it."""
    answer = client.get(f"{INSTANCE}/bulkdata/7FE00010", headers={"Accept": "application/octet-stream"})
    assert (answer.headers["content-type"], answer.content) == ("application/octet-stream", pixels(1))


URI = "/dicomweb?requestType=WADO&studyUID=2.25.10&seriesUID=2.25.20&objectUID=2.25.30.1"


def test_wado_uri(client: TestClient, commons: Commons) -> None:
    """A picture by default, the stored bytes or another transfer syntax on request (section 9)."""
    assert client.get(URI).headers["content-type"] == "image/jpeg"
    stored = client.get(f"{URI}&contentType=application%2Fdicom")
    assert stored.content == commons.contents["2.25.30.1"]
    made = client.get(f"{URI}&contentType=application%2Fdicom&transferSyntax=1.2.840.10008.1.2.4.80")
    assert dcmread(io.BytesIO(made.content)).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"
    small = client.get(f"{URI}&rows=8&columns=8&windowCenter=-600&windowWidth=1500&imageQuality=50")
    assert max(Image.open(io.BytesIO(small.content)).size) == 8
    assert client.get(URI.replace("2.25.30.1", "2.25.32")).status_code == 404
    assert client.get(f"{URI}&contentType=video%2Fmpeg").status_code == 406
    assert client.get(f"{URI}&contentType=application%2Fdicom&transferSyntax=1.2.840.10008.1.2.4.50").status_code == 406
    for bad in ("/dicomweb?requestType=WADO", "/dicomweb?x=1", f"{URI}&windowCenter=1", f"{URI}&frameNumber=x"):
        assert client.get(bad).status_code == 400, bad


def test_the_service_describes_itself(client: TestClient) -> None:
    """OPTIONS and a bare GET answer with the resources, their methods, media types and parameters (section 8.9)."""
    answer = client.options("/dicomweb")
    assert answer.headers["content-type"] == "application/vnd.sun.wadl+xml"
    space = "{http://wadl.dev.java.net/2009/02}"
    paths = {one.get("path") for one in ET.fromstring(answer.content).iter(f"{space}resource")}
    assert {"/studies", "/studies/{study}", "/studies/{study}/series/{series}/metadata"} <= paths
    as_json = client.get("/dicomweb", headers={"Accept": "application/json"}).json()
    (search,) = [one for one in as_json["resources"] if one["path"] == "/studies" and one["method"] == "GET"]
    assert {"PatientID", "limit", "fuzzymatching"} <= set(search["parameters"])
    assert {one["method"] for one in as_json["resources"] if one["path"] == "/studies/{study}"} == {"GET", "POST"}


def test_every_described_resource_answers(client: TestClient) -> None:
    """What the description names is there: each path is found by a HEAD that its own caller may make."""
    named = {"study": "2.25.10", "series": "2.25.20", "instance": "2.25.30.1", "frames": "1", "path": "7FE00010"}
    described = client.get("/dicomweb", headers={"Accept": "application/json"}).json()["resources"]
    for one in described:
        if one["method"] == "GET":
            path = one["path"].replace("{path:path}", "{path}").format(**named)
            assert client.get(f"/dicomweb{path}").status_code == 200, path


def test_quality_values_and_wildcards(client: TestClient) -> None:
    """The best that can be made is made; what cannot is 406 (RFC 9110 section 12.5.1)."""
    wish = 'application/dicom+json;q=0.1, multipart/related;type="application/dicom+xml";q=0.9'
    assert "xml" in client.get("/dicomweb/studies", headers={"Accept": wish}).headers["content-type"]
    assert (
        client.get("/dicomweb/studies", headers={"Accept": "*/*"}).headers["content-type"] == "application/dicom+json"
    )
    assert client.get("/dicomweb/studies", headers={"Accept": "text/html"}).status_code == 406
    assert client.get("/dicomweb/studies?accept=application/json").headers["content-type"] == "application/json"


def test_packed_answers_are_gzip(client: TestClient) -> None:
    """A long search answer is packed too, and unpacks to the same."""
    with client.stream("GET", f"{SERIES}/instances?includefield=all", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    plain = client.get(f"{SERIES}/instances?includefield=all", headers={"Accept-Encoding": "identity"})
    assert gzip.decompress(raw) == plain.content


def test_the_short_way_and_the_long_way_are_one(commons: Commons, client: TestClient) -> None:
    """Reads that are found by one look-up answer as those found by their pattern; odd paths go the long way."""
    app = commons.app()
    ways = dicomweb_api.short_ways(dicomweb_api.routers())
    app.router.routes.insert(0, ways)
    quick = TestClient(app)
    for path in (STUDY, SERIES, INSTANCE, f"{SERIES}/metadata", f"{INSTANCE}/frames/1", f"{INSTANCE}/thumbnail"):
        assert ways.matches({"type": "http", "method": "GET", "path": path})[0].name == "FULL"
        assert quick.get(path).content == client.get(path).content
    for path in (f"{SERIES}//metadata", f"{INSTANCE}/bulkdata/7FE00010", "/dicomweb/series", "/dicomweb/studies/", "/"):
        assert ways.matches({"type": "http", "method": "GET", "path": path})[0].name == "NONE"
        assert quick.get(path).status_code == client.get(path).status_code
    assert quick.head(SERIES).headers["content-length"] == client.head(SERIES).headers["content-length"]
    frozen = INSTANCE.replace("/dicomweb", "/dicomweb/releases/chest-1")
    assert quick.get(frozen).content == client.get(frozen).content
    assert ways.matches({"type": "http", "method": "POST", "path": STUDY})[0].name == "NONE"
