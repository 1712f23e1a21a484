"""Releases, datasets and feeds as the public side shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import dois
from radcommons.catalogue import tables as t
from radcommons.catalogue.images import InstanceRow, Scope, instance_row, seen
from radcommons.catalogue.reads import refuse_closed
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.visibility import (
    SERVED,
    listed_releases,
    visible_datasets,
    visible_instances,
    visible_releases,
)
from radcommons.records.changes import Changes, compare
from radcommons.records.describe import Described
from radcommons.records.documents import parse
from radcommons.records.errors import NotFound, UsageError, Withdrawn
from radcommons.records.event import Actor
from radcommons.records.identifiers import DIGEST_PATTERN, release_id, split_release_id
from radcommons.records.lifecycle import InstanceState
from radcommons.records.release import Release
from radcommons.records.terms import Terms, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """A release as its page and the API show it; `is_open` says whether the caller may have its content."""

    id: str
    dataset: str
    number: int
    title: str
    tier: str
    created_at: str
    terms: dict[str, Any]
    citation: str
    counts: dict[str, int]
    notes: str
    steward: str
    withdrawn: int
    is_open: bool
    changes: dict[str, int] | None = None  # beside the release before, as counted when it was made
    modalities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """A dataset with how many releases of it are listed."""

    name: str
    title: str
    tier: str
    steward: str
    releases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What all listed releases hold together."""

    patients: int
    studies: int
    series: int
    instances: int
    bytes: int
    sites: int


_RELEASE = tuple(t.release.c[name] for name in ("id", "dataset", "number", "title", "tier", "created_at", "summary"))


def releases(connection: sa.Connection, actor: Actor, *, dataset: str | None = None) -> list[Shelved]:
    """Return the releases that are listed for an actor, the newest first."""
    query = _shelf(actor).order_by(t.release.c.created_at.desc(), t.release.c.number.desc())
    if dataset is not None:
        query = query.where(t.release.c.dataset == dataset)
    return [_shelved(row) for row in connection.execute(query)]


def release(connection: sa.Connection, actor: Actor, identifier: str) -> Shelved:
    """Return one listed release. Raises NotFound."""
    if split_release_id(identifier) is None:
        raise NotFound("There is no such release.")
    row = connection.execute(_shelf(actor).where(t.release.c.id == identifier)).one_or_none()
    if row is None:
        raise NotFound("There is no such release.")
    return _shelved(row)


def open_release(connection: sa.Connection, actor: Actor, identifier: str) -> Shelved:
    """Return one release whose content the actor may have.

    Raises
    ------
    NotFound
    SignInRequired, NotPermitted
        If it is listed, and its tier asks for more than the actor has.
    """
    found = release(connection, actor, identifier)
    refuse_closed(actor, is_open=found.is_open)
    return found


def _shelf(actor: Actor) -> sa.Select[Any]:
    withdrawn = (
        sa.select(sa.func.count())
        .select_from(t.release_item.join(t.instance, t.instance.c.id == t.release_item.c.instance_id))
        .where(t.release_item.c.release_id == t.release.c.id, t.instance.c.state == InstanceState.WITHDRAWN)
        .scalar_subquery()
    )
    opens = sa.case((visible_releases(actor), 1), else_=0)
    return sa.select(*_RELEASE, withdrawn.label("withdrawn"), opens.label("is_open")).where(listed_releases(actor))


def _shelved(row: sa.Row[Any]) -> Shelved:
    return Shelved(
        id=row.id,
        dataset=row.dataset,
        number=row.number,
        title=row.title,
        tier=row.tier,
        created_at=row.created_at,
        terms=row.summary["terms"],
        citation=row.summary["citation"],
        counts=row.summary["counts"],
        notes=row.summary.get("notes", ""),
        steward=row.summary.get("steward", ""),
        withdrawn=row.withdrawn,
        is_open=bool(row.is_open),
        changes=row.summary.get("changes"),
        modalities=tuple(row.summary.get("modalities", ())),
    )


def described(connection: sa.Connection, actor: Actor, identifier: str, *, base: str, publisher: str) -> Described:
    """Return a listed release as its descriptions for the world need it; `base` is the portal. Raises NotFound."""
    one = release(connection, actor, identifier)
    base = base.rstrip("/")
    doi = dois.minted(connection, identifier)
    return Described(
        id=one.id,
        dataset=one.dataset,
        number=one.number,
        title=one.title,
        tier=Tier(one.tier),
        steward=one.steward,
        created_at=one.created_at,
        terms=parse(Terms, one.terms),
        citation=one.citation,
        notes=one.notes,
        counts=one.counts,
        publisher=publisher,
        url=f"{base}/releases/{one.id}",
        previous_url=f"{base}/releases/{release_id(one.dataset, one.number - 1)}" if one.number > 1 else "",
        doi=doi,
        modalities=one.modalities,
    )


def changes(connection: sa.Connection, actor: Actor, older: str, newer: str) -> Changes:
    """Return what changed between two releases whose content the actor may have.

    Raises
    ------
    NotFound, SignInRequired, NotPermitted
    UsageError
        If they are of two datasets.
    """
    pair = [open_release(connection, actor, one) for one in (older, newer)]
    if pair[0].dataset != pair[1].dataset:
        raise UsageError("The releases are of two datasets.", mend="Compare releases of one dataset.")
    before, after = (parse(Release, manifest(connection, one.id)[0]) for one in pair)
    return compare(before, after)


def manifest(connection: sa.Connection, identifier: str) -> tuple[bytes, dict[str, Any]]:
    """Return the exact signed bytes of a manifest and its signature; `open_release` comes first. Raises NotFound."""
    row = connection.execute(
        sa.select(t.release.c.manifest, t.release.c.signature).where(t.release.c.id == identifier)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such release.")
    return row.manifest.encode(), row.signature


def release_instance(connection: sa.Connection, actor: Actor, identifier: str, digest: str) -> InstanceRow:
    """Return the instance of a release with these bytes.

    Raises
    ------
    NotFound
    Withdrawn
        If it was taken back, for whoever may see the release.
    SignInRequired, NotPermitted
    """
    if split_release_id(identifier) is None or not re.match(DIGEST_PATTERN, digest):
        raise NotFound("The release names no such instance.")
    named = t.instance.join(t.release_item, t.release_item.c.instance_id == t.instance.c.id)
    columns = [t.instance.c[name] for name in InstanceRow.__dataclass_fields__]
    ours = (t.release_item.c.release_id == identifier, t.instance.c.digest == digest)
    scope = Scope(actor=actor, release=identifier)
    row = connection.execute(sa.select(*columns).select_from(named).where(*ours, seen(scope))).first()
    if row is not None:
        return instance_row(row)
    open_release(connection, actor, identifier)
    state = connection.execute(sa.select(t.instance.c.state).select_from(named).where(*ours)).scalar()
    if state == InstanceState.SEALED:
        raise Withdrawn("This instance is sealed.", mend="Do not use your copy; ask again in some days.", code="sealed")
    if state == InstanceState.WITHDRAWN:
        raise Withdrawn("This instance was withdrawn.", mend="Delete your copy; the dataset's feed tells when.")
    raise NotFound("The release names no such instance.")


def datasets(connection: sa.Connection, actor: Actor) -> list[DatasetRow]:
    """Return the datasets by name."""
    count = (
        sa.select(sa.func.count())
        .select_from(t.release)
        .where(t.release.c.dataset == t.dataset.c.name, listed_releases(actor))
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(t.dataset, count.label("releases")).where(visible_datasets(actor)).order_by(t.dataset.c.name)
    )
    return [
        DatasetRow(name=row.name, title=row.title, tier=row.tier, steward=row.steward, releases=row.releases)
        for row in rows
    ]


def dataset(connection: sa.Connection, actor: Actor, name: str) -> DatasetRow:
    """Return one dataset. Raises NotFound."""
    for row in datasets(connection, actor):
        if row.name == name:
            return row
    raise NotFound("There is no such dataset.")


def feed(connection: sa.Connection, actor: Actor, name: str) -> list[dict[str, Any]]:
    """Return the sealed entries of a dataset's feed. Raises NotFound."""
    dataset(connection, actor, name)
    rows = connection.execute(
        sa.select(t.feed_entry.c.document).where(t.feed_entry.c.dataset == name).order_by(t.feed_entry.c.sequence)
    )
    return [json.loads(row.document) for row in rows]


def holdings(connection: sa.Connection, actor: Actor) -> Holdings:
    """Return how much the listed releases hold together, each thing counted once; that much is public of each."""
    c = t.instance.c
    listed = (
        sa.select(t.release_item.c.instance_id)
        .join(t.release, t.release.c.id == t.release_item.c.release_id)
        .where(listed_releases(actor))
    )
    row = connection.execute(
        sa.select(
            sa.func.count(sa.distinct(c.patient)).label("patients"),
            sa.func.count(sa.distinct(c.study_instance_uid)).label("studies"),
            sa.func.count(sa.distinct(c.series_instance_uid)).label("series"),
            sa.func.count(sa.distinct(c.sop_instance_uid)).label("instances"),
            sa.func.coalesce(sa.func.sum(c.size), 0).label("bytes"),
            sa.func.count(sa.distinct(c.site)).label("sites"),
        ).where(c.id.in_(listed), c.state.in_(SERVED))
    ).one()
    return Holdings(**{name: int(value) for name, value in row._mapping.items()})


def studies_by_age(connection: sa.Connection, actor: Actor) -> list[tuple[str, str, int]]:
    """Return (age as in the header, modality, studies) of what the actor may see."""
    statement = (
        sa.select(
            t.study.c.patient_age,
            t.instance.c.modality,
            sa.func.count(sa.distinct(t.study.c.study_instance_uid)).label("studies"),
        )
        .select_from(t.instance.join(t.study, t.study.c.study_instance_uid == t.instance.c.study_instance_uid))
        .where(visible_instances(actor))
        .group_by(t.study.c.patient_age, t.instance.c.modality)
    )
    return [(row.patient_age or "", row.modality or "", row.studies) for row in connection.execute(statement)]


def releases_of_study(connection: sa.Connection, actor: Actor, study: str) -> list[str]:
    """Return the releases open to the actor that hold instances of a study."""
    query = (
        sa.select(t.release.c.id, t.release.c.created_at)
        .join(t.release_item, t.release_item.c.release_id == t.release.c.id)
        .join(t.instance, t.instance.c.id == t.release_item.c.instance_id)
        .where(t.instance.c.study_instance_uid == study, visible_releases(actor))
        .distinct()
        .order_by(t.release.c.created_at)
    )
    return [row.id for row in connection.execute(query)]


@lru_cache(maxsize=64)
def _clinical(_release: str, content: str) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(content).get("clinical", ()))


def clinical_rows(connection: sa.Connection, identifier: str) -> tuple[dict[str, Any], ...]:
    """Return the clinical rows of a release's manifest; `open_release` comes first."""
    content = connection.execute(sa.select(t.release.c.manifest).where(t.release.c.id == identifier)).scalar_one()
    return _clinical(identifier, content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Studies and patients of a release by one property; only what it still serves."""

    modality: tuple[tuple[str, int], ...]
    site: tuple[tuple[str, int], ...]
    # patient: (sex, age) as in the headers, for patients without a clinical row
    patients: dict[str, tuple[str, str]]


def tally(connection: sa.Connection, scope: Scope) -> Tally:
    """Return what a release holds by modality and site, and its patients."""

    def studies_by(column: sa.Column[Any]) -> tuple[tuple[str, int], ...]:
        count = sa.func.count(sa.distinct(t.instance.c.study_instance_uid)).label("studies")
        rows = connection.execute(
            sa.select(column, count).where(seen(scope)).group_by(column).order_by(count.desc(), column)
        )
        return tuple((row[0] or "", row.studies) for row in rows)

    shown = sa.select(t.instance.c.study_instance_uid).where(seen(scope))
    rows = connection.execute(
        sa.select(t.study.c.patient, t.study.c.patient_sex, t.study.c.patient_age).where(
            t.study.c.study_instance_uid.in_(shown)
        )
    )
    return Tally(
        modality=studies_by(t.instance.c.modality),
        site=studies_by(t.instance.c.site),
        patients={row.patient: (row.patient_sex or "", row.patient_age or "") for row in rows},
    )


def middle_instances(connection: sa.Connection, scope: Scope, studies: list[str]) -> Iterator[InstanceRow]:
    """Yield one instance a study to stand for it: the middle one of its longest series of images."""
    for some in batches(studies, 200):
        columns = [t.instance.c[name] for name in InstanceRow.__dataclass_fields__]
        statement = (
            sa.select(*columns)
            .where(t.instance.c.study_instance_uid.in_(some), t.instance.c.frames.is_not(None), seen(scope))
            .order_by(t.instance.c.study_instance_uid, t.instance.c.series_instance_uid, t.instance.c.number)
        )
        series: dict[str, dict[str, list[InstanceRow]]] = {}
        for row in connection.execute(statement):
            one = instance_row(row)
            series.setdefault(one.study_instance_uid, {}).setdefault(one.series_instance_uid, []).append(one)
        for found in series.values():
            longest = max(found.values(), key=len)
            yield longest[len(longest) // 2]
