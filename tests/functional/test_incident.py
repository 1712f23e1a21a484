"""Identity incidents: sealed at once at every door and process, every copy listed, purged for good, or undone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from radcommons.catalogue import letters
from radcommons.catalogue import tables as t
from radcommons.catalogue.downloads import counts_of, downloads_of
from radcommons.hub import incident, jobs
from radcommons.hub.withdraw import _purge
from radcommons.platform.database import reading
from radcommons.platform.objects import object_key, sealed_key
from radcommons.records.errors import NotFound, NotPermitted, UsageError, WrongState
from radcommons.records.event import OPERATOR, Actor, Role
from radcommons.records.release import instance_address
from radcommons.testing.hubs import ADMINISTRATOR, TestHub, running_hub
from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, free_port, served_hub

CURATOR = Actor(id="token:9", roles=frozenset({Role.CURATOR}))
COMMAND = str(Path(sys.executable).with_name("radcommons"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TestHub]:
    """An open hub whose jobs a test runs itself."""
    with running_hub(tmp_path / "hub", run_jobs=False, base_url="http://hub.test") as made:
        yield made


def _released(hub: TestHub, made: Sequence[Made]) -> str:
    direct = hub.token(Role.CURATOR, dataset="covid-chest")
    assert hub.store(made, headers=direct).status_code == 200
    answer = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=hub.token(Role.CURATOR))
    return str(answer.json()["id"])


def _doors(made: Made, release: str) -> dict[str, dict[str, str]]:
    """Every address that gives something of an instance, with what it is asked by."""
    item = made.item
    study = f"studies/{item.study_instance_uid}"
    series = f"{study}/series/{item.series_instance_uid}"
    one = f"{series}/instances/{item.sop_instance_uid}"
    doors = {instance_address(release, item.digest): {}}
    for root in ("/dicomweb", f"/dicomweb/releases/{release}"):
        of_one = [f"{one}{rest}" for rest in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail")]
        for path in (*of_one, f"{series}/metadata"):
            doors[f"{root}/{path}"] = {"Accept": "application/dicom"} if path == one else {}
        doors[f"{root}/{study}/thumbnail"] = {}
    uids = f"studyUID={item.study_instance_uid}&seriesUID={item.series_instance_uid}&objectUID={item.sop_instance_uid}"
    doors[f"/dicomweb?requestType=WADO&{uids}&contentType=application%2Fdicom"] = {}
    doors[f"/{study}"] = {"Accept": "text/html"}
    doors[f"/{study}?release={release}"] = {"Accept": "text/html"}
    return doors


def _statuses(hub: TestHub, doors: dict[str, dict[str, str]], who: dict[str, str]) -> set[int]:
    return {hub.client.get(path, headers={**headers, **who}).status_code for path, headers in doors.items()}


def _found(hub: TestHub, release: str) -> tuple[int, int, Any]:
    """How many studies searches and explore find."""
    root = hub.client.get("/dicomweb/studies")
    frozen = hub.client.get(f"/dicomweb/releases/{release}/studies")
    page = hub.client.get("/explore").text
    return len(root.json() if root.content else []), len(frozen.json() if frozen.content else []), page.count("thumb")


def test_every_door_is_shut_at_once_and_opens_again(hub: TestHub) -> None:
    """What was answered a moment ago, from memory too, is answered nobody any more; a false alarm gives it all back."""
    made = [Sender().instance(patient=patient) for patient in ("P1", "P2")]
    release = _released(hub, made)
    doors, others = _doors(made[0], release), _doors(made[1], release)
    before = _found(hub, release)
    curator = hub.token(Role.CURATOR)
    for who in ({}, curator):
        assert _statuses(hub, doors, who) == {200}
    one = incident.seal(
        patients=[made[0].item.patient], reason="a name on the film", platform=hub.platform, actor=CURATOR
    )
    for who in ({}, curator, hub.token(Role.CURATOR, dataset="covid-chest"), hub.token(Role.ADMINISTRATOR)):
        assert _statuses(hub, doors, who) == {404, 410}
    assert _statuses(hub, others, {}) == {200}
    assert hub.client.get(instance_address(release, made[0].item.digest)).json()["code"] == "sealed"
    shut = _found(hub, release)
    assert (shut[0], shut[1]) == (before[0] - 1, before[1] - 1)
    assert hub.platform.objects.size(object_key(made[0].item.digest)) is None
    assert hub.platform.objects.size(sealed_key(made[0].item.digest)) == made[0].item.size
    with pytest.raises(NotFound):
        incident.seal(patients=[made[0].item.patient], reason="again", platform=hub.platform, actor=CURATOR)
    with pytest.raises(NotPermitted):
        incident.reopen(one.id, platform=hub.platform, actor=CURATOR)
    incident.reopen(one.id, platform=hub.platform, actor=OPERATOR)
    assert _statuses(hub, doors, {}) == {200}
    assert _found(hub, release) == before
    with pytest.raises(WrongState):
        incident.purge_incident(one.id, platform=hub.platform, actor=OPERATOR)


def test_a_purge_reaches_bytes_feed_holders_and_reentry(hub: TestHub) -> None:
    """Every copy is listed before, and none is left after; who downloaded has a letter; it may never come again."""
    made = [Sender().instance(patient=patient) for patient in ("P1", "P2")]
    release = _released(hub, made)
    email, password = ADMINISTRATOR
    hub.client.post("/api/v1/sessions", json={"email": email, "password": password})
    for one in made:
        assert hub.client.get(instance_address(release, one.item.digest)).status_code == 200
    hub.client.cookies.clear()
    sealed = incident.seal(
        studies=[made[0].item.study_instance_uid], reason="seen", platform=hub.platform, actor=OPERATOR
    )
    copies = incident.copies(sealed.id, platform=hub.platform)
    counts = {place.name: place.count for place in copies.places}
    assert (copies.instances, counts["Objects"], counts["Headers"], copies.releases) == (1, 1, 1, (release,))
    assert [(one.actor, one.instances) for one in copies.downloads] == [("account:1", 2)]
    settled = incident.purge_incident(sealed.id, platform=hub.platform, actor=OPERATOR)
    assert (settled.state, len(settled.withdrawals)) == ("purged", 1)
    _purge(hub.platform, settled.withdrawals[0])
    counts = {place.name: place.count for place in incident.copies(sealed.id, platform=hub.platform).places}
    assert {name for name, count in counts.items() if count} <= {"Entries of releases"}
    for key in (object_key, sealed_key):
        assert hub.platform.objects.size(key(made[0].item.digest)) is None
    feed = hub.client.get("/api/v1/datasets/covid-chest/feed").json()["entries"]
    assert [(one["event"], one["reason"]) for one in feed[-2:]] == [("withdrawn", "identity"), ("released", "")]
    gone = hub.client.get(instance_address(release, made[0].item.digest))
    assert (gone.status_code, gone.json()["code"]) == (410, "withdrawn")
    assert hub.client.get(instance_address(feed[-1]["release"], made[1].item.digest)).status_code == 200
    with reading(hub.platform.engine) as connection:
        found = letters.visible(connection, Actor(id="account:1", roles=frozenset({Role.RESEARCHER})))
    assert [one.address for one in found] == [email]
    assert "radcommons verify" in found[0].body
    assert release in found[0].body
    direct = hub.token(Role.CURATOR, dataset="covid-chest")
    assert hub.store(made[:1], headers=direct).status_code == 409


def test_the_site_that_sent_it_learns_of_it(tmp_path: Path) -> None:
    """The hub's word on the submission says what was sealed, also when it is purged; a false alarm is taken back."""
    with running_hub(tmp_path / "hub", base_url="http://hub.test") as hub:
        sender = Sender()
        headers = hub.join(sender)
        made = [sender.instance(patient=patient) for patient in ("P1", "P2")]
        sent = hub.submit(sender, made, headers=headers)["id"]

        def said() -> list[str]:
            found = hub.submission(sent, headers=headers)["findings"]
            return [one["digest"] for one in found if one["code"] == "identity-incident"]

        assert said() == []
        named = {"digests": [made[0].item.digest], "platform": hub.platform, "actor": OPERATOR}
        sealed = incident.seal(reason="a name on the film", **named)
        assert said() == [made[0].item.digest]
        incident.reopen(sealed.id, platform=hub.platform, actor=OPERATOR)
        assert said() == []
        again = incident.seal(reason="it was one", **named)
        incident.purge_incident(again.id, platform=hub.platform, actor=OPERATOR)
        assert said() == [made[0].item.digest]


def test_who_downloads_is_written_down_before_the_bytes(hub: TestHub) -> None:
    """One row a person, release and day; instances and bytes add up, a range that goes on is no second file."""
    made = Sender().instance()
    release = _released(hub, [made])
    address, who = instance_address(release, made.item.digest), hub.token(Role.RESEARCHER)
    hub.client.head(address, headers=who)
    hub.client.get(address, headers=who)
    hub.client.get(address, headers={**who, "Range": "bytes=100-"})
    hub.client.get(address)
    with reading(hub.platform.engine) as connection:
        assert {one.actor for one in downloads_of(connection, [release])} >= {"anonymous"}
    counts_of(hub.platform.engine).flush()
    with reading(hub.platform.engine) as connection:
        found = {one.actor: (one.instances, one.bytes) for one in downloads_of(connection, [release])}
    assert found.pop("anonymous") == (1, made.item.size)
    assert list(found.values()) == [(1, 2 * made.item.size - 100)]


def test_whoever_takes_instances_by_dicomweb_is_a_holder(hub: TestHub) -> None:
    """At the root and in a release; a picture is none, a curator's and a site's own looks are none."""
    made = Sender().instance()
    release = _released(hub, [made])
    item = made.item
    path = f"studies/{item.study_instance_uid}/series/{item.series_instance_uid}/instances/{item.sop_instance_uid}"
    who = {**hub.token(Role.RESEARCHER), "Accept": "application/dicom"}
    assert hub.client.get(f"/dicomweb/{path}/rendered", headers=hub.token(Role.READER)).status_code == 200
    for headers in (who, {**hub.token(Role.CURATOR), "Accept": "application/dicom"}):
        assert hub.client.get(f"/dicomweb/{path}", headers=headers).status_code == 200
    counts_of(hub.platform.engine).flush()
    with reading(hub.platform.engine) as connection:
        found = [(one.instances, one.bytes) for one in downloads_of(connection, [release])]
    assert found == [(1, item.size)]
    assert hub.client.get(f"/dicomweb/releases/{release}/{path}", headers=who).status_code == 200
    counts_of(hub.platform.engine).flush()
    with reading(hub.platform.engine) as connection:
        assert [one.instances for one in downloads_of(connection, [release])] == [2]


@pytest.mark.parametrize(("named", "reason"), [({}, "x"), ({"digests": ["0" * 64]}, " ")])
def test_nothing_is_sealed_without_a_name_and_a_reason(hub: TestHub, named: dict[str, list[str]], reason: str) -> None:
    """Wrong usage, and nobody but a curator may."""
    with pytest.raises(UsageError):
        incident.seal(**named, reason=reason, platform=hub.platform, actor=CURATOR)
    with pytest.raises(NotPermitted):
        incident.seal(
            digests=["0" * 64], reason="x", platform=hub.platform, actor=Actor(id="x", roles=frozenset({Role.SITE}))
        )


def test_two_incidents_hold_what_both_name(hub: TestHub) -> None:
    """What a second incident names is sealed by the first one alone; its new neighbours are sealed by the second."""
    made = [Sender().instance(patient="P1", number=number) for number in (1, 2)]
    _released(hub, made[:1])
    first = incident.seal(digests=[made[0].item.digest], reason="a name", platform=hub.platform, actor=CURATOR)
    hub.store(made[1:], headers=hub.token(Role.CURATOR, dataset="covid-chest"))
    second = incident.seal(
        studies=[made[0].item.study_instance_uid], reason="its study", platform=hub.platform, actor=CURATOR
    )
    assert (first.instances, second.instances) == (1, 1)
    incident.reopen(second.id, platform=hub.platform, actor=OPERATOR)
    with reading(hub.platform.engine) as connection:
        states = dict(connection.execute(sa.select(t.instance.c.digest, t.instance.c.state)).all())  # type: ignore[arg-type]
    assert states == {made[0].item.digest: "sealed", made[1].item.digest: "accepted"}


# The process ends between the commit and the second object, as by kill -9 or a power cut.
_CUT_OFF = """
import os, sys
from radcommons.platform import objects
for kind in (objects.FileObjects, objects.S3Objects):
    def cut(self, key, to, moved=[], real=kind.move):
        if moved:
            os._exit(137)
        moved.append(key)
        real(self, key, to)
    kind.move = cut
from radcommons.cli.main import main
main(sys.argv[1:])
"""


def _run(hub: ServedHub, *arguments: str, program: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program] if program else [COMMAND]
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **hub.environment},
    )


@pytest.mark.slow
@pytest.mark.production
@pytest.mark.timeout(300)
def test_two_processes_give_nothing_from_that_moment(tmp_path: Path, production_env: dict[str, str]) -> None:
    """PostgreSQL and S3: both web processes refuse at once what a third one sealed and was killed while moving it.

    An address of the store that was handed out before leads nowhere once the job has gone on where it was cut off.
    """
    made = [Sender().instance(patient="P1", number=number) for number in range(1, 5)]
    with served_hub(tmp_path / "hub", environment=production_env) as first:
        second = ServedHub(directory=first.directory, environment=production_env, port=free_port())
        second.start()
        try:
            assert first.store([one.content for one in made], headers=first.token()).status_code == 200
            assert _run(first, "release", "create", str(first.directory)).returncode == 0
            doors = _doors(made[0], "covid-chest-1")
            links = []
            with httpx.Client(trust_env=False, timeout=60) as client:
                for hub in (first, second):
                    for path, headers in doors.items():
                        answer = client.get(hub.url + path, headers=headers)
                        assert answer.status_code in (200, 307), path
                        links += [answer.headers["location"]] if answer.status_code == 307 else []
                assert [client.get(link).status_code for link in links] == [200, 200]
                named = [word for one in made for word in ("--digest", one.item.digest)]
                command = ["hub", "incident", str(first.directory), *named, "--reason", "a name"]
                assert _run(first, *command, program=_CUT_OFF).returncode == 137
                for hub in (first, second):
                    found = {client.get(hub.url + path, headers=headers).status_code for path, headers in doors.items()}
                    assert found == {404, 410}
                second.kill()
                second.environment = {**production_env, "RADCOMMONS_RUN_JOBS": "true"}
                second.start()  # its jobs go on
                _wait(lambda: {client.get(link).status_code for link in links} <= {403, 404})
                listed = _run(first, "hub", "incident", str(first.directory), "--json").stdout
                assert '"state": "sealed"' in listed
        finally:
            if second.process is not None:
                second.kill()
            second.client.close()


def _wait(is_done: Any) -> None:
    import time

    until = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_purge_that_was_cut_off_goes_on(hub: TestHub) -> None:
    """The rows say what is not done yet, and whoever starts next asks for it."""
    made = Sender().instance()
    _released(hub, [made])
    sealed = incident.seal(digests=[made.item.digest], reason="x", platform=hub.platform, actor=OPERATOR)
    before = jobs.ask_again(hub.platform)
    incident.purge_incident(sealed.id, platform=hub.platform, actor=OPERATOR)
    assert jobs.ask_again(hub.platform) == before + 1
