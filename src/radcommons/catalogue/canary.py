"""Which gateway has shown, under which profile and software, that the canary set comes out of it clean.

The audit trail is the record: it is chained and append-only, and it says when the hub looked.
"""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.journal import record
from radcommons.records.event import Event

PASSED, FAILED = "canary-passed", "canary-failed"
_SHOWN = 32  # digits of a digest: no two of them meet, and the subject fits its column


def _subject(*, site: str, profile: str, software: str) -> str:
    return f"canary:{site}:{profile[:_SHOWN]}:{software[:_SHOWN]}"


def write(
    connection: sa.Connection, *, site: str, profile: str, software: str, is_clean: bool, actor: str, leaks: int
) -> None:
    """Write down how a result was judged."""
    event = Event(
        kind=PASSED if is_clean else FAILED,
        actor=actor,
        subject=_subject(site=site, profile=profile, software=software),
        details={"leaks": leaks},
    )
    record(connection, event)


def has_passed(connection: sa.Connection, *, site: str, profile: str, software: str) -> bool:
    """Say whether the newest result of this gateway, profile and software was clean."""
    table = t.audit_event
    subject = _subject(site=site, profile=profile, software=software)
    newest = sa.select(table.c.kind).where(table.c.subject == subject).order_by(table.c.sequence.desc()).limit(1)
    return connection.execute(newest).scalar_one_or_none() == PASSED
