"""Who is asking: passwords, sessions and tokens as pure rules; the tables stand with whoever keeps accounts."""

from __future__ import annotations

import base64
import hashlib
import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from radcommons.records.errors import NotPermitted, SignInRequired
from radcommons.records.event import Actor, Role, Scope

# RFC 9106, second recommended option: 64 MiB, 3 passes. Two at a time keep sign-ins from taking all memory.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_HASHING = BoundedSemaphore(2)
TOKEN_PREFIX = "rcm_"  # noqa: S105  lets secret scanners find a leaked token
PERSONAL_PREFIX = "rcp_"  # of a token that a person made for themself
# A session ends after so long, and sooner when nothing is asked for (NIST SP 800-63B, section 2.2.3).
SESSION_HOURS, IDLE_HOURS = 12, 2
# Whoever changes how they sign in has signed in within so many minutes.
FRESH_MINUTES = 15
RECOVERY_CODES = 8

# A role stays with a person's own token when the token's scopes hold the role's scope; others are asked for by `WRITE`.
_SCOPE_OF_ROLE = {
    Role.ADMINISTRATOR: Scope.ADMINISTER,
    Role.CURATOR: Scope.CURATE,
    Role.SITE: Scope.SUBMIT,
    Role.RESEARCHER: Scope.READ,
}
_ONLY_LOOK = frozenset({Scope.READ, Scope.DOWNLOAD})


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


def new_token(prefix: str = TOKEN_PREFIX) -> str:
    """Return an opaque bearer token; only its digest is stored."""
    return prefix + secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """Return what the database keeps of a token or session cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_recovery_code() -> str:
    """Return a code of 120 bits that a person can copy by hand: enough for a plain digest to keep it."""
    letters = base64.b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def recovery_digest(account: int, code: str) -> str:
    """Return what is kept of a recovery code, however it was typed."""
    return token_digest(f"{account}:{''.join(letter for letter in code.lower() if letter.isalnum())}")


def wait_after(failures: int, *, free: int, first_s: float, longest_s: float) -> float:
    """Return the seconds that the next try waits: none after `free` failures, then each doubles the wait."""
    beyond = failures - free
    return min(first_s * 2 ** min(beyond - 1, 16), longest_s) if beyond > 0 else 0.0


def roles_of_token(roles: frozenset[Role], scopes: frozenset[Scope]) -> frozenset[Role]:
    """Return which of a person's roles their own token has; each sees at least what whoever is signed in sees."""
    kept = {role for role in roles if _SCOPE_OF_ROLE.get(role, Scope.WRITE) in scopes}
    return frozenset(kept | {Role.RESEARCHER}) if roles else frozenset()


def authorize(actor: Actor, *roles: Role, scope: Scope | None = None) -> None:
    """Let an actor pass who has one of `roles`; an administrator may do what any role may, except speak for a site.

    With a `scope` and no roles everybody passes but a person's own token that lacks the scope.

    Raises
    ------
    SignInRequired
        If nobody is signed in.
    NotPermitted
        If the actor's roles, or the token's scopes, do not suffice.
    """
    if scope is not None and actor.scopes is not None and scope not in actor.scopes:
        raise NotPermitted(f"This needs a token with the scope {scope}.", mend="Make one on your account's page.")
    if scope is not None and not roles:
        return
    if not actor.roles:
        raise SignInRequired("This needs a sign-in.", mend="Sign in, or send a bearer token.")
    wanted = {*roles, Role.ADMINISTRATOR} if set(roles) != {Role.SITE} else {Role.SITE}
    if not actor.roles & wanted:
        raise NotPermitted(f"This needs the role {' or '.join(roles)}.", mend="Ask an administrator for it.")


def authorize_change(actor: Actor) -> None:
    """Refuse any change by a person's own token that may only look and download.

    Raises
    ------
    NotPermitted
        If it may do no more.
    """
    if actor.scopes is not None and actor.scopes <= _ONLY_LOOK:
        raise NotPermitted(f"This needs a token with the scope {Scope.WRITE}.", mend="Make one on your account's page.")
