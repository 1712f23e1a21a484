"""Identity incidents: what is sealed, what it was before, and where copies of it are."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import instances
from radcommons.catalogue import tables as t
from radcommons.catalogue.instances import Version
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.tables_incidents import incident, incident_instance
from radcommons.platform.clock import instant
from radcommons.records.errors import NotFound
from radcommons.records.event import Actor
from radcommons.records.lifecycle import INCIDENT, IncidentEvent, IncidentState, InstanceEvent, InstanceState, advance

NAMES = ("patients", "studies", "digests")
NOTICE = "identity-incident"  # the code of the finding by which the sites learn of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An identity incident as it is kept.

    Parameters
    ----------
    id : str
    state : IncidentState
    opened_at, opened_by, reason : str
    settled_at, settled_by : str or None
    named : dict
        Patients, studies and digests as they were given.
    withdrawals : tuple of str
        The withdrawals that the purge wrote.
    instances : int
    is_moved : bool
        The objects lie where the state wants them.
    """

    id: str
    state: IncidentState
    opened_at: str
    opened_by: str
    reason: str
    settled_at: str | None
    settled_by: str | None
    named: dict[str, list[str]]
    withdrawals: tuple[str, ...]
    instances: int
    is_moved: bool


def add(
    connection: sa.Connection, versions: Sequence[Version], *, named: dict[str, list[str]], reason: str, actor: Actor
) -> str:
    """Keep a new incident and seal its instances; return its identifier."""
    identifier = secrets.token_hex(8)
    connection.execute(
        incident.insert().values(
            id=identifier,
            state=IncidentState.SEALED,
            opened_at=instant(),
            opened_by=actor.id,
            reason=reason,
            named=named,
            withdrawals=[],
        )
    )
    rows = [
        {"incident_id": identifier, "instance_id": version.id, "state_before": version.state} for version in versions
    ]
    if rows:
        connection.execute(incident_instance.insert(), rows)
    instances.move(connection, versions, InstanceEvent.SEAL)
    return identifier


def _select(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    held = (
        sa.select(sa.func.count())
        .select_from(incident_instance)
        .where(incident_instance.c.incident_id == incident.c.id)
        .scalar_subquery()
    )
    return sa.select(incident, held.label("instances")).where(*conditions).order_by(incident.c.opened_at.desc())


def _incident(row: sa.Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        state=IncidentState(row.state),
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        reason=row.reason,
        settled_at=row.settled_at,
        settled_by=row.settled_by,
        named={name: list(row.named.get(name, ())) for name in NAMES},
        withdrawals=tuple(row.withdrawals),
        instances=row.instances,
        is_moved=row.moved_at is not None,
    )


def listed(connection: sa.Connection) -> list[Incident]:
    """Return the incidents, the newest first."""
    return [_incident(row) for row in connection.execute(_select())]


def get(connection: sa.Connection, identifier: str, *, lock: bool = False) -> Incident:
    """Return an incident, held until the transaction ends where asked. Raises NotFound."""
    if lock:
        connection.execute(sa.select(incident.c.id).where(incident.c.id == identifier).with_for_update())
    row = connection.execute(_select(incident.c.id == identifier)).one_or_none()
    if row is None:
        raise NotFound("There is no such incident.")
    return _incident(row)


def settle(
    connection: sa.Connection, one: Incident, event: IncidentEvent, *, actor: Actor, withdrawals: Sequence[str] = ()
) -> None:
    """Move an incident by its table. Raises WrongState."""
    state = advance(INCIDENT, one.state, event)
    values: dict[str, object] = {"state": state, "settled_at": instant(), "settled_by": actor.id}
    values["withdrawals"] = list(withdrawals)
    if state is IncidentState.REOPENED:
        values["moved_at"] = None  # the objects have to come back; what is purged goes where it lies
    connection.execute(incident.update().where(incident.c.id == one.id).values(**values))


def versions(connection: sa.Connection, identifier: str, *, lock: bool = False) -> list[tuple[Version, InstanceState]]:
    """Return what an incident sealed, with the state that each had before."""
    c = incident_instance.c
    rows = connection.execute(sa.select(c.instance_id, c.state_before).where(c.incident_id == identifier)).all()
    before = {row.instance_id: InstanceState(row.state_before) for row in rows}
    return [(version, before[version.id]) for version in instances.by_ids(connection, before, lock=lock)]


def in_another(connection: sa.Connection, ids: Iterable[int], *, than: str) -> set[int]:
    """Return the instances that another incident keeps sealed as well."""
    c = incident_instance.c
    held: set[int] = set()
    for some in batches(ids):
        query = (
            sa.select(c.instance_id)
            .join(incident, incident.c.id == c.incident_id)
            .where(c.instance_id.in_(some), c.incident_id != than, incident.c.state == IncidentState.SEALED)
        )
        held.update(connection.execute(query).scalars())
    return held


def mark_moved(connection: sa.Connection, identifier: str) -> None:
    """Note that the objects of an incident lie where its state wants them."""
    connection.execute(incident.update().where(incident.c.id == identifier).values(moved_at=instant()))


def unmoved(connection: sa.Connection) -> list[str]:
    """Return the incidents whose objects nobody has moved yet."""
    waits = sa.and_(incident.c.moved_at.is_(None), incident.c.state != IncidentState.PURGED)
    return list(connection.execute(sa.select(incident.c.id).where(waits)).scalars())


def rows_about(connection: sa.Connection, identifier: str) -> dict[str, int]:
    """Return how many rows of the catalogue hold something of an incident's instances, by kind."""
    ids = sa.select(incident_instance.c.instance_id).where(incident_instance.c.incident_id == identifier)
    mine = t.instance.c.id.in_(ids)

    def count(table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(condition)).scalar_one())

    digests = sa.select(t.instance.c.digest).where(mine)
    series = sa.select(t.instance.c.series_instance_uid).where(mine)
    studies = sa.select(t.instance.c.study_instance_uid).where(mine)
    patients = sa.select(t.instance.c.patient).where(mine)
    held = {
        "headers": count(t.instance_document, t.instance_document.c.instance_id.in_(ids)),
        "series": count(t.series, t.series.c.series_instance_uid.in_(series)),
        "studies": count(t.study, t.study.c.study_instance_uid.in_(studies)),
        "words": count(t.series_word, t.series_word.c.series_instance_uid.in_(series)),
        "findings": count(t.finding, t.finding.c.digest.in_(digests) & (t.finding.c.code != NOTICE)),
        "clinical": count(t.clinical, t.clinical.c.patient.in_(patients)),
        "uploads": count(t.upload, t.upload.c.digest.in_(digests)),
        "releases": count(t.release_item, t.release_item.c.instance_id.in_(ids)),
    }
    thumbnail = t.metadata.tables.get("thumbnail")
    if thumbnail is not None:
        held["thumbnails"] = count(thumbnail, thumbnail.c.instance_id.in_(ids))
    return held


def markers(connection: sa.Connection) -> frozenset[str]:
    """Return the incidents that keep something out of what is served; a reopened one keeps nothing."""
    query = sa.select(incident.c.id).where(incident.c.state != IncidentState.REOPENED)
    return frozenset(connection.execute(query).scalars())


def reopened(connection: sa.Connection) -> int:
    """Return how often something came back."""
    query = sa.select(sa.func.count()).select_from(incident).where(incident.c.state == IncidentState.REOPENED)
    return int(connection.execute(query).scalar_one())


def digests_of(connection: sa.Connection, identifiers: Iterable[str]) -> list[str]:
    """Return the digests that incidents sealed."""
    found: list[str] = []
    for some in batches(sorted(identifiers)):
        query = (
            sa.select(t.instance.c.digest)
            .join(incident_instance, incident_instance.c.instance_id == t.instance.c.id)
            .where(incident_instance.c.incident_id.in_(some))
        )
        found += connection.execute(query).scalars()
    return found
