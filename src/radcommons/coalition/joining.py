"""Join, and come back: invitations, sign-up with a confirmed address, a new password; by links that are good once."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue import factors, links, people, sessions, throttle
from radcommons.catalogue.accounts import account_of_address, account_of_number, add_account, set_password
from radcommons.catalogue.credentials import Caller
from radcommons.catalogue.journal import record, tell
from radcommons.catalogue.links import Kind, Link
from radcommons.catalogue.mailbox import enqueue
from radcommons.coalition import letters
from radcommons.coalition.sign_in import Opened, open_session
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize, hash_password, password_matches
from radcommons.platform.passwords import checked_password
from radcommons.platform.ports import Platform
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import Conflict, NotFound, NotPermitted, UsageError
from radcommons.records.event import Actor, Event, Role
from radcommons.records.person import checked_email, checked_name

_GONE = "The link was used, or it is too old."


def sends_mail(settings: HubSettings) -> bool:
    """Say whether the hub can write to people."""
    return bool(settings.smtp_url.get_secret_value())


def takes_sign_ups(settings: HubSettings) -> bool:
    """Say whether whoever can read mail at an address may join."""
    return settings.sign_up == "open" and sends_mail(settings)


def sign_up(platform: Platform, *, email: str, name: str, base: str, caller: Caller) -> None:
    """Write to somebody who wants to join; what is answered does not tell whether the address has an account.

    Raises
    ------
    NotPermitted
        If one joins by invitation alone.
    UsageError
        If address or name cannot be.
    TooManyTries
        If this try has to wait.
    """
    if not takes_sign_ups(platform.settings):
        raise NotPermitted("One joins this commons by invitation.", mend="Ask an administrator for one.")
    email, name = checked_email(email), checked_name(name)
    with writing(platform.engine) as connection:
        throttle.begin_try(connection, "letter", who=email, address=caller.address)
    with writing(platform.engine) as connection:
        if _is_known(connection, email):
            letter = letters.has_account(platform.settings.title, base)
        else:
            roles = frozenset({Role.RESEARCHER})
            token = links.make(connection, Kind.CONFIRM, email=email, name=name, roles=roles, by="anonymous")
            letter = letters.confirm(platform.settings.title, f"{base}/links/{token}")
        enqueue(connection, to=email, subject=letter.subject, text=letter.text, key=platform.signing_key)
    platform.wake_jobs()


def _is_known(connection: sa.Connection, email: str) -> bool:
    return bool(people.count_address(connection, email))


def invite(platform: Platform, *, email: str, name: str, roles: frozenset[Role], base: str, actor: Actor) -> str:
    """Return the address of an invitation's link, which is sent where the hub sends mail.

    Raises
    ------
    NotPermitted
        If the actor is no administrator.
    UsageError
        If address, name or roles cannot be.
    Conflict
        If the address has an account.
    """
    authorize(actor, Role.ADMINISTRATOR)
    email, name = checked_email(email), checked_name(name)
    _check_roles(roles)
    with writing(platform.engine) as connection:
        if _is_known(connection, email):
            raise Conflict("This address has an account.", mend="Change its roles instead.")
        token = links.make(connection, Kind.INVITE, email=email, name=name, roles=roles, by=actor.id)
        details: dict[str, str | int | bool | None] = {"roles": ",".join(sorted(roles))}
        record(connection, Event(kind="person-invited", actor=actor.id, subject="people", details=details))
        address = f"{base}/links/{token}"
        if sends_mail(platform.settings):
            letter = letters.invitation(platform.settings.title, address, days=links.HOURS[Kind.INVITE] // 24)
            enqueue(connection, to=email, subject=letter.subject, text=letter.text, key=platform.signing_key)
    platform.wake_jobs()
    return address


def _check_roles(roles: frozenset[Role]) -> None:
    if not roles or Role.SITE in roles:
        raise UsageError("A person has at least one role, and none speaks for a site.", mend="Choose a role.")


def take_back(platform: Platform, number: int, *, actor: Actor) -> None:
    """End an invitation. Raises NotPermitted, NotFound."""
    authorize(actor, Role.ADMINISTRATOR)
    with writing(platform.engine) as connection:
        links.take_back(connection, number)
        record(connection, Event(kind="invitation-taken-back", actor=actor.id, subject="people"))


def change_roles(platform: Platform, number: int, *, roles: frozenset[Role], actor: Actor) -> None:
    """Give a person these roles and no others. Raises NotPermitted, NotFound, Conflict, UsageError."""
    authorize(actor, Role.ADMINISTRATOR)
    _check_roles(roles)
    with writing(platform.engine) as connection:
        people.set_roles(connection, number, roles, by=actor.id)


def ask_reset(platform: Platform, *, email: str, base: str, caller: Caller) -> None:
    """Write to somebody who forgot the password; the answer is the same for an address without an account.

    Raises
    ------
    TooManyTries
        If this try has to wait.
    """
    email = email.strip().casefold()
    with writing(platform.engine) as connection:
        throttle.begin_try(connection, "letter", who=email, address=caller.address)
    with writing(platform.engine) as connection:
        account = account_of_address(connection, email)
        if account is None or not sends_mail(platform.settings):
            return
        token = links.make(connection, Kind.RESET, email=email, account=account.number, by="anonymous")
        letter = letters.reset(platform.settings.title, f"{base}/links/{token}", hours=links.HOURS[Kind.RESET])
        enqueue(connection, to=email, subject=letter.subject, text=letter.text, key=platform.signing_key)
        tell("password-reset-asked", connection, account.number, by="anonymous")
    platform.wake_jobs()


def hand_reset(platform: Platform, number: int, *, base: str, actor: Actor) -> str:
    """Return the address of a link that sets a person's password, for an administrator to hand over.

    Raises
    ------
    NotPermitted
        If the actor is no administrator.
    NotFound
        If there is no such account, or it is disabled.
    """
    authorize(actor, Role.ADMINISTRATOR)
    with writing(platform.engine) as connection:
        account = account_of_number(connection, number)
        if account is None:
            raise NotFound("There is no such account, or it is disabled.")
        token = links.make(connection, Kind.RESET, email=account.email, account=number, by=actor.id)
        tell("password-reset-handed", connection, number, by=actor.id)
    return f"{base}/links/{token}"


def reset_link(platform: Platform, *, email: str, base: str, second_factor: bool) -> str:
    """Return the address of a link that sets an account's password, for whoever works on the hub's own machine.

    Raises
    ------
    NotFound
        If the address has no account, or it is disabled.
    """
    with writing(platform.engine) as connection:
        account = account_of_address(connection, email)
        if account is None:
            raise NotFound("There is no such account, or it is disabled.")
        if second_factor:
            factors.drop_phone(connection, account.number, by="system")
        token = links.make(connection, Kind.RESET, email=account.email, account=account.number, by="system")
        tell("password-reset-handed", connection, account.number, by="system")
    return f"{base.rstrip('/')}/links/{token}"


def linked(platform: Platform, token: str) -> Link:
    """Return what a link is for. Raises NotFound."""
    with reading(platform.engine) as connection:
        found = links.find(connection, token)
    if found is None:
        raise NotFound(_GONE, mend="Ask for a new one.")
    return found


def follow(platform: Platform, token: str, *, name: str, password: str, caller: Caller) -> Opened | None:
    """Use a link: make the account and sign in, or set the new password and return None, since all sessions end.

    Raises
    ------
    NotFound
        If the link was used or is too old.
    UsageError
        If name or password cannot be taken; the link stays good.
    Conflict
        If the address got an account meanwhile.
    """
    found = linked(platform, token)
    name = found.name if found.account is not None else checked_name(name or found.name)
    checked_password(password, about=(found.email, name, platform.settings.title))
    hashed = hash_password(password)
    with writing(platform.engine) as connection:
        if not links.use(connection, found.number):
            raise NotFound(_GONE, mend="Ask for a new one.")
        if found.account is not None:
            sessions.end_all(connection, found.account)
            set_password(connection, found.account, hashed=hashed)
            _say_changed(platform, connection, found.email)
            return None
        how = "sign-up" if found.kind is Kind.CONFIRM else "invitation"
        by = found.made_by
        number = add_account(connection, email=found.email, name=name, hashed=hashed, roles=found.roles, by=by, how=how)
        return open_session(connection, number, method="password", caller=caller)


def change_password(
    platform: Platform, number: int, *, present: str, password: str, session: str, caller: Caller
) -> int:
    """Set a new password for who proves the present one; return how many other sessions ended.

    Raises
    ------
    TooManyTries
        If this try has to wait.
    NotPermitted
        If the present password is wrong.
    UsageError
        If the new one cannot be taken.
    """
    with writing(platform.engine) as connection:
        account = account_of_number(connection, number)
        if account is None:
            raise NotFound("There is no such account.")
        if account.password_hash:
            throttle.begin_try(connection, "password", who=account.email, address=caller.address)
    if account.password_hash and not password_matches(present, hashed=account.password_hash):
        raise NotPermitted("The present password is wrong.", mend="Type it again.", code="wrong-password")
    checked_password(password, about=(account.email, account.name, platform.settings.title))
    hashed = hash_password(password)
    with writing(platform.engine) as connection:
        throttle.succeeded(connection, "password", who=account.email, address=caller.address)
        set_password(connection, number, hashed=hashed)
        ended = sessions.end_all(connection, number, but=session)
        links.end_all(connection, number)
        _say_changed(platform, connection, account.email)
    platform.wake_jobs()
    return ended


def _say_changed(platform: Platform, connection: sa.Connection, email: str) -> None:
    if sends_mail(platform.settings):
        letter = letters.changed(platform.settings.title)
        enqueue(connection, to=email, subject=letter.subject, text=letter.text, key=platform.signing_key)
