"""Tokens that people make for themselves: named, with scopes, over after a time, shown once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.journal import tell
from radcommons.catalogue.quick import Prepared, slot
from radcommons.catalogue.tables_identity import personal_token
from radcommons.platform.clock import instant, now
from radcommons.platform.database import writing
from radcommons.platform.identity import PERSONAL_PREFIX, new_token, roles_of_token, token_digest
from radcommons.records.errors import NotFound
from radcommons.records.event import Actor, Role, Scope

_LIVE = Prepared(
    sa.select(
        personal_token.c.id,
        personal_token.c.scopes,
        personal_token.c.last_used_on,
        t.account.c.id,
        t.account.c.name,
        t.account_role.c.role,
    )
    .select_from(
        personal_token.join(t.account, t.account.c.id == personal_token.c.account_id).outerjoin(
            t.account_role, t.account_role.c.account_id == t.account.c.id
        )
    )
    .where(
        personal_token.c.digest == slot("digest"),
        personal_token.c.revoked_at.is_(None),
        personal_token.c.expires_at > slot("now"),
        t.account.c.disabled_at.is_(None),
    )
)


def by_personal_token(engine: sa.Engine, token: str) -> Actor | None:
    """Return the person that a token speaks for, with the roles that its scopes leave; None when it is no live one."""
    moment = now()
    rows = _LIVE.rows(engine, digest=token_digest(token), now=instant(moment))
    if not rows:
        return None
    number, words, last_used_on, account, name, _ = rows[0]
    today = moment.strftime("%Y-%m-%d")
    if last_used_on != today:  # the day is enough, and costs one commit a day
        with writing(engine) as connection:
            mine = personal_token.c.id == number
            connection.execute(personal_token.update().where(mine).values(last_used_on=today))
    scopes = frozenset(map(Scope, words.split()))
    roles = frozenset(Role(row[-1]) for row in rows if row[-1] is not None)
    return Actor(id=f"account:{account}", name=name, roles=roles_of_token(roles, scopes), scopes=scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalToken:
    """One token as lists show it; itself it was shown once."""

    number: int
    name: str
    scopes: tuple[Scope, ...]
    created_at: str
    expires_at: str
    last_used_on: str | None
    is_over: bool


def create(connection: sa.Connection, account: int, *, name: str, scopes: frozenset[Scope], days: int) -> str:
    """Return a new token of an account; only its digest is kept."""
    token = new_token(PERSONAL_PREFIX)
    words = " ".join(sorted(scopes | {Scope.READ}))
    values = {
        "digest": token_digest(token),
        "account_id": account,
        "name": name,
        "scopes": words,
        "created_at": instant(),
        "expires_at": instant(now() + timedelta(days=days)),
    }
    number = connection.execute(personal_token.insert().values(values)).inserted_primary_key[0]  # type: ignore[index]
    tell("personal-token-created", connection, account, token=number, scopes=words, days=days)
    return token


def of_account(connection: sa.Connection, account: int) -> list[PersonalToken]:
    """Return an account's tokens that were not revoked, the newest first."""
    mine = sa.and_(personal_token.c.account_id == account, personal_token.c.revoked_at.is_(None))
    moment = instant()
    rows = connection.execute(sa.select(personal_token).where(mine).order_by(personal_token.c.id.desc()))
    return [
        PersonalToken(
            number=row.id,
            name=row.name,
            scopes=tuple(map(Scope, row.scopes.split())),
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_on=row.last_used_on,
            is_over=row.expires_at <= moment,
        )
        for row in rows
    ]


def revoke(connection: sa.Connection, account: int, number: int) -> None:
    """End a token of an account.

    Raises
    ------
    NotFound
        If the account has no such token.
    """
    mine = sa.and_(
        personal_token.c.id == number, personal_token.c.account_id == account, personal_token.c.revoked_at.is_(None)
    )
    if not connection.execute(personal_token.update().where(mine).values(revoked_at=instant())).rowcount:
        raise NotFound("There is no such token.")
    tell("personal-token-revoked", connection, account, token=number)


def revoke_all(connection: sa.Connection, account: int) -> None:
    """End every token of an account; the caller records why."""
    mine = sa.and_(personal_token.c.account_id == account, personal_token.c.revoked_at.is_(None))
    connection.execute(personal_token.update().where(mine).values(revoked_at=instant()))
