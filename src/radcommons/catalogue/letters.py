"""Letters: written in the transaction of what they tell of, shown in the portal, and sent by the job that follows."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue import tables_access as a
from radcommons.catalogue.journal import leave_job
from radcommons.catalogue.visibility import visible_letters
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.records.access_request import cleaned
from radcommons.records.event import Actor

SEND_JOB = "send-letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A letter to be written.

    Parameters
    ----------
    key : str
        Names the occasion: a letter of a known key is not written again.
    account : int or None
        Whom it is for; None for somebody without an account, who is reached at `address` alone.
    address : str
    subject, body : str
        Plain text; a body with ``LINK`` gets the one-time link of `signoff` when it leaves.
    signoff : str or None
    """

    key: str
    account: int | None
    address: str
    subject: str
    body: str
    signoff: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A letter as it is kept."""

    id: int
    key: str
    account: int | None
    address: str
    subject: str
    body: str
    signoff: str | None
    created_at: str
    sent_at: str | None
    failed: str | None
    read_at: str | None


def write(connection: sa.Connection, *drafts: Draft) -> None:
    """Keep letters and ask for their sending, in the caller's transaction; known ones stay as they are."""
    for draft in drafts:
        row = {
            "key": draft.key,
            "account_id": draft.account,
            "address": draft.address,
            "subject": cleaned(draft.subject)[:200],
            "body": draft.body,
            "signoff": draft.signoff,
            "created_at": instant(),
        }
        known = connection.execute(sa.select(a.letter.c.id).where(a.letter.c.key == draft.key)).one_or_none()
        if known is None:
            insert_new(connection, a.letter, [row])
            number = connection.execute(sa.select(a.letter.c.id).where(a.letter.c.key == draft.key)).scalar_one()
            leave_job(connection, SEND_JOB, argument=str(number))


def to_account(connection: sa.Connection, account: int, *, key: str, subject: str, body: str) -> Draft:
    """Return a letter to the person of an account."""
    address = connection.execute(sa.select(t.account.c.email).where(t.account.c.id == account)).scalar_one()
    return Draft(key=f"{key}-{account}", account=account, address=address, subject=subject, body=body)


def get(connection: sa.Connection, number: int) -> Kept | None:
    """Return a letter by its number, for whoever sends it."""
    row = connection.execute(sa.select(a.letter).where(a.letter.c.id == number)).one_or_none()
    return _kept(row) if row is not None else None


def visible(connection: sa.Connection, actor: Actor, *, limit: int = 100) -> list[Kept]:
    """Return the letters that an actor may read, the newest first."""
    query = sa.select(a.letter).where(visible_letters(actor)).order_by(a.letter.c.id.desc()).limit(limit)
    return [_kept(row) for row in connection.execute(query)]


def unread(connection: sa.Connection, account: int) -> int:
    """Return how many letters a person has not seen in the portal."""
    query = sa.select(sa.func.count()).where(a.letter.c.account_id == account, a.letter.c.read_at.is_(None))
    return connection.execute(query).scalar_one()


def mark_read(connection: sa.Connection, account: int) -> None:
    """Note that a person has seen their letters."""
    c = a.letter.c
    connection.execute(a.letter.update().where(c.account_id == account, c.read_at.is_(None)).values(read_at=instant()))


def take(connection: sa.Connection, number: int, *, stale: str) -> Kept | None:
    """Return a letter for the job that hands it over; None when it is sent, refused, or in another's hands.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    number : int
    stale : str
        The instant before which a job that took it must have died.
    """
    c = a.letter.c
    free = sa.or_(c.taken_at.is_(None), c.taken_at < stale)
    taken = connection.execute(
        a.letter.update()
        .where(c.id == number, c.sent_at.is_(None), c.failed.is_(None), free)
        .values(taken_at=instant())
    )
    return get(connection, number) if taken.rowcount else None


def give_back(connection: sa.Connection, number: int) -> None:
    """Let another job hand a letter over: this one's server did not take it."""
    connection.execute(a.letter.update().where(a.letter.c.id == number).values(taken_at=None))


def mark_sent(connection: sa.Connection, number: int) -> None:
    """Note that a letter was handed over."""
    connection.execute(a.letter.update().where(a.letter.c.id == number).values(sent_at=instant(), failed=None))


def mark_failed(connection: sa.Connection, number: int, *, reason: str) -> None:
    """Note that the server will never take a letter."""
    connection.execute(a.letter.update().where(a.letter.c.id == number).values(failed=reason[:200]))


def unsent(connection: sa.Connection, *, since: str, until: str) -> list[int]:
    """Return the letters, written between two instants, that were neither sent nor refused."""
    c = a.letter.c
    written = c.created_at.between(since, until)
    query = sa.select(c.id).where(c.sent_at.is_(None), c.failed.is_(None), written).order_by(c.id)
    return list(connection.execute(query).scalars())


def _kept(row: sa.Row[tuple[object, ...]]) -> Kept:
    values = dict(row._mapping)
    values["account"] = values.pop("account_id")
    del values["taken_at"]
    return Kept(**values)
