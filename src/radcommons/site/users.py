"""The people of a gateway: named accounts with a role, a password, a second factor and set-up links."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.platform.identity import (
    RECOVERY_CODES,
    hash_password,
    new_recovery_code,
    recovery_digest,
    token_digest,
)
from radcommons.platform.passwords import checked_password
from radcommons.records.errors import Conflict, NotFound, UsageError
from radcommons.site.settings import SiteSettings, is_loopback
from radcommons.site.store import Change, Store
from radcommons.site.tables_users import account, invitation, recovery_code

LINK_HOURS = 48
PAGE_ADDRESS = "page-address"
_LONGEST_NAME = 80


class SiteRole(StrEnum):
    """What somebody may do at the gateway."""

    DATA_MANAGER = "data-manager"
    PRIVACY_OFFICER = "privacy-officer"

    @property
    def words(self) -> str:
        """The role as people say it."""
        return self.value.replace("-", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person as lists show them."""

    name: str
    role: SiteRole
    has_password: bool
    has_second_factor: bool
    is_locked: bool
    added_at: str


def needs_second_factor(settings: SiteSettings) -> bool:
    """Say whether a password alone is too little; only a gateway whose hub runs on this machine may do without."""
    return settings.second_factor == "required" or not is_loopback(urlsplit(settings.hub).hostname or "")


def users(store: Store) -> tuple[User, ...]:
    """Return the people of a gateway by name."""
    now = time.time()
    with store.read() as connection:
        rows = connection.execute(sa.select(account).where(account.c.removed_at.is_(None)).order_by(account.c.name))
        return tuple(
            User(
                name=row.name,
                role=SiteRole(row.role),
                has_password=row.password is not None,
                has_second_factor=row.totp_secret is not None,
                is_locked=row.locked_until > now,
                added_at=row.added_at,
            )
            for row in rows
        )


def add_user(store: Store, name: str, *, role: SiteRole, password: str | None = None, by: str = "site") -> str:
    """Add a person and return the token of their set-up link; with a password they need no link and it is empty.

    Raises
    ------
    UsageError
        If the name is empty or too long, or the password too short or a common one.
    Conflict
        If somebody has the name.
    """
    name = checked_name(name)
    hashed = None if password is None else hash_password(checked_password(password))
    with store.change() as change:
        number = _insert(change, name, role)
        change.tell("user.added", subject=f"user:{name}", actor=by, role=role.value)
        if hashed is not None:
            change.connection.execute(account.update().where(account.c.id == number).values(password=hashed))
            return ""
        return invite(change, number)


def checked_name(name: str) -> str:
    """Return a name without surrounding space.

    Raises
    ------
    UsageError
        If it is empty, too long, or holds signs that do not print.
    """
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError("A user name has 1 to 80 letters.", mend="Give the name that colleagues know.")
    return name


def _insert(change: Change, name: str, role: SiteRole) -> int:
    same = sa.select(account.c.id).where(sa.func.lower(account.c.name) == name.lower())
    if change.connection.execute(same.where(account.c.removed_at.is_(None))).first() is not None:
        raise Conflict("Somebody has this user name.", mend="Choose another one.")
    # A removed person's row stays for the audit trail, under a name that leaves theirs free.
    values = {"name": name, "role": role.value, "added_at": instant()}
    made = change.connection.execute(account.insert().values(values).returning(account.c.id))
    return int(made.scalar_one())


def invite(change: Change, number: int | None) -> str:
    """Return the token of a new set-up link for an account, or for the first data manager; earlier links end."""
    mine = invitation.c.account == number if number is not None else invitation.c.account.is_(None)
    change.connection.execute(invitation.delete().where(mine, invitation.c.used_at.is_(None)))
    token = secrets.token_urlsafe(24)
    expires_at = time.time() + LINK_HOURS * 3600
    values = {"digest": token_digest(token), "account": number, "expires_at": expires_at}
    change.connection.execute(invitation.insert().values(values))
    return token


def first_link(store: Store) -> str:
    """Return the token of a set-up link for the first data manager, empty when somebody can sign in already."""
    if any(user.has_password and user.role is SiteRole.DATA_MANAGER for user in users(store)):
        return ""
    with store.change() as change:
        change.tell("user.first-link", subject="local page")
        return invite(change, None)


def link_to(store: Store, token: str) -> str:
    """Return the address of a set-up link, at the address where the pages were served last."""
    return f"{store.remembered(PAGE_ADDRESS) or 'http://127.0.0.1:8043'}/set-up/{token}"


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a set-up link is for; the first data manager chooses a name."""

    account: int | None
    name: str
    role: SiteRole


def invited(store: Store, token: str) -> Invited | None:
    """Return whom a set-up link is for, None when it was used, is too old or never was."""
    with store.read() as connection:
        return _invited(connection, token)


def _invited(connection: sa.Connection, token: str) -> Invited | None:
    query = (
        sa.select(invitation.c.account, account.c.name, account.c.role, account.c.removed_at)
        .select_from(invitation.outerjoin(account, account.c.id == invitation.c.account))
        .where(invitation.c.digest == token_digest(token), invitation.c.used_at.is_(None))
        .where(invitation.c.expires_at > time.time())
    )
    row = connection.execute(query).one_or_none()
    if row is None or row.removed_at is not None:
        return None
    if row.account is None:
        return Invited(None, "", SiteRole.DATA_MANAGER)
    return Invited(row.account, row.name, SiteRole(row.role))


def accept(store: Store, token: str, *, name: str, password: str) -> int:
    """Use a set-up link once: set the password and return the account's number.

    Raises
    ------
    NotFound
        If the link was used or is too old.
    UsageError, Conflict
        If name or password cannot be taken; the link stays good.
    """
    hashed = hash_password(checked_password(password))
    with store.change() as change:
        found = _invited(change.connection, token)
        if found is None:
            raise NotFound("The set-up link was used or is too old.", mend="Ask for a new one: `site user reset`.")
        number = found.account
        if number is None:
            number = _insert(change, checked_name(name), found.role)
            change.tell("user.added", subject=f"user:{checked_name(name)}", role=found.role.value)
        values = {"password": hashed, "failures": 0, "locked_until": 0.0}
        change.connection.execute(account.update().where(account.c.id == number).values(values))
        used = invitation.update().where(invitation.c.digest == token_digest(token))
        change.connection.execute(used.values(used_at=instant(), account=number))
        change.tell("user.password-set", subject=f"user:{_name(change, number)}")
    return number


def _name(change: Change, number: int) -> str:
    return str(change.connection.execute(sa.select(account.c.name).where(account.c.id == number)).scalar_one())


def _number(change: Change, name: str) -> int:
    query = sa.select(account.c.id).where(account.c.removed_at.is_(None))
    found = change.connection.execute(query.where(sa.func.lower(account.c.name) == name.lower())).scalar_one_or_none()
    if found is None:
        raise NotFound("Nobody here has this user name.", mend="`radcommons site user list` names them.")
    return int(found)


def remove_user(store: Store, name: str, *, by: str = "site") -> None:
    """Take a person's access away, open sessions included; their name stays in the audit trail.

    Raises
    ------
    NotFound
        If nobody has the name.
    """
    with store.change() as change:
        number = _number(change, name)
        gone = {"removed_at": instant(), "password": None, "totp_secret": None, "name": f"{name} (removed, {number})"}
        _end_sessions(change, number, **gone)
        change.connection.execute(recovery_code.delete().where(recovery_code.c.account == number))
        change.connection.execute(invitation.delete().where(invitation.c.account == number))
        change.tell("user.removed", subject=f"user:{name}", actor=by)


def reset_user(store: Store, name: str, *, by: str = "site") -> str:
    """Take password and second factor away and return the token of a new set-up link.

    Raises
    ------
    NotFound
        If nobody has the name.
    """
    with store.change() as change:
        number = _number(change, name)
        _end_sessions(change, number, password=None, totp_secret=None, failures=0, locked_until=0.0)
        change.connection.execute(recovery_code.delete().where(recovery_code.c.account == number))
        change.tell("user.reset", subject=f"user:{name}", actor=by)
        return invite(change, number)


def _end_sessions(change: Change, number: int, **values: object) -> None:
    generation = account.c.generation + 1
    change.connection.execute(account.update().where(account.c.id == number).values(generation=generation, **values))


def sign_out_everywhere(store: Store, number: int, *, by: str) -> None:
    """End every session of an account."""
    with store.change() as change:
        _end_sessions(change, number)
        change.tell("user.signed-out-everywhere", subject=by, actor=by)


def change_password(store: Store, number: int, *, password: str, by: str) -> None:
    """Set a new password; every session ends.

    Raises
    ------
    UsageError
        If it is too short or a common one.
    """
    hashed = hash_password(checked_password(password))
    with store.change() as change:
        _end_sessions(change, number, password=hashed)
        change.tell("user.password-set", subject=by, actor=by)


def enrol(store: Store, number: int, *, secret: str, step: int, by: str) -> tuple[str, ...]:
    """Keep the second factor that a first code has proved, and return fresh recovery codes, shown this once."""
    codes = tuple(new_recovery_code() for _ in range(RECOVERY_CODES))
    with store.change() as change:
        values = {"totp_secret": secret, "totp_step": step}
        change.connection.execute(account.update().where(account.c.id == number).values(values))
        change.connection.execute(recovery_code.delete().where(recovery_code.c.account == number))
        rows = [{"digest": recovery_digest(number, code), "account": number} for code in codes]
        change.connection.execute(recovery_code.insert(), rows)
        change.tell("user.second-factor-set", subject=by, actor=by)
    return codes
