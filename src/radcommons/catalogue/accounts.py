"""Accounts, sessions and tokens: from a credential to an `Actor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.journal import record, tell
from radcommons.catalogue.personal_tokens import by_personal_token
from radcommons.catalogue.quick import Prepared, slot
from radcommons.platform.clock import instant, now
from radcommons.platform.database import writing
from radcommons.platform.identity import (
    FRESH_MINUTES,
    IDLE_HOURS,
    PERSONAL_PREFIX,
    hash_password,
    new_token,
    token_digest,
)
from radcommons.records.errors import Conflict, UsageError
from radcommons.records.event import SYSTEM, Actor, Event, Role

# A session's last use is written so often: each time would be a commit for each page.
_SEEN_EACH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who asks, and, for a person at a browser, in which session.

    Parameters
    ----------
    actor : Actor
    form_key : str
        What the session's forms repeat; empty for a program.
    account : int
        The number of the account, for a person at a browser; 0 for visitors and programs.
    session : str
        Names the session in the person's list.
    since : str
        When the person proved who they are.
    method : str
        How they did: password, password+code, passkey, openid.
    """

    actor: Actor
    form_key: str
    account: int = 0
    session: str = ""
    since: str = ""
    method: str = ""

    @property
    def is_fresh(self) -> bool:
        """Say whether the person proved who they are of late: what changes how they sign in asks for it."""
        return self.account > 0 and self.since > instant(now() - timedelta(minutes=FRESH_MINUTES))

    @property
    def is_weak(self) -> bool:
        """Say whether a password alone proved it."""
        return self.method == PASSWORD


PASSWORD = "password"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account as sign-in needs it; `password_hash` is empty where none was set."""

    number: int
    email: str
    name: str
    password_hash: str


def account_of_address(connection: sa.Connection, email: str) -> Account | None:
    """Return the account of an address, None where there is none or it is disabled."""
    return _account(connection, t.account.c.email == email.casefold())


def account_of_number(connection: sa.Connection, number: int) -> Account | None:
    """Return an account by its number, None where there is none or it is disabled."""
    return _account(connection, t.account.c.id == number)


def _account(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> Account | None:
    row = connection.execute(sa.select(t.account).where(wanted, t.account.c.disabled_at.is_(None))).one_or_none()
    if row is None:
        return None
    return Account(number=row.id, email=row.email, name=row.name, password_hash=row.password_hash)


def set_password(connection: sa.Connection, number: int, *, hashed: str) -> None:
    """Keep a new password's hash; `end_sessions` is the caller's."""
    connection.execute(t.account.update().where(t.account.c.id == number).values(password_hash=hashed))
    tell("password-set", connection, number)


def create_account(engine: sa.Engine, *, email: str, name: str, password: str, roles: frozenset[Role]) -> int:
    """Make a local account and return its number.

    Raises
    ------
    Conflict
        If the address has one.
    """
    hashed = hash_password(password)
    with writing(engine) as connection:
        return add_account(connection, email=email, name=name, hashed=hashed, roles=roles, by=SYSTEM.id)


def add_account(
    connection: sa.Connection, *, email: str, name: str, hashed: str, roles: frozenset[Role], by: str, how: str = ""
) -> int:
    """Make an account and return its number; `hashed` is empty where no password is set, `how` says how it came about.

    Raises
    ------
    Conflict
        If the address has one.
    """
    values = {"email": email.casefold(), "name": name, "password_hash": hashed, "created_at": instant()}
    try:
        with connection.begin_nested():
            number = int(connection.execute(t.account.insert().values(values)).inserted_primary_key[0])  # type: ignore[index]
    except sa.exc.IntegrityError:
        raise Conflict("This address has an account.", mend="Use another address.") from None
    if roles:
        connection.execute(t.account_role.insert(), [{"account_id": number, "role": role} for role in sorted(roles)])
    details = {"how": how} if how else {}
    tell("account-created", connection, number, by=by, roles=",".join(sorted(roles)), **details)
    return number


def address_of(connection: sa.Connection, number: int) -> str:
    """Return the e-mail address of an account."""
    return str(connection.execute(sa.select(t.account.c.email).where(t.account.c.id == number)).scalar_one())


def has_accounts(connection: sa.Connection) -> bool:
    """Say whether anybody can sign in."""
    return connection.execute(sa.select(t.account.c.id).limit(1)).one_or_none() is not None


_LIVE_SESSION = Prepared(
    sa.select(
        *(t.session.c[name] for name in ("form_key", "handle", "created_at", "seen_at", "method")),
        t.account.c.id,
        t.account.c.name,
        t.account_role.c.role,
    )
    .select_from(
        t.session.join(t.account, t.account.c.id == t.session.c.account_id).outerjoin(
            t.account_role, t.account_role.c.account_id == t.account.c.id
        )
    )
    .where(
        t.session.c.digest == slot("digest"),
        t.session.c.expires_at > slot("now"),
        t.session.c.seen_at > slot("idle"),
        t.account.c.disabled_at.is_(None),
    )
)


def by_cookie(engine: sa.Engine, cookie: str) -> SignedIn | None:
    """Return who a session cookie speaks for, None when it is unknown or over, or nothing was asked for too long."""
    moment = now()
    digest = token_digest(cookie)
    idle = instant(moment - timedelta(hours=IDLE_HOURS))
    rows = _LIVE_SESSION.rows(engine, digest=digest, now=instant(moment), idle=idle)
    if not rows:
        return None
    form_key, handle, since, seen_at, method, number, name, _ = rows[0]
    if seen_at < instant(moment - _SEEN_EACH):
        with writing(engine) as connection:
            connection.execute(t.session.update().where(t.session.c.digest == digest).values(seen_at=instant(moment)))
    roles = frozenset(Role(row[-1]) for row in rows if row[-1] is not None)
    actor = Actor(id=f"account:{number}", name=name, roles=roles)
    return SignedIn(actor=actor, form_key=form_key, account=number, session=handle, since=since, method=method)


def create_token(
    engine: sa.Engine,
    *,
    role: Role,
    name: str,
    site: str | None = None,
    dataset: str | None = None,
    days: int | None = None,
) -> str:
    """Return a new bearer token; only its digest is kept.

    Raises
    ------
    UsageError
        If a site's token names no site, or the dataset of a direct token does not exist.
    """
    if role is Role.SITE and site is None and dataset is None:
        raise UsageError("A token of a site names the site.", mend="Add --site CODE.")
    token = new_token()
    with writing(engine) as connection:
        known = sa.select(t.dataset.c.name).where(t.dataset.c.name == dataset)
        if dataset is not None and connection.execute(known).one_or_none() is None:
            raise UsageError("There is no such dataset.", mend="See `radcommons hub check`.")
        if site is not None and not connection.execute(sa.select(t.site).where(t.site.c.code == site)).one_or_none():
            connection.execute(t.site.insert().values(code=site, name=site, created_at=instant()))
        number = connection.execute(
            t.api_token.insert().values(
                digest=token_digest(token),
                role=role,
                name=name,
                site=site,
                dataset=dataset,
                created_at=instant(),
                expires_at=instant(now() + timedelta(days=days)) if days else None,
            )
        ).inserted_primary_key[0]  # type: ignore[index]
        record(
            connection,
            Event(
                kind="token-created",
                actor=SYSTEM.id,
                subject=f"token:{number}",
                details={"role": role, "site": site, "dataset": dataset},
            ),
        )
    return token


_LIVE_TOKEN = Prepared(
    sa.select(*(t.api_token.c[name] for name in ("id", "name", "role", "site", "dataset"))).where(
        t.api_token.c.digest == slot("digest"),
        t.api_token.c.revoked_at.is_(None),
        sa.or_(t.api_token.c.expires_at.is_(None), t.api_token.c.expires_at > slot("now")),
    )
)


def by_token(engine: sa.Engine, token: str) -> Actor | None:
    """Return who a bearer token speaks for, None when it is unknown, over or revoked."""
    if token.startswith(PERSONAL_PREFIX):
        return by_personal_token(engine, token)
    rows = _LIVE_TOKEN.rows(engine, digest=token_digest(token), now=instant())
    for number, name, role, site, dataset in rows:
        return Actor(id=f"token:{number}", name=name, roles=frozenset({Role(role)}), site=site, dataset=dataset)
    return None


_NAMED_TOKEN = Prepared(
    sa.select(*(t.api_token.c[name] for name in ("id", "name", "role", "site", "dataset"))).where(
        t.api_token.c.name == slot("name"),
        t.api_token.c.revoked_at.is_(None),
        sa.or_(t.api_token.c.expires_at.is_(None), t.api_token.c.expires_at > slot("now")),
    )
)


def by_token_name(engine: sa.Engine, name: str) -> Actor | None:
    """Return who the one live token of a name speaks for, None when there is none or several: for who is listed."""
    rows = _NAMED_TOKEN.rows(engine, name=name, now=instant())
    if len(rows) != 1:
        return None
    number, _, role, site, dataset = rows[0]
    return Actor(id=f"token:{number}", name=name, roles=frozenset({Role(role)}), site=site, dataset=dataset)
