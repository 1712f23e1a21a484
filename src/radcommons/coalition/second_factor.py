"""Set up a phone as second factor: its secret is kept only when a first code proves that the phone has it."""

from __future__ import annotations

import time

from radcommons.catalogue import ceremonies, factors, sessions
from radcommons.catalogue.ceremonies import Kind
from radcommons.platform.database import reading, writing
from radcommons.platform.ports import Platform
from radcommons.platform.totp import accepted_step, new_secret
from radcommons.records.errors import NotPermitted

_PURPOSE = "offered second factor"


def begin_phone(platform: Platform, account: int) -> str:
    """Return the cookie of a ceremony that holds a new secret."""
    locked = platform.signing_key.lock(new_secret(), purpose=_PURPOSE)
    with writing(platform.engine) as connection:
        return ceremonies.begin(connection, Kind.PHONE, account=account, secret=locked)


def offered(platform: Platform, account: int, *, cookie: str) -> str:
    """Return the secret of a ceremony of this account, empty when it is over."""
    with reading(platform.engine) as connection:
        begun = ceremonies.find(connection, Kind.PHONE, cookie=cookie)
    if begun is None or begun.account != account:
        return ""
    return platform.signing_key.unlock(begun.document["secret"], purpose=_PURPOSE)


def prove_phone(platform: Platform, account: int, *, cookie: str, code: str, session: str) -> tuple[str, ...]:
    """Keep the secret and return recovery codes, shown this once; every other session of the account ends.

    Raises
    ------
    NotPermitted
        If the code is not the one of now, or the ceremony is over.
    """
    secret = offered(platform, account, cookie=cookie)
    step = accepted_step(code, secret=secret, now=time.time()) if secret else None
    if step is None:
        raise NotPermitted("This is not the code of now.", mend="Look at the phone again; its clock must be right.")
    with writing(platform.engine) as connection:
        if ceremonies.take(connection, Kind.PHONE, cookie=cookie) is None:
            raise NotPermitted("Setting up is over.", mend="Begin again.")
        sessions.end_all(connection, account, but=session)
        return factors.set_phone(connection, account, secret=secret, step=step, key=platform.signing_key)
