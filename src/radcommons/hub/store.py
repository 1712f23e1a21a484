"""Store: bytes that arrived become durable objects, and what was announced of them is received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from radcommons.catalogue import findings, instances, sites, submissions, withdrawals
from radcommons.catalogue.instances import Version
from radcommons.catalogue.journal import record
from radcommons.catalogue.readings import Reading, keep_readings
from radcommons.dicom.conformance import check
from radcommons.dicom.read import Header, read_header
from radcommons.dicomweb.stow import Failed, Failure, Stored
from radcommons.hub.header import meta_uids, reading_of
from radcommons.hub.judge import identity_findings
from radcommons.hub.receive import complete
from radcommons.platform.database import reading, writing
from radcommons.platform.objects import object_key
from radcommons.platform.ports import Platform
from radcommons.records.errors import UnreadableInstance
from radcommons.records.event import Actor, Event
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import InstanceEvent, InstanceState, SubmissionState

_GONE = (InstanceState.REFUSED, InstanceState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A part of a request, whole, in a temporary file."""

    path: Path
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The fate of each part of a request."""

    stored: tuple[Stored, ...]
    failed: tuple[Failed, ...]


def store(arrived: Sequence[Arrived], *, platform: Platform, actor: Actor, study: str | None = None) -> Outcome:
    """Make what arrived durable, in one transaction for all of it; on return it may be acknowledged.

    Parameters
    ----------
    arrived : sequence of Arrived
    platform : Platform
    actor : Actor
        A site's token, or a direct one (`actor.dataset` is set), whose instances are accepted at once.
    study : str, optional
        The study that the request names; instances of another one fail (PS3.18 section 10.5.1).

    Raises
    ------
    StorageError
        If the disk or the store refused; then nothing is acknowledged.
    """
    if actor.dataset is not None:
        return _store_direct(arrived, platform=platform, actor=actor, study=study)
    return _store_quarantined(arrived, platform=platform, site=actor.site or "", study=study)


# A site's bytes: the object is not opened here beyond its meta information; the verification reads it.


def _store_quarantined(arrived: Sequence[Arrived], *, platform: Platform, site: str, study: str | None) -> Outcome:
    stored: list[Stored] = []
    failed: list[Failed] = []
    kept: list[Arrived] = []
    with reading(platform.engine) as connection:
        known = {v.digest: v for v in instances.of_digests(connection, {one.digest for one in arrived})}
        blocked = withdrawals.blocked(
            connection, site=site, kind=withdrawals.DIGEST, values=[one.digest for one in arrived]
        )
        for one in arrived:
            fate = _fate(connection, one, known.get(one.digest), site=site, study=study, blocked=blocked)
            if isinstance(fate, Stored):
                stored.append(fate)
                kept.append(one)
            else:
                failed.append(fate)
    platform.objects.put_files([(object_key(one.digest), one.path) for one in kept])
    if kept:
        with writing(platform.engine) as connection:
            _receive(connection, kept, platform=platform, site=site)
        platform.wake_jobs()
    return Outcome(stored=tuple(stored), failed=tuple(failed))


def _fate(
    connection: sa.Connection, one: Arrived, known: Version | None, *, site: str, study: str | None, blocked: set[str]
) -> Stored | Failed:
    if known is not None and known.site == site:
        uids = (known.sop_class_uid, known.sop_instance_uid)
        if one.digest in blocked or known.state is InstanceState.WITHDRAWN:
            return Failed(reason=Failure.NOT_AUTHORIZED, sop_class_uid=uids[0], sop_instance_uid=uids[1])
        if study is not None and known.study_instance_uid != study:
            return Failed(reason=Failure.PROCESSING, sop_class_uid=uids[0], sop_instance_uid=uids[1])
        return Stored(sop_class_uid=uids[0], sop_instance_uid=uids[1])
    try:
        with one.path.open("rb") as source:
            sop_class, sop_instance = meta_uids(source)
    except UnreadableInstance:
        return Failed(reason=Failure.CANNOT_UNDERSTAND)
    if one.digest in blocked:
        return Failed(reason=Failure.NOT_AUTHORIZED, sop_class_uid=sop_class, sop_instance_uid=sop_instance)
    others = [v for v in instances.of_uids(connection, [sop_instance]) if v.state not in _GONE]
    if any(v.digest != one.digest or v.site != site for v in others):
        return Failed(reason=Failure.DUPLICATE_UID, sop_class_uid=sop_class, sop_instance_uid=sop_instance)
    return Stored(sop_class_uid=sop_class, sop_instance_uid=sop_instance)


def _receive(connection: sa.Connection, kept: Sequence[Arrived], *, platform: Platform, site: str) -> None:
    """Write what the acknowledgement depends on; the last bytes of a submission complete it."""
    sites.lock_site(connection, site, exclusive=False)
    instances.keep_uploads(connection, [(one.digest, one.size) for one in kept], site=site)
    named = [v for v in instances.of_digests(connection, {one.digest for one in kept}) if v.site == site]
    waiting = [v for v in named if v.state is InstanceState.ANNOUNCED]
    announced = submissions.naming(connection, [v.id for v in waiting], states=[SubmissionState.ANNOUNCED])
    for identifier in announced:  # held in order, so that two requests that end one submission follow each other
        submissions.find(connection, identifier, lock=True)
    instances.move(connection, waiting, InstanceEvent.STORE)
    complete(connection, announced, key=platform.signing_key)


# Direct loading: a society's archive that is de-identified already, or a benchmark.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    arrived: Arrived
    version: Version
    reading: Reading
    findings: tuple[Finding, ...]


def _store_direct(arrived: Sequence[Arrived], *, platform: Platform, actor: Actor, study: str | None) -> Outcome:
    failed: list[Failed] = []
    readable: dict[str, _Read] = {}
    for one in arrived:
        read = _read_direct(one, actor=actor, study=study)
        if isinstance(read, Failed):
            failed.append(read)
        else:
            readable.setdefault(one.digest, read)
    with reading(platform.engine) as connection:
        fit, unfit = _fit(connection, list(readable.values()))
    failed += [
        Failed(reason=reason, sop_class_uid=one.version.sop_class_uid, sop_instance_uid=one.version.sop_instance_uid)
        for one, reason in unfit
    ]
    platform.objects.put_files([(object_key(one.arrived.digest), one.arrived.path) for one in fit])
    if fit:
        with writing(platform.engine) as connection:
            _accept_direct(connection, fit, actor=actor)
    stored = [
        Stored(
            sop_class_uid=one.version.sop_class_uid,
            sop_instance_uid=one.version.sop_instance_uid,
            retrieve_url=_address(one.version),
        )
        for one in fit
    ]
    return Outcome(stored=tuple(stored), failed=tuple(failed))


def _address(version: Version) -> str:
    """Return where a direct token may fetch the instance at once, below the hub's address."""
    return (
        f"/dicomweb/studies/{version.study_instance_uid}/series/{version.series_instance_uid}"
        f"/instances/{version.sop_instance_uid}"
    )


def _read_direct(one: Arrived, *, actor: Actor, study: str | None) -> _Read | Failed:
    try:
        with one.path.open("rb") as source:
            header = read_header(source)
            kept = reading_of(header, source)
    except UnreadableInstance:
        return Failed(reason=Failure.CANNOT_UNDERSTAND)
    found = (*header.findings, *check(header.dataset, header))
    version = _direct_version(one, header, actor=actor)
    grave = [finding.code for finding in found if finding.severity is Severity.REFUSAL]
    if grave or (study is not None and version.study_instance_uid != study):
        return Failed(
            reason=_reason(grave), sop_class_uid=version.sop_class_uid, sop_instance_uid=version.sop_instance_uid
        )
    identity = tuple(identity_findings(header.dataset))
    return _Read(arrived=one, version=version, reading=kept, findings=(*found, *identity))


def _reason(grave: Sequence[str]) -> Failure:
    if "unsupported-transfer-syntax" in grave:
        return Failure.SYNTAX_NOT_SUPPORTED
    if "unsupported-sop-class" in grave:
        return Failure.NO_SUCH_SOP_CLASS
    return Failure.CANNOT_UNDERSTAND if grave else Failure.PROCESSING


def _direct_version(one: Arrived, header: Header, *, actor: Actor) -> Version:
    def text(keyword: str) -> str:
        return str(header.dataset.get(keyword, "") or "").strip()

    return Version(
        id=0,
        sop_instance_uid=text("SOPInstanceUID"),
        digest=one.digest,
        size=one.size,
        sop_class_uid=text("SOPClassUID"),
        transfer_syntax_uid=header.transfer_syntax,
        patient=text("PatientID")[:64],
        study_instance_uid=text("StudyInstanceUID"),
        series_instance_uid=text("SeriesInstanceUID"),
        site=actor.site or sites.DIRECT_SITE,
        dataset=actor.dataset or "",
        submission_id=None,
        state=InstanceState.RECEIVED,
        supersedes=None,
    )


def _fit(connection: sa.Connection, read: Sequence[_Read]) -> tuple[list[_Read], list[tuple[_Read, Failure]]]:
    known: dict[str, list[Version]] = {}
    for version in instances.of_uids(connection, {one.version.sop_instance_uid for one in read}):
        known.setdefault(version.sop_instance_uid, []).append(version)
    fit: list[_Read] = []
    unfit: list[tuple[_Read, Failure]] = []
    for one in read:
        others = known.setdefault(one.version.sop_instance_uid, [])
        here = [v for v in others if v.state not in _GONE]
        if any(v.digest == one.version.digest and v.state in _GONE for v in others):
            unfit.append((one, Failure.NOT_AUTHORIZED))
        elif any((v.digest, v.dataset) != (one.version.digest, one.version.dataset) for v in here):
            unfit.append((one, Failure.DUPLICATE_UID))
        else:
            fit.append(one)
            others.append(one.version)  # the next part of this request may carry the same UID
    return fit, unfit


def _accept_direct(connection: sa.Connection, fit: Sequence[_Read], *, actor: Actor) -> None:
    sites.ensure_site(connection, actor.site or sites.DIRECT_SITE)
    by_digest = {one.version.digest: one for one in fit}
    instances.add_direct(connection, [one.version for one in fit])
    new = [v for v in instances.of_digests(connection, by_digest) if v.state is InstanceState.RECEIVED]
    new = [v for v in new if v.submission_id is None]
    keep_readings(connection, [(v.id, by_digest[v.digest].reading) for v in new])
    instances.accept(connection, new)
    digests = [v.digest for v in new]
    found = [(digest, finding) for digest in digests for finding in by_digest[digest].findings]
    findings.replace(connection, submission=None, digests=digests, found=found)
    if new:
        details: dict[str, str | int | bool | None] = {
            "instances": len(new),
            "with_findings": len({digest for digest, _ in found}),
        }
        record(
            connection,
            Event(kind="instances-loaded", actor=actor.id, subject=f"dataset:{actor.dataset}", details=details),
        )
