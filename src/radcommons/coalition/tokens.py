"""Make a token for one's own programs: with a name, scopes and an end."""

from __future__ import annotations

from collections.abc import Sequence

from radcommons.catalogue import personal_tokens
from radcommons.catalogue.accounts import SignedIn
from radcommons.coalition.words import scopes_for
from radcommons.platform.database import writing
from radcommons.platform.ports import Platform
from radcommons.records.errors import Conflict, NotPermitted, UsageError
from radcommons.records.event import Scope
from radcommons.records.person import checked_name

DAYS = (7, 30, 90, 365)
MOST_TOKENS = 50


def make(platform: Platform, who: SignedIn, *, name: str, scopes: Sequence[str], days: int) -> str:
    """Return a new token of who is signed in.

    Raises
    ------
    NotPermitted
        If no person at a browser asks.
    UsageError
        If name, scopes or days cannot be.
    Conflict
        If the person has a token of this name, so that a form that is sent twice makes one, or too many.
    """
    if not who.account:
        raise NotPermitted("A token makes no tokens.", mend="Sign in on the portal.")
    name = checked_name(name)
    allowed = scopes_for(who.actor.roles)
    unknown = [one for one in scopes if one not in set(allowed)]
    if unknown or not 1 <= days <= max(DAYS):
        raise UsageError("These scopes or days cannot be.", mend="Choose from those that the page offers.")
    with writing(platform.engine) as connection:
        held = personal_tokens.of_account(connection, who.account)
        if any(one.name == name for one in held):
            raise Conflict("You have a token of this name.", mend="Revoke it first, or choose another name.")
        if len(held) >= MOST_TOKENS:
            raise Conflict(f"A person has at most {MOST_TOKENS} tokens.", mend="Revoke some first.")
        chosen = frozenset(map(Scope, scopes)) | {Scope.READ}
        return personal_tokens.create(connection, who.account, name=name, scopes=chosen, days=days)
