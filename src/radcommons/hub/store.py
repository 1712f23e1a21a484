"""Store: bytes that arrived become durable objects, and what was announced of them is received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import instances, sites, submissions, withdrawals
from radcommons.catalogue.instances import Version
from radcommons.dicomweb.stow import Failed, Failure, Stored
from radcommons.hub.arrive import Arrived
from radcommons.hub.header import meta_uids
from radcommons.hub.receive import complete
from radcommons.platform.database import reading, writing
from radcommons.platform.objects import object_key
from radcommons.platform.ports import Platform
from radcommons.records.errors import UnreadableInstance
from radcommons.records.event import Actor
from radcommons.records.lifecycle import InstanceEvent, InstanceState, SubmissionState

GONE = (InstanceState.REFUSED, InstanceState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The fate of each part of a request."""

    stored: tuple[Stored, ...]
    failed: tuple[Failed, ...]


def store(arrived: Sequence[Arrived], *, platform: Platform, actor: Actor, study: str | None = None) -> Outcome:
    """Make what a site sent durable, in one transaction for all of it; on return it may be acknowledged.

    Parameters
    ----------
    arrived : sequence of Arrived
    platform : Platform
    actor : Actor
        A site's token.
    study : str, optional
        The study that the request names; instances of another one fail (PS3.18 section 10.5.1).

    Raises
    ------
    StorageError
        If the disk or the store refused; then nothing is acknowledged.
    """
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
    platform.objects.put_files([(object_key(one.digest), one.source) for one in kept])
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
        with one.open() as source:
            sop_class, sop_instance = meta_uids(source)
    except UnreadableInstance:
        return Failed(reason=Failure.CANNOT_UNDERSTAND)
    if one.digest in blocked:
        return Failed(reason=Failure.NOT_AUTHORIZED, sop_class_uid=sop_class, sop_instance_uid=sop_instance)
    others = [v for v in instances.of_uids(connection, [sop_instance]) if v.state not in GONE]
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
