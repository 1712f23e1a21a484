"""Receive: a site announces a signed submission; it is complete when every byte that it promises is durable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import findings, instances, sites, submissions, withdrawals
from radcommons.catalogue.instances import Version
from radcommons.catalogue.journal import leave_job, record
from radcommons.catalogue.submissions import Refusal
from radcommons.hub import canary
from radcommons.hub.policies import accepted_policies
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.keys import SigningKey, verify
from radcommons.platform.ports import Platform
from radcommons.records import documents
from radcommons.records.errors import Conflict, IntegrityError, NotPermitted
from radcommons.records.event import Actor, Event
from radcommons.records.lifecycle import InstanceEvent, InstanceState, SubmissionEvent, SubmissionState
from radcommons.records.submission import Item, Receipt, Signature, Submission

VERIFY_JOB = "verify"
_OPEN = (SubmissionState.ANNOUNCED,)
# A version that was refused or taken back stands in nobody's way.
_GONE = (InstanceState.REFUSED, InstanceState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What the hub answers to an announced submission."""

    id: str
    is_new: bool
    state: SubmissionState
    items: int
    received: int
    missing: tuple[str, ...]
    refused: tuple[Refusal, ...]


def announce(document: bytes, *, platform: Platform, actor: Actor) -> Announcement:
    """Take a sealed submission; the same one again gives the same answer.

    Parameters
    ----------
    document : bytes
        The sealed JSON object.
    platform : Platform
    actor : Actor
        The site's token.

    Raises
    ------
    DocumentError
        If it does not fit the schema.
    NotPermitted
        If the token is another site's.
    IntegrityError
        If the signature is not by the site's registered key, or over something else.
    Conflict
        If the site has no key here, the hub does not know the protocol or profile, or the canary set has not come
        out of the gateway clean.
    NotFound
        If there is no such dataset.
    """
    submission, signature, signed = documents.unseal(Submission, document)
    if actor.site != submission.site:
        raise NotPermitted("The token speaks for another site.", mend="Use the token that the hub gave this site.")
    identifier = documents.digest(submission)
    with writing(platform.engine) as connection:
        sites.lock_site(connection, submission.site, exclusive=True)
        _check_signature(connection, submission.site, signature, signed)
        known = submissions.find(connection, identifier)
        if known is None:
            accepted_policies(platform.policies).require(protocol=submission.protocol, profile=submission.profile)
            canary.require(connection, submission, platform=platform)
            sites.get_dataset(connection, submission.dataset)
            _add(connection, submission, identifier=identifier, document=document.decode(), actor=actor)
            complete(connection, [identifier], key=platform.signing_key)
    platform.wake_jobs()
    return _answer(platform, identifier, is_new=known is None)


def _check_signature(connection: sa.Connection, site: str, signature: Signature, signed: bytes) -> None:
    key = sites.site_key(connection, site)
    if key is None:
        raise Conflict("The hub holds no key of this site.", mend="Register it: `radcommons site init`.", code="no-key")
    try:
        verify(signature, message=signed, public_key=key)
    except IntegrityError as error:
        raise IntegrityError(error.what, mend=error.mend, code="bad-signature") from None


def _add(connection: sa.Connection, submission: Submission, *, identifier: str, document: str, actor: Actor) -> None:
    refusals = _screen(connection, submission)
    out = {refusal.digest for refusal in refusals}
    items = [item for item in submission.items if item.digest not in out]
    submissions.add(connection, submission, identifier=identifier, document=document, refusals=refusals)
    versions = instances.announce(
        connection, items, site=submission.site, dataset=submission.dataset, submission=identifier
    )
    submissions.link(connection, identifier, instance_ids=[version.id for version in versions])
    here = instances.uploaded(connection, [v.digest for v in versions], site=submission.site)
    waiting = [v for v in versions if v.state is InstanceState.ANNOUNCED and v.digest in here]
    instances.move(connection, waiting, InstanceEvent.STORE)
    said = [(item.digest, finding) for item in items for finding in item.findings]
    findings.add(connection, submission=identifier, made_by=findings.SITE, found=said)
    details: dict[str, str | int | bool | None] = {
        "site": submission.site,
        "dataset": submission.dataset,
        "items": len(submission.items),
        "refused": len(refusals),
    }
    record(connection, Event(kind="submission-announced", actor=actor.id, subject=identifier, details=details))


def _screen(connection: sa.Connection, submission: Submission) -> list[Refusal]:
    """Return the items that cannot be taken, each with its first reason."""
    reasons = (*_withdrawn(connection, submission), *_conflicts(connection, submission))
    first: dict[str, Refusal] = {}
    for refusal in reasons:
        first.setdefault(refusal.digest, refusal)
    return list(first.values())


def _withdrawn(connection: sa.Connection, submission: Submission) -> list[Refusal]:
    site, items = submission.site, submission.items
    kinds = (
        (withdrawals.PATIENT, {item.digest: item.patient for item in items}),
        (withdrawals.STUDY, {item.digest: item.study_instance_uid for item in items}),
        (withdrawals.DIGEST, {item.digest: item.digest for item in items}),
    )
    found = []
    for kind, values in kinds:
        blocked = withdrawals.blocked(connection, site=site, kind=kind, values=values.values())
        found += [
            Refusal(digest=digest, code="withdrawn-before", message=f"Its {kind} was withdrawn and may not come again.")
            for digest, value in values.items()
            if value in blocked
        ]
    return found


def _conflicts(connection: sa.Connection, submission: Submission) -> list[Refusal]:
    known: dict[str, list[Version]] = {}
    for version in instances.of_uids(connection, {item.sop_instance_uid for item in submission.items}):
        known.setdefault(version.sop_instance_uid, []).append(version)
    owners = instances.study_owners(connection, {item.study_instance_uid for item in submission.items})
    seen: dict[str, str] = {}
    found: list[Refusal] = []
    for item in submission.items:
        message = _conflict(item, submission, known.get(item.sop_instance_uid, []))
        if seen.setdefault(item.sop_instance_uid, item.digest) != item.digest:
            message = "Two items of the submission carry one SOP Instance UID."
        if message:
            found.append(Refusal(digest=item.digest, code="uid-conflict", message=message))
        elif owners.setdefault(item.study_instance_uid, (submission.site, item.patient)) != (
            submission.site,
            item.patient,
        ):
            message = "Its study belongs to another patient or site."
            found.append(Refusal(digest=item.digest, code="study-of-two-patients", message=message))
    return found


def _conflict(item: Item, submission: Submission, known: Sequence[Version]) -> str:
    """Return why the known versions of a SOP Instance UID stand against an item, empty when they do not."""
    here = [version for version in known if version.state not in _GONE]
    if any((version.site, version.dataset) != (submission.site, submission.dataset) for version in here):
        return "Its SOP Instance UID belongs to another site or dataset."
    others = [v for v in here if v.digest != item.digest and v.state is not InstanceState.SUPERSEDED]
    if not others:
        return ""
    if item.supersedes is None:
        return "Other bytes are known under its SOP Instance UID, and the item supersedes nothing."
    replaced = [v for v in others if v.digest == item.supersedes.digest and v.state is InstanceState.ACCEPTED]
    return "" if replaced == others else "It supersedes a version that is not the accepted one."


def complete(connection: sa.Connection, identifiers: Sequence[str], *, key: SigningKey) -> list[str]:
    """Receive those announced submissions of which no byte is missing, and return them.

    State, signed receipt, audit event and the job that verifies are written in one transaction: the caller's.
    """
    done = []
    for identifier in sorted(identifiers):
        standing = submissions.find(connection, identifier, lock=True)
        if standing is None or standing.state is not SubmissionState.ANNOUNCED:
            continue
        if submissions.missing(connection, identifier):
            continue
        here = submissions.durable(connection, identifier)
        if not here:
            submissions.move(connection, standing, SubmissionEvent.REFUSE, decided_at=instant())
            record(connection, Event(kind="submission-refused", actor="system", subject=identifier))
            continue
        receipt = _receipt(standing.site, identifier, here)
        sealed = documents.canonical(key.seal(receipt)).decode()
        submissions.move(
            connection, standing, SubmissionEvent.COMPLETE, received_at=receipt.received_at, receipt=sealed
        )
        details: dict[str, str | int | bool | None] = {"instances": receipt.instances, "bytes": receipt.bytes}
        record(connection, Event(kind="submission-received", actor="system", subject=identifier, details=details))
        leave_job(connection, VERIFY_JOB, argument=identifier)
        done.append(identifier)
    return done


def _receipt(site: str, identifier: str, here: Sequence[tuple[str, int]]) -> Receipt:
    return Receipt(
        schema="radcommons/receipt/v1",
        submission=identifier,
        site=site,
        received_at=instant(),
        instances=len(here),
        bytes=sum(size for _, size in here),
        items_digest=documents.items_digest([digest for digest, _ in here]),
    )


def _answer(platform: Platform, identifier: str, *, is_new: bool) -> Announcement:
    with reading(platform.engine) as connection:
        standing = submissions.find(connection, identifier)
        assert standing is not None  # it was written above
        missing = submissions.missing(connection, identifier)
    return Announcement(
        id=identifier,
        is_new=is_new,
        state=standing.state,
        items=standing.items,
        received=standing.items - len(missing) - len(standing.refusals),
        missing=tuple(missing),
        refused=standing.refusals,
    )


def receipt(identifier: str, *, platform: Platform, actor: Actor) -> dict[str, object]:
    """Return the sealed receipt of a submission.

    Raises
    ------
    NotFound
        If the actor may not know of it.
    Conflict
        With code ``not-complete`` while bytes are missing.
    """
    with reading(platform.engine) as connection:
        standing = submissions.visible(connection, identifier, actor=actor)
    if standing.receipt is None:
        raise Conflict("Bytes of this submission are missing.", mend="Send them, then ask again.", code="not-complete")
    sealed: dict[str, object] = json.loads(standing.receipt)
    return sealed
