"""Grant: sign for it, renew it, end it, revoke it, and what the days alone bring about."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.access.request import person
from radcommons.access.wording import tell
from radcommons.catalogue import access_terms, grants, requests
from radcommons.catalogue.access_terms import Agreement
from radcommons.catalogue.accounts import address_of
from radcommons.catalogue.journal import record
from radcommons.catalogue.requests import Signed
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.access_request import cleaned, day_after
from radcommons.records.documents import digest
from radcommons.records.errors import Conflict, NotFound, NotPermitted, UsageError
from radcommons.records.event import SYSTEM, Actor, Event, Role
from radcommons.records.grant import Grant, reminders_due, why_not_renewable
from radcommons.records.lifecycle import GrantEvent, GrantState

_CURATOR = Actor(id="system", roles=frozenset({Role.CURATOR}))
_ATTEST = "I attest that every copy of these data that I and the people named had, derived images included, is deleted."


def attestation_text() -> str:
    """Return the sentence that a holder signs when a grant is over."""
    return _ATTEST


def why_not(grant: Grant, *, platform: Platform) -> str:
    """Return why one click does not renew a grant, or an empty text where it does."""
    with reading(platform.engine) as connection:
        return _why_not(connection, grant)


def _why_not(connection: sa.Connection, grant: Grant) -> str:
    policy = access_terms.policy(connection, grant.dataset)
    agreement = access_terms.current_agreement(connection, grant.dataset)
    return why_not_renewable(
        grant,
        today=grants.today(),
        window_days=policy.renew_window_days,
        most=policy.renewals,
        agreement=agreement.digest if agreement else None,
    )


def _held(connection: sa.Connection, identifier: str, actor: Actor) -> Grant:
    """Return a grant of the person's own.

    Raises
    ------
    NotFound
        If the person may not know of it.
    NotPermitted
        If they may, and somebody else answers for it.
    """
    person(actor)
    found = grants.visible(connection, actor, identifier)
    if found.holder != actor.account:
        raise NotPermitted("Somebody else answers for this grant.", mend="Ask its holder.")
    return found


def sign(identifier: str, *, typed_name: str, platform: Platform, actor: Actor) -> None:
    """Sign a grant's agreement as one of the people whom it names; it opens for them at once.

    Raises
    ------
    NotFound
    UsageError
        If no name is typed.
    Conflict
        If they have signed, or it is over.
    """
    name, account = cleaned(typed_name)[:200], person(actor)
    if len(name) < 3:
        raise UsageError("Your name is missing.", mend="Type your name to sign.")
    with writing(platform.engine) as connection:
        grant = grants.visible(connection, actor, identifier)
        if not grant.is_live(grants.today()):
            raise Conflict("This grant is over.", mend="Ask its holder to renew it.")
        grants.join(connection, grant, account=account, email=address_of(connection, account))
        request = requests.visible(connection, _CURATOR, grant.request)
        agreement = _agreement(connection, grant)
        signed = Signed(
            round=request.round,
            capacity="person",
            account=account,
            typed_name=name,
            version=agreement.version,
            agreement=agreement.digest,
            answers=digest(request.answers),
            at=instant(),
        )
        requests.sign(connection, request.id, signed)
        _record(connection, "grant-signed", grant, actor)


def _agreement(connection: sa.Connection, grant: Grant) -> Agreement:
    found = [one for one in access_terms.agreements(connection, grant.dataset) if one.digest == grant.agreement]
    if not found:
        raise NotFound("There is no such agreement.")
    return found[0]


def _record(connection: sa.Connection, kind: str, grant: Grant, actor: Actor) -> None:
    details: dict[str, str | int | bool | None] = {"dataset": grant.dataset}
    record(connection, Event(kind=kind, actor=actor.id, subject=f"grant:{grant.id}", details=details))


def _tell_holder(
    connection: sa.Connection, grant: Grant, occasion: str, *, key: str, platform: Platform, **values: object
) -> None:
    tell(
        connection, grant.holder, occasion, key=f"{grant.id}-{key}", platform=platform, path="/grants",
        title=grant.title, dataset=grant.dataset, **values,
    )  # fmt: skip


def renew(identifier: str, *, platform: Platform, actor: Actor) -> str:
    """Renew a grant by one click and return its new last day: its holder says that nothing has changed.

    Raises
    ------
    NotFound, NotPermitted
    Conflict
        If one click does not do; the reason says what does.
    """
    with writing(platform.engine) as connection:
        grant = _held(connection, identifier, actor)
        if reason := _why_not(connection, grant):
            raise Conflict(reason, mend="Ask with a short request.")
        policy = access_terms.policy(connection, grant.dataset)
        begin = max(grant.ends, grants.today())
        request = requests.visible(connection, _CURATOR, grant.request)
        ends = day_after(begin, policy.length(is_emergency=request.is_emergency))
        grants.move(connection, grant, GrantEvent.RENEW, ends=ends, renewals=grant.renewals + 1)
        _tell_holder(connection, grant, "renewed", key=ends, platform=platform, until=ends)
        _record(connection, "grant-renewed", grant, actor)
    platform.wake_jobs()
    return ends


def revoke(identifier: str, *, reason: str, platform: Platform, actor: Actor) -> None:
    """End a grant at once, as a member of its committee or a curator; whoever it names is out with their next request.

    Raises
    ------
    SignInRequired, NotPermitted, NotFound
    UsageError
        If no reason is given.
    WrongState
    """
    authorize(actor, Role.COMMITTEE, Role.CURATOR)
    said = cleaned(reason, lines=True)[:2000]
    if not said:
        raise UsageError("The reason is missing.", mend="Say why: the holder reads it.")
    with writing(platform.engine) as connection:
        grant = grants.visible(connection, actor, identifier)
        seats = {one.account for one in access_terms.members(connection, grant.dataset)}
        if actor.account not in seats and not actor.has(Role.CURATOR, Role.ADMINISTRATOR):
            raise NotPermitted("You are not on this dataset's committee.", mend="Ask one of its members.")
        grants.move(connection, grant, GrantEvent.REVOKE, revoked_reason=said)
        _tell_holder(connection, grant, "revoked", key="revoked", platform=platform, note=said)
        _record(connection, "grant-revoked", grant, actor)
    platform.wake_jobs()


def attest(identifier: str, *, typed_name: str, platform: Platform, actor: Actor) -> None:
    """Attest that every copy is destroyed, after a grant's end or to end it; nothing is open by it afterwards.

    Raises
    ------
    NotFound, NotPermitted, UsageError, WrongState
    """
    person(actor)
    name = cleaned(typed_name)[:200]
    if len(name) < 3:
        raise UsageError("Your name is missing.", mend="Type your name to sign.")
    with writing(platform.engine) as connection:
        grant = _held(connection, identifier, actor)
        text = f"{_ATTEST} {name}"
        grants.move(connection, grant, GrantEvent.ATTEST, attested_at=instant(), attestation=text)
        _record(connection, "grant-attested", grant, actor)


def go_round(platform: Platform) -> None:
    """Do what the days bring about: grants that are over expire, and their holders are written to, once each.

    Notes
    -----
    Access itself ends by the day, whether or not anybody goes round.
    """
    today = grants.today()
    with reading(platform.engine) as connection:
        found = grants.unfinished(connection)
    for grant in found:
        policy_days = _reminder_days(platform, grant)
        due = reminders_due(grant, today=today, days_before=policy_days)
        is_over = grant.state is GrantState.LIVE and grant.ends < today
        if not (due or is_over):
            continue
        with writing(platform.engine) as connection:
            if is_over:
                grants.move(connection, grant, GrantEvent.EXPIRE)
                _record(connection, "grant-expired", grant, SYSTEM)
            for key in due:
                occasion = "ends" if key.startswith("ends-") else "destroy"
                _tell_holder(connection, grant, occasion, key=key, platform=platform, until=grant.ends)


def _reminder_days(platform: Platform, grant: Grant) -> tuple[int, ...]:
    with reading(platform.engine) as connection:
        return access_terms.policy(connection, grant.dataset).reminder_days
