"""What was asked of a peer and what came of it, in the store: so that a repeat asks for what misses alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.site.optout import all_marks, marks_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the store knew when a list was begun: asked once, since a list has thousands of lines."""

    site: str
    secret: bytes
    seen: Mapping[str, frozenset[str]]
    withdrawn: frozenset[tuple[str, str]]
    marks: frozenset[str]

    @classmethod
    def read(cls, store: Store, peer: str, *, site: str) -> Before:
        """Read it."""
        wanted = sa.select(fetch_study.c.accession, fetch_study.c.study_uid).where(
            fetch_study.c.peer == peer, fetch_study.c.state.not_in((EXCLUDED, WITHDRAWN))
        )
        gone = sa.select(patient.c.patient_id, patient.c.issuer).where(
            patient.c.site == site, patient.c.withdrawn_at.is_not(None)
        )
        seen: defaultdict[str, set[str]] = defaultdict(set)
        with store.read() as connection:
            for row in connection.execute(wanted):
                seen[str(row.accession)].add(str(row.study_uid))
            withdrawn = frozenset((str(row.patient_id), str(row.issuer)) for row in connection.execute(gone))
            marks = all_marks(connection)
        return cls(
            site=site,
            secret=store.mapping_secret(),
            seen={accession: frozenset(uids) for accession, uids in seen.items()},
            withdrawn=withdrawn,
            marks=marks,
        )

    def gone_studies(self, wanted: Wanted, found: set[str]) -> int:
        """Count the studies that an earlier fetch of this accession number saw and that no longer answer to it."""
        return len(self.seen.get(wanted.accession, frozenset()) - found) if wanted.accession else 0

    def is_withdrawn(self, *, patient_id: str, issuer: str) -> bool:
        """Say whether a patient was taken back or opted out; with an unknown issuer, any of that identifier."""
        if not patient_id:
            return False
        key = PatientKey(site=self.site, issuer=issuer, patient_id=patient_id)
        if self.marks and not self.marks.isdisjoint(marks_of(self.secret, key)):
            return True
        if issuer:
            return (patient_id, issuer) in self.withdrawn or (patient_id, "") in self.withdrawn
        return any(number == patient_id for number, _ in self.withdrawn)
