"""Withdraw: a site takes data back; it works in every state, and what was taken back may not come again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from radcommons.catalogue import findings, instances, releases, sites, submissions, withdrawals
from radcommons.catalogue.instances import Version
from radcommons.catalogue.journal import leave_job, record
from radcommons.hub.feed import append
from radcommons.hub.holders import tell
from radcommons.hub.receive import complete
from radcommons.hub.release import freeze
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.jobs import step
from radcommons.platform.keys import verify
from radcommons.platform.objects import object_key, sealed_key
from radcommons.platform.ports import Platform
from radcommons.records import documents
from radcommons.records.errors import Conflict, IntegrityError, NotPermitted, UsageError
from radcommons.records.event import SYSTEM, Actor, Event, Role
from radcommons.records.lifecycle import InstanceEvent, InstanceState, SubmissionEvent, SubmissionState
from radcommons.records.submission import Withdrawal

PURGE_JOB = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """How many instances were taken back, and which releases had named one of them."""

    instances: int
    releases: tuple[str, ...]


def withdraw(document: bytes, *, platform: Platform, actor: Actor) -> Withdrawn:
    """Take a sealed withdrawal; the same one again changes nothing and gives the same answer.

    Raises
    ------
    DocumentError, NotPermitted, IntegrityError, Conflict
        As `receive.announce`.

    Notes
    -----
    States, feeds, the block against re-entry, the audit event and the job that deletes the bytes are one transaction.
    """
    withdrawal, signature, signed = documents.unseal(Withdrawal, document)
    if actor.site != withdrawal.site:
        raise NotPermitted("The token speaks for another site.", mend="Use the token that the hub gave this site.")
    identifier = documents.digest(withdrawal)
    with writing(platform.engine) as connection:
        sites.lock_site(connection, withdrawal.site, exclusive=True)
        key = sites.site_key(connection, withdrawal.site)
        if key is None:
            raise Conflict("The hub holds no key of this site.", mend="Register it: `radcommons site init`.")
        try:
            verify(signature, message=signed, public_key=key)
        except IntegrityError as error:
            raise IntegrityError(error.what, mend=error.mend, code="bad-signature") from None
        result = _take_back(connection, withdrawal, identifier=identifier, document=document, platform=platform)
        if result.is_new:
            _record(connection, withdrawal, identifier, actor, result)
    platform.wake_jobs()
    return result.answer


def withdraw_here(
    *,
    patients: Sequence[str] = (),
    studies: Sequence[str] = (),
    digests: Sequence[str] = (),
    reason: Literal["error", "identity"],
    platform: Platform,
    actor: Actor,
    what_if: bool = False,
) -> Withdrawn:
    """Take data back at the hub itself, under the hub's own signature, when a site cannot or may not wait.

    Raises
    ------
    NotPermitted
        If the actor is no administrator.
    UsageError
        If nothing is named.
    """
    authorize(actor, Role.ADMINISTRATOR)
    if not (patients or studies or digests):
        raise UsageError("Nothing is named.", mend="Name a patient, a study or a digest.")
    named = {"patients": tuple(patients), "studies": tuple(studies), "digests": tuple(digests)}
    with writing(platform.engine) as connection:
        if what_if:
            concerned = hold_sites(connection, named)
            answers = [_answer(connection, instances.of_site(connection, site, **named)) for site in concerned]
        else:
            answers = list(withdraw_within(connection, named, reason=reason, platform=platform, actor=actor).values())
    platform.wake_jobs()
    return Withdrawn(
        instances=sum(one.instances for one in answers),
        releases=tuple(sorted({release for one in answers for release in one.releases})),
    )


Named = dict[str, tuple[str, ...]]  # patients, studies, digests


def hold_sites(connection: sa.Connection, named: Named) -> list[str]:
    """Hold every site that sent something of what is named, and return them.

    All before any dataset, so that two withdrawals cannot wait for each other.
    """
    concerned = sorted(instances.sites_of(connection, **named))
    for site in concerned:
        sites.lock_site(connection, site, exclusive=True)
    return concerned


def withdraw_within(
    connection: sa.Connection, named: Named, *, reason: Literal["error", "identity"], platform: Platform, actor: Actor
) -> dict[str, Withdrawn]:
    """Take back what is named in the caller's transaction; return what was taken by the withdrawal of each site."""
    answers: dict[str, Withdrawn] = {}
    for site in hold_sites(connection, named):
        withdrawal = Withdrawal(schema="radcommons/withdrawal/v1", site=site, at=instant(), reason=reason, **named)
        document = documents.canonical(platform.signing_key.seal(withdrawal))
        identifier = documents.digest(withdrawal)
        result = _take_back(connection, withdrawal, identifier=identifier, document=document, platform=platform)
        if result.is_new:
            _record(connection, withdrawal, identifier, actor, result)
        answers[identifier] = result.answer
    return answers


def _answer(connection: sa.Connection, versions: Sequence[Version]) -> Withdrawn:
    named = releases.naming(connection, [version.id for version in versions])
    return Withdrawn(instances=len(versions), releases=tuple(sorted({release for _, release, _ in named})))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    answer: Withdrawn
    is_new: bool


def _record(connection: sa.Connection, withdrawal: Withdrawal, identifier: str, actor: Actor, result: _Result) -> None:
    leave_job(connection, PURGE_JOB, argument=identifier)
    details: dict[str, str | int | bool | None] = {
        "site": withdrawal.site,
        "reason": withdrawal.reason,
        "instances": result.answer.instances,
        "releases": len(result.answer.releases),
    }
    record(connection, Event(kind="withdrawn", actor=actor.id, subject=identifier, details=details))


def _take_back(
    connection: sa.Connection, withdrawal: Withdrawal, *, identifier: str, document: bytes, platform: Platform
) -> _Result:
    # A release that is being made holds its dataset: it is waited for, and then has its entry in the feed below.
    releases.lock_datasets(connection)
    versions = instances.of_site(
        connection,
        withdrawal.site,
        patients=withdrawal.patients,
        studies=withdrawal.studies,
        digests=withdrawal.digests,
    )
    answer = _answer(connection, versions)
    if not withdrawals.add(connection, withdrawal, identifier=identifier, document=document.decode()):
        return _Result(answer=answer, is_new=False)
    _block(connection, withdrawal, identifier, versions)
    gone = [version for version in versions if version.state is not InstanceState.WITHDRAWN]
    instances.move(connection, gone, InstanceEvent.WITHDRAW)
    instances.forget(connection, gone)
    findings.forget(connection, [version.digest for version in gone])
    instances.forget_uploads(
        connection, {*withdrawal.digests, *(version.digest for version in gone)}, site=withdrawal.site
    )
    withdrawals.forget_clinical(connection, site=withdrawal.site, patients=withdrawal.patients)
    named = _tell_feeds(connection, withdrawal, gone, platform=platform)
    is_identity = withdrawal.reason == "identity"
    count = len(gone)
    tell(
        connection,
        key=f"withdrawn-{identifier[:32]}",
        releases=named,
        instances=count,
        is_identity=is_identity,
        platform=platform,
    )
    _settle_submissions(connection, gone, platform=platform)
    return _Result(answer=answer, is_new=True)


def _block(connection: sa.Connection, withdrawal: Withdrawal, identifier: str, versions: Sequence[Version]) -> None:
    keys = [(withdrawals.PATIENT, patient) for patient in withdrawal.patients]
    keys += [(withdrawals.STUDY, study) for study in withdrawal.studies]
    keys += [(withdrawals.DIGEST, one) for one in {*withdrawal.digests, *(version.digest for version in versions)}]
    withdrawals.block(connection, site=withdrawal.site, identifier=identifier, keys=keys)


def _tell_feeds(
    connection: sa.Connection, withdrawal: Withdrawal, gone: Sequence[Version], *, platform: Platform
) -> set[str]:
    """Write the tombstones, and a new version of each dataset that had them; return the releases that named them."""
    by_dataset: dict[str, set[str]] = {}
    named: set[str] = set()
    for dataset, release, digest in releases.naming(connection, [version.id for version in gone]):
        by_dataset.setdefault(dataset, set()).add(digest)
        named.add(release)
    for dataset in sorted(by_dataset):
        append(
            connection,
            key=platform.signing_key,
            dataset=dataset,
            event="withdrawn",
            digests=tuple(sorted(by_dataset[dataset])),
            reason=withdrawal.reason,
        )
        _renew(connection, dataset, platform=platform)
    return named


def _renew(connection: sa.Connection, dataset: str, *, platform: Platform) -> None:
    """Freeze what is left of the last release into the next one; nothing that was not released goes with it."""
    number, held = releases.last_release(connection, dataset)
    left = releases.still_served(connection, dataset, number)
    if left and len(left) < len(held):
        known = sites.get_dataset(connection, dataset)
        notes = f"Release {number} without what was withdrawn."
        freeze(connection, known, left, number=number + 1, notes=notes, platform=platform, actor=SYSTEM)


def _settle_submissions(connection: sa.Connection, gone: Sequence[Version], *, platform: Platform) -> None:
    """Move the submissions that named what is gone: withdrawn when nothing is left, else as if it had never come."""
    ids = [version.id for version in gone]
    states = [state for state in SubmissionState if state not in (SubmissionState.WITHDRAWN, SubmissionState.REFUSED)]
    for identifier in submissions.naming(connection, ids, states=states):
        standing = submissions.find(connection, identifier, lock=True)
        if standing is None:
            continue
        left = submissions.counts(connection, [identifier])[identifier]
        if not any(count for state, count in left.items() if state is not InstanceState.WITHDRAWN):
            submissions.move(connection, standing, SubmissionEvent.WITHDRAW, decided_at=instant())
        elif standing.state is SubmissionState.IN_REVIEW and not left.get(InstanceState.QUARANTINED):
            submissions.move(connection, standing, SubmissionEvent.DECIDE, decided_at=instant())
        elif standing.state is SubmissionState.ANNOUNCED:
            complete(connection, [identifier], key=platform.signing_key)


def purge(identifier: str, *, platform: Platform) -> None:
    """Delete the bytes that a withdrawal took back and that nothing else refers to: the job of the same name."""
    step("purge", _purge, platform, identifier)


def _purge(platform: Platform, identifier: str) -> int:
    with reading(platform.engine) as connection:
        digests = withdrawals.purgeable(connection, identifier)
    for digest in digests:
        for key in (object_key(digest), sealed_key(digest)):
            platform.objects.delete(key)
    with writing(platform.engine) as connection:
        details: dict[str, str | int | bool | None] = {"objects": len(digests)}
        record(connection, Event(kind=withdrawals.PURGED, actor="system", subject=identifier, details=details))
    return len(digests)
