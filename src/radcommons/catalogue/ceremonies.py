"""What a browser has begun and not ended, kept here under a cookie: each is good once, and for some minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue.tables_identity import ceremony
from radcommons.platform.clock import instant, now
from radcommons.platform.identity import new_token, token_digest

MINUTES = 10


class Kind(StrEnum):
    """What was begun."""

    CODE = "code"  # the password was right, and the second factor is missing
    PHONE = "phone"  # a secret was shown, and the phone has not proved that it has it
    PASSKEY = "passkey"  # a sign-in by passkey
    NEW_PASSKEY = "new-passkey"
    OPENID = "openid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """What is known of one."""

    kind: Kind
    account: int | None
    document: dict[str, Any]


def begin(connection: sa.Connection, kind: Kind, *, account: int | None = None, **document: Any) -> str:
    """Return the cookie of a new ceremony; only its digest is kept."""
    cookie = new_token()
    expires_at = instant(now() + timedelta(minutes=MINUTES))
    values = {"digest": token_digest(cookie), "kind": kind, "account_id": account, "document": document}
    connection.execute(ceremony.insert().values(**values, expires_at=expires_at))
    return cookie


def find(connection: sa.Connection, kind: Kind, *, cookie: str) -> Ceremony | None:
    """Return a ceremony that goes on, None when there is none of this kind or its time is over."""
    live = sa.and_(
        ceremony.c.digest == token_digest(cookie), ceremony.c.kind == kind, ceremony.c.expires_at > instant()
    )
    row = connection.execute(sa.select(ceremony).where(live)).one_or_none()
    return Ceremony(kind=kind, account=row.account_id, document=row.document) if row is not None else None


def take(connection: sa.Connection, kind: Kind, *, cookie: str) -> Ceremony | None:
    """Return a ceremony and end it: who sends the same again, finds none. Of two at once one alone gets it."""
    found = find(connection, kind, cookie=cookie)
    gone = connection.execute(ceremony.delete().where(ceremony.c.digest == token_digest(cookie)))
    return found if gone.rowcount else None
