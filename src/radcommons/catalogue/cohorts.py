"""Cohorts, their versions and the baskets that they are made of; what anybody may read stands in `visibility`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.reads import refuse_closed
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.tables_cohorts import basket_item, cohort, cohort_release, cohort_version
from radcommons.catalogue.visibility import SERVED, visible_cohorts, visible_releases
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.records.cohort import Cohort, CohortItem
from radcommons.records.documents import canonical, parse
from radcommons.records.errors import NotFound
from radcommons.records.event import Actor
from radcommons.records.release import ReleaseItem
from radcommons.records.submission import Signature
from radcommons.records.terms import Terms

_ITEM = tuple(ReleaseItem.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version as lists show it."""

    id: str
    name: str
    number: int
    created_at: str
    query: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A version as it is kept: the exact signed bytes, and whose it is."""

    owner: str
    document: bytes
    signature: dict[str, Any]
    numbers: tuple[int, ...]

    @property
    def cohort(self) -> Cohort:
        """Return the document as a value."""
        return parse(Cohort, self.document)


def newest_releases(
    connection: sa.Connection, actor: Actor, studies: Sequence[str], *, within: Sequence[str] = ()
) -> dict[str, str]:
    """Return for each study the newest release, of some or of all, that holds it and is open to the actor."""
    c = t.release.c
    found: dict[str, tuple[tuple[str, int], str]] = {}
    for some in batches(studies):
        query = (
            sa.select(t.instance.c.study_instance_uid, c.id, c.created_at, c.number)
            .select_from(
                t.instance.join(t.release_item, t.release_item.c.instance_id == t.instance.c.id).join(
                    t.release, c.id == t.release_item.c.release_id
                )
            )
            .where(t.instance.c.study_instance_uid.in_(some), t.instance.c.state.in_(SERVED), visible_releases(actor))
            .distinct()
        )
        if within:
            query = query.where(c.id.in_(within))
        for study, release, created_at, number in connection.execute(query):
            age = (created_at, number)
            if study not in found or found[study][0] < age:
                found[study] = age, release
    return {study: release for study, (_, release) in found.items()}


def items_of(connection: sa.Connection, actor: Actor, pinned: dict[str, str]) -> Iterator[CohortItem]:
    """Yield what releases serve of studies, pinned as {study: release}, study by study."""
    by_release: dict[str, list[str]] = {}
    for study, release in sorted(pinned.items()):
        by_release.setdefault(release, []).append(study)
    columns = [t.instance.c[name] for name in _ITEM]
    for release, studies in sorted(by_release.items()):
        for some in batches(studies):
            query = (
                sa.select(*columns)
                .select_from(
                    t.instance.join(t.release_item, t.release_item.c.instance_id == t.instance.c.id).join(
                        t.release, t.release.c.id == t.release_item.c.release_id
                    )
                )
                .where(
                    t.release.c.id == release,
                    visible_releases(actor),
                    t.instance.c.study_instance_uid.in_(some),
                    t.instance.c.state.in_(SERVED),
                )
                .order_by(*(t.instance.c[name] for name in ("study_instance_uid", "series_instance_uid",
                                                            "sop_instance_uid")))
            )  # fmt: skip
            for row in connection.execute(query):
                yield CohortItem(**{**row._mapping, "modality": row.modality or "", "release": release})


def terms_of(connection: sa.Connection, releases: Sequence[str]) -> list[Terms]:
    """Return the terms of releases."""
    rows = connection.execute(sa.select(t.release.c.summary).where(t.release.c.id.in_(releases))).scalars()
    return [parse(Terms, row["terms"]) for row in rows]


def owner_of(connection: sa.Connection, identifier: str) -> tuple[str, int, str]:
    """Return (owner, newest number, name) of a cohort, which nobody else changes meanwhile. Raises NotFound."""
    row = connection.execute(
        sa.select(cohort.c.owner, cohort.c.name).where(cohort.c.id == identifier).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such cohort.")
    query = sa.select(sa.func.max(cohort_version.c.number)).where(cohort_version.c.cohort_id == identifier)
    return row.owner, connection.execute(query).scalar_one(), row.name


def add(connection: sa.Connection, made: Cohort, *, owner: str, signature: Signature) -> None:
    """Keep a version, and the cohort with its first one."""
    row = {"id": made.id, "owner": owner, "name": made.name, "created_at": made.created_at}
    insert_new(connection, cohort, [row])
    connection.execute(
        cohort_version.insert().values(
            cohort_id=made.id,
            number=made.version,
            created_at=made.created_at,
            document=canonical(made).decode(),
            signature=asdict(signature),
            summary={"query": made.query, "counts": asdict(made.counts)},
        )
    )
    rows = [{"cohort_id": made.id, "number": made.version, "release_id": one} for one in made.releases]
    connection.execute(cohort_release.insert(), rows)


def own(connection: sa.Connection, actor: Actor) -> list[Version]:
    """Return the newest version of each cohort of an actor, the newest first."""
    newest = (
        sa.select(cohort_version.c.cohort_id, sa.func.max(cohort_version.c.number).label("number"))
        .group_by(cohort_version.c.cohort_id)
        .subquery()
    )
    query = (
        sa.select(cohort.c.id, cohort.c.name, cohort_version.c.number, cohort_version.c.created_at,
                  cohort_version.c.summary)
        .select_from(
            cohort.join(newest, newest.c.cohort_id == cohort.c.id).join(
                cohort_version,
                sa.and_(cohort_version.c.cohort_id == cohort.c.id, cohort_version.c.number == newest.c.number),
            )
        )
        .where(cohort.c.owner == actor.id)
        .order_by(cohort_version.c.created_at.desc(), cohort.c.id)
    )  # fmt: skip
    return [
        Version(
            id=row.id,
            name=row.name,
            number=row.number,
            created_at=row.created_at,
            query=row.summary["query"],
            counts=row.summary["counts"],
        )
        for row in connection.execute(query)
    ]


def kept(connection: sa.Connection, actor: Actor, identifier: str, number: int | None = None) -> Kept:
    """Return a version, the newest by default.

    Raises
    ------
    NotFound
    SignInRequired, NotPermitted
        If the actor may not open each release that it stands on.
    """
    numbers = tuple(
        connection.execute(
            sa.select(cohort_version.c.number)
            .where(cohort_version.c.cohort_id == identifier)
            .order_by(cohort_version.c.number)
        ).scalars()
    )
    wanted = number if number is not None else max(numbers, default=0)
    if wanted not in numbers:
        raise NotFound("There is no such cohort or version.")
    opens = sa.case((visible_cohorts(actor), 1), else_=0).label("opens")
    row = connection.execute(
        sa.select(cohort.c.owner, cohort_version.c.document, cohort_version.c.signature, opens)
        .join(cohort, cohort.c.id == cohort_version.c.cohort_id)
        .where(cohort_version.c.cohort_id == identifier, cohort_version.c.number == wanted)
    ).one()
    refuse_closed(actor, is_open=bool(row.opens))
    return Kept(owner=row.owner, document=row.document.encode(), signature=row.signature, numbers=numbers)


def withdrawn_of(connection: sa.Connection, digests: Sequence[str]) -> set[str]:
    """Return which of some instance versions are no longer served."""
    served: set[str] = set()
    for some in batches(digests):
        query = sa.select(t.instance.c.digest).where(t.instance.c.digest.in_(some), t.instance.c.state.in_(SERVED))
        served.update(connection.execute(query).scalars())
    return set(digests) - served


def basket(connection: sa.Connection, actor: Actor) -> dict[str, str]:
    """Return what lies in an actor's basket as {study: release}, the first laid first."""
    query = (
        sa.select(basket_item.c.study_instance_uid, basket_item.c.release_id)
        .where(basket_item.c.owner == actor.id)
        .order_by(basket_item.c.added_at, basket_item.c.study_instance_uid)
    )
    return {study: release for study, release in connection.execute(query)}


def lay(connection: sa.Connection, actor: Actor, pinned: dict[str, str]) -> None:
    """Lay studies into an actor's basket; what is there stays as it was pinned."""
    at = instant()
    rows = [
        {"owner": actor.id, "study_instance_uid": study, "release_id": release, "added_at": at}
        for study, release in pinned.items()
    ]
    insert_new(connection, basket_item, rows)


def take_out(connection: sa.Connection, actor: Actor, studies: Sequence[str] | None = None) -> None:
    """Take studies out of an actor's basket, or everything."""
    mine = basket_item.c.owner == actor.id
    if studies is None:
        connection.execute(basket_item.delete().where(mine))
        return
    for some in batches(studies):
        connection.execute(basket_item.delete().where(mine, basket_item.c.study_instance_uid.in_(some)))
