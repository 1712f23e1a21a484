"""The access road on a running hub: its jobs send the letters, the official's link comes by mail, a token gets in."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from radcommons.access import request as verbs
from radcommons.catalogue import letters, personal_tokens
from radcommons.catalogue.accounts import by_cookie
from radcommons.catalogue.grants import with_grants
from radcommons.catalogue.journal import leave_job
from radcommons.platform.clock import instant, now
from radcommons.platform.database import reading, writing
from radcommons.records.access_policy import DEFAULT_POLICY
from radcommons.records.documents import plain
from radcommons.records.event import Role, Scope
from radcommons.testing.hubs import TestHub, running_hub
from radcommons.testing.sender import Sender
from unit.access.controlled import ANSWERS
from unit.access.people import a_session, an_account

DATASET = "covid-chest"
_PATIENCE_S = 30.0


@dataclass
class Mailbox:
    """What a mail server on this machine took; it can be away, and take a letter without saying so."""

    taken: list[EmailMessage] = field(default_factory=list)
    is_away: bool = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.is_away:
            return "451 Come again"
        self.taken.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """Return the letters to an address."""
        return [one for one in self.taken if one["To"] == address]

    def wait_for(self, address: str, words: str) -> EmailMessage:
        """Return the first letter to an address whose subject has these words."""
        return _eventually(lambda: next((one for one in self.to(address) if words in one["Subject"]), None))


def _eventually(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


@pytest.fixture(scope="module")
def mail() -> Iterator[tuple[Mailbox, int]]:
    """A real SMTP server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, mail: tuple[Mailbox, int]) -> Iterator[TestHub]:
    """A hub with one controlled release, an agreement and a committee of two, all set by its API."""
    chosen = {
        "smtp_url": f"smtp://127.0.0.1:{mail[1]}",
        "smtp_sender": "commons@hub.example",
        "base_url": "http://hub.test",
    }
    with running_hub(tmp_path_factory.mktemp("road"), **chosen) as made:
        _prepare(made)
        yield made


def _prepare(hub: TestHub) -> None:
    sender = Sender()
    direct = hub.token(Role.SITE, dataset=DATASET)
    assert hub.store([sender.instance()], headers=direct).status_code == 200
    curator = hub.token(Role.CURATOR)
    for name, role in (("ada", Role.RESEARCHER), ("una", Role.READER), ("dos", Role.READER)):
        an_account(hub.platform.engine, email=f"{name}@uni.example", name=name.title(), role=role)
    policy = {**plain(DEFAULT_POLICY), "promised_days": 9}
    terms = {"license": "CC-BY-4.0", "duo": ["DUO:0000042"], "geography": ["DE"]}
    body = {"title": "Chests", "tier": "controlled", "steward": "Society", "terms": terms, "policy": policy}
    put = hub.client.put(f"/api/v1/datasets/{DATASET}/access", json=body, headers=curator)
    assert put.status_code == 200, put.text
    text = {"title": "Agreement", "text": "You keep it."}
    assert hub.client.post(f"/api/v1/datasets/{DATASET}/agreements", json=text, headers=curator).status_code == 201
    seats = {"emails": ["una@uni.example", "dos@uni.example"]}
    assert hub.client.put(f"/api/v1/datasets/{DATASET}/committee", json=seats, headers=curator).status_code == 200
    assert hub.client.get(f"/api/v1/datasets/{DATASET}/access").json()["is_askable"]
    released = hub.client.post("/api/v1/releases", json={"dataset": DATASET}, headers=curator)
    assert (released.status_code, released.json()["tier"]) == (201, "controlled")


@dataclass
class At:
    """A person at a browser of the hub."""

    hub: TestHub
    account: int

    def __post_init__(self) -> None:
        self.cookie, self.key = a_session(self.hub.platform.engine, self.account)

    def post(self, path: str, **values: Any) -> Any:
        headers = {"Cookie": f"radcommons_session={self.cookie}", "Accept": "text/html"}
        data = {"form_key": self.key, **values}
        return self.hub.client.post(path, data=data, headers=headers, follow_redirects=False)

    def get(self, path: str) -> Any:
        return self.hub.client.get(path, headers={"Cookie": f"radcommons_session={self.cookie}"})


def _who(hub: TestHub, name: str) -> At:
    listed = hub.client.get("/api/v1/people", headers=hub.token(Role.ADMINISTRATOR)).json()["people"]
    return At(hub, next(one["number"] for one in listed if one["email"] == f"{name}@uni.example"))


def _submitted(hub: TestHub, ada: At) -> str:
    actor = by_cookie(hub.platform.engine, ada.cookie)
    assert actor is not None
    asked = with_grants(hub.platform.engine, actor.actor)
    made = verbs.begin(DATASET, platform=hub.platform, actor=asked)
    verbs.save(made, given=ANSWERS, is_emergency=False, revision=1, platform=hub.platform, actor=asked)
    verbs.submit(made, typed_name="Ada Applicant", version=1, revision=2, platform=hub.platform, actor=asked)
    return made


def test_the_road_by_mail(hub: TestHub, mail: tuple[Mailbox, int], tmp_path: Path) -> None:
    """Link, question, decision and revocation come by e-mail; a personal token downloads until the grant is revoked."""
    box, _ = mail
    ada, una, dos = (_who(hub, name) for name in ("ada", "una", "dos"))
    with writing(hub.platform.engine) as connection:
        scopes = frozenset({Scope.READ, Scope.DOWNLOAD})
        token = personal_tokens.create(connection, ada.account, name="laptop", scopes=scopes, days=1)
        narrow = personal_tokens.create(connection, ada.account, name="phone", scopes=frozenset(), days=1)
    own = {"Authorization": f"Bearer {token}"}
    door = f"/api/v1/releases/{DATASET}-1/manifest.json"
    assert hub.client.get(door, headers=own).status_code == 403

    made = _submitted(hub, ada)
    letter = box.wait_for("dean@uni.example", "Please sign")
    link = re.search(r"http://hub\.test(/sign/\S+)", letter.get_content())
    assert link is not None
    assert "Agreement" in hub.client.get(link[1]).text
    signed = hub.client.post(link[1], data={"act": "sign", "typed_name": "Dean Official"})
    assert "Signed. Thank you." in signed.text
    box.wait_for("una@uni.example", "A request waits")

    una.post(f"/committee/{made}", act="ask", text="Which scanners?")
    assert "Which scanners?" in box.wait_for("ada@uni.example", "A question").get_content()
    ada.post(f"/requests/{made}/messages", body="All.")
    for member in (una, dos):
        assert member.post(f"/committee/{made}", act="vote", vote="approve").status_code == 303
    una.post(f"/committee/{made}", act="approve", text="Sound.", conditions="Cite us.")
    assert "Cite us." in box.wait_for("ada@uni.example", "Approved").get_content()
    box.wait_for("bo@uni.example", "You are named")

    assert hub.client.get(door, headers=own).status_code == 200
    assert hub.client.get("/api/v1/grants", headers=own).json()["grants"][0]["is_open"]
    assert hub.client.get(f"/dicomweb/releases/{DATASET}-1/studies", headers=own).status_code == 200
    looks = {"Authorization": f"Bearer {narrow}"}
    assert hub.client.post(f"/requests/{made}/withdraw", headers=looks).status_code == 403  # it may only look
    digest = hub.client.get(door, headers=own).json()["items"][0]["digest"]
    assert hub.client.get(f"/api/v1/releases/{DATASET}-1/instances/{digest}", headers=own).status_code == 200

    grant = hub.client.get("/api/v1/grants", headers=own).json()["grants"][0]["id"]
    assert una.post(f"/grants/{grant}/revoke", reason="Copied elsewhere.").status_code == 303
    assert hub.client.get(door, headers=own).status_code == 403
    assert hub.client.get(f"/api/v1/releases/{DATASET}-1/instances/{digest}", headers=own).status_code == 403
    assert "Copied elsewhere." in box.wait_for("ada@uni.example", "revoked").get_content()
    assert "sent by e-mail" in _eventually(lambda: ada.get("/messages")).text


def test_a_server_that_is_away_loses_nothing(hub: TestHub, mail: tuple[Mailbox, int]) -> None:
    """What it refuses for now is sent later, and each letter is sent once."""
    box, _ = mail
    ada = _who(hub, "ada")
    box.is_away = True
    box.taken.clear()
    made = _submitted(hub, ada)
    time.sleep(0.5)
    assert box.taken == []
    box.is_away = False
    box.wait_for("dean@uni.example", "Please sign")
    box.wait_for("ada@uni.example", "submitted")
    ada.post(f"/requests/{made}/withdraw")
    names = [one["Message-ID"] for one in box.taken]
    assert len(names) == len(set(names))


def test_a_tokens_own_dataset_gives_no_grant(hub: TestHub) -> None:
    """A direct token of a dataset, a site's token and a researcher's that is nobody's own have no grant."""
    door = f"/api/v1/releases/{DATASET}-1/manifest.json"
    for headers in (hub.token(Role.RESEARCHER), hub.token(Role.READER), hub.token(Role.SITE, dataset=DATASET)):
        assert hub.client.get(door, headers=headers).status_code == 403
        assert hub.client.get("/api/v1/grants", headers=headers).status_code == 403


def test_links_of_officials_are_in_no_table(hub: TestHub, mail: tuple[Mailbox, int]) -> None:
    """Whoever reads the database finds no link that signs."""
    box, _ = mail
    _submitted(hub, _who(hub, "ada"))
    letter = box.wait_for("dean@uni.example", "Please sign")
    token = re.search(r"/sign/(\S+)", letter.get_content())
    assert token is not None
    seal = token[1].partition(".")[2]
    with reading(hub.platform.engine) as connection:
        dumped = "\n".join(connection.connection.dbapi_connection.iterdump())  # type: ignore[union-attr]
    assert seal not in dumped


def test_two_jobs_send_a_letter_once(hub: TestHub, mail: tuple[Mailbox, int]) -> None:
    """However many jobs are asked for one letter, it goes out once; what a dead job held is taken again later."""
    box, _ = mail
    ada = _who(hub, "ada")
    with writing(hub.platform.engine) as connection:
        draft = letters.to_account(connection, ada.account, key="once", subject="Once", body="Once.")
        letters.write(connection, draft, draft)
        number = connection.execute(sa.text("SELECT max(id) FROM letter")).scalar_one()
        for _ in range(5):
            leave_job(connection, letters.SEND_JOB, argument=str(number))
    box.wait_for("ada@uni.example", "Once")
    time.sleep(0.5)
    assert len([one for one in box.taken if one["Subject"] == "Once"]) == 1
    with writing(hub.platform.engine) as connection:
        held = sa.text("UPDATE letter SET sent_at = NULL, taken_at = :now WHERE id = :id")
        connection.execute(held, {"now": instant(), "id": number})
        assert letters.take(connection, number, stale=instant(now() - timedelta(minutes=5))) is None
        assert letters.take(connection, number, stale=instant(now() + timedelta(minutes=5))) is not None
