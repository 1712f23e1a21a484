"""Load: an archive that is de-identified already goes in directly, accepted on arrival (a token with a dataset)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from radcommons.catalogue import loading, sites
from radcommons.catalogue.instances import Version
from radcommons.catalogue.journal import record_raw
from radcommons.catalogue.loading import versions_of
from radcommons.dicomweb.stow import Failed, Failure, Stored
from radcommons.hub.arrive import Arrived, clear
from radcommons.hub.quick import UID, Read, read_arrived
from radcommons.hub.store import GONE, Outcome
from radcommons.platform.group import GroupCommit, Promise
from radcommons.platform.objects import NOTHING_WRITTEN, Unflushed, object_key
from radcommons.platform.ports import Platform
from radcommons.platform.rawsql import Transaction, raw_writing
from radcommons.records.errors import UnreadableInstance
from radcommons.records.event import Actor, Event
from radcommons.records.finding import Severity
from radcommons.records.lifecycle import InstanceState

_LONGEST_UID, _LONGEST_PATIENT = 64, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """An object that may be stored as far as it can be told without the database."""

    arrived: Arrived
    version: Version
    read: Read


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """What one request brings."""

    actor: Actor
    fit: tuple[_Fit, ...]
    failed: tuple[Failed, ...]
    written: Unflushed = NOTHING_WRITTEN


def load(
    arrived: Sequence[Arrived], done: Promise[Outcome], *, platform: Platform, actor: Actor, study: str | None = None
) -> None:
    """Make what arrived durable and accepted, together with what others bring at this moment; its files go.

    Parameters
    ----------
    arrived : sequence of Arrived
    done : Promise
        Gets the fate of each part once it is durable and may be acknowledged, or StorageError: then nothing is.
    platform : Platform
    actor : Actor
        A direct token.
    study : str, optional
        The study that the request names; instances of another one fail (PS3.18 section 10.5.1).
    """
    fit: list[_Fit] = []
    failed: list[Failed] = []
    for one in arrived:
        found = _prepared(one, actor=actor, study=study)
        (failed if isinstance(found, Failed) else fit).append(found)  # type: ignore[arg-type]
    some = _Load(actor=actor, fit=tuple(fit), failed=tuple(failed))
    outcome, new = _look(some, platform=platform)
    if not new:
        clear(arrived)
        done.set_result(outcome)
        return
    # What another request says about the same UIDs at this moment decides the transaction; its object is here then.
    written = platform.objects.write_files([(object_key(one.arrived.digest), one.arrived.source) for one in new])
    clear(arrived)
    _group(platform).submit(replace(some, written=written), done)


def _look(some: _Load, *, platform: Platform) -> tuple[Outcome, list[_Fit]]:
    """Return the fate of each object as far as it can be told before the transaction, and what has to be written."""
    return _sorted_out(some, versions_of(platform.engine, {one.version.sop_instance_uid for one in some.fit}))


_groups: WeakKeyDictionary[sa.Engine, GroupCommit[_Load, Outcome]] = WeakKeyDictionary()
_lock = Lock()


def _group(platform: Platform) -> GroupCommit[_Load, Outcome]:
    found = _groups.get(platform.engine)
    if found is None:
        with _lock:
            made: GroupCommit[_Load, Outcome] = GroupCommit(partial(_commit, platform))
            found = _groups.setdefault(platform.engine, made)
    return found


def _prepared(one: Arrived, *, actor: Actor, study: str | None) -> _Fit | Failed:
    try:
        read = read_arrived(one)
    except UnreadableInstance:
        return Failed(reason=Failure.CANNOT_UNDERSTAND)
    named = (read.sop_class_uid, read.sop_instance_uid, read.study_instance_uid, read.series_instance_uid)
    grave = [finding.code for finding in read.grave if finding.severity is Severity.REFUSAL]
    if not all(UID.fullmatch(uid) and len(uid) <= _LONGEST_UID for uid in named):
        return Failed(reason=_reason(grave) if grave else Failure.CANNOT_UNDERSTAND)
    if grave or (study is not None and read.study_instance_uid != study):
        return Failed(reason=_reason(grave), sop_class_uid=read.sop_class_uid, sop_instance_uid=read.sop_instance_uid)
    return _Fit(arrived=one, version=_version(one, read, actor=actor), read=read)


def _reason(grave: Sequence[str]) -> Failure:
    if "unsupported-transfer-syntax" in grave:
        return Failure.SYNTAX_NOT_SUPPORTED
    if "unsupported-sop-class" in grave:
        return Failure.NO_SUCH_SOP_CLASS
    return Failure.CANNOT_UNDERSTAND if grave else Failure.PROCESSING


def _version(one: Arrived, read: Read, *, actor: Actor) -> Version:
    return Version(
        id=0,
        sop_instance_uid=read.sop_instance_uid,
        digest=one.digest,
        size=one.size,
        sop_class_uid=read.sop_class_uid,
        transfer_syntax_uid=read.transfer_syntax_uid,
        patient=read.patient[:_LONGEST_PATIENT],
        study_instance_uid=read.study_instance_uid,
        series_instance_uid=read.series_instance_uid,
        site=actor.site or sites.DIRECT_SITE,
        dataset=actor.dataset or "",
        submission_id=None,
        state=InstanceState.RECEIVED,
        supersedes=None,
    )


def _commit(platform: Platform, loads: Sequence[_Load]) -> list[Outcome]:
    """Make the objects of several requests durable, and then write their rows; all of them or none."""
    platform.objects.flush(some.written for some in loads)
    every = [one.version for some in loads for one in some.fit]
    with raw_writing(platform.engine) as transaction:
        known = loading.hold_and_look(
            transaction,
            uids={version.sop_instance_uid for version in every},
            series={version.series_instance_uid for version in every},
            sites={version.site for version in every},
        )
        outcomes, new = [], []
        for some in loads:
            outcome, added = _sorted_out(some, known.versions)
            outcomes.append(outcome)
            if added:
                new.append((some.actor, added))
        if new:
            _write(transaction, new, known)
    return outcomes


def _sorted_out(some: _Load, known: dict[str, list[Version]]) -> tuple[Outcome, list[_Fit]]:
    """Tell the fate of each object, given the versions that are known; those that are new become known."""
    stored: list[Stored] = []
    failed = list(some.failed)
    added: list[_Fit] = []
    for one in some.fit:
        version = one.version
        others = known.setdefault(version.sop_instance_uid, [])
        here = [v for v in others if v.state not in GONE]
        reason = None
        if any(v.digest == version.digest and v.state in GONE for v in others):
            reason = Failure.NOT_AUTHORIZED
        elif any((v.digest, v.dataset) != (version.digest, version.dataset) for v in here):
            reason = Failure.DUPLICATE_UID
        uids = (version.sop_class_uid, version.sop_instance_uid)
        if reason is not None:
            failed.append(Failed(reason=reason, sop_class_uid=uids[0], sop_instance_uid=uids[1]))
            continue
        if not here:
            added.append(one)
            others.append(version)  # the next part may carry the same UID
        stored.append(Stored(sop_class_uid=uids[0], sop_instance_uid=uids[1], retrieve_url=_address(version)))
    return Outcome(stored=tuple(stored), failed=tuple(failed)), added


def _address(version: Version) -> str:
    """Return where a direct token may fetch the instance at once, below the hub's address."""
    return (
        f"/dicomweb/studies/{version.study_instance_uid}/series/{version.series_instance_uid}"
        f"/instances/{version.sop_instance_uid}"
    )


def _write(transaction: Transaction, new: Sequence[tuple[Actor, Sequence[_Fit]]], known: loading.Known) -> None:
    rows = [(one.version, one.read.reading) for _, added in new for one in added]
    loading.load(transaction, rows, known=known)
    events = []
    for actor, added in new:
        found = [(one.version.digest, finding) for one in added for finding in (*one.read.grave, *one.read.identity)]
        loading.add_findings(transaction, found)
        details: dict[str, str | int | bool | None] = {
            "instances": len(added),
            "with_findings": len({digest for digest, _ in found}),
        }
        subject = f"dataset:{actor.dataset}"
        events.append(Event(kind="instances-loaded", actor=actor.id, subject=subject, details=details))
    record_raw(transaction, *events)
