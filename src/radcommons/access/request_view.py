"""What pages show of a request: its road in six steps, its answers in words, its clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.catalogue.requests import KeptStep, Request
from radcommons.records.access_policy import FieldKind, FormField
from radcommons.records.countries import country
from radcommons.records.duo import TERMS
from radcommons.records.lifecycle import RequestState

S = RequestState
TONES = {
    S.DRAFT: "",
    S.SUBMITTED: "accent",
    S.ENDORSED: "accent",
    S.UNDER_REVIEW: "accent",
    S.QUESTIONED: "warn",
    S.APPROVED: "good",
    S.REFUSED: "bad",
    S.WITHDRAWN: "",
}
NAMES = {
    S.DRAFT: "Draft",
    S.SUBMITTED: "Waits for your institution",
    S.ENDORSED: "With the committee",
    S.UNDER_REVIEW: "Under review",
    S.QUESTIONED: "A question waits",
    S.APPROVED: "Approved",
    S.REFUSED: "Refused",
    S.WITHDRAWN: "Withdrawn",
}
EVENTS = {
    "submit": "Signed and submitted",
    "endorse": "Signed for the institution",
    "decline": "Not signed for the institution",
    "recall": "Taken back to be changed",
    "begin": "Review begun",
    "ask": "Question asked",
    "answer": "Question answered",
    "return": "Sent back for changes",
    "approve": "Approved",
    "refuse": "Refused",
    "withdraw": "Withdrawn",
}
# How far along the road each state is: the first three steps are behind an endorsed request.
_REACHED = {
    S.DRAFT: 0,
    S.SUBMITTED: 1,
    S.ENDORSED: 2,
    S.UNDER_REVIEW: 2,
    S.QUESTIONED: 2,
    S.APPROVED: 4,
    S.REFUSED: 3,
    S.WITHDRAWN: 0,
}
_STOPS = ("Write", "Institution signs", "Committee", "Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One step of the road: its name, whether it is done, present, ahead or ended, and a word about it."""

    name: str
    standing: str
    word: str


def road(request: Request, history: Iterable[KeptStep]) -> tuple[Stop, ...]:
    """Return the road of a request; each step that is done says when."""
    reached = _REACHED[request.state]
    days = {step.event: step.at[:10] for step in history}
    done = (days.get("submit", ""), days.get("endorse", ""), (request.decided_at or "")[:10])
    ended = request.state in (S.REFUSED, S.WITHDRAWN)
    stops = []
    for place, name in enumerate(_STOPS):
        standing = "done" if place < reached else "now" if place == reached else "ahead"
        if ended and standing == "now":
            standing = "ended"
        word = done[place] if place < len(done) and standing == "done" else ""
        stops.append(Stop(name=name, standing=standing, word=word))
    return tuple(stops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer in words."""

    label: str
    text: str
    people: tuple[dict[str, str], ...] = ()


def sections(request: Request, fields: Iterable[FormField]) -> dict[str, list[Answered]]:
    """Return the answers by the form's headings; what was left empty is left out."""
    found: dict[str, list[Answered]] = {}
    for field in fields:
        one = _answered(field, request.answers.get(field.name))
        if one is not None:
            found.setdefault(field.section, []).append(one)
    return found


def _answered(field: FormField, value: object) -> Answered | None:
    if value in (None, "", [], False):
        return None
    if isinstance(value, list) and field.kind is FieldKind.PEOPLE:
        return Answered(label=field.label, text="", people=tuple(value))
    if isinstance(value, list):
        return Answered(label=field.label, text=", ".join(TERMS[code].label for code in value if code in TERMS))
    if field.kind is FieldKind.YES:
        return Answered(label=field.label, text="yes")
    if field.kind is FieldKind.COUNTRY:
        return Answered(label=field.label, text=country(str(value)))
    return Answered(label=field.label, text=str(value))
