"""Submissions at the hub: announced, completed, decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.visibility import visible_submissions
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.records.clinical import ClinicalRow
from radcommons.records.documents import parse, plain
from radcommons.records.errors import NotFound
from radcommons.records.event import Actor
from radcommons.records.lifecycle import SUBMISSION, InstanceState, SubmissionEvent, SubmissionState, advance
from radcommons.records.submission import Submission

BATCH = 2000  # keys in one IN list: both databases take it, and the plan stays an index search


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An item that was refused at announcement."""

    digest: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A submission's row without its document."""

    id: str
    site: str
    dataset: str
    state: SubmissionState
    items: int
    refusals: tuple[Refusal, ...]
    announced_at: str
    received_at: str | None
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
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


_ROW = (
    t.submission.c.id,
    t.submission.c.site,
    t.submission.c.dataset,
    t.submission.c.state,
    t.submission.c["items"],  # `.items` is the collection's own method
    t.submission.c.refusals,
    t.submission.c.announced_at,
    t.submission.c.received_at,
    t.submission.c.receipt,
)


def batches(keys: Iterable[Any], size: int = BATCH) -> Iterable[list[Any]]:
    """Yield keys in lists that fit one statement."""
    held = list(keys)
    for start in range(0, len(held), size):
        yield held[start : start + size]


def find(connection: sa.Connection, identifier: str, *, lock: bool = False) -> Standing | None:
    """Return a submission, held until the transaction ends when `lock` is set."""
    query = sa.select(*_ROW).where(t.submission.c.id == identifier)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return _standing(row) if row else None


def _standing(row: sa.Row[*tuple[Any, ...]]) -> Standing:
    return Standing(
        id=row.id,
        site=row.site,
        dataset=row.dataset,
        state=SubmissionState(row.state),
        items=row.items,
        refusals=tuple(Refusal(**one) for one in row.refusals),
        announced_at=row.announced_at,
        received_at=row.received_at,
        receipt=row.receipt,
    )


def visible(connection: sa.Connection, identifier: str, *, actor: Actor) -> Standing:
    """Return a submission that the actor may see.

    Raises
    ------
    NotFound
        If there is none, or it is not theirs to know of.
    """
    row = connection.execute(
        sa.select(*_ROW).where(t.submission.c.id == identifier, visible_submissions(actor))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such submission.")
    return _standing(row)


def add(
    connection: sa.Connection, submission: Submission, *, identifier: str, document: str, refusals: Sequence[Refusal]
) -> None:
    """Keep a submission as announced, with its clinical rows."""
    connection.execute(
        t.submission.insert().values(
            id=identifier,
            site=submission.site,
            dataset=submission.dataset,
            state=SubmissionState.ANNOUNCED,
            document=document,
            profile=submission.profile.digest,
            terms=plain(submission.terms),
            items=len(submission.items),
            refusals=[plain(refusal) for refusal in refusals],
            announced_at=instant(),
        )
    )
    rows = [
        {
            "submission_id": identifier,
            "patient": row.patient,
            "study_instance_uid": row.study_instance_uid,
            "row": plain(row),
        }
        for row in submission.clinical
    ]
    if rows:
        connection.execute(t.clinical.insert(), rows)


def link(connection: sa.Connection, identifier: str, *, instance_ids: Sequence[int]) -> None:
    """Say which instance versions a submission names."""
    insert_new(
        connection, t.submission_item, [{"submission_id": identifier, "instance_id": number} for number in instance_ids]
    )


def naming(connection: sa.Connection, instance_ids: Iterable[int], *, states: Sequence[SubmissionState]) -> list[str]:
    """Return the submissions in one of `states` that name one of the instances, in a fixed order."""
    found: set[str] = set()
    for some in batches(instance_ids):
        found.update(
            connection.execute(
                sa.select(t.submission.c.id)
                .join(t.submission_item, t.submission_item.c.submission_id == t.submission.c.id)
                .where(t.submission_item.c.instance_id.in_(some), t.submission.c.state.in_(states))
                .distinct()
            ).scalars()
        )
    return sorted(found)


def move(connection: sa.Connection, standing: Standing, event: SubmissionEvent, **values: object) -> SubmissionState:
    """Advance a submission by the lifecycle table and return its new state."""
    following = advance(SUBMISSION, standing.state, event)
    connection.execute(t.submission.update().where(t.submission.c.id == standing.id).values(state=following, **values))
    return following


def counts(connection: sa.Connection, identifiers: Sequence[str]) -> dict[str, dict[InstanceState, int]]:
    """Return for each submission how many of its instances are in which state."""
    found: dict[str, dict[InstanceState, int]] = {identifier: {} for identifier in identifiers}
    for some in batches(identifiers):
        rows = connection.execute(
            sa.select(t.submission_item.c.submission_id, t.instance.c.state, sa.func.count())
            .join(t.instance, t.instance.c.id == t.submission_item.c.instance_id)
            .where(t.submission_item.c.submission_id.in_(some))
            .group_by(t.submission_item.c.submission_id, t.instance.c.state)
        )
        for identifier, state, count in rows:
            found[identifier][InstanceState(state)] = count
    return found


def _released(connection: sa.Connection, identifiers: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in batches(identifiers):
        rows = connection.execute(
            sa.select(t.submission_item.c.submission_id, sa.func.count(sa.distinct(t.release_item.c.instance_id)))
            .join(t.release_item, t.release_item.c.instance_id == t.submission_item.c.instance_id)
            .where(t.submission_item.c.submission_id.in_(some))
            .group_by(t.submission_item.c.submission_id)
        )
        found.update({identifier: count for identifier, count in rows})
    return found


def summaries(connection: sa.Connection, *, actor: Actor, identifier: str | None = None) -> list[Summary]:
    """Return the submissions that an actor may see, newest first."""
    query = sa.select(*_ROW).where(visible_submissions(actor)).order_by(t.submission.c.announced_at.desc(), _ROW[0])
    if identifier is not None:
        query = query.where(t.submission.c.id == identifier)
    standings = [_standing(row) for row in connection.execute(query)]
    states = counts(connection, [one.id for one in standings])
    released = _released(connection, [one.id for one in standings])
    return [_summary(one, states[one.id], released.get(one.id, 0)) for one in standings]


def _summary(one: Standing, states: dict[InstanceState, int], released: int) -> Summary:
    return Summary(
        id=one.id,
        site=one.site,
        dataset=one.dataset,
        state=one.state,
        announced_at=one.announced_at,
        items=one.items,
        received=sum(states.values()) - states.get(InstanceState.ANNOUNCED, 0),
        accepted=states.get(InstanceState.ACCEPTED, 0) + states.get(InstanceState.SUPERSEDED, 0),
        quarantined=states.get(InstanceState.QUARANTINED, 0),
        refused=states.get(InstanceState.REFUSED, 0) + len(one.refusals),
        withdrawn=states.get(InstanceState.WITHDRAWN, 0),
        released=released,
    )


def missing(connection: sa.Connection, identifier: str) -> list[str]:
    """Return the digests whose bytes have not come."""
    return list(
        connection.execute(
            sa.select(t.instance.c.digest)
            .join(t.submission_item, t.submission_item.c.instance_id == t.instance.c.id)
            .where(t.submission_item.c.submission_id == identifier, t.instance.c.state == InstanceState.ANNOUNCED)
            .order_by(t.instance.c.digest)
        ).scalars()
    )


def durable(connection: sa.Connection, identifier: str) -> list[tuple[str, int]]:
    """Return (digest, size) of the instances whose bytes are here."""
    rows = connection.execute(
        sa.select(t.instance.c.digest, t.instance.c.size)
        .join(t.submission_item, t.submission_item.c.instance_id == t.instance.c.id)
        .where(
            t.submission_item.c.submission_id == identifier,
            t.instance.c.state.notin_([InstanceState.ANNOUNCED, InstanceState.WITHDRAWN]),
        )
    )
    return [(row.digest, row.size) for row in rows]


def clinical_rows(connection: sa.Connection, *, dataset: str, patients: Iterable[str]) -> list[ClinicalRow]:
    """Return the clinical rows of patients in a dataset; of several submissions the newest row speaks."""
    newest: dict[tuple[str, str | None], Any] = {}
    for some in batches(sorted(set(patients))):
        rows = connection.execute(
            sa.select(t.clinical.c.patient, t.clinical.c.study_instance_uid, t.clinical.c.row)
            .join(t.submission, t.submission.c.id == t.clinical.c.submission_id)
            .where(t.submission.c.dataset == dataset, t.clinical.c.patient.in_(some))
            .order_by(t.clinical.c.id)
        )
        newest.update({(row.patient, row.study_instance_uid): row.row for row in rows})
    return [parse(ClinicalRow, newest[key]) for key in sorted(newest, key=lambda key: (key[0], key[1] or ""))]


def terms_of(connection: sa.Connection, *, dataset: str) -> dict[str, Any]:
    """Return the terms of each submission of a dataset that has an accepted instance, by submission."""
    rows = connection.execute(
        sa.select(t.submission.c.id, t.submission.c.terms)
        .where(
            t.submission.c.id.in_(
                sa.select(t.submission_item.c.submission_id)
                .join(t.instance, t.instance.c.id == t.submission_item.c.instance_id)
                .where(t.instance.c.dataset == dataset, t.instance.c.state == InstanceState.ACCEPTED)
            )
        )
        .order_by(t.submission.c.id)
    )
    return {row.id: row.terms for row in rows}


def document(connection: sa.Connection, identifier: str) -> str:
    """Return the sealed document of a submission as it came."""
    query = sa.select(t.submission.c.document).where(t.submission.c.id == identifier)
    return str(connection.execute(query).scalar_one())


def profile_of(connection: sa.Connection, identifier: str) -> str:
    """Return the digest of the de-identification profile that a submission names."""
    query = sa.select(t.submission.c.profile).where(t.submission.c.id == identifier)
    return str(connection.execute(query).scalar_one())


def in_state(connection: sa.Connection, state: SubmissionState) -> list[str]:
    """Return the submissions in a state, oldest first."""
    query = sa.select(t.submission.c.id).where(t.submission.c.state == state)
    return list(connection.execute(query.order_by(t.submission.c.announced_at, t.submission.c.id)).scalars())
