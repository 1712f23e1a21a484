"""Clients of other people against a hub that is served: curl, dicomweb-client, and what OHIF's data source sends."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image
from pydicom import Dataset, dcmread

from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, multipart, served_hub

_OHIF_FRAMES = "multipart/related; type=application/octet-stream; transfer-syntax=*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A hub that is served, what it holds, and a token's headers."""

    hub: ServedHub
    slices: list[Made]
    token: dict[str, str]

    @property
    def root(self) -> str:
        return f"{self.hub.url}/dicomweb"

    def path(self, number: int = 0, *, parts: int = 3) -> str:
        item = self.slices[number].item
        named = ("studies", item.study_instance_uid), ("series", item.series_instance_uid)
        return "/".join(f"{a}/{b}" for a, b in (*named, ("instances", item.sop_instance_uid))[:parts])

    def get(self, path: str, accept: str = "*/*", **params: str) -> httpx.Response:
        headers = {**self.token, "Accept": accept}
        return self.hub.client.get(f"{self.root}/{path}", headers=headers, params=params or None)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub with three slices of one series."""
    sender = Sender(site="CLNT")
    slices = [sender.instance(number=number) for number in (1, 2, 3)]
    with served_hub(tmp_path_factory.mktemp("hub") / "h") as hub:
        token = hub.token()
        assert hub.store([one.content for one in slices], headers=token).status_code == 200
        yield Served(hub=hub, slices=slices, token=token)


def curl(served: Served, path: str, *arguments: str) -> tuple[int, dict[str, str], bytes]:
    """Return (status, headers, body) of what curl got."""
    command = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "-D",
        "/dev/stderr",
        "-H",
        f"Authorization: {served.token['Authorization']}",
    ]
    done = subprocess.run([*command, *arguments, f"{served.root}/{path}"], capture_output=True, check=True)
    status, *lines = done.stderr.decode("latin-1").strip().splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, done.stdout


def test_curl_takes_a_whole_instance_and_a_range_of_it(served: Served) -> None:
    """A single part of the bytes as stored; any range of them; 416 beyond; 304 for what is known."""
    stored = served.slices[0].content
    accept = ("-H", "Accept: application/dicom")
    status, headers, body = curl(served, served.path(), *accept)
    assert (status, headers["content-type"], body) == (200, "application/dicom", stored)
    for asked, expected in (("0-131", stored[:132]), ("100-", stored[100:]), ("-50", stored[-50:])):
        status, told, body = curl(served, served.path(), *accept, "-r", asked)
        assert (status, body) == (206, expected)
        assert told["content-range"].endswith(f"/{len(stored)}")
    assert curl(served, served.path(), *accept, "-r", f"{len(stored)}-")[0] == 416
    known = ("-H", f"If-None-Match: {headers['etag']}")
    assert curl(served, served.path(), *accept, *known)[::2] == (304, b"")


def test_curl_takes_every_syntax_as_stored(served: Served) -> None:
    """multipart/related with transfer-syntax=* is each instance byte for byte, with its length told."""
    accept = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
    status, headers, body = curl(served, served.path(parts=2), "-H", accept)
    assert status == 200
    assert headers["content-type"].startswith("multipart/related")
    assert int(headers["content-length"]) == len(body)
    assert all(one.content in body for one in served.slices)


def test_curl_takes_metadata_packed_and_once(served: Served) -> None:
    """--compressed unpacks to the plain answer; the wire has gzip; the second time there is nothing to send."""
    path = f"{served.path(parts=2)}/metadata"
    _, _, plain = curl(served, path)
    assert len(json.loads(plain)) == 3
    assert curl(served, path, "--compressed")[2] == plain
    status, headers, packed = curl(served, path, "-H", "Accept-Encoding: gzip")
    assert (status, headers["content-encoding"], gzip.decompress(packed)) == (200, "gzip", plain)
    again = ("-H", "Accept-Encoding: gzip", "-H", f"If-None-Match: {headers['etag']}")
    assert curl(served, path, *again)[::2] == (304, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_curl_cannot_change_what_is_there(served: Served, method: str) -> None:
    """405, naming what is allowed instead; the instance is as it was."""
    for path in (served.path(), served.path(parts=1), f"{served.path(parts=2)}/metadata"):
        status, headers, _ = curl(served, path, "-X", method)
        assert status == 405
        takes = {"GET", "HEAD", "POST"} if path == served.path(parts=1) else {"GET", "HEAD"}
        assert set(headers["allow"].split(", ")) == takes
    assert served.get(served.path(), "application/dicom").content == served.slices[0].content


def test_curl_sends_and_gets_nothing_unknown(served: Served, tmp_path: Path) -> None:
    """STOW by curl from a file, single part; and what is not there is 404, what cannot be made 406."""
    made = Sender(site="CLNU").instance()
    (tmp_path / "one.dcm").write_bytes(made.content)
    sent = ("-X", "POST", "-H", "Content-Type: application/dicom", "--data-binary", f"@{tmp_path / 'one.dcm'}")
    assert curl(served, "studies", *sent)[0] == 200
    assert served.hub.fetch(made, headers=served.token) == made.content
    assert curl(served, "studies/2.25.404")[0] == 404
    assert curl(served, served.path(), "-H", "Accept: text/html")[0] == 406


@pytest.fixture
def library(served: Served) -> DICOMwebClient:
    """dicomweb-client, as its documentation says to make it."""
    return DICOMwebClient(url=served.root, headers=dict(served.token))


def test_dicomweb_client_searches_and_retrieves(served: Served, library: DICOMwebClient) -> None:
    """Every level of search, metadata, whole instances, and paging with fuzzy names."""
    item = served.slices[0].item
    where = (item.study_instance_uid, item.series_instance_uid)
    (study,) = library.search_for_studies(search_filters={"StudyInstanceUID": item.study_instance_uid})
    assert study["0020000D"]["Value"] == [item.study_instance_uid]
    assert len(library.search_for_series(item.study_instance_uid)) == 1
    found = library.search_for_instances(*where, fields=["SliceThickness"], limit=2, offset=1)
    expected = [one.item.sop_instance_uid for one in served.slices[1:]]
    assert [one["00080018"]["Value"][0] for one in found] == expected
    assert len(library.retrieve_series_metadata(*where)) == 3
    assert len(library.retrieve_study_metadata(item.study_instance_uid)) == 3
    assert len(library.retrieve_series(*where)) == 3
    one = library.retrieve_instance(*where, item.sop_instance_uid)
    assert one.PixelData == _dataset(served).PixelData


def _dataset(served: Served, number: int = 0) -> Dataset:
    return dcmread(io.BytesIO(served.slices[number].content))


def test_dicomweb_client_takes_frames_and_pictures(served: Served, library: DICOMwebClient) -> None:
    """Frames are the pixels of the file; the picture is one of the same size; bulk data by the metadata's URI."""
    item, dataset = served.slices[0].item, _dataset(served)
    where = (item.study_instance_uid, item.series_instance_uid, item.sop_instance_uid)
    (frame,) = library.retrieve_instance_frames(*where, frame_numbers=[1])
    assert np.array_equal(np.frombuffer(frame, "<i2"), dataset.pixel_array.astype("<i2").ravel())
    picture = library.retrieve_instance_rendered(*where, media_types=("image/png",))
    assert Image.open(io.BytesIO(picture)).size == (dataset.Columns, dataset.Rows)
    uri = library.retrieve_instance_metadata(*where)["7FE00010"]["BulkDataURI"]
    assert uri.startswith(served.root)
    (value,) = library.retrieve_bulkdata(uri)
    assert value == dataset.PixelData


def test_dicomweb_client_stores(served: Served, library: DICOMwebClient) -> None:
    """What it stores is found by its next request."""
    made = Sender(site="CLNV").instance()
    answer = library.store_instances([dcmread(io.BytesIO(made.content))])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == made.item.sop_instance_uid
    assert len(library.search_for_instances(made.item.study_instance_uid)) == 1


def test_ohif_lists_studies(served: Served) -> None:
    """Its work list: names by * on both sides, UIDs by comma or backslash, includefield as tags in one list."""
    uid = served.slices[0].item.study_instance_uid
    listed = {"limit": "101", "offset": "0", "fuzzymatching": "false", "includefield": "00081030,00080060"}
    whole = served.get("studies", **listed).json()
    (mine,) = [one for one in whole if one["0020000D"]["Value"] == [uid]]
    patient = mine["00100020"]["Value"][0]
    assert [one["0020000D"]["Value"] for one in served.get("studies", PatientID=patient, **listed).json()] == [[uid]]
    named = served.get("studies", PatientName=f"*{patient[1:6]}*", **listed).json()
    assert [uid] in [one["0020000D"]["Value"] for one in named]
    for separator in (",", "\\"):
        both = served.get("studies", StudyInstanceUID=f"{uid}{separator}2.25.1", **listed).json()
        assert [one["0020000D"]["Value"] for one in both] == [[uid]]
    assert served.get("studies", ModalitiesInStudy="MR\\PT", StudyInstanceUID=uid).status_code == 204
    assert served.get("studies", ModalitiesInStudy="MR\\CT", StudyInstanceUID=uid).status_code == 200
    assert served.get("studies", StudyDate="19000101-29991231", StudyInstanceUID=uid).status_code == 200


def test_ohif_opens_a_study(served: Served) -> None:
    """Series with their fields, metadata of each, frames with an unquoted type and *, thumbnail and rendered."""
    path, stored = served.path(parts=1), _dataset(served)
    fields = "00080021,00080031,0008103E,00200011"
    (series,) = served.get(f"{path}/series", "application/dicom+json", includefield=fields).json()
    assert series["00080060"]["Value"] == ["CT"]
    assert series["00201209"]["Value"] == [3]
    assert len(served.get(f"{served.path(parts=2)}/metadata", "application/dicom+json").json()) == 3
    frame = served.get(f"{served.path()}/frames/1", _OHIF_FRAMES)
    head, body = frame.content.split(b"\r\n\r\n", 1)
    assert frame.status_code == 200
    assert b"transfer-syntax=1.2.840.10008.1.2.1" in head
    assert body.startswith(stored.PixelData[: stored.Rows * stored.Columns * 2])
    for way in ("thumbnail", "rendered"):
        picture = served.get(f"{served.path()}/{way}", "image/jpeg")
        assert (picture.status_code, Image.open(io.BytesIO(picture.content)).format) == (200, "JPEG")
    whole = served.get(served.path(), 'multipart/related; type="application/dicom"')
    assert served.slices[0].content in whole.content


def test_ohif_saves(served: Served) -> None:
    """POST of one object into studies, as its save does: multipart with a type in quotes, answered with JSON."""
    made = Sender(site="CLNW").instance()
    body, kind = multipart([made.content], boundary="b0undary")
    headers = {**served.token, **kind, "Accept": "application/dicom+json"}
    answer = served.hub.client.post(f"{served.root}/studies", content=body, headers=headers)
    assert (answer.status_code, "00081199" in answer.json()) == (200, True)
