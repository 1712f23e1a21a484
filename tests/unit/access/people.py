"""People for tests, without the price of a real password: what sign-in does is tested elsewhere."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.platform.clock import instant, now
from radcommons.platform.database import writing
from radcommons.platform.identity import new_token, token_digest
from radcommons.records.event import Role


def an_account(engine: sa.Engine, *, email: str, name: str, role: Role) -> int:
    """Make an account that nobody can sign in to by a password."""
    with writing(engine) as connection:
        made = connection.execute(
            t.account.insert().values(email=email, name=name, password_hash="none", created_at=instant())
        ).inserted_primary_key
        assert made is not None
        connection.execute(t.account_role.insert().values(account_id=made[0], role=role))
    return int(made[0])


def a_session(engine: sa.Engine, account: int) -> tuple[str, str]:
    """Make a session; return its cookie and its form key."""
    cookie, form_key = new_token(), new_token()
    row = {
        "digest": token_digest(cookie),
        "account_id": account,
        "created_at": instant(),
        "expires_at": instant(now() + timedelta(hours=1)),
        "form_key": form_key,
    }
    # Columns that say more of a session are filled where there are any.
    more = {"handle": form_key[-22:], "seen_at": instant(), "agent": "tests", "method": "password"}
    row |= {name: value for name, value in more.items() if name in t.session.c}
    with writing(engine) as connection:
        connection.execute(t.session.insert().values(**row))
    return cookie, form_key
