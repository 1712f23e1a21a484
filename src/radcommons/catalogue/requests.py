"""Requests for access as they are kept: answers, an append-only history, the thread, votes, conflicts, signatures."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue import tables_access as a
from radcommons.catalogue.visibility import visible_requests
from radcommons.platform.clock import instant
from radcommons.records.access_policy import AccessPolicy
from radcommons.records.access_request import Answers, Step
from radcommons.records.committee import Vote
from radcommons.records.documents import parse, plain
from radcommons.records.errors import Conflict, NotFound
from radcommons.records.event import Actor
from radcommons.records.lifecycle import REQUEST, RequestEvent, RequestState, advance

# Crockford's letters: what is read aloud or copied by hand is not mistaken.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Return an identifier that nobody can guess: 80 random bits."""
    number = secrets.randbits(80)
    return f"{prefix}-" + "".join(_LETTERS[number >> 5 * place & 31] for place in range(16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it is kept, with its applicant's name and address."""

    id: str
    dataset: str
    account: int
    applicant: str
    email: str
    state: RequestState
    is_emergency: bool
    title: str
    answers: Answers
    round: int
    revision: int
    policy: AccessPolicy | None
    renews: str | None
    conditions: str
    created_at: str
    submitted_at: str | None
    decided_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStep:
    """One line of a request's history."""

    at: str
    event: str
    state: RequestState
    who: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of a request's thread."""

    at: str
    who: str
    side: str
    is_internal: bool
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CastVote:
    """A member's last vote."""

    account: int
    who: str
    vote: Vote
    reason: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Who has signed which text, over which answers."""

    round: int
    capacity: str
    account: int | None
    typed_name: str
    version: int
    agreement: str
    answers: str
    at: str


def add(
    connection: sa.Connection,
    *,
    dataset: str,
    account: int,
    answers: Answers,
    is_emergency: bool,
    renews: str | None,
) -> str:
    """Keep a new draft and return its identifier."""
    identifier = new_id("req")
    connection.execute(
        a.access_request.insert().values(
            id=identifier,
            dataset=dataset,
            account_id=account,
            state=RequestState.DRAFT,
            is_emergency=is_emergency,
            title=str(answers.get("title", "")),
            answers=answers,
            round=0,
            revision=1,
            renews=renews,
            created_at=instant(),
        )
    )
    return identifier


def _requests(actor: Actor) -> sa.Select[Any]:
    return (
        sa.select(a.access_request, t.account.c.name.label("applicant"), t.account.c.email)
        .join(t.account, t.account.c.id == a.access_request.c.account_id)
        .where(visible_requests(actor))
    )


def visible(connection: sa.Connection, actor: Actor, identifier: str) -> Request:
    """Return a request that the actor may see. Raises NotFound."""
    row = connection.execute(_requests(actor).where(a.access_request.c.id == identifier)).one_or_none()
    if row is None:
        raise NotFound("There is no such request.")
    return _request(row)


def of_account(connection: sa.Connection, actor: Actor) -> list[Request]:
    """Return a person's own requests, the newest first."""
    query = _requests(actor).where(a.access_request.c.account_id == actor.account)
    return [_request(row) for row in connection.execute(query.order_by(a.access_request.c.created_at.desc()))]


def in_committee(connection: sa.Connection, actor: Actor) -> list[Request]:
    """Return the submitted requests that a committee's member or a curator may see, those of others alone."""
    c = a.access_request.c
    query = _requests(actor).where(c.submitted_at.is_not(None), c.account_id != (actor.account or 0))
    return [_request(row) for row in connection.execute(query.order_by(c.submitted_at))]


def _request(row: sa.Row[Any]) -> Request:
    values = dict(row._mapping)
    values["account"] = values.pop("account_id")
    values["state"] = RequestState(values["state"])
    values["policy"] = parse(AccessPolicy, values["policy"]) if values["policy"] is not None else None
    return Request(**values)


def save(connection: sa.Connection, request: Request, *, answers: Answers, is_emergency: bool, revision: int) -> None:
    """Change a draft's answers.

    Raises
    ------
    Conflict
        If it was changed since the form was loaded, or is no draft any more.
    """
    c = a.access_request.c
    changed = connection.execute(
        a.access_request.update()
        .where(c.id == request.id, c.revision == revision, c.state == RequestState.DRAFT)
        .values(
            answers=answers, title=str(answers.get("title", "")), is_emergency=is_emergency, revision=c.revision + 1
        )
    )
    if not changed.rowcount:
        raise Conflict("The request was changed since this form was loaded.", mend="Load it again.")


def move(
    connection: sa.Connection,
    request: Request,
    event: RequestEvent,
    *,
    actor: str,
    who: str,
    note: str = "",
    changed: Mapping[str, object] | None = None,
) -> RequestState:
    """Take a request to its next state and add the step to its history; `changed` are more columns of its row.

    Raises
    ------
    WrongState
        If the lifecycle has no such arrow.
    Conflict
        If somebody else moved it meanwhile.
    """
    following = advance(REQUEST, request.state, event)
    c = a.access_request.c
    moved = connection.execute(
        a.access_request.update()
        .where(c.id == request.id, c.state == request.state, c.round == request.round)
        .values(state=following, **(changed or {}))
    )
    if not moved.rowcount:
        raise Conflict("Somebody else has moved this request meanwhile.", mend="Load it again.")
    connection.execute(
        a.request_step.insert().values(
            request_id=request.id, at=instant(), event=event, state=following, actor=actor, who=who, note=note
        )
    )
    return following


def submitted(policy: AccessPolicy, *, round: int) -> dict[str, object]:
    """Return what a request's row says once it is submitted."""
    return {"round": round, "policy": plain(policy), "submitted_at": instant()}


def history(connection: sa.Connection, identifier: str) -> list[KeptStep]:
    """Return a request's history, oldest first."""
    c = a.request_step.c
    rows = connection.execute(
        sa.select(c.at, c.event, c.state, c.who, c.note).where(c.request_id == identifier).order_by(c.id)
    )
    return [
        KeptStep(at=row.at, event=row.event, state=RequestState(row.state), who=row.who, note=row.note) for row in rows
    ]


def steps(connection: sa.Connection, identifiers: Sequence[str]) -> dict[str, list[Step]]:
    """Return the histories of several requests, as far as the clock reads them."""
    c = a.request_step.c
    found: dict[str, list[Step]] = {one: [] for one in identifiers}
    query = sa.select(c.request_id, c.at, c.state).where(c.request_id.in_(identifiers)).order_by(c.id)
    for row in connection.execute(query):
        found[row.request_id].append(Step(at=row.at, state=RequestState(row.state)))
    return found


def say(
    connection: sa.Connection, identifier: str, *, actor: Actor, side: str, body: str, is_internal: bool = False
) -> int:
    """Add a message to a request's thread and return its number."""
    added = connection.execute(
        a.request_message.insert().values(
            request_id=identifier,
            at=instant(),
            account_id=actor.account,
            who=actor.name,
            side=side,
            is_internal=is_internal,
            body=body,
        )
    )
    return int(added.inserted_primary_key[0])  # type: ignore[index]


def thread(connection: sa.Connection, identifier: str, *, with_internal: bool) -> list[Message]:
    """Return a request's thread, oldest first."""
    c = a.request_message.c
    query = sa.select(c.at, c.who, c.side, c.is_internal, c.body).where(c.request_id == identifier).order_by(c.id)
    if not with_internal:
        query = query.where(c.is_internal.is_(sa.false()))
    return [Message(**row._mapping) for row in connection.execute(query)]


def vote(connection: sa.Connection, request: Request, *, account: int, choice: Vote, reason: str) -> None:
    """Add a member's vote in the present round."""
    connection.execute(
        a.request_vote.insert().values(
            request_id=request.id, round=request.round, account_id=account, vote=choice, reason=reason, at=instant()
        )
    )


def votes(connection: sa.Connection, request: Request) -> list[CastVote]:
    """Return each member's last vote of the present round."""
    c = a.request_vote.c
    rows = connection.execute(
        sa.select(c.account_id, t.account.c.name, c.vote, c.reason, c.at)
        .join(t.account, t.account.c.id == c.account_id)
        .where(c.request_id == request.id, c.round == request.round)
        .order_by(c.id)
    )
    last = {
        row.account_id: CastVote(
            account=row.account_id, who=row.name, vote=Vote(row.vote), reason=row.reason, at=row.at
        )
        for row in rows
    }
    return list(last.values())


def declare_conflict(connection: sa.Connection, identifier: str, *, account: int, reason: str) -> None:
    """Note a member's conflict of interest; it is never taken back.

    Raises
    ------
    Conflict
        If it is declared already.
    """
    if account in {one for one, _, _ in conflicts(connection, identifier)}:
        raise Conflict("You have declared a conflict already.")
    connection.execute(
        a.request_conflict.insert().values(request_id=identifier, account_id=account, reason=reason, at=instant())
    )


def conflicts(connection: sa.Connection, identifier: str) -> list[tuple[int, str, str]]:
    """Return (account, name, reason) of the declared conflicts."""
    c = a.request_conflict.c
    rows = connection.execute(
        sa.select(c.account_id, t.account.c.name, c.reason)
        .join(t.account, t.account.c.id == c.account_id)
        .where(c.request_id == identifier)
        .order_by(c.at)
    )
    return [(row.account_id, row.name, row.reason) for row in rows]


def sign(connection: sa.Connection, identifier: str, signed: Signed) -> None:
    """Keep a signature for good."""
    values = {field: getattr(signed, field) for field in Signed.__dataclass_fields__ if field != "account"}
    connection.execute(a.signature.insert().values(request_id=identifier, account_id=signed.account, **values))


def signatures(connection: sa.Connection, identifier: str) -> list[Signed]:
    """Return the signatures under a request, oldest first."""
    c = a.signature.c
    fields = [c[field] for field in Signed.__dataclass_fields__ if field != "account"]
    rows = connection.execute(
        sa.select(*fields, c.account_id.label("account")).where(c.request_id == identifier).order_by(c.id)
    )
    return [Signed(**row._mapping) for row in rows]
