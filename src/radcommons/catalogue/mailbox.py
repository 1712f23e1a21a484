"""E-mail that leaves with the transaction of what it tells of; a job hands it to the mail server."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue.journal import leave_job
from radcommons.catalogue.tables_identity import message
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.mail import Letter, Refused, open_post
from radcommons.platform.ports import Platform

SEND_JOB = "send-message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One that waits."""

    number: int
    to: str
    subject: str
    text: str


def enqueue(connection: sa.Connection, *, to: str, subject: str, text: str) -> None:
    """Leave a message in the caller's transaction; it is sent after the commit."""
    values = {"address": to, "subject": subject, "body": text, "created_at": instant()}
    number = connection.execute(message.insert().values(values)).inserted_primary_key[0]  # type: ignore[index]
    leave_job(connection, SEND_JOB, argument=str(number))


def waiting(connection: sa.Connection, number: int) -> Message | None:
    """Return a message that was not sent, None when it was."""
    row = connection.execute(
        sa.select(message).where(message.c.id == number, message.c.sent_at.is_(None))
    ).one_or_none()
    return Message(number=row.id, to=row.address, subject=row.subject, text=row.body) if row is not None else None


def unsent(connection: sa.Connection) -> list[int]:
    """Return the numbers of the messages that were not sent."""
    return list(connection.execute(sa.select(message.c.id).where(message.c.sent_at.is_(None))).scalars())


def sent(connection: sa.Connection, number: int) -> None:
    """Note that a message left, and forget what it said: it may have held a link."""
    connection.execute(message.update().where(message.c.id == number).values(sent_at=instant(), body=""))


def deliver(number: str, *, platform: Platform) -> None:
    """Hand one message to the mail server; once it left, or never can, nothing more happens.

    Raises
    ------
    PeerError
        If the server does not answer; the job tries again.
    """
    post = open_post(platform.settings)
    with reading(platform.engine) as connection:
        found = waiting(connection, int(number))
    if post is None or found is None:
        return
    key = f"identity-{found.number}"
    with suppress(Refused):
        post.send(Letter(to=found.to, subject=found.subject, body=found.text, key=key))
    with writing(platform.engine) as connection:
        sent(connection, found.number)
