"""Who is asking: passwords, sessions and tokens as pure rules; the tables stand with whoever keeps accounts."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from radcommons.records.errors import NotPermitted, SignInRequired
from radcommons.records.event import Actor, Role

# RFC 9106, second recommended option: 64 MiB, 3 passes. Two at a time keep sign-ins from taking all memory.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_HASHING = BoundedSemaphore(2)
TOKEN_PREFIX = "rcm_"  # noqa: S105  lets secret scanners find a leaked token
SESSION_HOURS = 12


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; about 0.2 s of work by design."""
    with _HASHING:
        return _HASHER.hash(password)


@cache
def _nobody() -> str:
    """Return the hash that is checked where the account is unknown: the time tells nobody which addresses have one."""
    return _HASHER.hash(secrets.token_urlsafe(16))


def password_matches(password: str, *, hashed: str | None) -> bool:
    """Say whether a password fits its hash; `None` takes the same time and is False."""
    with _HASHING:
        try:
            return _HASHER.verify(hashed or _nobody(), password) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False


def new_password() -> str:
    """Return a password that a person can copy from a screen."""
    return "-".join(secrets.token_hex(3) for _ in range(4))


def new_token() -> str:
    """Return an opaque bearer token; only its digest is stored."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """Return what the database keeps of a token or session cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def authorize(actor: Actor, *roles: Role) -> None:
    """Let an actor pass who has one of `roles`; an administrator may do what any role may, except speak for a site.

    Raises
    ------
    SignInRequired
        If nobody is signed in.
    NotPermitted
        If the actor's roles do not suffice.
    """
    if not actor.roles:
        raise SignInRequired("This needs a sign-in.", mend="Sign in, or send a bearer token.")
    wanted = {*roles, Role.ADMINISTRATOR} if set(roles) != {Role.SITE} else {Role.SITE}
    if not actor.roles & wanted:
        raise NotPermitted(f"This needs the role {' or '.join(roles)}.", mend="Ask an administrator for it.")
