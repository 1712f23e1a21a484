"""What was taken back: kept with its signed word, and refused when it comes again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.submissions import batches
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.records.lifecycle import InstanceState
from radcommons.records.submission import Withdrawal

PATIENT, STUDY, DIGEST = "patient", "study", "digest"


def add(connection: sa.Connection, withdrawal: Withdrawal, *, identifier: str, document: str) -> bool:
    """Keep a withdrawal; say whether it is new."""
    known = connection.execute(sa.select(t.withdrawal.c.id).where(t.withdrawal.c.id == identifier)).one_or_none()
    if known is None:
        connection.execute(
            t.withdrawal.insert().values(id=identifier, site=withdrawal.site, document=document, at=instant())
        )
    return known is None


def block(connection: sa.Connection, *, site: str, identifier: str, keys: Iterable[tuple[str, str]]) -> None:
    """Refuse (kind, value) keys of a site from now on."""
    rows = [{"site": site, "kind": kind, "value": value, "withdrawal_id": identifier} for kind, value in keys]
    insert_new(connection, t.withdrawn, rows)


def blocked(connection: sa.Connection, *, site: str, kind: str, values: Iterable[str]) -> set[str]:
    """Return those of `values` that the site has withdrawn."""
    found: set[str] = set()
    for some in batches(set(values)):
        query = sa.select(t.withdrawn.c.value).where(
            t.withdrawn.c.site == site, t.withdrawn.c.kind == kind, t.withdrawn.c.value.in_(some)
        )
        found.update(connection.execute(query).scalars())
    return found


def forget_clinical(connection: sa.Connection, *, site: str, patients: Sequence[str]) -> None:
    """Remove the clinical rows of withdrawn patients that came from a site."""
    own = sa.select(t.submission.c.id).where(t.submission.c.site == site)
    for some in batches(patients):
        connection.execute(
            t.clinical.delete().where(t.clinical.c.patient.in_(some), t.clinical.c.submission_id.in_(own))
        )


def purgeable(connection: sa.Connection, identifier: str) -> list[str]:
    """Return the digests that a withdrawal took back and that nothing else here refers to."""
    kept = sa.exists().where(t.instance.c.digest == t.withdrawn.c.value, t.instance.c.state != InstanceState.WITHDRAWN)
    sent = sa.exists().where(t.upload.c.digest == t.withdrawn.c.value)
    query = sa.select(t.withdrawn.c.value).where(
        t.withdrawn.c.withdrawal_id == identifier, t.withdrawn.c.kind == DIGEST, sa.not_(kept), sa.not_(sent)
    )
    return list(connection.execute(query).scalars())


PURGED = "bytes-purged"


def unpurged(connection: sa.Connection) -> list[str]:
    """Return the withdrawals whose bytes nobody has deleted yet."""
    done = sa.select(t.audit_event.c.subject).where(t.audit_event.c.kind == PURGED)
    query = sa.select(t.withdrawal.c.id).where(t.withdrawal.c.id.notin_(done)).order_by(t.withdrawal.c.at)
    return list(connection.execute(query).scalars())
