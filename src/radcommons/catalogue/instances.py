"""Instance versions at the hub: announced, received, read, accepted, refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.readings import documents
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.tables_cohorts import thumbnail
from radcommons.catalogue.tree import First, rewrite_tree, write_tree
from radcommons.catalogue.visibility import inspectable_instances
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.records.errors import NotFound
from radcommons.records.event import Actor
from radcommons.records.lifecycle import INSTANCE, InstanceEvent, InstanceState, advance
from radcommons.records.submission import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An instance version as the hub holds it."""

    id: int
    sop_instance_uid: str
    digest: str
    size: int
    sop_class_uid: str
    transfer_syntax_uid: str
    patient: str
    study_instance_uid: str
    series_instance_uid: str
    site: str
    dataset: str
    submission_id: str | None
    state: InstanceState
    supersedes: str | None


FIELDS = tuple(Version.__dataclass_fields__)
_COLUMNS = tuple(t.instance.c[name] for name in FIELDS)


def _version(row: sa.Row[*tuple[Any, ...]]) -> Version:
    values = dict(row._mapping)
    return Version(**{**values, "state": InstanceState(values["state"])})


def _select(connection: sa.Connection, *conditions: sa.ColumnElement[bool], lock: bool = False) -> list[Version]:
    query = sa.select(*_COLUMNS).where(*conditions).order_by(t.instance.c.id)
    return [_version(row) for row in connection.execute(query.with_for_update() if lock else query)]


def of_uids(connection: sa.Connection, uids: Iterable[str]) -> list[Version]:
    """Return every version of some SOP Instance UIDs."""
    return [v for some in batches(uids) for v in _select(connection, t.instance.c.sop_instance_uid.in_(some))]


def of_digests(connection: sa.Connection, digests: Iterable[str]) -> list[Version]:
    """Return the versions with these bytes."""
    return [v for some in batches(digests) for v in _select(connection, t.instance.c.digest.in_(some))]


def by_ids(connection: sa.Connection, ids: Iterable[int], *, lock: bool = False) -> list[Version]:
    """Return versions by their numbers."""
    return [v for some in batches(sorted(ids)) for v in _select(connection, t.instance.c.id.in_(some), lock=lock)]


def of_submission(
    connection: sa.Connection, identifier: str, *, states: Sequence[InstanceState] | None = None, lock: bool = False
) -> list[Version]:
    """Return the versions that a submission names, in one of `states` when given."""
    named = sa.select(t.submission_item.c.instance_id).where(t.submission_item.c.submission_id == identifier)
    conditions: list[sa.ColumnElement[bool]] = [t.instance.c.id.in_(named)]
    if states is not None:
        conditions.append(t.instance.c.state.in_(states))
    return _select(connection, *conditions, lock=lock)


def of_site(
    connection: sa.Connection, site: str, *, patients: Sequence[str], studies: Sequence[str], digests: Sequence[str]
) -> list[Version]:
    """Return the versions of a site that belong to one of the patients or studies, or have one of the digests."""
    found: dict[int, Version] = {}
    ways = (
        (t.instance.c.patient, patients),
        (t.instance.c.study_instance_uid, studies),
        (t.instance.c.digest, digests),
    )
    for column, keys in ways:
        for some in batches(keys):
            found.update({v.id: v for v in _select(connection, t.instance.c.site == site, column.in_(some), lock=True)})
    return [found[number] for number in sorted(found)]


def sites_of(
    connection: sa.Connection, *, patients: Sequence[str], studies: Sequence[str], digests: Sequence[str]
) -> list[str]:
    """Return the sites that sent one of the patients, studies or digests."""
    ways = (
        (t.instance.c.patient, patients),
        (t.instance.c.study_instance_uid, studies),
        (t.instance.c.digest, digests),
    )
    found: set[str] = set()
    for column, keys in ways:
        for some in batches(keys):
            found.update(connection.execute(sa.select(t.instance.c.site).where(column.in_(some)).distinct()).scalars())
    return sorted(found)


def study_owners(connection: sa.Connection, studies: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the (site, patient) that each known study belongs to; what was refused or withdrawn owns nothing."""
    owners: dict[str, tuple[str, str]] = {}
    for some in batches(studies):
        rows = connection.execute(
            sa.select(t.instance.c.study_instance_uid, t.instance.c.site, t.instance.c.patient)
            .where(
                t.instance.c.study_instance_uid.in_(some),
                t.instance.c.state.notin_([InstanceState.REFUSED, InstanceState.WITHDRAWN]),
            )
            .distinct()
        )
        owners.update({study: (site, patient) for study, site, patient in rows})
    return owners


def announce(
    connection: sa.Connection, items: Sequence[Item], *, site: str, dataset: str, submission: str
) -> list[Version]:
    """Add the versions that are new, and return all of them."""
    rows = [
        {
            "sop_instance_uid": item.sop_instance_uid,
            "digest": item.digest,
            "size": item.size,
            "sop_class_uid": item.sop_class_uid,
            "transfer_syntax_uid": item.transfer_syntax_uid,
            "patient": item.patient,
            "study_instance_uid": item.study_instance_uid,
            "series_instance_uid": item.series_instance_uid,
            "site": site,
            "dataset": dataset,
            "submission_id": submission,
            "state": InstanceState.ANNOUNCED,
            "supersedes": item.supersedes.digest if item.supersedes else None,
        }
        for item in items
    ]
    insert_new(connection, t.instance, rows)
    wanted = {(item.sop_instance_uid, item.digest) for item in items}
    known = of_digests(connection, {item.digest for item in items})
    return [version for version in known if (version.sop_instance_uid, version.digest) in wanted]


def add_direct(connection: sa.Connection, rows: Sequence[Version]) -> None:
    """Add versions that were loaded directly, as received; their `id` is the database's to give."""
    values = [{name: getattr(row, name) for name in FIELDS if name != "id"} for row in rows]
    insert_new(connection, t.instance, values)


def keep_uploads(connection: sa.Connection, uploads: Sequence[tuple[str, int]], *, site: str) -> None:
    """Say that bytes (digest, size) of a site are durable."""
    at = instant()
    insert_new(
        connection,
        t.upload,
        [{"digest": digest, "site": site, "size": size, "received_at": at} for digest, size in uploads],
    )


def uploaded(connection: sa.Connection, digests: Iterable[str], *, site: str) -> set[str]:
    """Return those of `digests` whose bytes the site has sent."""
    found: set[str] = set()
    for some in batches(digests):
        query = sa.select(t.upload.c.digest).where(t.upload.c.site == site, t.upload.c.digest.in_(some))
        found.update(connection.execute(query).scalars())
    return found


def forget_uploads(connection: sa.Connection, digests: Iterable[str], *, site: str) -> None:
    """Forget that a site sent bytes, when they are withdrawn."""
    for some in batches(digests):
        connection.execute(t.upload.delete().where(t.upload.c.site == site, t.upload.c.digest.in_(some)))


def move(connection: sa.Connection, versions: Iterable[Version], event: InstanceEvent, **values: object) -> int:
    """Advance versions by the lifecycle table and return how many there were.

    Raises
    ------
    WrongState
        If one of them cannot; none has moved then.
    """
    targets: dict[InstanceState, list[int]] = {}
    for version in versions:
        targets.setdefault(advance(INSTANCE, version.state, event), []).append(version.id)
    for state, numbers in targets.items():
        for some in batches(numbers):
            connection.execute(t.instance.update().where(t.instance.c.id.in_(some)).values(state=state, **values))
    return sum(map(len, targets.values()))


def keep_words(connection: sa.Connection, words: Iterable[tuple[str, str, str, str]]) -> None:
    """Keep the words (series, word's digest, patient, place) that a lexicon cannot judge."""
    names = ("series_instance_uid", "word", "patient", "place")
    insert_new(connection, t.series_word, [dict(zip(names, one, strict=True)) for one in sorted(set(words))])


def lonely_words(connection: sa.Connection, patients: Iterable[str], *, crowd: int) -> list[tuple[str, str]]:
    """Return (series, place) of the words that one patient alone has, once the hub knows `crowd` patients' words."""
    known = connection.execute(sa.select(sa.func.count(sa.distinct(t.series_word.c.patient)))).scalar_one()
    if known < crowd:
        return []
    other = t.series_word.alias("other")
    shared = sa.exists().where(other.c.word == t.series_word.c.word, other.c.patient != t.series_word.c.patient)
    found: set[tuple[str, str]] = set()
    for some in batches(set(patients)):
        rows = connection.execute(
            sa.select(t.series_word.c.series_instance_uid, t.series_word.c.place).where(
                t.series_word.c.patient.in_(some), sa.not_(shared)
            )
        )
        found.update((row.series_instance_uid, row.place) for row in rows)
    return sorted(found)


def accept(connection: sa.Connection, versions: Sequence[Version]) -> int:
    """Accept versions: their state, the rows of their studies and series, and what they supersede."""
    _catalog(connection, versions)
    replaced = {version.supersedes for version in versions if version.supersedes}
    uids = {version.sop_instance_uid for version in versions}
    old = [
        v for v in of_digests(connection, replaced) if v.state is InstanceState.ACCEPTED and v.sop_instance_uid in uids
    ]
    move(connection, old, InstanceEvent.SUPERSEDE)
    return move(connection, versions, InstanceEvent.ACCEPT, accepted_at=instant())


def _catalog(connection: sa.Connection, versions: Sequence[Version]) -> None:
    """Write the row of each study and series that is new, from the header of its first instance here."""
    # Of a series that is corrected, one that corrects it.
    ordered = sorted(reversed(versions), key=lambda version: version.supersedes is not None)
    one_of_series = {version.series_instance_uid: version for version in ordered}
    bodies: dict[int, bytes] = {}
    for some in batches(version.id for version in one_of_series.values()):
        bodies.update(documents(connection, some))
    firsts = [first_of(version, bodies.get(version.id, b"{}")) for version in one_of_series.values()]
    write_tree(connection, firsts)
    corrected = {version.series_instance_uid for version in versions if version.supersedes}
    rewrite_tree(connection, [one for one in firsts if one.series_instance_uid in corrected])


def first_of(version: Version, document: bytes) -> First:
    """Return a version as the first of its series."""
    return First(
        study_instance_uid=version.study_instance_uid,
        series_instance_uid=version.series_instance_uid,
        patient=version.patient,
        site=version.site,
        document=document,
    )


def forget(connection: sa.Connection, versions: Sequence[Version]) -> None:
    """Remove what the catalogue says of withdrawn versions, and studies and series that have no other."""
    for some in batches(version.id for version in versions):
        for of_instance in (t.instance_document, thumbnail):
            connection.execute(of_instance.delete().where(of_instance.c.instance_id.in_(some)))
    gone = t.instance.c.state != InstanceState.WITHDRAWN
    for uids in batches({version.series_instance_uid for version in versions}):
        kept = sa.select(t.instance.c.series_instance_uid).where(t.instance.c.series_instance_uid.in_(uids), gone)
        for table in (t.series, t.series_word):
            column = table.c.series_instance_uid
            connection.execute(table.delete().where(column.in_(uids), column.notin_(kept)))
    for uids in batches({version.study_instance_uid for version in versions}):
        kept = sa.select(t.instance.c.study_instance_uid).where(t.instance.c.study_instance_uid.in_(uids), gone)
        column = t.study.c.study_instance_uid
        connection.execute(t.study.delete().where(column.in_(uids), column.notin_(kept)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An instance as a curator's page lists it."""

    digest: str
    state: InstanceState
    patient: str
    series_instance_uid: str
    modality: str | None
    number: int | None
    frames: int | None


def listed(connection: sa.Connection, identifier: str) -> list[Listed]:
    """Return the instances that a submission names, series by series."""
    c = t.instance.c
    named = sa.select(t.submission_item.c.instance_id).where(t.submission_item.c.submission_id == identifier)
    rows = connection.execute(
        sa.select(c.digest, c.state, c.patient, c.series_instance_uid, c.modality, c.number, c.frames)
        .where(c.id.in_(named))
        .order_by(c.patient, c.study_instance_uid, c.series_instance_uid, c.number, c.id)
    )
    return [Listed(**{**row._mapping, "state": InstanceState(row.state)}) for row in rows]


def inspectable(connection: sa.Connection, digest: str, *, actor: Actor) -> Version:
    """Return an instance whose pixels the actor may inspect, quarantined ones included.

    Raises
    ------
    NotFound
        If there is none, or it is not theirs to look at.
    """
    found = _select(connection, t.instance.c.digest == digest, inspectable_instances(actor))
    if not found:
        raise NotFound("There is no such instance.")
    return found[0]
