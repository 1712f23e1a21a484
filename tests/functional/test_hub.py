"""The hub over HTTP, nothing mocked: announce, store, verify, curate, release, withdraw."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radcommons.catalogue.journal import lines_about
from radcommons.hub.check import check
from radcommons.platform.database import reading
from radcommons.platform.keys import SigningKey, verify
from radcommons.platform.objects import object_key
from radcommons.records.documents import canonical, digest, items_digest, parse, unseal
from radcommons.records.event import Role
from radcommons.records.release import FeedEntry, Release
from radcommons.records.submission import Receipt, Signature
from radcommons.testing.hubs import TestHub, running_hub
from radcommons.testing.sender import Made, Sender, superseding


@pytest.fixture(scope="module", params=["embedded", pytest.param("production", marks=pytest.mark.production)])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """One hub of each size for the tests of this file; each test uses a site of its own."""
    chosen = {}
    if request.param == "production":
        names = {"database_url": "postgres_url", "objects_url": "s3_url"}
        chosen = {setting: request.getfixturevalue(name) for setting, name in names.items()}
    with running_hub(tmp_path_factory.mktemp("hub"), **chosen) as made:
        yield made


_COUNTER = iter(range(10, 10_000))


@pytest.fixture
def sender() -> Sender:
    """A site that no other test knows."""
    return Sender(site=f"S{next(_COUNTER)}")


@pytest.fixture
def headers(hub: TestHub, sender: Sender) -> dict[str, str]:
    """The site's credentials, its key registered."""
    return hub.join(sender)


@pytest.fixture(scope="module")
def curator(hub: TestHub) -> dict[str, str]:
    """A curator's credentials."""
    return hub.token(Role.CURATOR)


def _problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_key_is_registered_once(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """The same key again is fine, another one for the same site is a conflict."""
    assert hub.join(sender)
    other = base64.b64encode(SigningKey.create().public_key).decode()
    answer = hub.client.post(f"/api/v1/sites/{sender.site}/key", json={"public_key": other}, headers=headers)
    assert _problem(answer) == (409, "conflict")


@pytest.mark.parametrize("order", ["announced first", "stored first", "stored twice"])
def test_order_does_not_matter(hub: TestHub, sender: Sender, headers: dict[str, str], order: str) -> None:
    """Bytes may come before or after the announcement, once or again: the receipt covers each instance once."""
    made = [sender.instance(number=number) for number in (1, 2)]
    document = sender.sealed(sender.submission(made))
    if order != "announced first":
        assert hub.store(made, headers=headers).status_code == 200
    announced = hub.announce(document, headers=headers)
    assert announced.status_code == 201
    if order != "stored first":
        assert hub.store(made, headers=headers).status_code == 200
    again = hub.announce(document, headers=headers)
    assert (again.status_code, again.json()["missing"]) == (200, [])
    identifier = announced.json()["id"]
    sealed = hub.client.get(f"/api/v1/submissions/{identifier}/receipt", headers=headers).json()
    receipt, signature, message = unseal(Receipt, sealed)
    verify(signature, message=message, public_key=hub.platform.signing_key.public_key)
    assert (receipt.submission, receipt.instances) == (identifier, 2)
    assert receipt.items_digest == items_digest([one.item.digest for one in made])
    assert hub.verified(identifier, headers=headers)["accepted"] == 2


def test_parallel_requests_complete_once(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """Requests at once, the announcement among them, end in one receipt however they meet."""
    made = [sender.instance(number=number) for number in range(8)]
    document = sender.sealed(sender.submission(made))
    identifier = digest(sender.submission(made))
    with ThreadPoolExecutor(9) as pool:
        announced = pool.submit(hub.announce, document, headers=headers)
        answers = list(pool.map(lambda one: hub.store([one], headers=headers).status_code, made))
    assert (announced.result().status_code, answers) == (201, [200] * 8)
    found = hub.verified(identifier, headers=headers)
    assert (found["accepted"], found["missing"]) == (8, [])
    with reading(hub.platform.engine) as connection:
        kinds = [line.kind for line in lines_about(connection, identifier)]
    assert kinds == ["submission-announced", "submission-received", "submission-verified"]


def test_no_receipt_before_the_last_byte(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """Half a submission has no receipt, and the hub names what it misses."""
    made = [sender.instance(number=number) for number in (1, 2)]
    identifier = hub.announce(sender.sealed(sender.submission(made)), headers=headers).json()["id"]
    hub.store(made[:1], headers=headers)
    found = hub.submission(identifier, headers=headers)
    assert (found["state"], found["missing"]) == ("announced", [made[1].item.digest])
    answer = hub.client.get(f"/api/v1/submissions/{identifier}/receipt", headers=headers)
    assert _problem(answer) == (409, "not-complete")


def test_signature_of_another_key(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """A document that the site's registered key did not sign is refused."""
    document = Sender(site=sender.site).sealed(sender.submission([sender.instance()]))
    assert _problem(hub.announce(document, headers=headers)) == (422, "bad-signature")


def test_changed_document(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """A signed document whose content was changed afterwards is refused."""
    members = json.loads(sender.sealed(sender.submission([sender.instance()])))
    members["country"] = "FR"
    assert _problem(hub.announce(json.dumps(members).encode(), headers=headers)) == (422, "bad-signature")


@pytest.mark.parametrize("kind", ["protocol", "profile"])
def test_unknown_policy(hub: TestHub, sender: Sender, headers: dict[str, str], kind: str) -> None:
    """A submission under a protocol or profile that the hub does not know is refused."""
    submission = sender.submission([sender.instance()])
    unknown = replace(getattr(submission, kind), digest="f" * 64)
    document = sender.sealed(replace(submission, **{kind: unknown}))
    assert _problem(hub.announce(document, headers=headers)) == (409, f"unknown-{kind}")


def test_malformed_document_is_named_not_repeated(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """A document against the schema is a 400 that names the member and not its value."""
    members = json.loads(sender.sealed(sender.submission([sender.instance()])))
    members["items"][0]["patient"] = "Doe^Jane"
    answer = hub.announce(json.dumps(members).encode(), headers=headers)
    assert _problem(answer) == (400, "document")
    assert "items.0.patient" in answer.json()["detail"]
    assert "Doe" not in answer.text


def test_other_sites_token(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """A site cannot announce in another's name."""
    other = Sender(site=f"S{next(_COUNTER)}")
    document = other.sealed(other.submission([other.instance()]))
    assert _problem(hub.announce(document, headers=headers)) == (403, "not-permitted")


def test_other_bytes_of_a_known_uid(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """Other bytes under a known SOP Instance UID fail, by STOW and by announcement."""
    hub.submit(sender, [sender.instance()], headers=headers)
    other = sender.instance(before=lambda d: setattr(d, "KVP", "100"))
    answer = hub.store([other], headers=headers)
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0x0111]
    refused = hub.announce(sender.sealed(sender.submission([other])), headers=headers).json()["refused"]
    assert [(one["digest"], one["code"]) for one in refused] == [(other.item.digest, "uid-conflict")]


def test_superseding_version(hub: TestHub, sender: Sender, headers: dict[str, str], curator: dict[str, str]) -> None:
    """A new version that says what it supersedes takes its place; the old one stays in the release that named it."""
    old = sender.instance()
    hub.submit(sender, [old], headers=headers)
    first = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=curator).json()
    new = superseding(sender.instance(before=lambda d: setattr(d, "KVP", "100")), old=old)
    assert hub.submit(sender, [new], headers=headers)["accepted"] == 1
    second = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=curator).json()
    digests = [_manifest_digests(hub, one["id"]) for one in (first, second)]
    assert old.item.digest in digests[0]
    assert new.item.digest not in digests[0]
    assert new.item.digest in digests[1]
    assert old.item.digest not in digests[1]


def _manifest_digests(hub: TestHub, identifier: str) -> set[str]:
    manifest = hub.client.get(f"/api/v1/releases/{identifier}/manifest.json")
    return {item.digest for item in parse(Release, manifest.content).items}


def test_question_waits_for_a_curator(
    hub: TestHub, sender: Sender, headers: dict[str, str], curator: dict[str, str]
) -> None:
    """An unusual word is quarantined; `accept-clean` leaves it, and a curator's word decides."""
    clean = sender.instance(number=1)
    odd = sender.instance(number=2, change=lambda d: setattr(d, "SeriesDescription", "lung Quixotewska"))
    found = hub.submit(sender, [clean, odd], headers=headers)
    assert (found["state"], found["accepted"], found["quarantined"]) == ("in-review", 1, 1)
    assert {(one["digest"], one["code"]) for one in found["findings"]} == {(odd.item.digest, "unusual-text")}
    address = f"/api/v1/submissions/{found['id']}/decisions"
    assert hub.client.post(address, json={"all": "accept-clean"}, headers=curator).json()["quarantined"] == 1
    decided = hub.client.post(address, json={"refuse": [odd.item.digest]}, headers=curator).json()
    assert (decided["state"], decided["refused"]) == ("curated", 1)
    again = hub.client.post(address, json={"refuse": [odd.item.digest]}, headers=curator)
    assert again.status_code == 200
    assert _problem(hub.client.post(address, json={"accept": [odd.item.digest]}, headers=curator)) == (409, "conflict")


def test_hostile_instance_is_refused(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """An identity that a site left in is refused by the hub's own judgement, and the site is told where."""
    bad = sender.instance(change=lambda d: setattr(d, "PatientBirthDate", "19600101"))
    found = hub.submit(sender, [bad], headers=headers)
    assert (found["state"], found["refused"]) == ("curated", 1)
    assert {(one["code"], one["where"]) for one in found["findings"]} == {("attribute-not-allowed", "PatientBirthDate")}


def test_release_is_signed_and_exact(
    hub: TestHub, sender: Sender, headers: dict[str, str], curator: dict[str, str]
) -> None:
    """A manifest's bytes carry the hub's signature, name every accepted version and the strictest terms."""
    made = [sender.instance(patient=patient) for patient in ("P1", "P2")]
    hub.submit(sender, made, headers=headers)
    answer = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest", "title": "T"}, headers=curator)
    assert answer.status_code == 201
    identifier = answer.json()["id"]
    manifest = hub.client.get(f"/api/v1/releases/{identifier}/manifest.json").content
    signature = hub.client.get(f"/api/v1/releases/{identifier}/manifest.json.sig").json()
    verify(parse(Signature, signature), message=manifest, public_key=hub.platform.signing_key.public_key)
    release = parse(Release, manifest)
    assert canonical(release) == manifest
    assert {one.item.digest for one in made} <= {item.digest for item in release.items}
    assert release.terms.license == "CC-BY-NC-4.0"
    assert release.counts.instances == len(release.items)
    again = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=curator)
    assert _problem(again) == (409, "conflict")


def test_withdrawal_reaches_feed_objects_and_reentry(
    hub: TestHub, sender: Sender, headers: dict[str, str], curator: dict[str, str]
) -> None:
    """What a site takes back is gone from the store, stands in the feed, and is refused when it comes again."""
    made = [sender.instance(patient=patient) for patient in ("P1", "P2")]
    hub.submit(sender, made, headers=headers)
    release = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=curator).json()["id"]
    document = sender.sealed(sender.withdrawal(patients=(made[0].item.patient,)))
    answers = [hub.client.post("/api/v1/withdrawals", content=document, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["instances"], release in answers[0].json()["releases"]) == (1, True)
    gone = hub.client.get(f"/api/v1/releases/{release}/instances/{made[0].item.digest}")
    assert _problem(gone) == (410, "withdrawn")
    last, renewed = _feed(hub)[-2:]
    assert (last.event, last.digests, last.reason) == ("withdrawn", (made[0].item.digest,), "consent-withdrawn")
    newer = hub.client.get(f"/api/v1/releases/{renewed.release}").json()
    assert (renewed.event, newer["number"]) == ("released", int(release.rpartition("-")[2]) + 1)
    still = hub.client.get(f"/api/v1/releases/{release}").json()
    assert newer["counts"]["instances"] == still["counts"]["instances"] - still["withdrawn"]
    _wait_purged(hub, made[0])
    assert hub.platform.objects.size(object_key(made[1].item.digest)) is not None
    assert hub.store([made[0]], headers=headers).status_code == 409
    later = sender.submission([sender.instance(patient="P1", number=9)])
    refused = hub.announce(sender.sealed(later), headers=headers).json()["refused"]
    assert [one["code"] for one in refused] == ["withdrawn-before"]


def _feed(hub: TestHub) -> list[FeedEntry]:
    """Return the feed, every signature and the chain checked."""
    entries = hub.client.get("/api/v1/datasets/covid-chest/feed").json()["entries"]
    found = []
    for document in entries:
        entry, signature, message = unseal(FeedEntry, document)
        verify(signature, message=message, public_key=hub.platform.signing_key.public_key)
        found.append(entry)
    assert [one.sequence for one in found] == list(range(1, len(found) + 1))
    return found


def _wait_purged(hub: TestHub, made: Made) -> None:
    import time

    until = time.monotonic() + 30
    while hub.platform.objects.size(object_key(made.item.digest)) is not None:
        assert time.monotonic() < until, "the bytes were not purged"
        time.sleep(0.05)


def test_withdrawal_before_the_bytes(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """A withdrawal works while bytes are missing: what is left of the submission is complete without them."""
    made = [sender.instance(patient=patient) for patient in ("P1", "P2")]
    identifier = hub.announce(sender.sealed(sender.submission(made)), headers=headers).json()["id"]
    hub.store(made[:1], headers=headers)
    document = sender.sealed(sender.withdrawal(patients=(made[1].item.patient,)))
    assert hub.client.post("/api/v1/withdrawals", content=document, headers=headers).json()["instances"] == 1
    found = hub.verified(identifier, headers=headers)
    assert (found["accepted"], found["withdrawn"], found["missing"]) == (1, 1, [])


def test_direct_token_loads_and_finds(hub: TestHub, curator: dict[str, str]) -> None:
    """A direct token's instance is found by its next request, by nobody else before a release."""
    made = Sender(site="DIRECTLY").instance(patient="D1", change=lambda d: setattr(d, "PatientID", "LIDC/0001"))
    direct = hub.token(Role.SITE, dataset="covid-chest")
    answer = hub.store([made], headers=direct)
    assert answer.status_code == 200
    uid = made.item.study_instance_uid
    assert [one["0020000D"]["Value"] for one in _studies(hub, uid, direct)] == [[uid]]
    assert _studies(hub, uid, {}) == []
    assert hub.store([made], headers=direct).status_code == 200
    hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=curator)
    assert [one["0020000D"]["Value"] for one in _studies(hub, uid, {})] == [[uid]]


def _studies(hub: TestHub, uid: str, headers: dict[str, str]) -> list[Any]:
    answer = hub.client.get("/dicomweb/studies", params={"StudyInstanceUID": uid}, headers=headers)
    return answer.json() if answer.content else []


def test_broken_part_does_not_spoil_the_others(hub: TestHub) -> None:
    """Of one request the readable instances are stored, the others named as failed (202)."""
    made = Sender(site="DIRECTLY").instance(patient="D2")
    direct = hub.token(Role.SITE, dataset="covid-chest")
    answer = hub.store([made, replace(made, content=b"no object")], headers=direct)
    assert answer.status_code == 202
    assert len(answer.json()["00081199"]["Value"]) == 1


def test_cut_off_request_leaves_nothing(hub: TestHub, sender: Sender, headers: dict[str, str]) -> None:
    """A body that ends before its closing boundary acknowledges nothing and leaves no temporary file."""
    made = sender.instance()
    body = b"--frontier\r\nContent-Type: application/dicom\r\n\r\n" + made.content
    kind = 'multipart/related; type="application/dicom"; boundary=frontier'
    answer = hub.client.post("/dicomweb/studies", content=body, headers={**headers, "Content-Type": kind})
    assert answer.status_code == 400
    assert hub.platform.objects.size(object_key(made.item.digest)) is None
    assert list(hub.platform.temporary.iterdir()) == []


def test_everything_holds_afterwards(hub: TestHub) -> None:
    """After all of the above, objects, audit chain, releases and feeds are what was promised."""
    checked = check(hub.platform)
    assert [fault for fault in checked.faults if fault.kind != "orphan"] == []
    assert checked.objects > 0


def test_check_finds_a_changed_object(tmp_path: Path) -> None:
    """A byte that changed on the disk is found."""
    with running_hub(tmp_path / "hub", run_jobs=False) as hub:
        made = Sender().instance()
        assert hub.store([made], headers=hub.token(Role.SITE, dataset="covid-chest")).status_code == 200
        path = hub.platform.objects.local_path(object_key(made.item.digest))
        assert path is not None
        path.write_bytes(made.content[:-1] + bytes([made.content[-1] ^ 1]))
        assert [(one.kind, one.subject) for one in check(hub.platform).faults] == [("object", made.item.digest)]
