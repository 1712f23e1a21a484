"""The demo's controlled dataset: it can be asked for, with terms, an agreement and a committee of one."""

from __future__ import annotations

from dataclasses import replace

from radcommons.access import steward
from radcommons.catalogue import sites
from radcommons.catalogue.sites import Dataset
from radcommons.platform.database import reading, writing
from radcommons.platform.ports import Platform
from radcommons.records.access_policy import DEFAULT_POLICY
from radcommons.records.event import Actor, Role
from radcommons.records.terms import Terms, Tier

NAME = "chest-follow-up"
_TITLE = "Chest CT with follow-up"
_TERMS = Terms(license="CC-BY-NC-4.0", duo=("DUO:0000006", "DUO:0000021", "DUO:0000046"))
_ABOUT = "Invented patients, followed for a year. Nothing is in it yet: it shows how a controlled dataset is asked for."
_WHO = "Researchers of institutions that do not work for profit, with an ethics approval."
_AGREEMENT = """1. The data serve the project that was approved, and nothing else.
2. Only the people whom the request names work with them.
3. Nobody attempts to identify a person, or to put records of one person together with others.
4. The data lie encrypted where the request says, and are passed on to nobody.
5. Results are published, and the release is cited.
6. Whoever finds something that identifies a person tells the steward on the same day and stops.
7. At the end every copy is deleted, derived images included, and that is attested."""
_OPERATOR = Actor(id="system", name="radcommons", roles=frozenset({Role.CURATOR}))


def add_controlled(platform: Platform, *, member: str) -> None:
    """Make the dataset once, with the person of address `member` as its committee."""
    with reading(platform.engine) as connection:
        if sites.find_dataset(connection, NAME) is not None:
            return
    with writing(platform.engine) as connection:
        sites.create_dataset(
            connection, Dataset(name=NAME, title=_TITLE, tier=Tier.CONTROLLED, steward="Demo Society", terms=_TERMS)
        )
    policy = replace(DEFAULT_POLICY, about=_ABOUT, who_may=_WHO, promised_days=10, quorum=1)
    steward.set_policy(NAME, policy=policy, platform=platform, actor=_OPERATOR)
    steward.publish_agreement(NAME, title="Data use agreement", text=_AGREEMENT, platform=platform, actor=_OPERATOR)
    steward.seat_committee(NAME, emails=[member], platform=platform, actor=_OPERATOR)
