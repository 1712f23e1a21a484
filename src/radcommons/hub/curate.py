"""Curate: a person decides about instances that wait in quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import sqlalchemy as sa

from radcommons.catalogue import findings, instances, submissions
from radcommons.catalogue.instances import Version
from radcommons.catalogue.journal import record
from radcommons.catalogue.submissions import Summary
from radcommons.platform.clock import instant
from radcommons.platform.database import writing
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.errors import Conflict, NotFound, UsageError
from radcommons.records.event import Actor, Event, Role
from radcommons.records.finding import Severity
from radcommons.records.lifecycle import InstanceEvent, InstanceState, SubmissionEvent, SubmissionState

Everything = Literal["accept-clean", "accept", "refuse"]
_ACCEPTED = (InstanceState.ACCEPTED, InstanceState.SUPERSEDED)


def decide(
    identifier: str,
    *,
    accept: Sequence[str] = (),
    refuse: Sequence[str] = (),
    everything: Everything | None = None,
    reason: str = "",
    platform: Platform,
    actor: Actor,
) -> Summary:
    """Accept or refuse quarantined instances of a submission.

    Parameters
    ----------
    identifier : str
        The submission.
    accept, refuse : sequence of str
        Digests.
    everything : {"accept-clean", "accept", "refuse"}, optional
        Applies to all that are quarantined and not named; ``accept-clean`` to those without an open question.
    reason : str
        Stands in the audit trail; no patient's value belongs there.
    platform : Platform
    actor : Actor
        A curator.

    Raises
    ------
    NotFound
        If there is no such submission.
    UsageError
        If a digest is none of its instances', or is both accepted and refused.
    Conflict
        If an instance was decided otherwise before, or is not verified yet.
    """
    authorize(actor, Role.CURATOR)
    if set(accept) & set(refuse):
        raise UsageError("An instance is both accepted and refused.", mend="Name each once.")
    with writing(platform.engine) as connection:
        standing = submissions.find(connection, identifier, lock=True)
        if standing is None:
            raise NotFound("There is no such submission.")
        versions = {v.digest: v for v in instances.of_submission(connection, identifier, lock=True)}
        chosen = [_named(versions, accept, _ACCEPTED), _named(versions, refuse, (InstanceState.REFUSED,))]
        left = [
            v for v in versions.values() if v.state is InstanceState.QUARANTINED and v.digest not in {*accept, *refuse}
        ]
        if everything == "accept-clean":
            grave = findings.gravest(connection, [v.digest for v in left])
            left = [v for v in left if grave.get(v.digest, Severity.NOTE) is Severity.NOTE]
        if everything is not None:
            chosen[everything == "refuse"] += left
        instances.accept(connection, chosen[0])
        instances.move(connection, chosen[1], InstanceEvent.REFUSE)
        decided = [v.id for some in chosen for v in some]
        for one in {identifier, *submissions.naming(connection, decided, states=[SubmissionState.IN_REVIEW])}:
            _settle(connection, one)
        details: dict[str, str | int | bool | None] = {
            "accepted": len(chosen[0]),
            "refused": len(chosen[1]),
            "reason": reason,
        }
        record(connection, Event(kind="instances-decided", actor=actor.id, subject=identifier, details=details))
        return submissions.summaries(connection, actor=actor, identifier=identifier)[0]


def _named(versions: dict[str, Version], digests: Sequence[str], decided: Sequence[InstanceState]) -> list[Version]:
    """Return the quarantined ones among the named; those that are decided so already are passed over."""
    found = []
    for digest in dict.fromkeys(digests):
        version = versions.get(digest)
        if version is None:
            raise UsageError("A digest is none of this submission's instances.", mend="Name its instances alone.")
        if version.state in decided:
            continue
        if version.state is not InstanceState.QUARANTINED:
            raise Conflict(f"An instance is {version.state}, not quarantined.", mend="Reload and look again.")
        found.append(version)
    return found


def _settle(connection: sa.Connection, identifier: str) -> None:
    """Close a submission whose last instance is decided."""
    standing = submissions.find(connection, identifier, lock=True)
    if standing is None or standing.state is not SubmissionState.IN_REVIEW:
        return
    if not submissions.counts(connection, [identifier])[identifier].get(InstanceState.QUARANTINED):
        submissions.move(connection, standing, SubmissionEvent.DECIDE, decided_at=instant())
