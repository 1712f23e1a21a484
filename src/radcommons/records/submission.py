"""Door 1: the signed `Submission` that takes data from a site to the hub (design, section 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from radcommons.records.clinical import ClinicalRow
from radcommons.records.finding import Finding
from radcommons.records.identifiers import DatasetName, Digest, Instant, Pseudonym, SiteCode, Text, Uid
from radcommons.records.terms import Country, Terms

SUBMISSION_SCHEMA = "radcommons/submission/v1"

# De-identified data may still be personal data: Regulation (EU) 2016/679 (GDPR), recital 26.
STATEMENT = (
    "The objects named here were selected and de-identified at this site by the policies named here. "
    "Held objects were decided by the reviewers named here. The site keeps the crosswalk. De-identified data may still "
    "be personal data in law (GDPR, recital 26): whoever receives them agrees not to attempt to identify a person."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRef:
    """A policy file by name, version and the SHA-256 digest of its canonical content."""

    id: str
    version: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Supersedes:
    """The earlier version of the same SOP Instance UID that this one replaces, and why."""

    digest: Digest
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One instance version: (SOP Instance UID, digest), with what the hub holds it to."""

    digest: Digest
    size: Annotated[int, Field(gt=0)]
    sop_class_uid: Uid
    transfer_syntax_uid: Uid
    patient: Pseudonym
    study_instance_uid: Uid
    series_instance_uid: Uid
    sop_instance_uid: Uid
    findings: tuple[Finding, ...] = ()
    supersedes: Supersedes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How many objects were let through by which rule, and by whom (a role or a name of staff, never a patient)."""

    rule: str
    objects: int
    reviewer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReview:
    """One decision that covers a group of studies that look alike, and the random sample that it stands on.

    Parameters
    ----------
    group : Text
        What the studies have in common, in the words of what leaves: device, description, layout.
    rule : Text
        How the sample was drawn and what the decision means.
    studies, sampled, wrong : int
        Studies that the decision was about, those of them that the reviewer opened, and those found wrong and held.
    objects : int
        Instances of this submission that the decision covers.
    below_permille : int
        So many in a thousand of the studies may be wrong at most, at 95 % confidence; 0 where all were opened.
    samples : tuple of Digest
        What was opened, by the digest of the instance; a large group goes in several submissions of the site.
    reviewer, role : str
        A pseudonym that the site can resolve, and the role; never a name.
    at : Instant
        When it was decided.
    """

    group: Text
    rule: Text
    studies: Annotated[int, Field(gt=0)]
    sampled: Annotated[int, Field(ge=0)]
    wrong: Annotated[int, Field(ge=0)] = 0
    objects: Annotated[int, Field(gt=0)]
    below_permille: Annotated[int, Field(ge=0, le=1000)]
    samples: tuple[Digest, ...] = ()
    reviewer: Text
    role: Text
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What the site vouches for."""

    statement: Text
    reviews: tuple[Review, ...]
    at: Instant
    # Left out of the document when there are none, so that one of before has the same bytes as ever.
    groups: tuple[GroupReview, ...] = field(default=(), metadata={"omitted": "empty"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Everything that one transfer promises; its identifier is the digest of its canonical bytes."""

    schema: Literal["radcommons/submission/v1"]
    site: SiteCode
    dataset: DatasetName
    created_at: Instant
    protocol: PolicyRef
    profile: PolicyRef
    software: PolicyRef
    agreement: Digest
    legal_basis: Text
    ethics_reference: Text
    terms: Terms
    country: Country
    items: Annotated[tuple[Item, ...], Field(min_length=1)]
    clinical: tuple[ClinicalRow, ...] = ()
    attestation: Attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The hub's word that every byte of a submission is durable; nothing is said yet of acceptance."""

    schema: Literal["radcommons/receipt/v1"]
    submission: Digest
    site: SiteCode
    received_at: Instant
    instances: int
    bytes: int
    # SHA-256 over the sorted item digests, one per line: the site can recompute it from its own copy.
    items_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """The site takes back a patient, a study or single instances; it works in every state."""

    schema: Literal["radcommons/withdrawal/v1"]
    site: SiteCode
    at: Instant
    reason: Literal["consent-withdrawn", "opt-out", "error", "identity"]
    patients: tuple[Pseudonym, ...] = ()
    studies: tuple[Uid, ...] = ()
    digests: tuple[Digest, ...] = ()


KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """An Ed25519 signature (RFC 8032) over a document's canonical bytes; `value` is base64."""

    key_id: KeyId
    algorithm: Literal["Ed25519"]
    value: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]
