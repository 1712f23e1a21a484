"""Request: ask for a controlled dataset, sign for it, answer what the committee asks, take it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.access.post import LINK
from radcommons.access.wording import TEXTS, tell, worded
from radcommons.catalogue import access_terms, grants, letters, requests, signoffs
from radcommons.catalogue.access_terms import Agreement, Offer
from radcommons.catalogue.journal import record
from radcommons.catalogue.letters import Draft
from radcommons.catalogue.requests import Request, Signed
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.ports import Platform
from radcommons.records.access_request import Answers, cleaned, day_after, people_of, read_answers, stated_use
from radcommons.records.documents import digest
from radcommons.records.duo_match import Match, match
from radcommons.records.errors import Conflict, NotFound, NotPermitted, SignInRequired, UsageError
from radcommons.records.event import Actor, Event
from radcommons.records.lifecycle import RequestEvent, RequestState

assert LINK in TEXTS["official"][1]
Given = Mapping[str, Sequence[str]]
MOST_OPEN = 10  # of one person; each submission writes to somebody outside
LONGEST_MESSAGE = 5000
OPEN = (
    RequestState.DRAFT,
    RequestState.SUBMITTED,
    RequestState.ENDORSED,
    RequestState.UNDER_REVIEW,
    RequestState.QUESTIONED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A request's draft, as far as it is filled in: what is wrong with it, and what its terms will say."""

    request: Request
    offer: Offer
    faults: dict[str, str]
    matches: tuple[Match, ...]


def person(actor: Actor) -> int:
    """Return the account of who asks.

    Raises
    ------
    SignInRequired
        If nobody is signed in.
    NotPermitted
        If a token asks that is nobody's own.
    """
    if not actor.roles:
        raise SignInRequired("This needs a sign-in.", mend="Sign in with your account.")
    if actor.account is None:
        raise NotPermitted("This is for a person, and the token is nobody's own.", mend="Sign in with your account.")
    return actor.account


def prematch(answers: Answers, *, offer: Offer) -> tuple[Match, ...]:
    """Return at once, term by term, whether what is stated keeps a dataset's terms."""
    return match(stated_use(answers), terms=offer.terms, limits=offer.policy.limits, today=grants.today())


def begin(
    dataset: str, *, is_emergency: bool = False, renews: str | None = None, platform: Platform, actor: Actor
) -> str:
    """Make a draft and return its identifier; one that renews a grant begins with the answers of its request.

    Raises
    ------
    SignInRequired, NotPermitted, NotFound
    Conflict
        If the dataset cannot be asked for, or the person has too many open requests.
    """
    account = person(actor)
    with writing(platform.engine) as connection:
        found = access_terms.offer(connection, dataset)
        if not found.is_askable:
            raise Conflict("This dataset takes no requests now.", mend="Ask its steward.")
        if is_emergency and found.policy.fast_track is None:
            raise Conflict("This dataset has no fast track.", mend="Use the ordinary form.")
        if sum(one.state in OPEN for one in requests.of_account(connection, actor)) >= MOST_OPEN:
            raise Conflict(f"You have {MOST_OPEN} open requests.", mend="Finish or withdraw one of them.")
        answers: Answers = {}
        if renews is not None:
            answers = _answers_of(connection, renews, dataset=dataset, actor=actor)
        return requests.add(
            connection, dataset=dataset, account=account, answers=answers, is_emergency=is_emergency, renews=renews
        )


def _answers_of(connection: sa.Connection, renews: str, *, dataset: str, actor: Actor) -> Answers:
    grant = grants.visible(connection, actor, renews)
    if grant.holder != actor.account or grant.dataset != dataset:
        raise NotFound("There is no such grant.")
    return dict(requests.visible(connection, actor, grant.request).answers)


def own(connection: sa.Connection, identifier: str, actor: Actor) -> Request:
    """Return a request of the person's own. Raises NotFound, also where somebody else's is visible to them."""
    person(actor)
    found = requests.visible(connection, actor, identifier)
    if found.account != actor.account:
        raise NotFound("There is no such request.")
    return found


def look(identifier: str, *, platform: Platform, actor: Actor) -> Look:
    """Return a draft with what is wrong with it and how it fits the terms. Raises NotFound."""
    with reading(platform.engine) as connection:
        found = own(connection, identifier, actor)
        offer = access_terms.offer(connection, found.dataset)
    return Look(request=found, offer=offer, faults=_faults(found, offer), matches=prematch(found.answers, offer=offer))


def _faults(request: Request, offer: Offer) -> dict[str, str]:
    """Return what is wrong with kept answers, by the form as it is now."""
    given: dict[str, list[str]] = {}
    for name, value in request.answers.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for part in ("name", "institution", "email"):
                given[f"{name}_{part}"] = [one[part] for one in value]
        elif isinstance(value, list):
            given[name] = value
        else:
            given[name] = ["yes" if value is True else "" if value is False else str(value)]
    return read_answers(offer.policy.fields(is_emergency=request.is_emergency), given)[1]


def save(identifier: str, *, given: Given, is_emergency: bool, revision: int, platform: Platform, actor: Actor) -> None:
    """Keep what a form says in a draft, complete or not.

    Raises
    ------
    NotFound
    Conflict
        If it was saved since the form was loaded, or is no draft.
    """
    with writing(platform.engine) as connection:
        found = own(connection, identifier, actor)
        policy = access_terms.policy(connection, found.dataset)
        is_fast = is_emergency and policy.fast_track is not None
        answers, _ = read_answers(policy.fields(is_emergency=is_fast), given)
        requests.save(connection, found, answers=answers, is_emergency=is_fast, revision=revision)


def submit(identifier: str, *, typed_name: str, version: int, revision: int, platform: Platform, actor: Actor) -> None:
    """Sign the agreement and submit a complete draft; the institution's official is written to.

    Parameters
    ----------
    identifier : str
    typed_name : str
        The signature.
    version, revision : int
        Of the agreement that was shown, and of the answers.

    Raises
    ------
    NotFound
    UsageError
        If something is missing, or no name is typed.
    Conflict
        If the agreement or the answers have changed since they were shown, or the state stands against it.
    """
    name = cleaned(typed_name)[:200]
    with writing(platform.engine) as connection:
        found = own(connection, identifier, actor)
        offer = access_terms.offer(connection, found.dataset)
        agreement = _shown(offer, version)
        if found.revision != revision:
            raise Conflict("The request was changed since it was shown.", mend="Read it again before you sign.")
        faults = _faults(found, offer)
        if faults:
            raise UsageError("The request is not complete.", mend="Fill in what is marked.")
        if len(name) < 3:
            raise UsageError("Your name is missing.", mend="Type your name to sign.")
        number = found.round + 1
        changed = requests.submitted(offer.policy, round=number)
        requests.move(connection, found, RequestEvent.SUBMIT, actor=actor.id, who=actor.name, changed=changed)
        _sign(connection, found, agreement, number=number, capacity="applicant", name=name, account=actor.account)
        _write_to_official(connection, found, number=number, platform=platform)
        tell(
            connection,
            found.account,
            "submitted",
            key=f"{found.id}-{number}",
            platform=platform,
            path=f"/requests/{found.id}",
            title=found.title,
            dataset=offer.dataset.title,
            official=found.answers["official_name"],
            days=offer.policy.days(is_emergency=found.is_emergency),
        )
        _record(connection, "request-submitted", found, actor)
    platform.wake_jobs()


def _shown(offer: Offer, version: int) -> Agreement:
    if offer.agreement is None or not offer.is_askable:
        raise Conflict("This dataset takes no requests now.", mend="Ask its steward.")
    if offer.agreement.version != version:
        raise Conflict("The agreement has a new version.", mend="Read it before you sign.")
    return offer.agreement


def _sign(
    connection: sa.Connection,
    request: Request,
    agreement: Agreement,
    *,
    number: int,
    capacity: str,
    name: str,
    account: int | None,
) -> None:
    requests.sign(
        connection,
        request.id,
        Signed(
            round=number,
            capacity=capacity,
            account=account,
            typed_name=name,
            version=agreement.version,
            agreement=agreement.digest,
            answers=digest(request.answers),
            at=instant(),
        ),
    )


def _write_to_official(connection: sa.Connection, request: Request, *, number: int, platform: Platform) -> None:
    official, email = request.answers["official_name"], request.answers["official_email"]
    if email.casefold() == request.email.casefold():
        raise UsageError("You cannot sign for your institution yourself.", mend="Name another signing official.")
    made = signoffs.add(connection, request, round=number, name=official, email=email)
    subject, body = worded(
        "official",
        platform=platform,
        title=request.title,
        dataset=request.dataset,
        applicant=request.applicant,
        official=official,
        institution=request.answers["institution"],
        until=made.expires_at[:10],
    )
    # Never into the portal of an account: who signs for an institution is reached where it reads its mail.
    draft = Draft(key=f"official-{made.id}", account=None, address=email, subject=subject, body=body, signoff=made.id)
    letters.write(connection, draft)


def _record(connection: sa.Connection, kind: str, request: Request, actor: Actor) -> None:
    details: dict[str, str | int | bool | None] = {"dataset": request.dataset, "round": request.round}
    record(connection, Event(kind=kind, actor=actor.id, subject=f"request:{request.id}", details=details))


def endorse(token: str, *, typed_name: str, platform: Platform) -> Request:
    """Sign for an institution by the one-time link of a letter; the committee's clock begins.

    Raises
    ------
    NotFound
        If the link is not good.
    UsageError
        If no name is typed.
    """
    name = cleaned(typed_name)[:200]
    if len(name) < 3:
        raise UsageError("Your name is missing.", mend="Type your name to sign.")
    with writing(platform.engine) as connection:
        link, found = signoffs.by_token(connection, token, platform.signing_key)
        signoffs.use(connection, link)
        official = Actor(id="official", name=link.name)
        requests.move(connection, found, RequestEvent.ENDORSE, actor=official.id, who=link.name)
        signed = next(one for one in requests.signatures(connection, found.id) if one.round == found.round)
        agreement = access_terms.agreement(connection, found.dataset, signed.version)
        _sign(connection, found, agreement, number=found.round, capacity="official", name=name, account=None)
        _tell_endorsed(connection, found, official=link.name, platform=platform)
        _record(connection, "request-endorsed", found, official)
    platform.wake_jobs()
    return found


def _tell_endorsed(connection: sa.Connection, request: Request, *, official: str, platform: Platform) -> None:
    policy = request.policy or access_terms.policy(connection, request.dataset)
    days = policy.days(is_emergency=request.is_emergency)
    key, title = f"{request.id}-{request.round}", request.title
    due = day_after(grants.today(), days)
    place = f"/requests/{request.id}"
    tell(
        connection, request.account, "endorsed", key=key, platform=platform, path=place, title=title,
        official=official, due=due,
    )  # fmt: skip
    fast = f" on the fast track: an answer is promised within {days} days" if request.is_emergency else ""
    for member in access_terms.members(connection, request.dataset):
        tell(
            connection, member.account, "queued", key=key, platform=platform, path=f"/committee/{request.id}",
            title=title, dataset=request.dataset, fast=fast,
        )  # fmt: skip


def decline(token: str, *, note: str, platform: Platform) -> Request:
    """Refuse to sign for an institution; the request is a draft again. Raises NotFound."""
    with writing(platform.engine) as connection:
        link, found = signoffs.by_token(connection, token, platform.signing_key)
        signoffs.use(connection, link)
        said = cleaned(note, lines=True)[:2000]
        requests.move(connection, found, RequestEvent.DECLINE, actor="official", who=link.name, note=said)
        tell(
            connection,
            found.account,
            "declined",
            key=f"{found.id}-{found.round}",
            platform=platform,
            path=f"/requests/{found.id}",
            title=found.title,
            official=link.name,
            note=said or "no reason was given",
        )
        _record(connection, "request-declined", found, Actor(id="official", name=link.name))
    platform.wake_jobs()
    return found


def say(identifier: str, *, body: str, platform: Platform, actor: Actor) -> None:
    """Write to the committee; an answer to its question gives the request back to it.

    Raises
    ------
    NotFound
    UsageError
        If nothing is said.
    Conflict
        If it is a draft, or over.
    """
    said = cleaned(body, lines=True)[:LONGEST_MESSAGE]
    with writing(platform.engine) as connection:
        found = own(connection, identifier, actor)
        if not said:
            raise UsageError("The message is empty.", mend="Write something.")
        if found.state not in OPEN[1:]:
            raise Conflict("This request is not with the committee.", mend="Submit it first.")
        number = requests.say(connection, found.id, actor=actor, side="applicant", body=said)
        if found.state is RequestState.QUESTIONED:
            requests.move(connection, found, RequestEvent.ANSWER, actor=actor.id, who=actor.name)
        for member in access_terms.members(connection, found.dataset):
            tell(
                connection, member.account, "message", key=f"{found.id}-{number}", platform=platform,
                path=f"/committee/{found.id}", title=found.title, who=found.applicant, note=said,
            )  # fmt: skip
        _record(connection, "request-message", found, actor)
    platform.wake_jobs()


def withdraw(identifier: str, *, platform: Platform, actor: Actor) -> None:
    """Take a request back. Raises NotFound, Conflict."""
    with writing(platform.engine) as connection:
        found = own(connection, identifier, actor)
        was_there = found.state in OPEN[2:]
        requests.move(
            connection, found, RequestEvent.WITHDRAW, actor=actor.id, who=actor.name, changed={"decided_at": instant()}
        )
        if was_there:
            for member in access_terms.members(connection, found.dataset):
                tell(
                    connection, member.account, "withdrawn", key=found.id, platform=platform,
                    path=f"/committee/{found.id}", title=found.title, dataset=found.dataset,
                )  # fmt: skip
        _record(connection, "request-withdrawn", found, actor)
    platform.wake_jobs()


def recall(identifier: str, *, platform: Platform, actor: Actor) -> None:
    """Make a request that its institution has not signed a draft again; the link that was sent is of no use any more.

    Raises
    ------
    NotFound, Conflict
    """
    with writing(platform.engine) as connection:
        found = own(connection, identifier, actor)
        requests.move(connection, found, RequestEvent.RECALL, actor=actor.id, who=actor.name)
        _record(connection, "request-recalled", found, actor)


def named_people(request: Request) -> tuple[str, ...]:
    """Return the addresses of everybody whom a request names, its official included."""
    official = str(request.answers.get("official_email", ""))
    return (*(one.email for one in people_of(request.answers)), official)
