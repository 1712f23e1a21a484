"""A commons with a controlled dataset: people at browsers, an agreement, a committee of three, one release."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from radcommons.access import request as verbs
from radcommons.access import road, steward
from radcommons.catalogue import letters
from radcommons.catalogue.accounts import by_cookie
from radcommons.catalogue.grants import with_grants
from radcommons.catalogue.letters import Kept
from radcommons.catalogue.signoffs import token_of
from radcommons.platform.database import reading
from radcommons.records.access_policy import DEFAULT_POLICY
from radcommons.records.event import Actor, Role
from radcommons.records.terms import Terms, Tier
from unit.access.commons import CURATOR, Commons, image
from unit.access.people import a_session, an_account

DATASET = "sealed"
TEXT = "1. You keep the data to yourselves.\n2. You try to identify nobody.\n3. You delete what you have at the end."
TERMS = Terms(license="CC-BY-NC-4.0", duo=("DUO:0000006", "DUO:0000021", "DUO:0000046"), geography=("DE", "FR"))
ANSWERS: dict[str, list[str]] = {
    "title": ["Lung involvement over time"],
    "purpose": ["Whether involvement on the first CT tells of the course."],
    "plan": ["Segment lungs, measure involvement, compare with outcome."],
    "lay_summary": ["We look at pictures of lungs to learn who will need more help."],
    "purposes": ["DUO:0000037", "DUO:0000040"],
    "disease": ["COVID-19"],
    "months": ["12"],
    "publish": ["yes"],
    "institution": ["University of Somewhere"],
    "organisation": ["not for profit"],
    "country": ["DE"],
    "people_name": ["Bo Named", ""],
    "people_institution": ["University of Somewhere", ""],
    "people_email": ["bo@uni.example", ""],
    "official_name": ["Dean Official"],
    "official_email": ["dean@uni.example"],
    "ethics": ["Ethics committee of Somewhere, 12/2026"],
    "storage": ["On an encrypted server of the department."],
}


@dataclass
class Visitor:
    """A person at a browser: a client of their own, signed in."""

    client: TestClient
    account: int
    cookie: str
    form_key: str
    commons: Controlled

    def get(self, path: str) -> Response:
        """Return a page."""
        return self.client.get(path, follow_redirects=False)

    def post(self, path: str, **values: Any) -> Response:
        """Send a form with the session's key."""
        return self.client.post(path, data={"form_key": self.form_key, **values}, follow_redirects=False)

    @property
    def actor(self) -> Actor:
        """Return who the hub takes this person for now, grants included."""
        found = by_cookie(self.commons.platform.engine, self.cookie)
        assert found is not None
        return with_grants(self.commons.platform.engine, found.actor)


class Controlled(Commons):
    """A commons with one controlled dataset that can be asked for."""

    made: FastAPI | None = None
    places: dict[str, str]

    def begun(self, actor: Actor) -> str:
        """Return a draft with something missing and something that conflicts."""
        made = verbs.begin(DATASET, platform=self.platform, actor=actor)
        given = {**ANSWERS, "country": ["US"], "storage": [""]}
        verbs.save(made, given=given, is_emergency=False, revision=1, platform=self.platform, actor=actor)
        return made

    def prepare(self, **policy: Any) -> None:
        """Make dataset, release, people, agreement and committee."""
        self.dataset(DATASET, tier=Tier.CONTROLLED)
        self.load(image(uid="2.25.90.1", study="2.25.91", series="2.25.92"), dataset=DATASET)
        self.release(DATASET)
        ports = self.platform
        self.people = {
            name: self._person(name, role)
            for name, role in (
                ("ada", Role.RESEARCHER),
                ("bo", Role.RESEARCHER),
                ("eve", Role.RESEARCHER),
                ("curator", Role.CURATOR),
                ("una", Role.READER),
                ("dos", Role.READER),
                ("tre", Role.READER),
            )
        }
        steward.set_terms(
            DATASET, title="Sealed lungs", tier=Tier.CONTROLLED, steward="The coalition", terms=TERMS, platform=ports,
            actor=CURATOR,
        )  # fmt: skip
        steward.set_policy(DATASET, policy=replace(DEFAULT_POLICY, **policy), platform=ports, actor=CURATOR)
        steward.publish_agreement(DATASET, title="Data use agreement", text=TEXT, platform=ports, actor=CURATOR)
        members = [f"{name}@uni.example" for name in ("una", "dos", "tre")]
        steward.seat_committee(DATASET, emails=members, platform=ports, actor=CURATOR)

    def _person(self, name: str, role: Role) -> Visitor:
        account = an_account(self.platform.engine, email=f"{name}@uni.example", name=name.title(), role=role)
        cookie, form_key = a_session(self.platform.engine, account)
        client = TestClient(self.app(), cookies={"radcommons_session": cookie})
        return Visitor(client=client, account=account, cookie=cookie, form_key=form_key, commons=self)

    def app(self) -> FastAPI:
        """Return an app of the zone with the access road; it is one for all people."""
        if self.made is None:
            self.made = super().app()
            for router in road.routers():
                self.made.include_router(router)
        return self.made

    def submitted(self, who: str = "ada", *, is_emergency: bool = False, **changed: list[str]) -> str:
        """Let a person write, sign and submit a request."""
        ports, actor = self.platform, self.people[who].actor
        made = verbs.begin(DATASET, is_emergency=is_emergency, platform=ports, actor=actor)
        given = {**ANSWERS, "emergency": ["An outbreak."], "authority": ["The ministry."], **changed}
        verbs.save(made, given=given, is_emergency=is_emergency, revision=1, platform=ports, actor=actor)
        verbs.submit(made, typed_name="Ada Applicant", version=1, revision=2, platform=ports, actor=actor)
        return made

    def letters(self, occasion: str = "") -> list[Kept]:
        """Return the letters of an occasion, the newest first."""
        number = 1
        found: list[Kept] = []
        with reading(self.platform.engine) as connection:
            while (one := letters.get(connection, number)) is not None:
                found.insert(0, one)
                number += 1
        return [one for one in found if one.key.startswith(occasion)]

    def link(self) -> str:
        """Return the token of the newest letter to a signing official."""
        newest = self.letters("official")[0]
        assert newest.signoff is not None
        return token_of(newest.signoff, self.platform.signing_key)

    def endorsed(self, **changed: Any) -> str:
        """Let a request be submitted and signed for the institution."""
        made = self.submitted(**changed)
        verbs.endorse(self.link(), typed_name="Dean Official", platform=self.platform)
        return made


def new_commons(directory: Path, **policy: Any) -> Controlled:
    """Return a prepared commons in a folder."""
    made = Controlled(directory)
    made.prepare(**policy)
    return made


def form_value(html: str, name: str) -> str:
    """Return the value of a form's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, name
    return found[1]
