"""People for tests, without the price of a real password: what sign-in does is tested elsewhere."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue import sessions
from radcommons.catalogue import tables as t
from radcommons.catalogue.accounts import add_account
from radcommons.platform.database import writing
from radcommons.platform.identity import token_digest
from radcommons.records.event import Role


def an_account(engine: sa.Engine, *, email: str, name: str, role: Role) -> int:
    """Make an account that nobody can sign in to by a password."""
    with writing(engine) as connection:
        return add_account(connection, email=email, name=name, hashed="", roles=frozenset({role}), by="system")


def a_session(engine: sa.Engine, account: int) -> tuple[str, str]:
    """Make a session; return its cookie and its form key."""
    with writing(engine) as connection:
        cookie = sessions.begin(connection, account, method="password", agent="a test")
        digest = t.session.c.digest == token_digest(cookie)
        return cookie, connection.execute(sa.select(t.session.c.form_key).where(digest)).scalar_one()
