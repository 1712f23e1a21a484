"""Accounts, sessions and tokens: from a credential to an `Actor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.quick import Prepared, slot
from radcommons.platform.audit import write_events
from radcommons.platform.clock import instant, now
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import SESSION_HOURS, hash_password, new_token, password_matches, token_digest
from radcommons.records.errors import Conflict, SignInRequired, UsageError
from radcommons.records.event import SYSTEM, Actor, Event, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A person at a browser: the actor, and the key that their forms repeat."""

    actor: Actor
    form_key: str


def create_account(engine: sa.Engine, *, email: str, name: str, password: str, roles: frozenset[Role]) -> int:
    """Make a local account and return its number.

    Raises
    ------
    Conflict
        If the address has one.
    """
    hashed = hash_password(password)
    try:
        with writing(engine) as connection:
            number = connection.execute(
                t.account.insert().values(email=email.casefold(), name=name, password_hash=hashed, created_at=instant())
            ).inserted_primary_key[0]  # type: ignore[index]
            connection.execute(
                t.account_role.insert(), [{"account_id": number, "role": role} for role in sorted(roles)]
            )
            write_events(
                connection,
                t.audit_event,
                Event(
                    kind="account-created",
                    actor=SYSTEM.id,
                    subject=f"account:{number}",
                    details={"roles": ",".join(sorted(roles))},
                ),
            )
    except sa.exc.IntegrityError:
        raise Conflict("This address has an account.", mend="Use another address.") from None
    return int(number)


def address_of(connection: sa.Connection, number: int) -> str:
    """Return the e-mail address of an account."""
    return str(connection.execute(sa.select(t.account.c.email).where(t.account.c.id == number)).scalar_one())


def has_accounts(connection: sa.Connection) -> bool:
    """Say whether anybody can sign in."""
    return connection.execute(sa.select(t.account.c.id).limit(1)).one_or_none() is not None


def sign_in(engine: sa.Engine, *, email: str, password: str) -> str:
    """Return a new session's cookie.

    Raises
    ------
    SignInRequired
        If address and password do not fit together; which of both is not said.
    """
    with reading(engine) as connection:
        row = connection.execute(
            sa.select(t.account).where(t.account.c.email == email.casefold(), t.account.c.disabled_at.is_(None))
        ).one_or_none()
    if not password_matches(password, hashed=row.password_hash if row else None) or row is None:
        raise SignInRequired("Address and password do not fit together.", mend="Try again.")
    cookie = new_token()
    with writing(engine) as connection:
        connection.execute(
            t.session.insert().values(
                digest=token_digest(cookie),
                account_id=row.id,
                created_at=instant(),
                expires_at=instant(now() + timedelta(hours=SESSION_HOURS)),
                form_key=new_token(),
            )
        )
        write_events(
            connection, t.audit_event, Event(kind="signed-in", actor=f"account:{row.id}", subject=f"account:{row.id}")
        )
    return cookie


def sign_out(engine: sa.Engine, *, cookie: str) -> None:
    """End a session; an unknown one is fine."""
    with writing(engine) as connection:
        connection.execute(t.session.delete().where(t.session.c.digest == token_digest(cookie)))


_LIVE_SESSION = Prepared(
    sa.select(t.session.c.form_key, t.account.c.id, t.account.c.name, t.account_role.c.role)
    .select_from(
        t.session.join(t.account, t.account.c.id == t.session.c.account_id).outerjoin(
            t.account_role, t.account_role.c.account_id == t.account.c.id
        )
    )
    .where(
        t.session.c.digest == slot("digest"),
        t.session.c.expires_at > slot("now"),
        t.account.c.disabled_at.is_(None),
    )
)


def by_cookie(engine: sa.Engine, cookie: str) -> SignedIn | None:
    """Return who a session cookie speaks for, None when it is unknown or over."""
    rows = _LIVE_SESSION.rows(engine, digest=token_digest(cookie), now=instant())
    for form_key, number, name, _ in rows:
        roles = frozenset(Role(row[3]) for row in rows if row[3] is not None)
        return SignedIn(actor=Actor(id=f"account:{number}", name=name, roles=roles), form_key=form_key)
    return None


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
        write_events(
            connection,
            t.audit_event,
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
