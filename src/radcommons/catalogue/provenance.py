"""Where a study comes from, which releases hold it, and what of it a release names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.images import Place, Scope, seen
from radcommons.catalogue.visibility import visible_releases
from radcommons.records.event import Actor
from radcommons.records.lifecycle import InstanceState
from radcommons.records.release import ReleaseItem

_ITEM = tuple(ReleaseItem.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A protocol, a profile or a program as a submission names it."""

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One transfer that brought instances: a site's submission, or None where an archive was loaded directly."""

    site: str
    instances: int
    submission: str | None = None
    received_at: str = ""
    country: str = ""
    protocol: Policy | None = None
    profile: Policy | None = None
    software: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one release holds of a study, and how that differs from the release before of the same dataset."""

    release: str
    title: str
    created_at: str
    instances: int
    added: int
    changed: int
    gone: int
    is_first: bool


def origins(connection: sa.Connection, scope: Scope, place: Place) -> list[Origin]:
    """Return the transfers that brought what the scope shows of a study or series, the first one first."""
    count = sa.func.count().label("instances")
    counted = (
        sa.select(t.instance.c.submission_id, t.instance.c.site, count)
        .where(seen(scope), *_at(place))
        .group_by(t.instance.c.submission_id, t.instance.c.site)
    ).subquery()
    # The document names every item; the database gives its few lines alone.
    names = ("protocol", "profile", "software", "country")
    rows = connection.execute(
        sa.select(
            counted.c.submission_id,
            counted.c.site,
            counted.c.instances,
            t.submission.c.received_at,
            *(_member(connection, name).label(name) for name in names),
        )
        .select_from(counted.outerjoin(t.submission, t.submission.c.id == counted.c.submission_id))
        .order_by(t.submission.c.received_at, counted.c.site)
    )
    return [_origin(row) for row in rows]


def _member(connection: sa.Connection, name: str) -> sa.ColumnElement[str]:
    if connection.dialect.name == "postgresql":
        return sa.cast(sa.cast(t.submission.c.document, sa.JSON).op("->")(name), sa.Text)
    return sa.func.json_extract(t.submission.c.document, f"$.{name}")


def _origin(row: sa.Row[Any]) -> Origin:
    if row.submission_id is None:
        return Origin(site=row.site, instances=row.instances)

    def policy(text: str) -> Policy:
        told = json.loads(text)
        return Policy(id=str(told["id"]), version=str(told["version"]), digest=str(told["digest"]))

    return Origin(
        site=row.site,
        instances=row.instances,
        submission=row.submission_id,
        received_at=row.received_at or "",
        country=str(row.country or "").strip('"'),
        protocol=policy(row.protocol),
        profile=policy(row.profile),
        software=policy(row.software),
    )


def history(connection: sa.Connection, actor: Actor, study: str) -> list[Held]:
    """Return the releases open to an actor that hold a study, the oldest first, with what changed between them."""
    rows = connection.execute(
        sa.select(
            t.release.c.id,
            t.release.c.dataset,
            t.release.c.title,
            t.release.c.created_at,
            t.instance.c.sop_instance_uid,
            t.instance.c.digest,
            t.instance.c.state,
        )
        .select_from(
            t.instance.join(t.release_item, t.release_item.c.instance_id == t.instance.c.id).join(
                t.release, t.release.c.id == t.release_item.c.release_id
            )
        )
        .where(t.instance.c.study_instance_uid == study, visible_releases(actor))
        .order_by(t.release.c.created_at, t.release.c.number)
    )
    releases: dict[str, tuple[Any, dict[str, str], int]] = {}
    for row in rows:
        told, versions, gone = releases.get(row.id, (row, {}, 0))
        if row.state == InstanceState.WITHDRAWN:
            gone += 1
        else:
            versions[row.sop_instance_uid] = row.digest
        releases[row.id] = (told, versions, gone)
    made: list[Held] = []
    before: dict[str, dict[str, str]] = {}
    for told, versions, gone in releases.values():
        earlier = before.get(told.dataset)
        made.append(
            Held(
                release=told.id,
                title=told.title,
                created_at=told.created_at,
                instances=len(versions),
                added=len(versions.keys() - (earlier or {}).keys()),
                changed=sum(digest != (earlier or {}).get(uid, digest) for uid, digest in versions.items()),
                gone=gone,
                is_first=earlier is None,
            )
        )
        before[told.dataset] = versions
    return made


def items_at(connection: sa.Connection, scope: Scope, place: Place) -> Iterator[ReleaseItem]:
    """Yield what the scope shows of a study or series as a release names it, in the order of the UIDs."""
    columns = [t.instance.c[name] for name in _ITEM]
    statement = (
        sa.select(*columns)
        .where(seen(scope), *_at(place))
        .order_by(t.instance.c.series_instance_uid, t.instance.c.sop_instance_uid)
    )
    for row in connection.execute(statement):
        yield ReleaseItem(**{**row._mapping, "modality": row.modality or ""})


def _at(place: Place) -> list[sa.ColumnElement[bool]]:
    named = ((t.instance.c.study_instance_uid, place.study), (t.instance.c.series_instance_uid, place.series))
    return [column == value for column, value in named if value is not None]
