"""Verify: the hub looks at every instance of a submission itself, and what is clean is accepted or waits for a curator.

The job's steps are durable and may run twice: judging writes the same rows again, deciding moves what has not moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import sqlalchemy as sa

from radcommons.catalogue import findings, instances, submissions, thumbnails
from radcommons.catalogue.instances import Version
from radcommons.catalogue.journal import record
from radcommons.catalogue.readings import keep_readings
from radcommons.hub.judged import Expected, Judged
from radcommons.hub.policies import profile_source
from radcommons.hub.work import Task, lost, start_judging, store_environment
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.jobs import step
from radcommons.platform.pool import Pool
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotFound, UnreadableInstance
from radcommons.records.event import Event
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import InstanceEvent, InstanceState, SubmissionEvent, SubmissionState

# Instances of one durable step: a step costs some ten milliseconds of bookkeeping, and is what a crash repeats.
CHUNK = 128
# A word is rare only among many: below so many patients every number is one patient's own.
CROWD = 20


def verify(identifier: str, *, platform: Platform) -> None:
    """Verify a submission: the job of the same name.

    Parameters
    ----------
    identifier : str
        The submission.
    platform : Platform
    """
    digests = step("list", _to_judge, platform, identifier)
    for start in range(0, len(digests), CHUNK):
        step("judge", _judge_some, platform, identifier, digests[start : start + CHUNK])
    step("decide", decide, platform, identifier)
    step("draw", _draw, platform, identifier)


def _to_judge(platform: Platform, identifier: str) -> list[str]:
    with reading(platform.engine) as connection:
        versions = instances.of_submission(connection, identifier, states=[InstanceState.RECEIVED])
    return [version.digest for version in versions]


def _judge_some(platform: Platform, identifier: str, digests: Sequence[str]) -> int:
    with reading(platform.engine) as connection:
        versions = [v for v in instances.of_digests(connection, digests) if v.state is InstanceState.RECEIVED]
        named = submissions.profile_of(connection, identifier)
    profile = profile_source(named, folder=platform.policies)
    tasks = [
        Task(objects_url=platform.settings.objects, expected=_expected(version), profile=profile)
        for version in versions
    ]
    pool: Pool[Task, Judged] = Pool(
        start=start_judging, settings=(store_environment(),), lost=lost, jobs=platform.settings.verify_processes
    )
    judged = [one for _, one in pool.map(tasks)]
    with writing(platform.engine) as connection:
        _keep(connection, identifier, list(zip(versions, judged, strict=True)))
    return len(judged)


def _expected(version: Version) -> Expected:
    return Expected(
        digest=version.digest,
        size=version.size,
        site=version.site,
        sop_class_uid=version.sop_class_uid,
        transfer_syntax_uid=version.transfer_syntax_uid,
        patient=version.patient,
        study_instance_uid=version.study_instance_uid,
        series_instance_uid=version.series_instance_uid,
        sop_instance_uid=version.sop_instance_uid,
    )


def _keep(connection: sa.Connection, identifier: str, judged: Sequence[tuple[Version, Judged]]) -> None:
    found = [(one.digest, finding) for _, one in judged for finding in one.findings]
    findings.replace(connection, submission=identifier, digests=[one.digest for _, one in judged], found=found)
    keep_readings(connection, [(version.id, one.reading) for version, one in judged if one.reading is not None])
    instances.keep_words(
        connection,
        [
            (version.series_instance_uid, word, version.patient, place[:400])
            for version, one in judged
            for word, place in one.words
        ],
    )


def decide(platform: Platform, identifier: str) -> dict[str, int]:
    """Move every judged instance of a submission, and the submission itself; return how many went where."""
    with writing(platform.engine) as connection:
        standing = submissions.find(connection, identifier, lock=True)
        if standing is None or standing.state is not SubmissionState.RECEIVED:
            return {}
        versions = instances.of_submission(connection, identifier, states=[InstanceState.RECEIVED], lock=True)
        _ask_about_rare_words(connection, identifier, versions)
        moved = _move(connection, versions, ask_always=platform.settings.accept == "ask")
        waiting = submissions.counts(connection, [identifier])[identifier].get(InstanceState.QUARANTINED, 0)
        event = SubmissionEvent.ASK if waiting else SubmissionEvent.DECIDE
        submissions.move(connection, standing, event, decided_at=None if waiting else instant())
        details: dict[str, str | int | bool | None] = dict(moved)
        record(connection, Event(kind="submission-verified", actor="system", subject=identifier, details=details))
    return moved


def _draw(platform: Platform, identifier: str) -> int:
    """Make the thumbnail of each series that the submission brought, and return how many were made."""
    made = 0
    for one in thumbnails.lacking(platform.engine, identifier):
        # What cannot be drawn has its finding already.
        with suppress(UnreadableInstance, NotFound):
            thumbnails.make(platform.engine, one, objects=platform.objects)
            made += 1
    return made


def _ask_about_rare_words(connection: sa.Connection, identifier: str, versions: Sequence[Version]) -> None:
    rare: dict[str, str] = dict(
        instances.lonely_words(connection, {version.patient for version in versions}, crowd=CROWD)
    )
    message = "A text holds a number or a word with digits that no other patient has; a person looks at it."
    found = [
        (
            version.digest,
            Finding(
                code="unusual-text",
                severity=Severity.QUESTION,
                message=message,
                where=rare[version.series_instance_uid],
            ),
        )
        for version in versions
        if version.series_instance_uid in rare
    ]
    findings.add(connection, submission=identifier, made_by=findings.HUB, found=found)


def _move(connection: sa.Connection, versions: Sequence[Version], *, ask_always: bool) -> dict[str, int]:
    gravest = findings.gravest(connection, [version.digest for version in versions])
    ways: dict[InstanceEvent, list[Version]] = {
        InstanceEvent.ACCEPT: [],
        InstanceEvent.ASK: [],
        InstanceEvent.REFUSE: [],
    }
    for version in versions:
        severity = gravest.get(version.digest)
        if severity is Severity.REFUSAL:
            ways[InstanceEvent.REFUSE].append(version)
        elif severity is Severity.QUESTION or ask_always:
            ways[InstanceEvent.ASK].append(version)
        else:
            ways[InstanceEvent.ACCEPT].append(version)
    for event in (InstanceEvent.ASK, InstanceEvent.REFUSE):
        instances.move(connection, ways[event], event)
    instances.accept(connection, ways[InstanceEvent.ACCEPT])
    names = {InstanceEvent.ACCEPT: "accepted", InstanceEvent.ASK: "quarantined", InstanceEvent.REFUSE: "refused"}
    return dict(Counter({names[event]: len(some) for event, some in ways.items()}))
