"""The canary set: a gateway that keeps what is hidden may submit, one that lets any of it out may not."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radcommons.dicom.profile import load_profile
from radcommons.hub import canary as at_hub
from radcommons.platform.keys import SigningKey
from radcommons.records.canary import CanaryResult
from radcommons.records.documents import canonical, unseal
from radcommons.records.submission import PolicyRef
from radcommons.site import canary
from radcommons.site.seal import software
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import Store, create_store, open_store
from radcommons.testing.hubs import TestHub, running_hub
from radcommons.testing.sender import Sender

Change = Callable[[Dataset], None]


class _Line:
    """The two calls of a gateway to the hub, over the test client."""

    def __init__(self, hub: TestHub, headers: dict[str, str]) -> None:
        self.hub, self.headers = hub, headers
        self.handed: list[bytes] = []

    def canary(self) -> bytes:
        answer = self.hub.client.get("/api/v1/canary", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    def hand_in_canary(self, archive: bytes) -> dict[str, Any]:
        self.handed.append(archive)
        answer = self.hub.client.post("/api/v1/canary", content=archive, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """A hub that asks for the canary set, as hubs do."""
    with running_hub(tmp_path_factory.mktemp("hub"), canary="required") as running:
        yield running


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A gateway with the shipped profile."""
    directory = tmp_path_factory.mktemp("site") / "gateway"
    create_store(directory)
    write_settings(directory, SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",)))
    opened = open_store(directory)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def sender(hub: TestHub, store: Store) -> tuple[Sender, dict[str, str]]:
    """The hospital under the gateway's own key."""
    made = Sender("ALFA", store.signing_key)
    return made, hub.join(made)


@pytest.fixture(scope="module")
def line(hub: TestHub, store: Store, sender: tuple[Sender, dict[str, str]]) -> _Line:
    """The gateway after its first run, which came out clean; before it nothing was taken."""
    made, headers = sender
    document = made.sealed(made.submission([made.instance()], software=software()))
    refused = hub.announce(document, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "canary-needed")
    assert "site canary" in refused.json()["mend"]
    line = _Line(hub, headers)
    first = canary.run(store, line, site="ALFA", profile="radcommons")  # type: ignore[arg-type]
    assert first.verdict.is_clean, first.verdict
    assert first.verdict.came >= 20
    assert hub.announce(document, headers=headers).status_code == 201
    return line


def test_what_came_out_clean_counts_for_this_profile_and_software(
    hub: TestHub, line: _Line, sender: tuple[Sender, dict[str, str]]
) -> None:
    """Another profile or another version of the software has to show it anew."""
    made, headers = sender
    basic = load_profile("basic")
    other = PolicyRef(id=basic.id, version=basic.version, digest=basic.digest)
    for number, members in enumerate(({"profile": other}, {"software": replace(software(), digest="1" * 64)}), 5):
        whole = made.submission([made.instance(number=number)], **{"software": software(), **members})
        answer = hub.announce(made.sealed(whole), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "canary-needed")


def test_nothing_of_the_trial_stays(store: Store, line: _Line) -> None:
    """The gateway's own counts, objects and crosswalk know nothing of invented patients."""
    from radcommons.site.status import counts, known_patients

    assert counts(store)["seen"] == known_patients(store) == 0
    assert list(store.directory.glob(".canary-*")) == []
    assert [one.verdict.is_clean for one in canary.runs(store)] == [True]


def _spoiled(line: _Line, store: Store, case: str, change: Change) -> bytes:
    """Return the first result with one object as a broken de-identifier would have written it, signed all the same."""
    given = at_hub.set_of(line.hub.platform.signing_key, "ALFA")
    number = next(at for at, one in enumerate(given.cases, 1) if one.name.endswith(case))
    with zipfile.ZipFile(io.BytesIO(line.handed[0])) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    result, _, _ = unseal(CanaryResult, members.pop("result.json"))
    outcome = result.outcomes[number - 1]
    assert outcome.digest is not None
    dataset = dcmread(io.BytesIO(members.pop(outcome.digest)))
    change(dataset)
    out = io.BytesIO()
    dataset.save_as(out)
    digest = hashlib.sha256(out.getvalue()).hexdigest()
    outcomes = tuple(replace(one, digest=digest) if one.number == number else one for one in result.outcomes)
    return _zipped(replace(result, outcomes=outcomes), {**members, digest: out.getvalue()}, key=store.signing_key)


def _zipped(result: CanaryResult, members: dict[str, bytes], *, key: SigningKey) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("result.json", canonical(key.seal(result)))
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_a_sabotaged_gateway_is_caught(hub: TestHub, store: Store, line: _Line) -> None:
    """A name kept in the header, deep in an item, in a private element in UTF-16, behind pixels, or in the picture."""
    given = at_hub.set_of(hub.platform.signing_key, "ALFA")
    family = next(value for value, what in given.hidden.items() if what == "family name")
    number = next(value for value, what in given.hidden.items() if what == "patient number")
    originals = {case.name[3:]: dcmread(io.BytesIO(case.content)) for case in given.cases}

    def in_header(dataset: Dataset) -> None:
        dataset.PatientName = family.upper()

    def deep(dataset: Dataset) -> None:
        item = Dataset()
        item.TextValue = f"see {number}"
        dataset.ContentSequence = Sequence([item])

    def private(dataset: Dataset) -> None:
        dataset.private_block(0x0099, "ANY", create=True).add_new(1, "OB", f"{family} ".encode("utf-16-le"))

    def behind(dataset: Dataset) -> None:
        dataset.PixelData = dataset.PixelData + family.encode().ljust(16, b"\0")

    def picture(dataset: Dataset) -> None:
        dataset.PixelData = originals["in-pixels-2"].PixelData

    spoils: tuple[tuple[str, Change, str], ...] = (
        ("plain-slice", in_header, "family name"),
        ("plain-radiograph", deep, "patient number"),
        ("plain-slice", private, "family name"),
        ("plain-slice", behind, "family name"),
        ("in-pixels-2", picture, "the name in the picture"),
    )
    for case, change, what in spoils:
        verdict = line.hand_in_canary(_spoiled(line, store, case, change))
        assert not verdict["is_clean"]
        assert what in [leak["what"] for leak in verdict["leaks"]], (case, what)
        assert family not in json.dumps(verdict)
    assert not line.hand_in_canary(_spoiled(line, store, "plain-slice", in_header))["is_clean"]
    assert line.hand_in_canary(line.handed[0])["is_clean"], "mended, it may submit again"


def test_after_a_leak_nothing_is_taken(
    hub: TestHub, store: Store, line: _Line, sender: tuple[Sender, dict[str, str]]
) -> None:
    """The newest result counts, not the best one."""
    made, headers = sender

    def age(dataset: Dataset) -> None:
        dataset.PatientComments = next(iter(at_hub.set_of(hub.platform.signing_key, "ALFA").hidden))

    line.hand_in_canary(_spoiled(line, store, "plain-slice", age))
    document = made.sealed(made.submission([made.instance(number=9)], software=software()))
    assert hub.announce(document, headers=headers).status_code == 409
    line.hand_in_canary(line.handed[0])
    assert hub.announce(document, headers=headers).status_code == 201


def test_a_gateway_that_keeps_everything_back_has_shown_nothing(hub: TestHub, store: Store, line: _Line) -> None:
    """Ordinary images have to come out."""
    with zipfile.ZipFile(io.BytesIO(line.handed[0])) as archive:
        result, _, _ = unseal(CanaryResult, archive.read("result.json"))
    held = tuple(replace(one, state="held", digest=None) for one in result.outcomes)
    verdict = line.hand_in_canary(_zipped(replace(result, outcomes=held), {}, key=store.signing_key))
    assert not verdict["is_clean"]
    assert len(verdict["missing"]) == 2
    assert line.hand_in_canary(line.handed[0])["is_clean"]


def test_a_result_is_signed_whole_and_of_today(hub: TestHub, store: Store, line: _Line) -> None:
    """Another key, missing objects, another set, another site, no archive: refused, and nothing is written down."""
    with zipfile.ZipFile(io.BytesIO(line.handed[0])) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    result, _, _ = unseal(CanaryResult, members.pop("result.json"))
    key = store.signing_key
    cases = {
        "other key": (_zipped(result, members, key=SigningKey.create()), 422),
        "objects missing": (_zipped(result, {}, key=key), 422),
        "objects swapped": (_zipped(result, {name: b"other" for name in members}, key=key), 422),
        "other set": (_zipped(replace(result, set="0" * 64), members, key=key), 409),
        "other site": (_zipped(replace(result, site="BETA"), members, key=key), 403),
        "no archive": (b"nothing", 400),
    }
    for words, (archive_, status) in cases.items():
        answer = hub.client.post("/api/v1/canary", content=archive_, headers=line.headers)
        assert answer.status_code == status, (words, answer.text)
    assert hub.client.get("/api/v1/canary").status_code == 401


def test_each_site_and_day_has_its_own_set(hub: TestHub) -> None:
    """Nobody can prepare an answer for another day, nor learn it from another site."""
    key = hub.platform.signing_key
    sets = {at_hub.set_of(key, site, days_ago=days).zipped() for site in ("ALFA", "BETA") for days in (0, 1)}
    assert len(sets) == 4
    assert at_hub.set_of(key, "ALFA").zipped() == at_hub.set_of(key, "ALFA").zipped()
    assert at_hub.set_of(SigningKey.create(), "ALFA").zipped() not in sets
