"""The JSON of the access road, typed, so that the published OpenAPI is exact."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from radcommons.records.access_policy import AccessPolicy
from radcommons.records.identifiers import DatasetName
from radcommons.records.terms import Terms, Tier

Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254)]


class Body(BaseModel):
    """What a client sends: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What the hub answers."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class TermAnswer(Answer):
    """A term of the Data Use Ontology, in its own label and in plain words."""

    code: str
    short: str
    label: str
    kind: str
    meaning: str


class TermsAnswer(Answer):
    """The terms that this hub knows."""

    terms: list[TermAnswer]


class AgreementSummary(Answer):
    """A version of an agreement without its text."""

    version: int
    title: str
    digest: str
    created_at: str


class AgreementAnswer(AgreementSummary):
    """A version of an agreement; `digest` is the SHA-256 of the text's UTF-8 bytes."""

    text: str


class AccessAnswer(Answer):
    """What a dataset asks of whoever wants it."""

    dataset: str
    title: str
    tier: Tier
    steward: str
    terms: Terms
    data_use: list[TermAnswer]
    policy: AccessPolicy
    agreement: AgreementSummary | None
    committee: int
    is_askable: bool


class DatasetBody(Body):
    """A dataset that begins."""

    name: DatasetName
    title: Line
    tier: Tier
    steward: Line


class AccessBody(Body):
    """What a steward sets."""

    title: Line
    tier: Tier
    steward: Line
    terms: Terms
    policy: AccessPolicy


class AgreementBody(Body):
    """A new version of an agreement."""

    title: Line
    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


class CommitteeBody(Body):
    """Who sits on a committee, by the addresses of their accounts."""

    emails: Annotated[list[Email], Field(max_length=100)]


class MemberAnswer(Answer):
    """A member of a committee."""

    name: str
    since: str


class CommitteeAnswer(Answer):
    """A dataset's committee."""

    members: list[MemberAnswer]


class UseBody(Body):
    """What a project states about its use of the data."""

    purposes: Annotated[list[Annotated[str, StringConstraints(max_length=20)]], Field(max_length=40)] = []
    disease: Annotated[str, StringConstraints(max_length=200)] = ""
    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = ""
    institution: Annotated[str, StringConstraints(max_length=200)] = ""
    months: Annotated[int, Field(ge=0, le=1200)] = 0
    is_company: bool = False
    is_commercial: bool = False
    for_care: bool = False
    has_ethics: bool = False
    will_publish: bool = False
    will_collaborate: bool = False
    will_return: bool = False


class MatchAnswer(Answer):
    """Whether a term is kept, and why."""

    code: str
    label: str
    verdict: str
    reason: str


class MatchesAnswer(Answer):
    """The verdict on each term, conflicts first; a committee decides."""

    matches: list[MatchAnswer]


class StepAnswer(Answer):
    """One line of a request's history."""

    at: str
    event: str
    state: str
    who: str
    note: str


class ClockAnswer(Answer):
    """How long a request waits, for whom, and what was promised."""

    waited_days: int
    with_committee_days: int
    due: str | None
    is_overdue: bool
    waits_for: str


class RequestSummary(Answer):
    """A request in short."""

    id: str
    dataset: str
    title: str
    state: str
    is_emergency: bool
    created_at: str
    submitted_at: str | None
    decided_at: str | None
    clock: ClockAnswer


class RequestsAnswer(Answer):
    """A person's own requests."""

    requests: list[RequestSummary]


class RequestAnswer(RequestSummary):
    """A request of one's own, with its history."""

    answers: dict[str, Any]
    conditions: str
    history: list[StepAnswer]


class GrantAnswer(Answer):
    """A grant that names the caller."""

    id: str
    dataset: str
    title: str
    state: str
    starts: str
    ends: str
    conditions: str
    is_open: bool


class GrantsAnswer(Answer):
    """The grants that name the caller."""

    grants: list[GrantAnswer]


class RegisteredAnswer(Answer):
    """An approved project."""

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
    state: str


class RegisterAnswer(Answer):
    """The approved projects, the newest first."""

    projects: list[RegisteredAnswer]
