"""What was asked of a peer and what came of it, in the store: so that a repeat asks for what misses alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.site.optout import is_opted_out
from radcommons.site.pacs_find import Listed, Wanted
from radcommons.site.patient import PatientKey
from radcommons.site.store import Store
from radcommons.site.tables import arrival, fetch_series, fetch_study, patient

WAITING, COMPLETE, PARTIAL, MOVED = "waiting", "complete", "partial", "moved"
EXCLUDED, WITHDRAWN, FAILED = "excluded", "withdrawn", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What is here of a series: distinct instances, and how many of them came twice with other bytes."""

    sop_uids: frozenset[str]
    differing: int


def save_study(store: Store, peer: str, study: Listed, *, asked: str, state: str, code: str = "") -> None:
    """Write what was found of a study; an earlier row of it is replaced."""
    with store.change() as change:
        change.connection.execute(
            fetch_study.delete().where(fetch_study.c.peer == peer, fetch_study.c.study_uid == study.study_uid)
        )
        members = ("study_uid", "patient_id", "issuer", "accession", "study_date")
        row = {name: getattr(study, name) for name in members}
        change.connection.execute(
            fetch_study.insert().values(peer=peer, asked=asked, state=state, code=code, at=instant(), **row)
        )


def save_series(store: Store, peer: str, series: Listed, *, state: str, code: str = "", expected: int | None) -> None:
    """Write what became of a series; an earlier row of it is replaced."""
    key = {"peer": peer, "study_uid": series.study_uid, "series_uid": series.series_uid}
    with store.change() as change:
        same = [fetch_series.c[name] == value for name, value in key.items()]
        change.connection.execute(fetch_series.delete().where(*same))
        change.connection.execute(
            fetch_series.insert().values(state=state, code=code, expected=expected, at=instant(), **key)
        )


def finish_study(
    store: Store, peer: str, study_uid: str, *, state: str, subject: str, expected: int, here: int, refused: int
) -> None:
    """Write how a study ended, with its audit event; the event names the study by its pseudonymous UID."""
    with store.change() as change:
        same = (fetch_study.c.peer == peer, fetch_study.c.study_uid == study_uid)
        change.connection.execute(fetch_study.update().where(*same).values(state=state, at=instant()))
        change.tell(f"fetch.{state}", subject=subject, expected=expected, here=here, refused=refused)


def came(store: Store, study_uid: str, series_uid: str) -> Came:
    """Return what has arrived of a series, whatever way it came."""
    query = sa.select(arrival.c.sop_uid, arrival.c.digest).where(
        arrival.c.series_uid == series_uid, arrival.c.study_uid == study_uid
    )
    digests: defaultdict[str, set[str]] = defaultdict(set)
    with store.read() as connection:
        for row in connection.execute(query):
            digests[row.sop_uid].add(row.digest)
    return Came(sop_uids=frozenset(digests), differing=sum(len(several) > 1 for several in digests.values()))


def gone_studies(store: Store, peer: str, wanted: Wanted, found: set[str]) -> int:
    """Count the studies that an earlier fetch of this accession number saw and that no longer answer to it."""
    if not wanted.accession:
        return 0
    query = sa.select(fetch_study.c.study_uid).where(
        fetch_study.c.peer == peer,
        fetch_study.c.accession == wanted.accession,
        fetch_study.c.state.not_in((EXCLUDED, WITHDRAWN)),
    )
    with store.read() as connection:
        return len(set(connection.execute(query).scalars()) - found)


def is_withdrawn(store: Store, *, site: str, patient_id: str, issuer: str) -> bool:
    """Say whether a patient was taken back or opted out; with an unknown issuer, any of that identifier."""
    if not patient_id:
        return False
    key = PatientKey(site=site, issuer=issuer, patient_id=patient_id)
    secret = store.mapping_secret()
    query = sa.select(patient.c.id).where(
        patient.c.site == site, patient.c.patient_id == patient_id, patient.c.withdrawn_at.is_not(None)
    )
    if issuer:
        query = query.where(patient.c.issuer.in_((issuer, "")))
    with store.read() as connection:
        if is_opted_out(connection, (key,), secret=secret):
            return True
        return connection.execute(query.limit(1)).first() is not None
