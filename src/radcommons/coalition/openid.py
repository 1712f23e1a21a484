"""Sign in by an institution's OpenID Connect provider; accounts are linked by issuer and subject, by nothing else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import ceremonies, external, people
from radcommons.catalogue.accounts import account_of_number, add_account
from radcommons.catalogue.ceremonies import Kind
from radcommons.catalogue.credentials import Caller
from radcommons.coalition.sign_in import Opened, open_session
from radcommons.platform import openid as rules
from radcommons.platform.database import writing
from radcommons.platform.ports import Platform
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import Conflict, NotFound, NotPermitted, SignInRequired
from radcommons.records.event import SYSTEM, Role
from radcommons.records.person import EMAIL, cleaned

CALLBACK = "/sign-in/openid/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of an answer: a way in, or (None) a link that a signed-in person asked for; and where to go on."""

    opened: Opened | None
    to: str


def is_offered(settings: HubSettings) -> bool:
    """Say whether a provider is named."""
    return bool(settings.openid_issuer and settings.openid_client_id)


def _client(settings: HubSettings, base: str) -> rules.Client:
    if not is_offered(settings):
        raise NotFound("This hub has no other sign-in.")
    secret = settings.openid_client_secret.get_secret_value()
    if settings.openid_client_secret_file is not None:
        secret = settings.openid_client_secret_file.read_text("utf-8").strip()
    return rules.Client(
        issuer=settings.openid_issuer,
        client_id=settings.openid_client_id,
        secret=secret,
        redirect_uri=f"{base}{CALLBACK}",
    )


def ask(platform: Platform, *, base: str, to: str, account: int = 0) -> tuple[str, str]:
    """Return the provider's address to send a browser to, and the ceremony's cookie.

    Parameters
    ----------
    platform : Platform
    base : str
        The hub's own address.
    to : str
        The path where the person goes on.
    account : int
        0, or the account that the provider's person is to be linked with.

    Raises
    ------
    NotFound
        If no provider is named.
    PeerError
        If it does not answer.
    """
    client = _client(platform.settings, base)
    provider = rules.discover(client.issuer)
    question = rules.new_question()
    asked = {"state": question.state, "nonce": question.nonce, "verifier": question.verifier}
    with writing(platform.engine) as connection:
        cookie = ceremonies.begin(connection, Kind.OPENID, account=account or None, to=to, **asked)
    scopes = platform.settings.openid_scopes
    return rules.authorization_url(provider, client, question=question, scopes=scopes), cookie


def answered(
    platform: Platform,
    *,
    base: str,
    cookie: str,
    code: str,
    state: str,
    issuer: str,
    present: int,
    caller: Caller,
) -> Answered:
    """Take the provider's answer: sign in, make an account, or link the one that is signed in.

    Parameters
    ----------
    present : int
        The account that is signed in at this browser, 0 where none is.

    Raises
    ------
    SignInRequired
        If the ceremony is over, or not this browser's.
    IntegrityError, PeerError
        If the answer does not hold, or the provider does not answer.
    NotPermitted
        If the account is disabled, or none is made for who has none.
    Conflict
        If the address has an account that is not linked, or the person another one.
    """
    client = _client(platform.settings, base)
    with writing(platform.engine) as connection:
        begun = ceremonies.take(connection, Kind.OPENID, cookie=cookie)
    if begun is None:
        raise SignInRequired("This sign-in is over, or it began in another browser.", mend="Begin again.")
    asked = begun.document
    question = rules.Question(state=asked["state"], nonce=asked["nonce"], verifier=asked["verifier"])
    provider = rules.discover(client.issuer)
    claims = rules.claims_of(provider, client, question=question, code=code, state=state, issuer=issuer)
    with writing(platform.engine) as connection:
        if begun.account is not None:
            if begun.account != present:
                raise NotPermitted("Another account is signed in now.", mend="Begin again.")
            external.link(connection, begun.account, issuer=client.issuer, subject=claims["sub"])
            return Answered(opened=None, to=asked["to"])
        number = external.account_of(connection, issuer=client.issuer, subject=claims["sub"])
        if number is None:
            number = _new_account(connection, platform.settings, claims)
        elif account_of_number(connection, number) is None:
            raise NotPermitted("The account is disabled.", mend="Ask an administrator.")
        _follow_roles(connection, platform.settings, number, claims)
        return Answered(opened=open_session(connection, number, method="openid", caller=caller), to=asked["to"])


def _new_account(connection: sa.Connection, settings: HubSettings, claims: dict[str, Any]) -> int:
    """Make an account for a provider's person; an address proves nothing, so it links to no account that has it."""
    if not settings.openid_sign_up:
        raise NotPermitted("You have no account here.", mend="Ask an administrator for an invitation.")
    email = str(claims.get("email") or "").strip().casefold()
    is_vouched = claims.get("email_verified") is True or settings.openid_vouches_email
    if not EMAIL.fullmatch(email) or not is_vouched:
        raise NotPermitted("Your institution vouches for no e-mail address of yours.", mend="Ask its help desk.")
    if people.count_address(connection, email):
        raise Conflict(
            "Your address has an account here that is not linked.",
            mend="Sign in with its password, then link your institution on the account's page.",
        )
    name = cleaned(str(claims.get("name") or ""))[:80] or email.partition("@")[0]
    roles = frozenset({Role.RESEARCHER})
    number = add_account(connection, email=email, name=name, hashed="", roles=roles, by=SYSTEM.id, how="institution")
    external.link(connection, number, issuer=settings.openid_issuer, subject=claims["sub"])
    return number


def _follow_roles(connection: sa.Connection, settings: HubSettings, number: int, claims: dict[str, Any]) -> None:
    """Give and take the roles that the provider decides about; others stay as an administrator left them."""
    if not settings.openid_role_claim:
        return
    said = claims.get(settings.openid_role_claim, [])
    values = {str(one) for one in said} if isinstance(said, list) else {str(said)}
    decided = frozenset(map(Role, settings.openid_roles.values())) - {Role.SITE}
    given = frozenset(Role(role) for value, role in settings.openid_roles.items() if value in values) & decided
    kept = frozenset(people.person(connection, number).roles) - decided
    with suppress(Conflict):  # the last administrator stays one
        people.set_roles(connection, number, kept | given or frozenset({Role.RESEARCHER}), by=SYSTEM.id)


def unlink(platform: Platform, account: int) -> None:
    """End the provider's way into an account.

    Raises
    ------
    Conflict
        If nothing else would be left to sign in with.
    NotFound
        If it is not linked.
    """
    with writing(platform.engine) as connection:
        if not set(people.person(connection, account).proofs) & {"password", "passkey"}:
            raise Conflict("Nothing would be left to sign in with.", mend="Set a password or add a passkey first.")
        external.unlink(connection, account, issuer=platform.settings.openid_issuer)


def leave_url(settings: HubSettings, *, base: str) -> str:
    """Return where a person ends the session with the provider as well, empty where there is no such page."""
    client = _client(settings, base)
    return rules.end_session_url(rules.discover(client.issuer), client, back=f"{base}/sign-in")
