"""Releases and feeds: written once, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.visibility import SERVED
from radcommons.dicom.mapping import PSEUDONYM
from radcommons.records.documents import canonical, digest, parse, plain
from radcommons.records.identifiers import release_id
from radcommons.records.lifecycle import InstanceState
from radcommons.records.release import Release, ReleaseItem
from radcommons.records.submission import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An accepted instance version, as a release would name it, and where it came from."""

    instance_id: int
    submission_id: str | None
    item: ReleaseItem


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHead:
    """The last entry of a dataset's feed: its number and digest; 0 and None before the first."""

    sequence: int
    digest: str | None


def lock_dataset(connection: sa.Connection, name: str) -> None:
    """Hold a dataset until the transaction ends, so that numbers of releases and feed entries follow each other.

    Others may add instances to it meanwhile.
    """
    query = sa.select(t.dataset.c.name).where(t.dataset.c.name == name)
    connection.execute(query.with_for_update(key_share=True))


def lock_datasets(connection: sa.Connection) -> None:
    """Hold every dataset: whoever takes back what may lie in any does so before it holds an instance."""
    connection.execute(sa.select(t.dataset.c.name).order_by(t.dataset.c.name).with_for_update(key_share=True))


def candidates(connection: sa.Connection, dataset: str) -> list[Candidate]:
    """Return the accepted versions of a dataset in the order of a manifest."""
    c = t.instance.c
    rows = connection.execute(
        sa.select(*(c[name] for name in _ITEM_COLUMNS), c.id, c.submission_id)
        .where(c.dataset == dataset, c.state == InstanceState.ACCEPTED)
        .order_by(c.site, c.patient, c.study_instance_uid, c.series_instance_uid, c.sop_instance_uid)
    )
    return [Candidate(instance_id=row.id, submission_id=row.submission_id, item=_item(row)) for row in rows]


_ITEM_COLUMNS = (
    "digest",
    "size",
    "sop_class_uid",
    "transfer_syntax_uid",
    "modality",
    "site",
    "patient",
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
)


def _item(row: sa.Row[*tuple[Any, ...]]) -> ReleaseItem:
    values = {name: getattr(row, name) for name in _ITEM_COLUMNS}
    return ReleaseItem(**{**values, "modality": row.modality or "", "patient": _patient(row.site, row.patient)})


def _patient(site: str, identifier: str) -> str:
    """Return a pseudonym that is safe in a path; what an archive called its patients was loaded directly."""
    if PSEUDONYM.fullmatch(identifier):
        return identifier
    number = int(digest([site, identifier]), 16)
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return f"{site}-" + "".join(letters[number >> 5 * place & 31] for place in range(10))


def still_served(connection: sa.Connection, dataset: str, number: int) -> list[Candidate]:
    """Return what a release named and what is served of it still, in the order of a manifest."""
    c = t.instance.c
    named = (
        sa.select(t.release_item.c.instance_id)
        .join(t.release, t.release.c.id == t.release_item.c.release_id)
        .where(t.release.c.dataset == dataset, t.release.c.number == number)
    )
    rows = connection.execute(
        sa.select(*(c[name] for name in _ITEM_COLUMNS), c.id, c.submission_id)
        .where(c.id.in_(named), c.state.in_(SERVED))
        .order_by(c.site, c.patient, c.study_instance_uid, c.series_instance_uid, c.sop_instance_uid)
    )
    return [Candidate(instance_id=row.id, submission_id=row.submission_id, item=_item(row)) for row in rows]


def manifest_of(connection: sa.Connection, dataset: str, number: int) -> Release | None:
    """Return what a release of a dataset names, None where there is none of this number."""
    c = t.release.c
    found = connection.execute(sa.select(c.manifest).where(c.dataset == dataset, c.number == number)).scalar()
    return parse(Release, found) if found is not None else None


def last_release(connection: sa.Connection, dataset: str) -> tuple[int, set[int]]:
    """Return the number of a dataset's last release and the instances in it; 0 and nothing before the first."""
    row = connection.execute(
        sa.select(t.release.c.id, t.release.c.number)
        .where(t.release.c.dataset == dataset)
        .order_by(t.release.c.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return 0, set()
    query = sa.select(t.release_item.c.instance_id).where(t.release_item.c.release_id == row.id)
    return row.number, set(connection.execute(query).scalars())


def add(
    connection: sa.Connection,
    release: Release,
    *,
    signature: Signature,
    instance_ids: Sequence[int],
    changes: dict[str, int] | None = None,
) -> None:
    """Keep a signed release with what it names; `changes` counts what it changed beside the one before."""
    connection.execute(
        t.release.insert().values(
            id=release.id,
            dataset=release.dataset,
            number=release.number,
            title=release.title,
            tier=release.tier,
            embargo_until=release.terms.embargo_until,
            created_at=release.created_at,
            manifest=canonical(release).decode(),
            signature=plain(signature),
            summary={
                "terms": plain(release.terms),
                "citation": release.citation,
                "counts": plain(release.counts),
                "notes": release.notes,
                "steward": release.steward,
                "changes": changes,
                "modalities": sorted({item.modality for item in release.items if item.modality}),
            },
        )
    )
    connection.execute(
        t.release_item.insert(), [{"release_id": release.id, "instance_id": number} for number in instance_ids]
    )


def feed_head(connection: sa.Connection, dataset: str) -> FeedHead:
    """Return the end of a dataset's feed."""
    row = connection.execute(
        sa.select(t.feed_entry)
        .where(t.feed_entry.c.dataset == dataset)
        .order_by(t.feed_entry.c.sequence.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return FeedHead(sequence=0, digest=None)
    body = {name: member for name, member in json.loads(row.document).items() if name != "signature"}
    return FeedHead(sequence=row.sequence, digest=digest(body))


def append_feed(connection: sa.Connection, dataset: str, *, sequence: int, document: str) -> None:
    """Add a sealed entry to a dataset's feed."""
    connection.execute(t.feed_entry.insert().values(dataset=dataset, sequence=sequence, document=document))


def naming(connection: sa.Connection, instance_ids: Iterable[int]) -> list[tuple[str, str, str]]:
    """Return (dataset, release, digest) wherever a release names one of the instances, in a fixed order."""
    found: set[tuple[str, str, str]] = set()
    for some in batches(instance_ids):
        rows = connection.execute(
            sa.select(t.release.c.dataset, t.release.c.id, t.instance.c.digest)
            .join(t.release_item, t.release_item.c.release_id == t.release.c.id)
            .join(t.instance, t.instance.c.id == t.release_item.c.instance_id)
            .where(t.release_item.c.instance_id.in_(some))
        )
        found.update((row.dataset, row.id, row.digest) for row in rows)
    return sorted(found)


def next_id(dataset: str, last: int) -> str:
    """Return the identifier of the release after number `last`."""
    return release_id(dataset, last + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRelease:
    """A release as it is kept, with its exact signed bytes."""

    id: str
    dataset: str
    number: int
    title: str
    tier: str
    created_at: str
    manifest: bytes
    signature: dict[str, Any]
    summary: dict[str, Any]
    withdrawn: int


def kept(connection: sa.Connection, identifier: str | None = None) -> list[KeptRelease]:
    """Return all releases, or the one of this identifier, for whoever works on the hub's own machine."""
    gone = (
        sa.select(t.release_item.c.release_id, sa.func.count().label("withdrawn"))
        .join(t.instance, t.instance.c.id == t.release_item.c.instance_id)
        .where(t.instance.c.state == InstanceState.WITHDRAWN)
        .group_by(t.release_item.c.release_id)
        .subquery()
    )
    query = (
        sa.select(t.release, sa.func.coalesce(gone.c.withdrawn, 0).label("withdrawn"))
        .outerjoin(gone, gone.c.release_id == t.release.c.id)
        .order_by(t.release.c.dataset, t.release.c.number)
    )
    if identifier is not None:
        query = query.where(t.release.c.id == identifier)
    return [
        KeptRelease(
            id=row.id,
            dataset=row.dataset,
            number=row.number,
            title=row.title,
            tier=row.tier,
            created_at=row.created_at,
            manifest=row.manifest.encode(),
            signature=row.signature,
            summary=row.summary,
            withdrawn=row.withdrawn,
        )
        for row in connection.execute(query)
    ]


def feed_documents(connection: sa.Connection, dataset: str) -> list[dict[str, Any]]:
    """Return the sealed entries of a dataset's feed, oldest first."""
    query = (
        sa.select(t.feed_entry.c.document).where(t.feed_entry.c.dataset == dataset).order_by(t.feed_entry.c.sequence)
    )
    return [json.loads(document) for document in connection.execute(query).scalars()]
