"""Passkeys: make one, sign in with one. Each ceremony has a challenge of its own that is good once."""

from __future__ import annotations

from typing import Any

from radcommons.catalogue import ceremonies, passkeys
from radcommons.catalogue.accounts import account_of_number
from radcommons.catalogue.ceremonies import Kind
from radcommons.catalogue.credentials import Caller
from radcommons.coalition.sign_in import Opened, open_session
from radcommons.platform import passkeys as rules
from radcommons.platform.database import writing
from radcommons.platform.passkeys import RelyingParty
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotFound, SignInRequired, UsageError
from radcommons.records.person import checked_name

MOST_PASSKEYS = 20


def ask_new(platform: Platform, account: int, *, party: RelyingParty) -> tuple[dict[str, Any], str]:
    """Return what a browser is asked to make for an account, and the ceremony's cookie.

    Raises
    ------
    NotFound
        If the account is gone.
    UsageError
        If it has as many passkeys as one may.
    """
    with writing(platform.engine) as connection:
        found = account_of_number(connection, account)
        known = passkeys.of_account(connection, account)
        if found is None:
            raise NotFound("There is no such account.")
        if len(known) >= MOST_PASSKEYS:
            raise UsageError(f"An account has at most {MOST_PASSKEYS} passkeys.", mend="Remove one first.")
        options, challenge = rules.creation_options(
            party,
            account=account,
            key_id=platform.signing_key.key_id,
            email=found.email,
            name=found.name,
            known=[one.credential for one in known],
        )
        return options, ceremonies.begin(connection, Kind.NEW_PASSKEY, account=account, challenge=challenge)


def keep_new(
    platform: Platform, account: int, *, cookie: str, answer: dict[str, Any], name: str, party: RelyingParty
) -> None:
    """Keep what a browser made.

    Raises
    ------
    SignInRequired
        If the ceremony took too long, was ended, or is another account's.
    IntegrityError
        If the answer does not hold.
    UsageError, Conflict
        If the name cannot be, or the passkey is known.
    """
    name = checked_name(name)
    with writing(platform.engine) as connection:
        begun = ceremonies.take(connection, Kind.NEW_PASSKEY, cookie=cookie)
    if begun is None or begun.account != account:
        raise SignInRequired("This took too long.", mend="Begin again.")
    new = rules.made(party, answer, challenge=begun.document["challenge"])
    with writing(platform.engine) as connection:
        passkeys.add(
            connection, account, credential=new.credential, public_key=new.public_key, uses=new.uses, name=name
        )


def ask(platform: Platform, *, party: RelyingParty) -> tuple[dict[str, Any], str]:
    """Return what a browser is asked to sign, with whatever passkey of this hub it has, and the ceremony's cookie."""
    options, challenge = rules.request_options(party)
    with writing(platform.engine) as connection:
        return options, ceremonies.begin(connection, Kind.PASSKEY, challenge=challenge)


def sign_in(platform: Platform, *, cookie: str, answer: dict[str, Any], party: RelyingParty, caller: Caller) -> Opened:
    """Sign in with a passkey.

    Raises
    ------
    SignInRequired
        If the ceremony is over or the passkey is not known here; which is said, since neither names an account.
    IntegrityError
        If the answer does not hold.
    """
    with writing(platform.engine) as connection:
        begun = ceremonies.take(connection, Kind.PASSKEY, cookie=cookie)
    if begun is None:
        raise SignInRequired("This took too long.", mend="Begin again.")
    with writing(platform.engine) as connection:
        found = passkeys.of_credential(connection, rules.named_credential(answer))
        if found is None:
            raise SignInRequired("This passkey is not known here.", mend="Sign in in another way.")
        uses = rules.signed(
            party,
            answer,
            challenge=begun.document["challenge"],
            public_key=found.public_key,
            uses=found.uses,
            handle=rules.user_handle(found.account, key_id=platform.signing_key.key_id),
        )
        passkeys.used(connection, found.number, uses=uses)
        return open_session(connection, found.account, method="passkey", caller=caller)
