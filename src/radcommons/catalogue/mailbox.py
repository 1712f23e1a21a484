"""E-mail with a link that opens an account: it leaves with the transaction of what it tells of, and nobody is shown it.

Letters of the access road lie open in the portal (`catalogue.letters`). These do not: what they say is locked with the
hub's key until the mail server has it, and is then forgotten.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import sqlalchemy as sa

from radcommons.catalogue.journal import leave_job
from radcommons.catalogue.tables_identity import message
from radcommons.platform.clock import instant, now
from radcommons.platform.database import reading, writing
from radcommons.platform.jobs import step
from radcommons.platform.keys import SigningKey
from radcommons.platform.mail import Letter, Refused, open_post
from radcommons.platform.ports import Platform

MESSAGE_JOB = "message"
_PURPOSE = "message"
_KEEP_TRYING = timedelta(days=1)


def enqueue(connection: sa.Connection, *, to: str, subject: str, text: str, key: SigningKey) -> None:
    """Leave a message in the caller's transaction; it is sent after the commit."""
    locked = key.lock(text, purpose=_PURPOSE)
    values = {"address": to, "subject": subject, "body": locked, "created_at": instant()}
    number = connection.execute(message.insert().values(values)).inserted_primary_key[0]  # type: ignore[index]
    leave_job(connection, MESSAGE_JOB, argument=str(number))


def deliver(number: int, *, platform: Platform) -> None:
    """Hand a message to the mail server as a job; it is tried again while the server is away."""
    if open_post(platform.settings) is not None:
        step("send", _send, number, platform)


def _send(number: int, platform: Platform) -> None:
    post = open_post(platform.settings)
    with reading(platform.engine) as connection:
        waits = sa.and_(message.c.id == number, message.c.sent_at.is_(None))
        row = connection.execute(sa.select(message).where(waits)).one_or_none()
    if post is None or row is None:
        return
    text = platform.signing_key.unlock(row.body, purpose=_PURPOSE)
    with suppress(Refused):  # who has no such address gets nothing, and asks again
        post.send(Letter(to=row.address, subject=row.subject, body=text, key=f"account-{number}"))
    with writing(platform.engine) as connection:
        connection.execute(message.update().where(message.c.id == number).values(sent_at=instant(), body=""))


def send_again(platform: Platform) -> None:
    """Ask once more for what no server has taken, and forget what is a day old: its links are over."""
    if open_post(platform.settings) is None:
        return
    with writing(platform.engine) as connection:
        connection.execute(message.delete().where(message.c.created_at < instant(now() - _KEEP_TRYING)))
        early = message.c.created_at < instant(now() - timedelta(minutes=5))
        unsent = sa.select(message.c.id).where(message.c.sent_at.is_(None), early)
        for number in connection.execute(unsent).scalars():
            leave_job(connection, MESSAGE_JOB, argument=str(number))
