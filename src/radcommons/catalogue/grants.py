"""Grants as they are kept, and the one question that every request asks: which datasets are open to this person now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue import tables_access as a
from radcommons.catalogue.quick import Prepared, slot
from radcommons.catalogue.requests import Request, new_id
from radcommons.catalogue.visibility import visible_grants
from radcommons.platform.clock import instant, now
from radcommons.records.access_request import Answers, Person
from radcommons.records.errors import Conflict, NotFound
from radcommons.records.event import Actor
from radcommons.records.grant import Grant, Grantee
from radcommons.records.lifecycle import GRANT, GrantEvent, GrantState, RequestState, advance

_g, _p = a.access_grant.c, a.grant_person.c
_OPEN_NOW = Prepared(
    sa.select(_g.dataset)
    .join(a.grant_person, _p.grant_id == _g.id)
    .where(
        _p.account_id == slot("account"),
        _p.signed_at.is_not(None),
        _g.state == "live",
        _g.starts <= slot("today"),
        _g.ends >= slot("today_too"),
    )
)


def today() -> str:
    """Return the present ISO day, in UTC."""
    return now().strftime("%Y-%m-%d")


def with_grants(engine: sa.Engine, actor: Actor) -> Actor:
    """Return an actor with the datasets that their grants open at this moment; what was revoked is out at once."""
    if actor.account is None:
        return actor
    rows = _OPEN_NOW.rows(engine, account=actor.account, today=today(), today_too=today())
    return replace(actor, grants=frozenset(row[0] for row in rows)) if rows else actor


def add(
    connection: sa.Connection,
    request: Request,
    *,
    starts: str,
    ends: str,
    conditions: str,
    version: int,
    agreement: str,
    people: Iterable[Person],
) -> str:
    """Keep a new grant; its applicant has signed already, the others sign before it opens for them."""
    identifier = new_id("grant")
    connection.execute(
        a.access_grant.insert().values(
            id=identifier,
            dataset=request.dataset,
            request_id=request.id,
            holder=request.account,
            title=request.title,
            state=GrantState.LIVE,
            starts=starts,
            ends=ends,
            conditions=conditions,
            version=version,
            agreement=agreement,
            renewals=0,
            revoked_reason="",
            attestation="",
        )
    )
    institution = str(request.answers.get("institution", ""))
    holder = {
        "grant_id": identifier,
        "email": request.email.casefold(),
        "name": request.applicant,
        "institution": institution[:254],
        "account_id": request.account,
        "signed_at": instant(),
    }
    others = [
        {
            "grant_id": identifier,
            "email": one.email.casefold(),
            "name": one.name[:200],
            "institution": one.institution,
            "account_id": None,
            "signed_at": None,
        }
        for one in people
        if one.email.casefold() != request.email.casefold()
    ]
    connection.execute(a.grant_person.insert(), [holder, *others])
    return identifier


def visible(connection: sa.Connection, actor: Actor, identifier: str) -> Grant:
    """Return a grant that the actor may see. Raises NotFound."""
    found = _read(connection, visible_grants(actor), _g.id == identifier)
    if not found:
        raise NotFound("There is no such grant.")
    return found[0]


def naming(connection: sa.Connection, actor: Actor) -> list[Grant]:
    """Return the grants that name a person, as holder or among the others, the newest first."""
    address = sa.select(t.account.c.email).where(t.account.c.id == actor.account).scalar_subquery()
    named = sa.exists().where(_p.grant_id == _g.id, _p.email == address)
    return _read(connection, visible_grants(actor), sa.or_(_g.holder == actor.account, named))


def of_dataset(connection: sa.Connection, actor: Actor, dataset: str) -> list[Grant]:
    """Return the grants of a dataset that the actor may see."""
    return _read(connection, visible_grants(actor), _g.dataset == dataset)


def of_request(connection: sa.Connection, actor: Actor, request: str) -> Grant | None:
    """Return the grant that a request led to, where the actor may see it."""
    return next(iter(_read(connection, visible_grants(actor), _g.request_id == request)), None)


def unfinished(connection: sa.Connection) -> list[Grant]:
    """Return the grants that somebody may have to be written to about, for the hub's own rounds."""
    return _read(connection, _g.state != GrantState.CLOSED)


def _read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Grant]:
    rows = connection.execute(sa.select(a.access_grant).where(*conditions).order_by(_g.starts.desc(), _g.id)).all()
    people: dict[str, list[Grantee]] = {row.id: [] for row in rows}
    query = sa.select(a.grant_person).where(_p.grant_id.in_(list(people))).order_by(_p.signed_at, _p.name)
    for row in connection.execute(query):
        people[row.grant_id].append(
            Grantee(
                email=row.email,
                name=row.name,
                institution=row.institution,
                account=row.account_id,
                signed_at=row.signed_at,
            )
        )
    return [_grant(row, people[row.id]) for row in rows]


def _grant(row: sa.Row[Any], people: list[Grantee]) -> Grant:
    values = {name: getattr(row, name) for name in Grant.__dataclass_fields__ if name not in ("request", "people")}
    return Grant(**{**values, "state": GrantState(row.state)}, request=row.request_id, people=tuple(people))


def move(connection: sa.Connection, grant: Grant, event: GrantEvent, **changed: object) -> None:
    """Take a grant to its next state.

    Raises
    ------
    WrongState
        If the lifecycle has no such arrow.
    Conflict
        If somebody else moved it meanwhile: the state, the end and the count of renewals are compared.
    """
    following = advance(GRANT, grant.state, event)
    moved = connection.execute(
        a.access_grant.update()
        .where(_g.id == grant.id, _g.state == grant.state, _g.ends == grant.ends, _g.renewals == grant.renewals)
        .values(state=following, **changed)
    )
    if not moved.rowcount:
        raise Conflict("Somebody else has changed this grant meanwhile.", mend="Load it again.")


def join(connection: sa.Connection, grant: Grant, *, account: int, email: str) -> None:
    """Note that a person whom a grant names has signed. Raises Conflict where they have, or it names nobody so."""
    joined = connection.execute(
        a.grant_person.update()
        .where(_p.grant_id == grant.id, _p.email == email.casefold(), _p.signed_at.is_(None))
        .values(account_id=account, signed_at=instant())
    )
    if not joined.rowcount:
        raise Conflict("You have signed already, or the grant does not name your address.")


def replace_people(connection: sa.Connection, grant: Grant, *, holder: str, people: Iterable[Person]) -> None:
    """Let a renewed grant name the people of its new request: who leaves loses it, who comes signs first."""
    wanted = {one.email.casefold(): one for one in people}
    held = {one.email for one in grant.people}
    gone = held - set(wanted) - {holder.casefold()}
    connection.execute(a.grant_person.delete().where(_p.grant_id == grant.id, _p.email.in_(sorted(gone))))
    rows = [
        {"grant_id": grant.id, "email": email, "name": one.name[:200], "institution": one.institution}
        for email, one in wanted.items()
        if email not in held
    ]
    if rows:
        connection.execute(a.grant_person.insert(), rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An approved project as the public register shows it: nobody's address, nobody's name but the applicant's."""

    request: str
    dataset: str
    title: str
    institution: str
    country: str
    applicant: str
    lay_summary: str
    is_emergency: bool
    emergency: str
    approved_on: str
    starts: str
    ends: str
    state: GrantState


def register(connection: sa.Connection, *, dataset: str | None = None) -> list[Registered]:
    """Return the approved projects, the newest first; they are public."""
    r = a.access_request.c
    query: sa.Select[Any] = (
        sa.select(
            r.id,
            r.answers,
            r.is_emergency,
            r.decided_at,
            _g.dataset,
            _g.title,
            _g.starts,
            _g.ends,
            _g.state,
            t.account.c.name,
        )
        .select_from(a.access_grant)
        .join(a.access_request, r.id == _g.request_id)
        .join(t.account, t.account.c.id == _g.holder)
        .where(r.state == RequestState.APPROVED)
        .order_by(r.decided_at.desc())
    )
    if dataset is not None:
        query = query.where(_g.dataset == dataset)
    return [_registered(row, row.answers) for row in connection.execute(query)]


def _registered(row: sa.Row[*tuple[Any, ...]], answers: Answers) -> Registered:
    return Registered(
        request=row.id,
        dataset=row.dataset,
        title=row.title,
        institution=str(answers.get("institution", "")),
        country=str(answers.get("country", "")),
        applicant=row.name,
        lay_summary=str(answers.get("lay_summary", "")),
        is_emergency=row.is_emergency,
        emergency=str(answers.get("emergency", "")) if row.is_emergency else "",
        approved_on=(row.decided_at or "")[:10],
        starts=row.starts,
        ends=row.ends,
        state=GrantState(row.state),
    )
