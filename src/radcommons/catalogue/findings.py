"""Findings of the hub and of the sites about instances; they travel back to the site and stand before the curator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.submissions import batches
from radcommons.records.finding import Finding, Severity

HUB, SITE = "hub", "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A finding as it is kept: about which bytes, by whom."""

    digest: str
    made_by: str
    code: str
    severity: Severity
    message: str
    where: str


def replace(
    connection: sa.Connection, *, submission: str | None, digests: Sequence[str], found: Iterable[tuple[str, Finding]]
) -> None:
    """Keep the hub's findings (digest, finding) about some instances in place of those it made before."""
    for some in batches(digests):
        connection.execute(t.finding.delete().where(t.finding.c.digest.in_(some), t.finding.c.made_by == HUB))
    add(connection, submission=submission, made_by=HUB, found=found)


def add(
    connection: sa.Connection, *, submission: str | None, made_by: str, found: Iterable[tuple[str, Finding]]
) -> None:
    """Keep findings (digest, finding) besides those that are there."""
    rows = [
        {
            "submission_id": submission,
            "digest": digest,
            "made_by": made_by,
            "code": finding.code,
            "severity": finding.severity,
            "message": finding.message,
            "place": finding.where[:400],
        }
        for digest, finding in found
    ]
    if rows:
        connection.execute(t.finding.insert(), rows)


def of_submission(connection: sa.Connection, identifier: str) -> list[Kept]:
    """Return the findings about the instances that a submission names, the hub's and the site's."""
    named = (
        sa.select(t.instance.c.digest)
        .join(t.submission_item, t.submission_item.c.instance_id == t.instance.c.id)
        .where(t.submission_item.c.submission_id == identifier)
    )
    rows = connection.execute(sa.select(t.finding).where(t.finding.c.digest.in_(named)).order_by(t.finding.c.id))
    return [
        Kept(
            digest=row.digest,
            made_by=row.made_by,
            code=row.code,
            severity=Severity(row.severity),
            message=row.message,
            where=row.place,
        )
        for row in rows
    ]


def gravest(connection: sa.Connection, digests: Iterable[str]) -> dict[str, Severity]:
    """Return the gravest finding of the hub about each instance; those without a finding are absent."""
    order = [Severity.NOTE, Severity.QUESTION, Severity.REFUSAL]
    found: dict[str, Severity] = {}
    for some in batches(digests):
        rows = connection.execute(
            sa.select(t.finding.c.digest, t.finding.c.severity)
            .where(t.finding.c.digest.in_(some), t.finding.c.made_by == HUB)
            .distinct()
        )
        for digest, severity in rows:
            found[digest] = max(Severity(severity), found.get(digest, Severity.NOTE), key=order.index)
    return found


def take_back(connection: sa.Connection, code: str, *, digests: Iterable[str]) -> None:
    """Delete the hub's findings of one kind about instances."""
    about = t.finding.c
    for some in batches(digests):
        connection.execute(t.finding.delete().where(about.digest.in_(some), about.made_by == HUB, about.code == code))


def forget(connection: sa.Connection, digests: Iterable[str]) -> None:
    """Remove what is kept about bytes that were withdrawn."""
    for some in batches(digests):
        connection.execute(t.finding.delete().where(t.finding.c.digest.in_(some)))
