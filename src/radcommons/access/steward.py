"""Steward: set what a dataset asks of whoever wants it. A curator does so; every change is in the audit trail."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa

from radcommons.catalogue import access_terms
from radcommons.catalogue.access_terms import Agreement, Offer
from radcommons.catalogue.journal import record
from radcommons.catalogue.sites import DEFAULT_TERMS, Dataset, create_dataset
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.access_policy import AccessPolicy, check_policy
from radcommons.records.access_request import cleaned
from radcommons.records.countries import COUNTRIES
from radcommons.records.documents import digest
from radcommons.records.duo import TERMS, Kind
from radcommons.records.errors import UsageError
from radcommons.records.event import Actor, Event, Role
from radcommons.records.identifiers import DATASET_PATTERN
from radcommons.records.terms import Terms, Tier

LONGEST_AGREEMENT = 100_000


def offered(name: str, *, platform: Platform) -> Offer:
    """Return what a dataset asks; that is public. Raises NotFound."""
    with reading(platform.engine) as connection:
        return access_terms.offer(connection, name)


def create(name: str, *, title: str, tier: Tier, steward: str, platform: Platform, actor: Actor) -> None:
    """Begin a dataset: a line of releases with terms of its own.

    Raises
    ------
    SignInRequired, NotPermitted
    UsageError
        If the name is none, or title or steward is missing.
    Conflict
        If the name is taken.
    """
    authorize(actor, Role.CURATOR)
    if not re.fullmatch(DATASET_PATTERN, name):
        raise UsageError(
            "This is no name of a dataset: it stands in addresses for good.",
            mend="Use two to forty small letters, digits and hyphens, a letter first.",
        )
    called, by = cleaned(title)[:200], cleaned(steward)[:200]
    if not called or not by:
        raise UsageError("A dataset has a title and a steward.", mend="Fill in both.")
    with writing(platform.engine) as connection:
        create_dataset(connection, Dataset(name=name, title=called, tier=tier, steward=by, terms=DEFAULT_TERMS))
        _record(connection, "dataset-created", name, actor, tier=tier)


def set_terms(
    name: str, *, title: str, tier: Tier, steward: str, terms: Terms, platform: Platform, actor: Actor
) -> None:
    """Change a dataset's tier and terms; releases follow to a stricter tier at once, and never to a freer one.

    Raises
    ------
    SignInRequired, NotPermitted, NotFound
    UsageError
        If a code of the Data Use Ontology or a country is unknown.
    """
    authorize(actor, Role.CURATOR)
    unknown = [code for code in terms.duo if code not in TERMS or TERMS[code].kind is Kind.PURPOSE]
    if unknown:
        raise UsageError(f"No data use term of a dataset: {', '.join(unknown)}.", mend="See the list of the terms.")
    if any(code not in COUNTRIES for code in terms.geography or ()):
        raise UsageError("One of the countries is unknown.", mend="Use the two letters of ISO 3166-1.")
    with writing(platform.engine) as connection:
        access_terms.offer(connection, name)
        access_terms.revise_dataset(
            connection, name, title=cleaned(title)[:200] or name, tier=tier, steward=cleaned(steward)[:200], terms=terms
        )
        _record(connection, "dataset-terms-set", name, actor, tier=tier, terms=digest(terms))


def set_policy(name: str, *, policy: AccessPolicy, platform: Platform, actor: Actor) -> None:
    """Change how a dataset is asked for; what was submitted before keeps what was promised then.

    Raises
    ------
    SignInRequired, NotPermitted, NotFound
    DocumentError
        If the form does not hold together.
    """
    authorize(actor, Role.CURATOR)
    check_policy(policy)
    with writing(platform.engine) as connection:
        access_terms.offer(connection, name)
        access_terms.put_policy(connection, name, policy)
        _record(connection, "dataset-policy-set", name, actor, policy=digest(policy))


def publish_agreement(name: str, *, title: str, text: str, platform: Platform, actor: Actor) -> Agreement:
    """Publish a new version of a dataset's agreement; older ones can be read for ever.

    Raises
    ------
    SignInRequired, NotPermitted, NotFound
    UsageError
        If title or text is missing, or the text too long.
    """
    authorize(actor, Role.CURATOR)
    kept, head = cleaned(text, lines=True), cleaned(title)[:200]
    if not kept or not head:
        raise UsageError("An agreement has a title and a text.", mend="Fill in both.")
    if len(kept) > LONGEST_AGREEMENT:
        raise UsageError(f"The text is longer than {LONGEST_AGREEMENT} characters.", mend="Shorten it.")
    with writing(platform.engine) as connection:
        access_terms.offer(connection, name)
        made = access_terms.add_agreement(connection, name, title=head, text=kept)
        _record(connection, "agreement-published", name, actor, version=made.version, digest=made.digest)
    return made


def seat_committee(name: str, *, emails: Sequence[str], platform: Platform, actor: Actor) -> None:
    """Make these people the dataset's committee; who is not named loses the seat.

    Raises
    ------
    SignInRequired, NotPermitted, NotFound
    UsageError
        If an address has no account.
    """
    authorize(actor, Role.CURATOR)
    with writing(platform.engine) as connection:
        access_terms.offer(connection, name)
        came, left = access_terms.seat(connection, name, emails=[cleaned(one) for one in emails if one.strip()])
        for number in came:
            _record(connection, "committee-joined", name, actor, account=number)
        for number in left:
            _record(connection, "committee-left", name, actor, account=number)


def _record(connection: sa.Connection, kind: str, name: str, actor: Actor, **details: str | int) -> None:
    record(connection, Event(kind=kind, actor=actor.id, subject=f"dataset:{name}", details=dict(details)))
