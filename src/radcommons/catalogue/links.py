"""Links that are good once and for a while: an invitation, the confirmation of an address, a new password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.tables_identity import link
from radcommons.platform.clock import instant, now
from radcommons.platform.identity import new_token, token_digest
from radcommons.records.errors import NotFound
from radcommons.records.event import Role

_PREFIX = "rcl_"


class Kind(StrEnum):
    """What a link is for."""

    INVITE = "invite"
    CONFIRM = "confirm"
    RESET = "reset"


HOURS = {Kind.INVITE: 7 * 24, Kind.CONFIRM: 24, Kind.RESET: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that can be followed; `account` is whose password it resets."""

    number: int
    kind: Kind
    email: str
    name: str
    roles: frozenset[Role]
    account: int | None
    made_by: str
    created_at: str
    expires_at: str


def make(
    connection: sa.Connection,
    kind: Kind,
    *,
    email: str,
    by: str,
    name: str = "",
    roles: frozenset[Role] = frozenset(),
    account: int | None = None,
) -> str:
    """Return the token of a new link; earlier ones of this kind for the address end."""
    earlier = sa.and_(link.c.email == email, link.c.kind == kind, link.c.used_at.is_(None))
    connection.execute(link.delete().where(earlier))
    token = new_token(_PREFIX)
    values = {
        "digest": token_digest(token),
        "kind": kind,
        "account_id": account,
        "email": email,
        "name": name,
        "roles": sorted(roles),
        "made_by": by,
        "created_at": instant(),
        "expires_at": instant(now() + timedelta(hours=HOURS[kind])),
    }
    connection.execute(link.insert().values(values))
    return token


def find(connection: sa.Connection, token: str) -> Link | None:
    """Return what a token is for, None when it was used, is too old, never was, or its account is disabled."""
    row = connection.execute(_live().where(link.c.digest == token_digest(token))).one_or_none()
    return _link(row) if row is not None else None


def use(connection: sa.Connection, number: int) -> bool:
    """Use a link and say whether nobody else has."""
    unused = sa.and_(link.c.id == number, link.c.used_at.is_(None))
    return bool(connection.execute(link.update().where(unused).values(used_at=instant())).rowcount)


def open_invitations(connection: sa.Connection) -> list[Link]:
    """Return the invitations that nobody has followed, the newest first."""
    query = _live().where(link.c.kind == Kind.INVITE).order_by(link.c.id.desc())
    return [_link(row) for row in connection.execute(query)]


def take_back(connection: sa.Connection, number: int) -> str:
    """End an invitation and return its address.

    Raises
    ------
    NotFound
        If there is none that could be followed.
    """
    mine = sa.and_(link.c.id == number, link.c.kind == Kind.INVITE, link.c.used_at.is_(None))
    email = connection.execute(sa.select(link.c.email).where(mine)).scalar_one_or_none()
    if email is None:
        raise NotFound("There is no such invitation.")
    connection.execute(link.delete().where(mine))
    return str(email)


def end_all(connection: sa.Connection, account: int) -> None:
    """End every link that resets an account's password."""
    connection.execute(link.delete().where(link.c.account_id == account, link.c.used_at.is_(None)))


def _live() -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(link)
        .select_from(link.outerjoin(t.account, t.account.c.id == link.c.account_id))
        .where(link.c.used_at.is_(None), link.c.expires_at > instant(), t.account.c.disabled_at.is_(None))
    )


def _link(row: sa.Row[tuple[object, ...]]) -> Link:
    return Link(
        number=row.id,
        kind=Kind(row.kind),
        email=row.email,
        name=row.name,
        roles=frozenset(map(Role, row.roles)),
        account=row.account_id,
        made_by=row.made_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
