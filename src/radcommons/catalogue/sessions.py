"""Sessions of people at browsers: begun, listed, ended."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.journal import tell
from radcommons.catalogue.tables_identity import ceremony, link
from radcommons.platform.clock import instant, now
from radcommons.platform.identity import IDLE_HOURS, SESSION_HOURS, new_token, token_digest
from radcommons.records.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser of a person, as their list shows it."""

    handle: str
    agent: str
    method: str
    created_at: str
    seen_at: str


def begin(connection: sa.Connection, account: int, *, method: str, agent: str) -> str:
    """Return the cookie of a new session; only its digest is kept."""
    cookie = new_token()
    values = {
        "digest": token_digest(cookie),
        "account_id": account,
        "created_at": instant(),
        "expires_at": instant(now() + timedelta(hours=SESSION_HOURS)),
        "handle": secrets.token_urlsafe(12),
        "seen_at": instant(),
        "agent": agent,
        "method": method,
        "form_key": new_token(),
    }
    connection.execute(t.session.insert().values(values))
    tell("signed-in", connection, account, method=method)
    return cookie


def end(connection: sa.Connection, *, cookie: str) -> None:
    """End the session of a cookie; an unknown one is fine."""
    digest = token_digest(cookie)
    account = connection.execute(
        sa.select(t.session.c.account_id).where(t.session.c.digest == digest)
    ).scalar_one_or_none()
    if account is not None:
        connection.execute(t.session.delete().where(t.session.c.digest == digest))
        tell("signed-out", connection, account)


def of_account(connection: sa.Connection, account: int) -> list[Session]:
    """Return an account's sessions that are not over, the one used last first."""
    moment = now()
    live = sa.and_(
        t.session.c.account_id == account,
        t.session.c.expires_at > instant(moment),
        t.session.c.seen_at > instant(moment - timedelta(hours=IDLE_HOURS)),
    )
    rows = connection.execute(sa.select(t.session).where(live).order_by(t.session.c.seen_at.desc()))
    return [
        Session(handle=row.handle, agent=row.agent, method=row.method, created_at=row.created_at, seen_at=row.seen_at)
        for row in rows
    ]


def revoke(connection: sa.Connection, account: int, handle: str) -> None:
    """End one session of an account.

    Raises
    ------
    NotFound
        If the account has no such session.
    """
    mine = sa.and_(t.session.c.account_id == account, t.session.c.handle == handle)
    if not connection.execute(t.session.delete().where(mine)).rowcount:
        raise NotFound("There is no such session.")
    tell("session-ended", connection, account)


def end_all(connection: sa.Connection, account: int, *, but: str = "") -> int:
    """End every session of an account but one, and what its browsers have begun; return how many sessions ended."""
    mine = sa.and_(t.session.c.account_id == account, t.session.c.handle != but)
    connection.execute(ceremony.delete().where(ceremony.c.account_id == account))
    return connection.execute(t.session.delete().where(mine)).rowcount


def end_others(connection: sa.Connection, account: int, *, but: str, by: str = "") -> int:
    """End every session of an account but one, as its person or an administrator asked, and return how many."""
    ended = end_all(connection, account, but=but)
    tell("session-ended", connection, account, by=by, sessions=ended)
    return ended


def forget_over(connection: sa.Connection) -> None:
    """Drop sessions and ceremonies that are over, and links a month after they are."""
    moment = now()
    idle = t.session.c.seen_at <= instant(moment - timedelta(hours=IDLE_HOURS))
    connection.execute(t.session.delete().where(sa.or_(t.session.c.expires_at <= instant(moment), idle)))
    connection.execute(ceremony.delete().where(ceremony.c.expires_at <= instant(moment)))
    connection.execute(link.delete().where(link.c.expires_at <= instant(moment - timedelta(days=30))))
