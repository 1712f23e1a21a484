"""The JSON of the hub's own routes, typed, so that the published OpenAPI is exact."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from radcommons.records.identifiers import DatasetName, Digest, Text
from radcommons.records.release import Counts
from radcommons.records.terms import Terms


class Body(BaseModel):
    """What a client sends: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What the hub answers."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class KeyBody(Body):
    """A site's public key: base64 of the raw 32 bytes."""

    public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    name: Annotated[str, Field(max_length=200)] = ""


class KeyAnswer(Answer):
    """One public key."""

    key_id: str
    public_key: str


class SiteKeyAnswer(Answer):
    """A registered site, the hub's own key, and the datasets that a submission may name."""

    site: str
    key_id: str
    hub: KeyAnswer
    datasets: list[str]


class HubKeyAnswer(KeyAnswer):
    """A key that the hub signs with."""

    algorithm: Literal["Ed25519"] = "Ed25519"


class KeysAnswer(Answer):
    """The keys that the hub signs with."""

    keys: list[HubKeyAnswer]


class PolicyAnswer(Answer):
    """A policy that the hub accepts."""

    id: str
    version: str
    digest: str
    title: str


class PoliciesAnswer(Answer):
    """All policies that the hub accepts."""

    protocols: list[PolicyAnswer]
    profiles: list[PolicyAnswer]


class RefusedItem(Answer):
    """An item that was refused at announcement."""

    digest: str
    code: str
    message: str


class AnnouncementAnswer(Answer):
    """What became of an announced submission so far."""

    id: str
    state: str
    items: int
    received: int
    missing: list[str]
    refused: list[RefusedItem]


class SummaryAnswer(Answer):
    """How far a submission is, in instances."""

    id: str
    site: str
    dataset: str
    state: str
    announced_at: str
    items: int
    received: int
    accepted: int
    quarantined: int
    refused: int
    withdrawn: int
    released: int


class SubmissionsAnswer(Answer):
    """The submissions that the caller may see."""

    submissions: list[SummaryAnswer]


class FindingAnswer(Answer):
    """A finding about an instance."""

    digest: str
    made_by: str
    code: str
    severity: str
    message: str
    where: str


class SubmissionAnswer(SummaryAnswer):
    """A submission with what is missing and what was found."""

    missing: list[str]
    findings: list[FindingAnswer]


class DecisionBody(Body):
    """What a curator decides; digests that are named go before `all`."""

    accept: list[Digest] = []
    refuse: list[Digest] = []
    all: Literal["accept-clean", "accept", "refuse"] | None = None
    reason: Text = ""


class WithdrawalAnswer(Answer):
    """How many instances were taken back, and which releases had named one of them."""

    instances: int
    releases: list[str]


class ReleaseBody(Body):
    """What a curator says of a release."""

    dataset: DatasetName
    title: Annotated[str, Field(max_length=200)] = ""
    notes: Text = ""


class ReleaseAnswer(Answer):
    """A release in short."""

    id: str
    dataset: str
    number: int
    title: str
    tier: str
    created_at: str
    terms: Terms
    citation: str
    counts: Counts
    withdrawn: int = 0
