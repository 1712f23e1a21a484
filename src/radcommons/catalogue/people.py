"""Everybody with an account, for administrators: who they are, what they may do, and that it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import links, personal_tokens, sessions
from radcommons.catalogue import tables as t
from radcommons.catalogue.journal import tell
from radcommons.catalogue.tables_identity import external_identity, passkey, second_factor
from radcommons.platform.clock import instant
from radcommons.records.errors import Conflict, NotFound
from radcommons.records.event import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One account as its administrator sees it; `proofs` says how the person can prove who they are."""

    number: int
    email: str
    name: str
    roles: tuple[Role, ...]
    proofs: tuple[str, ...]
    created_at: str
    signed_in_at: str | None
    disabled_at: str | None


def count(connection: sa.Connection, *, text: str = "", role: Role | None = None) -> int:
    """Return how many people a search finds."""
    query = sa.select(sa.func.count()).select_from(t.account).where(_found(text, role))
    return int(connection.execute(query).scalar_one())


def people(
    connection: sa.Connection, *, text: str = "", role: Role | None = None, limit: int, offset: int = 0
) -> list[Person]:
    """Return people by name, those who were disabled last."""
    order = (t.account.c.disabled_at.is_not(None), sa.func.lower(t.account.c.name), t.account.c.id)
    query = sa.select(t.account).where(_found(text, role)).order_by(*order).limit(limit).offset(offset)
    return _persons(connection, connection.execute(query).all())


def count_address(connection: sa.Connection, email: str) -> int:
    """Return how many accounts an address has, disabled ones included: one or none."""
    query = sa.select(sa.func.count()).select_from(t.account).where(t.account.c.email == email)
    return int(connection.execute(query).scalar_one())


def person(connection: sa.Connection, number: int) -> Person:
    """Return one person.

    Raises
    ------
    NotFound
        If there is no such account.
    """
    rows = connection.execute(sa.select(t.account).where(t.account.c.id == number)).all()
    if not rows:
        raise NotFound("There is no such account.")
    return _persons(connection, rows)[0]


def _found(text: str, role: Role | None) -> sa.ColumnElement[bool]:
    conditions: list[sa.ColumnElement[bool]] = [sa.true()]
    if text:
        pattern = sa.func.lower(t.account.c.name).contains(text.casefold(), autoescape=True)
        conditions.append(sa.or_(pattern, t.account.c.email.contains(text.casefold(), autoescape=True)))
    if role is not None:
        has = sa.exists().where(t.account_role.c.account_id == t.account.c.id, t.account_role.c.role == role)
        conditions.append(has)
    return sa.and_(*conditions)


def _persons(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[Person]:
    numbers = [row.id for row in rows]
    roles: dict[int, list[Role]] = {number: [] for number in numbers}
    held = sa.select(t.account_role).where(t.account_role.c.account_id.in_(numbers))
    for one in connection.execute(held):
        roles[one.account_id].append(Role(one.role))
    proofs = _proofs(connection, numbers)
    seen = _signed_in(connection, numbers)
    return [
        Person(
            number=row.id,
            email=row.email,
            name=row.name,
            roles=tuple(sorted(roles[row.id])),
            proofs=(("password",) if row.password_hash else ()) + tuple(proofs[row.id]),
            created_at=row.created_at,
            signed_in_at=seen.get(row.id),
            disabled_at=row.disabled_at,
        )
        for row in rows
    ]


def _proofs(connection: sa.Connection, numbers: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {number: [] for number in numbers}
    for name, table in (("code", second_factor), ("passkey", passkey), ("institution", external_identity)):
        query = sa.select(table.c.account_id).where(table.c.account_id.in_(numbers)).distinct()
        for number in connection.execute(query).scalars():
            found[number].append(name)
    return found


def _signed_in(connection: sa.Connection, numbers: list[int]) -> dict[int, str]:
    subjects = {f"account:{number}": number for number in numbers}
    event = t.audit_event.c
    query = (
        sa.select(event.subject, sa.func.max(event.at))
        .where(event.kind == "signed-in", event.subject.in_(list(subjects)))
        .group_by(event.subject)
    )
    return {subjects[subject]: at for subject, at in connection.execute(query)}


def set_roles(connection: sa.Connection, number: int, roles: frozenset[Role], *, by: str) -> None:
    """Give a person these roles and no others; nothing happens when they have them.

    Raises
    ------
    NotFound
        If there is no such account.
    Conflict
        If nobody could administer any more.
    """
    before = frozenset(person(connection, number).roles)
    if before == roles:
        return
    if Role.ADMINISTRATOR in before - roles:
        _another_administrator(connection, number)
    connection.execute(t.account_role.delete().where(t.account_role.c.account_id == number))
    if roles:
        connection.execute(t.account_role.insert(), [{"account_id": number, "role": role} for role in sorted(roles)])
    given, taken = ",".join(sorted(roles - before)), ",".join(sorted(before - roles))
    tell("roles-changed", connection, number, by=by, given=given, taken=taken)


def disable(connection: sa.Connection, number: int, *, by: str) -> None:
    """End a person's access: their sessions, tokens and links at once, and every sign-in from now on.

    Raises
    ------
    NotFound
        If there is no such account.
    Conflict
        If it is disabled, or nobody could administer any more.
    """
    found = person(connection, number)
    if found.disabled_at is not None:
        raise Conflict("The account is disabled already.")
    if Role.ADMINISTRATOR in found.roles:
        _another_administrator(connection, number)
    connection.execute(t.account.update().where(t.account.c.id == number).values(disabled_at=instant()))
    ended = sessions.end_all(connection, number)
    personal_tokens.revoke_all(connection, number)
    links.end_all(connection, number)
    tell("account-disabled", connection, number, by=by, sessions=ended)


def enable(connection: sa.Connection, number: int, *, by: str) -> None:
    """Let a person sign in again; tokens that ended stay so.

    Raises
    ------
    NotFound
        If there is no such account.
    Conflict
        If it is not disabled.
    """
    if person(connection, number).disabled_at is None:
        raise Conflict("The account is not disabled.")
    connection.execute(t.account.update().where(t.account.c.id == number).values(disabled_at=None))
    tell("account-enabled", connection, number, by=by)


def _another_administrator(connection: sa.Connection, number: int) -> None:
    """Hold the row of every administrator, so that two at once cannot take the role from each other."""
    others = (
        sa.select(t.account.c.id)
        .join(t.account_role, t.account_role.c.account_id == t.account.c.id)
        .where(t.account_role.c.role == Role.ADMINISTRATOR, t.account.c.disabled_at.is_(None), t.account.c.id != number)
        .order_by(t.account.c.id)
    )
    everybody = sa.select(t.account_role.c.account_id).where(t.account_role.c.role == Role.ADMINISTRATOR)
    connection.execute(everybody.order_by(t.account_role.c.account_id).with_for_update())
    if connection.execute(others.limit(1)).first() is None:
        raise Conflict("This is the last administrator.", mend="Give somebody else the role first.")
