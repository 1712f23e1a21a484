"""Who an account is at an OpenID Connect provider."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue.journal import tell
from radcommons.catalogue.tables_identity import external_identity
from radcommons.platform.clock import instant
from radcommons.records.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """One link between an account and a provider."""

    issuer: str
    subject: str
    linked_at: str


def account_of(connection: sa.Connection, *, issuer: str, subject: str) -> int | None:
    """Return the account that a provider's person has here."""
    mine = sa.and_(external_identity.c.issuer == issuer, external_identity.c.subject == subject)
    return connection.execute(sa.select(external_identity.c.account_id).where(mine)).scalar_one_or_none()


def of_account(connection: sa.Connection, account: int) -> list[External]:
    """Return who an account is elsewhere."""
    rows = connection.execute(sa.select(external_identity).where(external_identity.c.account_id == account))
    return [External(issuer=row.issuer, subject=row.subject, linked_at=row.linked_at) for row in rows]


def link(connection: sa.Connection, account: int, *, issuer: str, subject: str) -> None:
    """Let a provider's person sign in to an account.

    Raises
    ------
    Conflict
        If they have another account here.
    """
    known = account_of(connection, issuer=issuer, subject=subject)
    if known == account:
        return
    if known is not None:
        raise Conflict("This sign-in belongs to another account.", mend="Sign in with it, or unlink it there.")
    values = {"issuer": issuer, "subject": subject, "account_id": account, "linked_at": instant()}
    connection.execute(external_identity.insert().values(values))
    tell("institution-linked", connection, account, issuer=issuer[:120])


def unlink(connection: sa.Connection, account: int, *, issuer: str) -> None:
    """End a provider's way into an account.

    Raises
    ------
    NotFound
        If there is none.
    """
    mine = sa.and_(external_identity.c.account_id == account, external_identity.c.issuer == issuer)
    if not connection.execute(external_identity.delete().where(mine)).rowcount:
        raise NotFound("The account is not linked.")
    tell("institution-unlinked", connection, account, issuer=issuer[:120])
