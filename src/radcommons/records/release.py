"""Door 2: a frozen, signed `Release` of a dataset, and the feed that says what happened afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from radcommons.records.clinical import ClinicalRow
from radcommons.records.identifiers import DatasetName, Digest, Instant, Pseudonym, SiteCode, Text, Uid
from radcommons.records.terms import Terms, Tier

RELEASE_SCHEMA = "radcommons/release/v1"
FEED_SCHEMA = "radcommons/feed-entry/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much a release holds."""

    patients: int
    studies: int
    series: int
    instances: int
    bytes: int
    sites: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseItem:
    """One instance version that the release names."""

    digest: Digest
    size: int
    sop_class_uid: Uid
    transfer_syntax_uid: Uid
    modality: str
    site: SiteCode
    patient: Pseudonym
    study_instance_uid: Uid
    series_instance_uid: Uid
    sop_instance_uid: Uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The manifest. It never changes once signed; later events stand in the feed."""

    schema: Literal["radcommons/release/v1"]
    id: str
    dataset: DatasetName
    number: Annotated[int, Field(ge=1)]
    title: str
    tier: Tier
    steward: str
    created_at: Instant
    terms: Terms
    citation: Text
    notes: Text = ""
    counts: Counts
    submissions: tuple[Digest, ...]
    items: tuple[ReleaseItem, ...]
    clinical: tuple[ClinicalRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One later event of a dataset: append-only, each naming the digest of the one before (None for the first)."""

    schema: Literal["radcommons/feed-entry/v1"]
    dataset: DatasetName
    sequence: Annotated[int, Field(ge=1)]
    previous: Digest | None
    at: Instant
    event: Literal["released", "withdrawn", "erratum", "superseded"]
    release: str | None = None
    digests: tuple[Digest, ...] = ()
    reason: Text = ""


CSV_COLUMNS = (
    "path",
    "sha256",
    "bytes",
    "patient",
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
    "modality",
    "sop_class_uid",
    "transfer_syntax_uid",
    "site",
    "url",
)
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def instance_address(release: str, digest: str) -> str:
    """Return where a hub gives an instance of a release, below its own address."""
    return f"/api/v1/releases/{release}/instances/{digest}"


def cell(text: str) -> str:
    """Return a text as a cell of a table that spreadsheets open; what would be a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def item_path(item: ReleaseItem) -> str:
    """Return where a client lays an instance, relative to the release's folder; every part is a checked identifier."""
    return f"{item.patient}/{item.study_instance_uid}/{item.series_instance_uid}/{item.sop_instance_uid}.dcm"


def csv_row(item: ReleaseItem, *, url: str) -> tuple[str, ...]:
    """Return the row of `manifest.csv` for one item, in the order of `CSV_COLUMNS`; `url` is where its bytes are."""
    return (
        item_path(item),
        item.digest,
        str(item.size),
        item.patient,
        item.study_instance_uid,
        item.series_instance_uid,
        item.sop_instance_uid,
        cell(item.modality),
        item.sop_class_uid,
        item.transfer_syntax_uid,
        item.site,
        url,
    )
