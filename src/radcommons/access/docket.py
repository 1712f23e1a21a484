"""Docket: the requests of a committee as it sees them, each with its clock, votes and conflicts of interest."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.access.request import named_people, prematch
from radcommons.catalogue import access_terms, grants, requests
from radcommons.catalogue.access_terms import Member, Offer
from radcommons.catalogue.requests import CastVote, KeptStep, Message, Request, Signed
from radcommons.platform.clock import now
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.access_policy import AccessPolicy
from radcommons.records.access_request import Clock, Step, clock
from radcommons.records.committee import Tally, is_entangled, tally
from radcommons.records.duo_match import Match
from radcommons.records.event import Actor, Role
from radcommons.records.grant import Grant
from radcommons.records.lifecycle import RequestState


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
    conflicted = conflicted_members(connection, request, members)
    return Waiting(
        request=request,
        clock=clock(steps, promised_days=policy.days(is_emergency=request.is_emergency), now=now()),
        tally=tally_of(votes, members, conflicted, policy, request),
        voted=any(one.account == actor.account for one in votes),
        in_conflict=actor.account in conflicted,
    )


def conflicted_members(connection: sa.Connection, request: Request, members: list[Member]) -> set[int]:
    """Return the members in conflict: those who declared one, and those whom the request itself names."""
    declared = {account for account, _, _ in requests.conflicts(connection, request.id)}
    named = named_people(request)
    return declared | {
        one.account
        for one in members
        if is_entangled(account=one.account, email=one.email, applicant=request.account, named=named)
    }


def tally_of(
    votes: list[CastVote], members: list[Member], conflicted: set[int], policy: AccessPolicy, request: Request
) -> Tally:
    """Return how the votes on a request stand."""
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
            conflicted = conflicted_members(connection, one, members)
            late.append((one, line.clock, [who.account for who in members if who.account not in conflicted]))
    return late


def case(identifier: str, *, platform: Platform, actor: Actor) -> Case:
    """Return a request as its committee sees it. Raises SignInRequired, NotPermitted, NotFound."""
    authorize(actor, Role.COMMITTEE, Role.CURATOR)
    with reading(platform.engine) as connection:
        request = requests.visible(connection, actor, identifier)
        offer = access_terms.offer(connection, request.dataset)
        members = list(offer.members)
        conflicted = conflicted_members(connection, request, members)
        policy = request.policy or offer.policy
        votes = requests.votes(connection, request)
        why_not = why_not_act(request, members, conflicted, actor)
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
            tally=tally_of(votes, members, conflicted, policy, request),
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


def why_not_act(request: Request, members: list[Member], conflicted: set[int], actor: Actor) -> str:
    """Return why somebody may not act on a request, or an empty text where they may."""
    if actor.account not in {one.account for one in members}:
        return "You are not on this dataset's committee."
    if actor.account in conflicted:
        return "You have a conflict of interest in this request."
    if request.state not in (RequestState.ENDORSED, RequestState.UNDER_REVIEW, RequestState.QUESTIONED):
        return "This request is not with the committee now."
    return ""
