"""Review: what a dataset's committee does with a request; who has a conflict of interest does nothing with it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.access.request import LONGEST_MESSAGE, named_people, prematch
from radcommons.access.wording import tell, worded
from radcommons.catalogue import access_terms, grants, letters, requests, signoffs
from radcommons.catalogue.access_terms import Member, Offer
from radcommons.catalogue.journal import record
from radcommons.catalogue.letters import Draft
from radcommons.catalogue.requests import CastVote, KeptStep, Message, Request, Signed
from radcommons.platform.clock import instant, now
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.access_policy import AccessPolicy
from radcommons.records.access_request import Clock, Step, cleaned, clock, day_after, people_of
from radcommons.records.committee import Tally, Vote, is_entangled, tally
from radcommons.records.duo_match import Match
from radcommons.records.errors import Conflict, NotPermitted, UsageError
from radcommons.records.event import Actor, Event, Role
from radcommons.records.grant import Grant
from radcommons.records.lifecycle import GrantEvent, RequestEvent, RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One line of the queue."""

    request: Request
    clock: Clock
    tally: Tally
    voted: bool
    in_conflict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request as its committee sees it; to a member in conflict neither votes nor notes are shown.

    Parameters
    ----------
    can_act : bool
        Whether the one who looks may vote and decide.
    in_conflict : bool
    why_not : str
        Why they may not, in words.
    """

    request: Request
    offer: Offer
    policy: AccessPolicy
    clock: Clock
    history: tuple[KeptStep, ...]
    thread: tuple[Message, ...]
    votes: tuple[CastVote, ...]
    tally: Tally
    conflicts: tuple[tuple[int, str, str], ...]
    signatures: tuple[Signed, ...]
    matches: tuple[Match, ...]
    grant: Grant | None
    can_act: bool
    in_conflict: bool
    why_not: str


def queue(*, platform: Platform, actor: Actor) -> list[Waiting]:
    """Return the requests that a member's committees have or had, what is promised soonest first.

    Raises
    ------
    SignInRequired, NotPermitted
        If the actor is on no committee and no curator.
    """
    authorize(actor, Role.COMMITTEE, Role.CURATOR)
    with reading(platform.engine) as connection:
        found = requests.in_committee(connection, actor)
        steps = requests.steps(connection, [one.id for one in found])
        members = {name: access_terms.members(connection, name) for name in {one.dataset for one in found}}
        lines = [_waiting(connection, one, steps[one.id], members[one.dataset], actor) for one in found]
    return sorted(lines, key=lambda one: (one.clock.due is None, one.clock.due or "", one.request.submitted_at or ""))


def _waiting(
    connection: sa.Connection, request: Request, steps: list[Step], members: list[Member], actor: Actor
) -> Waiting:
    policy = request.policy or access_terms.policy(connection, request.dataset)
    votes = requests.votes(connection, request)
    conflicted = _conflicted(connection, request, members)
    return Waiting(
        request=request,
        clock=clock(steps, promised_days=policy.days(is_emergency=request.is_emergency), now=now()),
        tally=_tally(votes, members, conflicted, policy, request),
        voted=any(one.account == actor.account for one in votes),
        in_conflict=actor.account in conflicted,
    )


def _conflicted(connection: sa.Connection, request: Request, members: list[Member]) -> set[int]:
    """Return the members in conflict: those who declared one, and those whom the request itself names."""
    declared = {account for account, _, _ in requests.conflicts(connection, request.id)}
    named = named_people(request)
    return declared | {
        one.account
        for one in members
        if is_entangled(account=one.account, email=one.email, applicant=request.account, named=named)
    }


def _tally(
    votes: list[CastVote], members: list[Member], conflicted: set[int], policy: AccessPolicy, request: Request
) -> Tally:
    return tally(
        {one.account: one.vote for one in votes},
        members=[one.account for one in members],
        conflicted=conflicted,
        quorum=policy.votes(is_emergency=request.is_emergency),
    )


def overdue(connection: sa.Connection) -> list[tuple[Request, Clock, list[int]]]:
    """Return the requests that wait longer than was promised, with the members who may act, for the hub's rounds."""
    curator = Actor(id="system", roles=frozenset({Role.CURATOR}))
    found = requests.in_committee(connection, curator)
    steps = requests.steps(connection, [one.id for one in found])
    late = []
    for one in found:
        line = _waiting(
            connection, one, steps[one.id], members := access_terms.members(connection, one.dataset), curator
        )
        if line.clock.is_overdue:
            conflicted = _conflicted(connection, one, members)
            late.append((one, line.clock, [who.account for who in members if who.account not in conflicted]))
    return late


def case(identifier: str, *, platform: Platform, actor: Actor) -> Case:
    """Return a request as its committee sees it. Raises SignInRequired, NotPermitted, NotFound."""
    authorize(actor, Role.COMMITTEE, Role.CURATOR)
    with reading(platform.engine) as connection:
        request = requests.visible(connection, actor, identifier)
        offer = access_terms.offer(connection, request.dataset)
        members = list(offer.members)
        conflicted = _conflicted(connection, request, members)
        policy = request.policy or offer.policy
        votes = requests.votes(connection, request)
        why_not = _why_not(request, members, conflicted, actor)
        sees_all = actor.account not in conflicted and request.account != actor.account
        return Case(
            request=request,
            offer=offer,
            policy=policy,
            clock=clock(
                requests.steps(connection, [request.id])[request.id],
                promised_days=policy.days(is_emergency=request.is_emergency),
                now=now(),
            ),
            history=tuple(requests.history(connection, request.id)),
            thread=tuple(requests.thread(connection, request.id, with_internal=sees_all)),
            votes=tuple(votes) if sees_all else (),
            tally=_tally(votes, members, conflicted, policy, request),
            conflicts=tuple(requests.conflicts(connection, request.id)),
            signatures=tuple(requests.signatures(connection, request.id)),
            matches=prematch(request.answers, offer=offer),
            grant=grant_of(connection, actor, request),
            can_act=not why_not,
            in_conflict=not sees_all,
            why_not=why_not,
        )


def grant_of(connection: sa.Connection, actor: Actor, request: Request) -> Grant | None:
    """Return the grant that a request led to, or is to renew."""
    if request.renews is not None:
        return grants.visible(connection, actor, request.renews)
    return grants.of_request(connection, actor, request.id)


def _why_not(request: Request, members: list[Member], conflicted: set[int], actor: Actor) -> str:
    if actor.account not in {one.account for one in members}:
        return "You are not on this dataset's committee."
    if actor.account in conflicted:
        return "You have a conflict of interest in this request."
    if request.state not in (RequestState.ENDORSED, RequestState.UNDER_REVIEW, RequestState.QUESTIONED):
        return "This request is not with the committee now."
    return ""


def _seated(connection: sa.Connection, identifier: str, actor: Actor) -> tuple[Request, list[Member], set[int]]:
    """Return a request for a member who may act on it.

    Raises
    ------
    SignInRequired, NotFound
    NotPermitted
        If they are not on the committee, or in conflict.
    """
    authorize(actor, Role.COMMITTEE, Role.CURATOR)
    request = requests.visible(connection, actor, identifier)
    members = access_terms.members(connection, request.dataset)
    conflicted = _conflicted(connection, request, members)
    if actor.account not in {one.account for one in members}:
        raise NotPermitted("You are not on this dataset's committee.", mend="Ask the steward for a seat.")
    if actor.account in conflicted:
        raise NotPermitted("You have a conflict of interest in this request.", mend="Leave it to the others.")
    return request, members, conflicted


def _said(text: str, what: str) -> str:
    said = cleaned(text, lines=True)[:LONGEST_MESSAGE]
    if not said:
        raise UsageError(f"The {what} is empty.", mend="Write something.")
    return said


def _tell_applicant(
    connection: sa.Connection, request: Request, occasion: str, *, key: str, platform: Platform, **values: object
) -> None:
    path = f"/requests/{request.id}"
    tell(
        connection, request.account, occasion, key=key, platform=platform, path=path, title=request.title,
        dataset=request.dataset, **values,
    )  # fmt: skip


def _record(connection: sa.Connection, kind: str, request: Request, actor: Actor, **more: str | int) -> None:
    details: dict[str, str | int | bool | None] = {"dataset": request.dataset, "round": request.round, **more}
    record(connection, Event(kind=kind, actor=actor.id, subject=f"request:{request.id}", details=details))


def ask(identifier: str, *, body: str, platform: Platform, actor: Actor) -> None:
    """Ask the applicant; the committee's clock stands still until the answer. Raises as `vote` does."""
    said = _said(body, "question")
    with writing(platform.engine) as connection:
        request, _, _ = _seated(connection, identifier, actor)
        if request.state is RequestState.SUBMITTED or request.state is RequestState.QUESTIONED:
            occasion = "message"  # it waits for somebody else already
        else:
            occasion = "question"
            requests.move(connection, request, RequestEvent.ASK, actor=actor.id, who="The committee")
        number = requests.say(connection, request.id, actor=actor, side="committee", body=said)
        _tell_applicant(
            connection,
            request,
            occasion,
            key=f"{request.id}-{number}",
            platform=platform,
            note=said,
            who="The committee",
        )
        _record(connection, "request-question", request, actor)
    platform.wake_jobs()


def note(identifier: str, *, body: str, platform: Platform, actor: Actor) -> None:
    """Write to the other members alone. Raises as `vote` does."""
    said = _said(body, "note")
    with writing(platform.engine) as connection:
        request, _, _ = _seated(connection, identifier, actor)
        requests.say(connection, request.id, actor=actor, side="committee", body=said, is_internal=True)
        _record(connection, "request-note", request, actor)


def vote(identifier: str, *, choice: Vote, reason: str, platform: Platform, actor: Actor) -> None:
    """Vote; the last vote of a member counts. The first one begins the review.

    Raises
    ------
    SignInRequired, NotFound
    NotPermitted
        If the member is in conflict, or no member.
    WrongState
        If the request is not with the committee.
    """
    with writing(platform.engine) as connection:
        request, _, _ = _seated(connection, identifier, actor)
        if request.state is not RequestState.UNDER_REVIEW:
            requests.move(connection, request, RequestEvent.BEGIN, actor=actor.id, who="The committee")
        account = actor.account or 0
        requests.vote(connection, request, account=account, choice=choice, reason=cleaned(reason, lines=True)[:2000])
        _record(connection, "request-vote", request, actor)


def declare_conflict(identifier: str, *, reason: str, platform: Platform, actor: Actor) -> None:
    """Declare a conflict of interest: from here on the member's votes do not count. Raises as `vote` does."""
    said = _said(reason, "reason")
    with writing(platform.engine) as connection:
        request, _, _ = _seated(connection, identifier, actor)
        requests.declare_conflict(connection, request.id, account=actor.account or 0, reason=said[:2000])
        _record(connection, "request-conflict", request, actor)


def send_back(identifier: str, *, reason: str, platform: Platform, actor: Actor) -> None:
    """Give a request back for changes: what was signed and voted no longer holds. Raises as `vote` does."""
    said = _said(reason, "reason")
    with writing(platform.engine) as connection:
        request, _, _ = _seated(connection, identifier, actor)
        requests.move(connection, request, RequestEvent.RETURN, actor=actor.id, who="The committee", note=said)
        _tell_applicant(
            connection, request, "returned", key=f"{request.id}-{request.round}", platform=platform, note=said
        )
        _record(connection, "request-returned", request, actor)
    platform.wake_jobs()


def decide(
    identifier: str, *, approve: bool, reason: str, conditions: str = "", platform: Platform, actor: Actor
) -> None:
    """Make the decision that the votes carry; an approval makes the grant, or renews the one that was asked about.

    Raises
    ------
    SignInRequired, NotFound, NotPermitted
    Conflict
        If the votes do not carry it.
    UsageError
        If no reason is given.
    WrongState
    """
    said, bound = _said(reason, "reason"), cleaned(conditions, lines=True)[:LONGEST_MESSAGE]
    with writing(platform.engine) as connection:
        request, members, conflicted = _seated(connection, identifier, actor)
        policy = request.policy or access_terms.policy(connection, request.dataset)
        standing = _tally(requests.votes(connection, request), members, conflicted, policy, request)
        if not (standing.can_approve if approve else standing.can_refuse):
            raise Conflict("The votes do not carry this decision.", mend=_lacking(standing))
        event = RequestEvent.APPROVE if approve else RequestEvent.REFUSE
        requests.move(
            connection, request, event, actor=actor.id, who="The committee", note=said,
            changed={"conditions": bound, "decided_at": instant()},
        )  # fmt: skip
        if approve:
            ends = _grant(connection, request, policy, bound, platform=platform)
            _tell_applicant(
                connection, request, "approved", key=f"{request.id}-{request.round}", platform=platform, note=said,
                conditions=bound or "none", until=ends,
            )  # fmt: skip
        else:
            key = f"{request.id}-{request.round}"
            _tell_applicant(connection, request, "refused", key=key, platform=platform, note=said)
        _record(connection, f"request-{event}d", request, actor)
    platform.wake_jobs()


def _lacking(standing: Tally) -> str:
    if standing.missing:
        return f"{standing.missing} more votes are needed."
    return "There is no majority for it."


def _grant(
    connection: sa.Connection, request: Request, policy: AccessPolicy, conditions: str, *, platform: Platform
) -> str:
    """Make or renew the grant and return its last day."""
    signed = [one for one in requests.signatures(connection, request.id) if one.round == request.round]
    ends = day_after(grants.today(), policy.length(is_emergency=request.is_emergency))
    people = people_of(request.answers)
    if request.renews is None:
        identifier = grants.add(
            connection,
            request,
            starts=grants.today(),
            ends=ends,
            conditions=conditions,
            version=signed[-1].version,
            agreement=signed[-1].agreement,
            people=people,
        )
    else:
        identifier = request.renews
        _renew(connection, request, signed[-1], ends=ends, conditions=conditions)
    details: dict[str, str | int | bool | None] = {"dataset": request.dataset, "until": ends}
    record(connection, Event(kind="grant-made", actor="system", subject=f"grant:{identifier}", details=details))
    for one in people:
        _invite(connection, request, one.email, identifier=identifier, platform=platform)
    return ends


def _renew(connection: sa.Connection, request: Request, signed: Signed, *, ends: str, conditions: str) -> None:
    system = Actor(id="system", roles=frozenset({Role.CURATOR}))
    grant = grants.visible(connection, system, request.renews or "")
    grants.move(
        connection,
        grant,
        GrantEvent.RENEW,
        ends=ends,
        conditions=conditions,
        title=request.title,
        version=signed.version,
        agreement=signed.agreement,
        renewals=0,
    )
    grants.replace_people(connection, grant, holder=request.email, people=people_of(request.answers))


def _invite(connection: sa.Connection, request: Request, email: str, *, identifier: str, platform: Platform) -> None:
    """Write to somebody whom a grant names, in the portal too where the address has an account."""
    subject, body = worded(
        "named",
        platform=platform,
        path="/grants",
        title=request.title,
        dataset=request.dataset,
        applicant=request.applicant,
    )
    account = signoffs.account_named(connection, email)
    key = f"named-{identifier}-{request.round}-{email.casefold()}"[:120]
    letters.write(connection, Draft(key=key, account=account, address=email, subject=subject, body=body))
