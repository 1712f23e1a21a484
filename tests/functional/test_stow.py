"""STOW-RS by a direct token: every way in, every way to get it wrong, many at once."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from pydicom import Dataset

from radcommons.hub.check import check
from radcommons.platform.objects import object_key
from radcommons.records.event import Role
from radcommons.testing.hubs import TestHub, running_hub
from radcommons.testing.sender import Made, Sender

_COUNTER = iter(range(10, 10_000))
_FAILED, _STORED, _REASON = "00081198", "00081199", "00081197"


@pytest.fixture(scope="module", params=["embedded", pytest.param("production", marks=pytest.mark.production)])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """One hub of each size for the tests of this file."""
    chosen = {}
    if request.param == "production":
        names = {"database_url": "postgres_url", "objects_url": "s3_url"}
        chosen = {setting: request.getfixturevalue(name) for setting, name in names.items()}
    with running_hub(tmp_path_factory.mktemp("hub"), run_jobs=False, **chosen) as made:
        yield made


@pytest.fixture
def direct(hub: TestHub) -> dict[str, str]:
    """A direct token's headers."""
    return hub.token(Role.CURATOR, dataset="covid-chest")


def instance(**changed: str) -> Made:
    """Return an instance of a study of its own."""

    def change(dataset: Dataset) -> None:
        for keyword, value in changed.items():
            setattr(dataset, keyword, value)

    return Sender(site=f"T{next(_COUNTER)}").instance(change=change)


def found(hub: TestHub, made: Made, direct: dict[str, str]) -> bytes | None:
    """Return an instance as it comes back, None where there is none."""
    item = made.item
    path = f"studies/{item.study_instance_uid}/series/{item.series_instance_uid}/instances/{item.sop_instance_uid}"
    answer = hub.client.get(f"/dicomweb/{path}", headers={**direct, "Accept": "application/dicom"})
    return answer.content if answer.status_code == 200 else None


def reasons(answer: Any) -> list[int]:
    """Return the failure reasons of an answer."""
    return [one[_REASON]["Value"][0] for one in answer.json()[_FAILED]["Value"]]


def test_one_instance_alone(hub: TestHub, direct: dict[str, str]) -> None:
    """A body of application/dicom is one instance (PS3.18 section 10.5.1.2)."""
    made = instance()
    headers = {**direct, "Content-Type": "application/dicom"}
    answer = hub.client.post("/dicomweb/studies", content=made.content, headers=headers)
    assert answer.status_code == 200
    assert found(hub, made, direct) == made.content


def test_compressed_body(hub: TestHub, direct: dict[str, str]) -> None:
    """A body in gzip is stored as what it holds; a broken or cut one, or another coding, stores nothing."""
    made = instance()
    headers = {**direct, "Content-Type": "application/dicom", "Content-Encoding": "gzip"}
    packed = gzip.compress(made.content)
    for body in (b"no gzip", packed[:-20]):
        assert hub.client.post("/dicomweb/studies", content=body, headers=headers).status_code == 400
    unknown = {**headers, "Content-Encoding": "br"}
    assert hub.client.post("/dicomweb/studies", content=packed, headers=unknown).status_code == 415
    assert found(hub, made, direct) is None
    assert hub.client.post("/dicomweb/studies", content=packed, headers=headers).status_code == 200
    assert found(hub, made, direct) == made.content


def test_one_instance_fifty_times_at_once(hub: TestHub, direct: dict[str, str]) -> None:
    """Fifty writers of the same bytes are all told that they are stored, and they are, once."""
    made = instance()
    with ThreadPoolExecutor(max_workers=50) as pool:
        answers = list(pool.map(lambda _: hub.store([made], headers=direct).status_code, range(50)))
    assert set(answers) == {200}
    query = {"SOPInstanceUID": made.item.sop_instance_uid}
    assert len(hub.client.get("/dicomweb/instances", params=query, headers=direct).json()) == 1


def test_one_uid_with_many_contents_at_once(hub: TestHub, direct: dict[str, str]) -> None:
    """Of writers of other bytes under one UID one is stored and all others are refused, however close they come."""
    made = instance()
    size = len(made.content)
    others = [replace(made, content=made.content[: size - 1] + bytes([number])) for number in range(24)]
    with ThreadPoolExecutor(max_workers=24) as pool:
        answers = list(pool.map(lambda one: hub.store([one], headers=direct), others))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 23
    assert {reason for one in answers if one.status_code == 409 for reason in reasons(one)} == {0x0111}
    kept = found(hub, made, direct)
    assert [one.status_code for one, other in zip(answers, others, strict=True) if other.content == kept] == [200]


def test_another_study_than_the_path_names(hub: TestHub, direct: dict[str, str]) -> None:
    """Instances of another study fail, those of the named one are stored (202)."""
    mine, other = instance(), instance()
    path = f"/dicomweb/studies/{mine.item.study_instance_uid}"
    answer = hub.store([mine, other], headers=direct, path=path)
    assert answer.status_code == 202
    assert reasons(answer) == [0x0110]
    assert found(hub, mine, direct) == mine.content
    assert found(hub, other, direct) is None


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.840.x", "1..2", "2.25." + "1" * 61, "1.2/3"])
def test_invalid_uids(hub: TestHub, direct: dict[str, str], uid: str) -> None:
    """What is no UID names nothing: the instance is refused and leaves no object."""
    made = instance(SOPInstanceUID=uid)
    answer = hub.store([made], headers=direct)
    assert answer.status_code == 409
    assert hub.platform.objects.size(object_key(made.item.digest)) is None


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (
            'multipart/related; type="application/dicom"; boundary=other',
            b"--frontier\r\n\r\nx\r\n--frontier--\r\n",
            400,
        ),
        ('multipart/related; type="application/dicom"', b"--a\r\n\r\nx\r\n--a--\r\n", 400),
        ('multipart/related; type="image/png"; boundary=a', b"--a\r\n\r\nx\r\n--a--\r\n", 415),
        ("text/plain", b"hello", 415),
        ("application/dicom", b"hello", 409),
    ],
)
def test_wrong_messages(hub: TestHub, direct: dict[str, str], kind: str, body: bytes, status: int) -> None:
    """A message of another kind, or that breaks its framing, stores nothing and leaves no file behind."""
    answer = hub.client.post("/dicomweb/studies", content=body, headers={**direct, "Content-Type": kind})
    assert answer.status_code == status
    assert list(hub.platform.temporary.iterdir()) == []


def test_many_parts_of_one_request(hub: TestHub, direct: dict[str, str]) -> None:
    """Of a thousand parts of one request each has its own fate, and what is no object stops none."""
    good = [instance() for _ in range(6)]
    rubbish = replace(good[0], content=b"no object")
    made = [good[number // 170] if number % 170 == 0 else rubbish for number in range(1000)]
    answer = hub.store(made, headers=direct)
    assert answer.status_code == 202
    assert len(answer.json()[_STORED]["Value"]) == 6
    assert len(answer.json()["0008119A"]["Value"]) == 994
    assert all(found(hub, one, direct) == one.content for one in good)
    assert list(hub.platform.temporary.iterdir()) == []


def test_everything_holds_afterwards(hub: TestHub) -> None:
    """After all of the above every promise is kept; of the race for one UID alone orphans may be left."""
    checked = check(hub.platform)
    assert [fault for fault in checked.faults if fault.kind != "orphan"] == []
    assert len([fault for fault in checked.faults if fault.kind == "orphan"]) <= 23
