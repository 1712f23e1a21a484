"""What a dataset asks of whoever wants it: tier and terms, policy, agreements, and who sits on its committee."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue import tables_access as a
from radcommons.catalogue.sites import Dataset, get_dataset
from radcommons.platform.clock import instant
from radcommons.records.access_policy import DEFAULT_POLICY, AccessPolicy
from radcommons.records.documents import parse, plain
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.event import Role
from radcommons.records.terms import Terms, Tier, strictest

_TIERS = tuple(Tier)  # from free to strict


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One version of the text that is signed; `digest` is the SHA-256 of the text's UTF-8 bytes."""

    dataset: str
    version: int
    digest: str
    title: str
    text: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody on a dataset's committee."""

    account: int
    name: str
    email: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A dataset with all that it asks; `terms` are the strictest of its own and its releases'."""

    dataset: Dataset
    terms: Terms
    policy: AccessPolicy
    agreement: Agreement | None
    members: tuple[Member, ...]

    @property
    def is_askable(self) -> bool:
        """Say whether it can be requested: controlled, with an agreement and enough members to decide."""
        return (
            self.dataset.tier is Tier.CONTROLLED
            and self.agreement is not None
            and len(self.members) >= self.policy.quorum
        )


def offer(connection: sa.Connection, name: str) -> Offer:
    """Return what a dataset asks. Raises NotFound."""
    dataset = get_dataset(connection, name)
    summaries = connection.execute(sa.select(t.release.c.summary).where(t.release.c.dataset == name)).scalars()
    released = [parse(Terms, summary["terms"]) for summary in summaries]
    return Offer(
        dataset=dataset,
        terms=strictest([dataset.terms, *released]),
        policy=policy(connection, name),
        agreement=current_agreement(connection, name),
        members=tuple(members(connection, name)),
    )


def policy(connection: sa.Connection, name: str) -> AccessPolicy:
    """Return a dataset's policy; until a steward sets one, the default."""
    found = connection.execute(
        sa.select(a.access_policy.c.document).where(a.access_policy.c.dataset == name)
    ).scalar_one_or_none()
    return parse(AccessPolicy, found) if found is not None else DEFAULT_POLICY


def put_policy(connection: sa.Connection, name: str, chosen: AccessPolicy) -> None:
    """Keep a dataset's policy."""
    values = {"document": plain(chosen), "changed_at": instant()}
    changed = connection.execute(a.access_policy.update().where(a.access_policy.c.dataset == name).values(**values))
    if not changed.rowcount:
        connection.execute(a.access_policy.insert().values(dataset=name, **values))


def revise_dataset(connection: sa.Connection, name: str, *, title: str, tier: Tier, steward: str, terms: Terms) -> None:
    """Change a dataset. Releases that were freer than its new tier follow at once; none is ever made freer.

    Notes
    -----
    The signed manifest of a release keeps the tier that it was made under; what is served follows the column.
    """
    connection.execute(
        t.dataset.update()
        .where(t.dataset.c.name == name)
        .values(title=title, tier=tier, steward=steward, terms=plain(terms))
    )
    freer = _TIERS[: _TIERS.index(tier)]
    connection.execute(
        t.release.update().where(t.release.c.dataset == name, t.release.c.tier.in_(freer)).values(tier=tier)
    )


def add_agreement(connection: sa.Connection, name: str, *, title: str, text: str) -> Agreement:
    """Keep a new version of a dataset's agreement; the same text again is the version that is there."""
    last = current_agreement(connection, name)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if last is not None and (last.digest, last.title) == (digest, title):
        return last
    made = Agreement(
        dataset=name,
        version=last.version + 1 if last else 1,
        digest=digest,
        title=title,
        text=text,
        created_at=instant(),
    )
    connection.execute(
        a.agreement.insert().values(**{field: getattr(made, field) for field in Agreement.__dataclass_fields__})
    )
    return made


def agreements(connection: sa.Connection, name: str) -> list[Agreement]:
    """Return every version of a dataset's agreement, the newest first."""
    rows = connection.execute(
        sa.select(a.agreement).where(a.agreement.c.dataset == name).order_by(a.agreement.c.version.desc())
    )
    return [Agreement(**row._mapping) for row in rows]


def current_agreement(connection: sa.Connection, name: str) -> Agreement | None:
    """Return the agreement in force."""
    return next(iter(agreements(connection, name)), None)


def agreement(connection: sa.Connection, name: str, version: int) -> Agreement:
    """Return one version of a dataset's agreement. Raises NotFound."""
    row = connection.execute(
        sa.select(a.agreement).where(a.agreement.c.dataset == name, a.agreement.c.version == version)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such agreement.")
    return Agreement(**row._mapping)


def members(connection: sa.Connection, name: str) -> list[Member]:
    """Return who sits on a dataset's committee, by name."""
    c = a.committee_member.c
    rows = connection.execute(
        sa.select(c.account_id, t.account.c.name, t.account.c.email, c.since)
        .join(t.account, t.account.c.id == c.account_id)
        .where(c.dataset == name, t.account.c.disabled_at.is_(None))
        .order_by(t.account.c.name)
    )
    return [Member(account=row.account_id, name=row.name, email=row.email, since=row.since) for row in rows]


def seat(connection: sa.Connection, name: str, *, emails: Iterable[str]) -> tuple[list[int], list[int]]:
    """Make the accounts of these addresses the dataset's committee; return (who came, who left).

    Who comes gets the role that opens the committee's pages; who leaves the last seat loses it.

    Raises
    ------
    UsageError
        If an address has no account; it is not repeated.
    """
    wanted: set[int] = set()
    for place, email in enumerate(emails, start=1):
        query = sa.select(t.account.c.id).where(
            t.account.c.email == email.casefold(), t.account.c.disabled_at.is_(None)
        )
        number = connection.execute(query).scalar_one_or_none()
        if number is None:
            raise UsageError(f"Address {place} has no account.", mend="Invite the person first.")
        wanted.add(number)
    seats = a.committee_member
    held = set(connection.execute(sa.select(seats.c.account_id).where(seats.c.dataset == name)).scalars())
    for number in sorted(wanted - held):
        connection.execute(seats.insert().values(dataset=name, account_id=number, since=instant()))
        _give_role(connection, number)
    for number in sorted(held - wanted):
        connection.execute(seats.delete().where(seats.c.dataset == name, seats.c.account_id == number))
        if not connection.execute(sa.select(seats.c.dataset).where(seats.c.account_id == number)).first():
            own = (t.account_role.c.account_id == number, t.account_role.c.role == Role.COMMITTEE)
            connection.execute(t.account_role.delete().where(*own))
    return sorted(wanted - held), sorted(held - wanted)


def _give_role(connection: sa.Connection, account: int) -> None:
    own = sa.select(t.account_role).where(
        t.account_role.c.account_id == account, t.account_role.c.role == Role.COMMITTEE
    )
    if connection.execute(own).one_or_none() is None:
        connection.execute(t.account_role.insert().values(account_id=account, role=Role.COMMITTEE))
