"""A corrected instance: the new one at the plain root, the old one in the release that was cut before."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydicom import dcmread

from unit.access.commons import Commons, image

ROOT, RELEASE = "/dicomweb", "/dicomweb/releases/chest-1"
SERIES = "/studies/2.25.10/series/2.25.20"
PATH = f"{SERIES}/instances/2.25.30.1"
OCTETS = {"Accept": "application/octet-stream"}


@pytest.fixture
def corrected(own_commons: Commons) -> tuple[Commons, TestClient]:
    """A commons whose first slice was corrected after the first release, and released again."""
    old = own_commons.contents["2.25.30.1"]
    new = image(uid="2.25.30.1", number=1, value=500, description="CT thorax", sex="M")
    own_commons.load(new, dataset="chest", supersedes=hashlib.sha256(old).hexdigest())
    own_commons.contents.update({"old": old, "new": new})
    own_commons.release("chest")
    return own_commons, own_commons.client()


def pixels(value: int) -> bytes:
    return (np.arange(24 * 32, dtype="<i2") + value).tobytes()


@pytest.mark.parametrize(("root", "version", "value"), [(ROOT, "new", 500), (RELEASE, "old", 1)])
def test_each_verb_gives_its_version(
    corrected: tuple[Commons, TestClient], root: str, version: str, value: int
) -> None:
    """Search, metadata, instance, series, frames, bulk data and pictures agree on which version they show."""
    commons, client = corrected
    stored = commons.contents[version]
    expected = dcmread(io.BytesIO(stored))
    assert client.get(f"{root}{PATH}", headers={"Accept": "application/dicom"}).content == stored
    series = client.get(f"{root}{SERIES}").content
    assert [one in series for one in (commons.contents["old"], commons.contents["new"])] == [
        version == "old",
        version == "new",
    ]
    for place in (PATH, SERIES, "/studies/2.25.10"):
        one = client.get(f"{root}{place}/metadata").json()[0]
        assert one["00081030"]["Value"] == [expected.StudyDescription]
    (found,) = client.get(f"{root}{SERIES}/instances?SOPInstanceUID=2.25.30.1&includefield=all").json()
    assert found["00100040"]["Value"] == [expected.PatientSex]
    assert len(client.get(f"{root}{SERIES}/instances").json()) == 3
    assert client.get(f"{root}{PATH}/frames/1", headers=OCTETS).content == pixels(value)
    assert client.get(f"{root}{PATH}/bulkdata/7FE00010", headers=OCTETS).content == pixels(value)
    tags = [client.get(f"{one}{PATH}/metadata").headers["etag"] for one in (ROOT, RELEASE)]
    assert tags[0] != tags[1]
    assert client.get(f"{root}{PATH}/rendered").status_code == 200


@pytest.mark.parametrize(("root", "description", "sex"), [(ROOT, "CT thorax", "M"), (RELEASE, "CT chest", "F")])
def test_a_study_is_described_by_its_version(
    corrected: tuple[Commons, TestClient], root: str, description: str, sex: str
) -> None:
    """A study's own attributes follow the correction at the root, and stay in the release."""
    _, client = corrected
    (study,) = client.get(f"{root}/studies?StudyInstanceUID=2.25.10").json()
    assert (study["00081030"]["Value"], study["00100040"]["Value"]) == ([description], [sex])
    assert study["00201208"]["Value"] == [3]
    assert {one["00081030"]["Value"][0] for one in client.get(f"{root}/series?StudyInstanceUID=2.25.10").json()} == {
        description
    }


def test_a_corrected_study_is_found_by_what_it_says_now(corrected: tuple[Commons, TestClient]) -> None:
    """The root matches on the corrected values, and on the old ones no more."""
    _, client = corrected
    assert len(client.get(f"{ROOT}/studies?StudyDescription=CT%20thorax").json()) == 1
    assert client.get(f"{ROOT}/studies?StudyDescription=CT%20chest").status_code == 204
