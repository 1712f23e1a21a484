"""Sign in: from what a person shows to a session."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import ceremonies, factors, sessions, throttle
from radcommons.catalogue.accounts import PASSWORD, Account, account_of_address, account_of_number
from radcommons.catalogue.credentials import Caller
from radcommons.catalogue.journal import tell
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import password_matches
from radcommons.platform.ports import Platform
from radcommons.records.errors import SignInRequired

_WRONG_CODE = "This is not the code of now, or it was used before."


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a browser gets: a session, or a ceremony where the second factor is missing."""

    cookie: str
    is_session: bool


def with_password(platform: Platform, *, email: str, password: str, caller: Caller) -> Opened:
    """Sign in with a local account.

    Raises
    ------
    TooManyTries
        If this try has to wait.
    SignInRequired
        If address and password do not fit together; which of both is not said, and takes the same time.
    """
    email = email.strip().casefold()
    with writing(platform.engine) as connection:
        throttle.begin_try(connection, PASSWORD, who=email, address=caller.address)
    with reading(platform.engine) as connection:
        account = account_of_address(connection, email)
    if not password_matches(password, hashed=account.password_hash if account else None) or account is None:
        _refused(platform, account)
        raise SignInRequired("Address and password do not fit together.", mend="Try again.")
    with writing(platform.engine) as connection:
        throttle.succeeded(connection, PASSWORD, who=email, address=caller.address)
        if account_of_number(connection, account.number) != account:
            raise SignInRequired("The account changed meanwhile.", mend="Try again.")
        return open_session(connection, account.number, method=PASSWORD, caller=caller)


def _refused(platform: Platform, account: Account | None) -> None:
    """Tell the trail of a wrong try; what was typed stays out of it, because it may be a password."""
    if account is not None:
        with writing(platform.engine) as connection:
            tell("sign-in-refused", connection, account.number, by="anonymous")


def open_session(connection: sa.Connection, account: int, *, method: str, caller: Caller) -> Opened:
    """Return a session, or what asks for the second factor of an account that has one; a passkey is two by itself."""
    if method != "passkey" and factors.phone_of(connection, account) is not None:
        cookie = ceremonies.begin(connection, ceremonies.Kind.CODE, account=account, method=method)
        return Opened(cookie=cookie, is_session=False)
    return Opened(cookie=sessions.begin(connection, account, method=method, agent=caller.agent), is_session=True)


def with_code(platform: Platform, cookie: str, *, code: str, caller: Caller) -> Opened:
    """Go on with a sign-in whose second factor was missing.

    Raises
    ------
    TooManyTries
        If this try has to wait.
    SignInRequired
        If the code is wrong or was used before (code ``wrong-code``), or the sign-in took too long.
    """
    with reading(platform.engine) as connection:
        begun = ceremonies.find(connection, ceremonies.Kind.CODE, cookie=cookie)
    if begun is None or begun.account is None:
        raise SignInRequired("The sign-in took too long.", mend="Begin again.")
    account, who = begun.account, f"account:{begun.account}"
    with writing(platform.engine) as connection:
        throttle.begin_try(connection, "code", who=who, address=caller.address)
    with writing(platform.engine) as connection:
        if factors.takes_code(connection, account, code=code, key=platform.signing_key):
            throttle.succeeded(connection, "code", who=who, address=caller.address)
            taken = ceremonies.take(connection, ceremonies.Kind.CODE, cookie=cookie)
            if taken is None or account_of_number(connection, account) is None:
                raise SignInRequired("The sign-in is over.", mend="Begin again.")
            method = f"{taken.document['method']}+code"
            return Opened(
                cookie=sessions.begin(connection, account, method=method, agent=caller.agent), is_session=True
            )
    _refused_code(platform, account)
    raise SignInRequired(_WRONG_CODE, mend="Look again; the clock of the phone must be right.", code="wrong-code")


def _refused_code(platform: Platform, account: int) -> None:
    with writing(platform.engine) as connection:
        tell("sign-in-refused", connection, account, by="anonymous", code=True)


def tidy(platform: Platform) -> None:
    """Drop what is over: sessions, ceremonies, links, and counts of tries."""
    with writing(platform.engine) as connection:
        sessions.forget_over(connection)
        throttle.forget_old(connection)
