"""A request's answers: read from a form, checked against its fields, and what they state about the use of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from radcommons.records.access_policy import FieldKind, FormField
from radcommons.records.countries import COUNTRIES
from radcommons.records.duo import TERMS, Kind
from radcommons.records.duo_match import StatedUse
from radcommons.records.lifecycle import RequestState

Answers = dict[str, Any]
# RFC 5321 allows more; what is refused here nobody can be written to by an ordinary mail program.
EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,189}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
MOST_PEOPLE = 30
PERSON_PARTS = ("name", "institution", "email")
_TOO_MANY_MONTHS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who will work with the data."""

    name: str
    institution: str
    email: str


def cleaned(text: str, *, lines: bool = False) -> str:
    """Return a text without control characters and without space around it; line ends stay where `lines` says so."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n")
    if lines:
        return "".join(one for one in kept if one.isprintable() or one == "\n").strip()
    return " ".join("".join(one if one.isprintable() else " " for one in kept).split())


def read_answers(fields: Iterable[FormField], given: Mapping[str, Sequence[str]]) -> tuple[Answers, dict[str, str]]:
    """Return what a form says, cleaned, and what is wrong with it by field; a draft is kept with its faults.

    Parameters
    ----------
    fields : iterable of FormField
    given : mapping of str to sequence of str
        The form's values by name. People come as ``NAME_name``, ``NAME_institution`` and ``NAME_email``, row by row.
    """
    answers: Answers = {}
    faults: dict[str, str] = {}
    for field in fields:
        if field.kind is FieldKind.PEOPLE:
            answers[field.name], fault = _people(field, given)
        elif field.kind is FieldKind.PURPOSES:
            answers[field.name], fault = _purposes(field, given.get(field.name, ()))
        else:
            answers[field.name], fault = _single(field, next(iter(given.get(field.name, ())), ""))
        if fault:
            faults[field.name] = fault
    return answers, faults


def _single(field: FormField, raw: str) -> tuple[str | int | bool, str]:
    if field.kind is FieldKind.YES:
        is_ticked = raw == "yes"
        return is_ticked, "This is needed." if field.is_required and not is_ticked else ""
    text = cleaned(raw, lines=field.kind is FieldKind.TEXT)
    if not text:
        return "", "This is needed." if field.is_required else ""
    if len(text) > field.longest:
        return text[: field.longest], f"Longer than {field.longest} characters; it was cut."
    return _checked(field, text)


def _checked(field: FormField, text: str) -> tuple[str | int, str]:
    if field.kind is FieldKind.EMAIL:
        return text, "" if EMAIL.fullmatch(text) else "This is no e-mail address."
    if field.kind is FieldKind.COUNTRY:
        return (text, "") if text in COUNTRIES else ("", "Choose a country of the list.")
    if field.kind is FieldKind.CHOICE:
        return (text, "") if text in field.options else ("", "Choose one of the list.")
    if field.kind is FieldKind.NUMBER:
        if not re.fullmatch(r"[0-9]{1,4}", text) or not 0 < int(text) <= _TOO_MANY_MONTHS:
            return "", f"A whole number from 1 to {_TOO_MANY_MONTHS}."
        return int(text), ""
    return text, ""


def _purposes(field: FormField, given: Sequence[str]) -> tuple[list[str], str]:
    chosen = sorted({one for one in given if one in TERMS and TERMS[one].kind is Kind.PURPOSE})
    return chosen, "Tick at least one." if field.is_required and not chosen else ""


def _people(field: FormField, given: Mapping[str, Sequence[str]]) -> tuple[list[dict[str, str]], str]:
    columns = [list(given.get(f"{field.name}_{part}", ())) for part in PERSON_PARTS]
    rows = max((len(column) for column in columns), default=0)
    people: list[dict[str, str]] = []
    fault = ""
    for row in range(min(rows, MOST_PEOPLE)):
        values = [cleaned(column[row])[:254] if row < len(column) else "" for column in columns]
        if not any(values):
            continue
        people.append(dict(zip(PERSON_PARTS, values, strict=True)))
        if not all(values):
            fault = "Each person needs a name, an institution and an e-mail address."
        elif not EMAIL.fullmatch(values[2]):
            fault = "One of the e-mail addresses is none."
    if rows > MOST_PEOPLE:
        fault = f"At most {MOST_PEOPLE} people."
    if field.is_required and not people:
        fault = "Name at least one person."
    return people, fault


def people_of(answers: Answers) -> tuple[Person, ...]:
    """Return the people whom a request names, each address once."""
    by_email = {one["email"].casefold(): one for one in answers.get("people", ())}
    return tuple(
        Person(name=one["name"], institution=one["institution"], email=email) for email, one in by_email.items()
    )


def stated_use(answers: Answers) -> StatedUse:
    """Return what the answers say about the use of the data; a form without a field states nothing of it."""
    ethics = str(answers.get("ethics", "")).casefold().strip()
    return StatedUse(
        purposes=frozenset(answers.get("purposes", ())),
        disease=str(answers.get("disease", "")),
        country=str(answers.get("country", "")),
        institution=str(answers.get("institution", "")),
        months=int(answers.get("months") or 0),
        is_company=answers.get("organisation") == "for profit",
        is_commercial=bool(answers.get("commercial")),
        for_care=bool(answers.get("care")),
        has_ethics=bool(ethics) and ethics not in ("none", "no", "n/a", "-"),
        will_publish=bool(answers.get("publish")),
        will_collaborate=bool(answers.get("collaborate")),
        will_return=bool(answers.get("give_back")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a request's history, as far as the clock reads it."""

    at: str
    state: RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How long a request waits, for whom, and what was promised.

    Parameters
    ----------
    waited_days : int
        Since it was submitted, until it was decided.
    with_committee_days : int
        Of those, how many it lay with the committee.
    due : str or None
        The ISO day of the promised answer; None while it is not with the committee.
    is_overdue : bool
    waits_for : str
        ``applicant``, ``official``, ``committee`` or empty.
    """

    waited_days: int
    with_committee_days: int
    due: str | None
    is_overdue: bool
    waits_for: str


_WITH_COMMITTEE = frozenset({RequestState.ENDORSED, RequestState.UNDER_REVIEW})
_WAITS_FOR = {
    RequestState.DRAFT: "applicant",
    RequestState.SUBMITTED: "official",
    RequestState.ENDORSED: "committee",
    RequestState.UNDER_REVIEW: "committee",
    RequestState.QUESTIONED: "applicant",
}


def clock(steps: Sequence[Step], *, promised_days: int, now: datetime) -> Clock:
    """Return how a request stands in time; what it waits for its applicant or official is not the committee's time.

    Parameters
    ----------
    steps : sequence of Step
        Its history, oldest first, each with the state that it led to.
    promised_days : int
    now : datetime
    """
    if not steps:
        return Clock(waited_days=0, with_committee_days=0, due=None, is_overdue=False, waits_for="applicant")
    state = steps[-1].state
    is_open = state in _WAITS_FOR
    began = next((one.at for one in steps if one.state is RequestState.SUBMITTED), None)
    end = now if is_open else moment(steps[-1].at)
    waited = (end - moment(began)).days if began else 0
    worked = timedelta()
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.state in _WITH_COMMITTEE:
            worked += (moment(following.at) if following else now) - moment(step.at)
    left = timedelta(days=promised_days) - worked
    due = (now + left).date().isoformat() if state in _WITH_COMMITTEE else None
    return Clock(
        waited_days=waited,
        with_committee_days=worked.days,
        due=due,
        is_overdue=state in _WITH_COMMITTEE and left < timedelta(),
        waits_for=_WAITS_FOR.get(state, ""),
    )


def moment(text: str) -> datetime:
    """Return an instant of a document as an aware datetime."""
    return datetime.fromisoformat(text)


def day_after(text: str, days: int) -> str:
    """Return the ISO day some days after another."""
    return (date.fromisoformat(text[:10]) + timedelta(days=days)).isoformat()
