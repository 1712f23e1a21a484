"""Links by which an institution's signing official signs without an account, once."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import requests
from radcommons.catalogue import tables as t
from radcommons.catalogue import tables_access as a
from radcommons.catalogue.requests import Request, new_id
from radcommons.platform.clock import instant, now
from radcommons.platform.keys import SigningKey
from radcommons.records.errors import Conflict, NotFound
from radcommons.records.event import Actor, Role
from radcommons.records.lifecycle import RequestState

GOOD_FOR_DAYS = 30
_READER = Actor(id="system", name="radcommons", roles=frozenset({Role.CURATOR}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signoff:
    """Who is asked to sign for an institution, and until when the link is good."""

    id: str
    request: str
    round: int
    name: str
    email: str
    expires_at: str
    used_at: str | None


def add(connection: sa.Connection, request: Request, *, round: int, name: str, email: str) -> Signoff:
    """Keep that an official is asked, and return the link's identifier."""
    made = Signoff(
        id=new_id("so"),
        request=request.id,
        round=round,
        name=name,
        email=email,
        expires_at=instant(now() + timedelta(days=GOOD_FOR_DAYS)),
        used_at=None,
    )
    connection.execute(
        a.signoff.insert().values(
            id=made.id,
            request_id=request.id,
            round=round,
            name=name,
            email=email,
            created_at=instant(),
            expires_at=made.expires_at,
        )
    )
    return made


def token_of(identifier: str, key: SigningKey) -> str:
    """Return the token of a link: it follows from the hub's key, so that no copy of the database opens it."""
    seal = hmac.digest(key.derived("signoff"), identifier.encode(), "sha256").hex()[:40]
    return f"{identifier}.{seal}"


def by_token(connection: sa.Connection, token: str, key: SigningKey) -> tuple[Signoff, Request]:
    """Return the link and its request.

    Raises
    ------
    NotFound
        If the token is none of ours, was used, is over, or its request has moved on: which of them is not said.
    """
    identifier = token.partition(".")[0]
    is_ours = hmac.compare_digest(token_of(identifier, key).encode(), token.encode())
    row: sa.Row[Any] | None = None
    if is_ours:
        row = connection.execute(sa.select(a.signoff).where(a.signoff.c.id == identifier)).one_or_none()
    if row is None or row.used_at is not None or row.expires_at < instant():
        raise NotFound("This link is not good, or no longer.", mend="Ask the applicant to send the request again.")
    request = requests.visible(connection, _READER, row.request_id)
    if request.round != row.round or request.state is not RequestState.SUBMITTED:
        raise NotFound("This link is not good, or no longer.", mend="Ask the applicant to send the request again.")
    return _signoff(row), request


def use(connection: sa.Connection, signoff: Signoff) -> None:
    """Note that a link was used. Raises Conflict where it was."""
    c = a.signoff.c
    used = connection.execute(
        a.signoff.update().where(c.id == signoff.id, c.used_at.is_(None)).values(used_at=instant())
    )
    if not used.rowcount:
        raise Conflict("This link was used already.")


def waiting(connection: sa.Connection, *, since: str) -> list[tuple[Signoff, Request]]:
    """Return the links that were made before an instant, are good still, and have not been used."""
    c = a.signoff.c
    query = sa.select(a.signoff).where(c.used_at.is_(None), c.created_at < since, c.expires_at > instant())
    found = []
    for row in connection.execute(query).all():
        request = requests.visible(connection, _READER, row.request_id)
        if request.round == row.round and request.state is RequestState.SUBMITTED:
            found.append((_signoff(row), request))
    return found


def _signoff(row: sa.Row[Any]) -> Signoff:
    return Signoff(
        id=row.id,
        request=row.request_id,
        round=row.round,
        name=row.name,
        email=row.email,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


def account_named(connection: sa.Connection, email: str) -> int | None:
    """Return the account of an address, None where it has none."""
    query = sa.select(t.account.c.id).where(t.account.c.email == email.casefold(), t.account.c.disabled_at.is_(None))
    return connection.execute(query).scalar_one_or_none()
