"""Check: does the hub hold what it promised? Objects against the database, the audit chain, signatures, orphans."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import releases, sites
from radcommons.catalogue.holdings import promised
from radcommons.catalogue.journal import broken_lines
from radcommons.platform.database import reading
from radcommons.platform.keys import SigningKey, verify
from radcommons.platform.objects import INSTANCES, object_key
from radcommons.platform.ports import Platform
from radcommons.records.documents import canonical, digest, parse, unseal
from radcommons.records.errors import DocumentError, IntegrityError, NotFound
from radcommons.records.release import FeedEntry, Release
from radcommons.records.submission import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as it was promised."""

    kind: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at, and what was wrong."""

    objects: int
    releases: int
    faults: tuple[Fault, ...]


def check(platform: Platform) -> Checked:
    """Read every object again and compare everything that is signed or chained.

    Notes
    -----
    Cost: reads all objects. A running hub may be checked; what arrives meanwhile may appear as an orphan.
    """
    with reading(platform.engine) as connection:
        expected = list(promised(connection))
        kept = releases.kept(connection)
        faults = [
            Fault(kind="audit", subject=str(number), message="The line does not follow from the one before.")
            for number in broken_lines(connection)
        ]
        faults += [fault for one in kept for fault in _release_faults(one, platform.signing_key)]
        for name in sites.dataset_names(connection):
            faults += _feed_faults(connection, name, platform.signing_key)
    for name, size in expected:
        faults += _object_faults(platform, name, size)
    faults += _orphans(platform, {name for name, _ in expected})
    return Checked(objects=len(expected), releases=len(kept), faults=tuple(faults))


def _object_faults(platform: Platform, name: str, size: int) -> Iterator[Fault]:
    running, read = hashlib.sha256(), 0
    try:
        for chunk in platform.objects.chunks(object_key(name)):
            running.update(chunk)
            read += len(chunk)
    except NotFound:
        yield Fault(kind="object", subject=name, message="The object is missing.")
        return
    if running.hexdigest() != name or read != size:
        yield Fault(kind="object", subject=name, message="The bytes are not those that were promised.")


def _release_faults(one: releases.KeptRelease, key: SigningKey) -> Iterator[Fault]:
    try:
        verify(parse(Signature, one.signature), message=one.manifest, public_key=key.public_key)
        if canonical(parse(Release, one.manifest)) != one.manifest:
            yield Fault(kind="release", subject=one.id, message="The manifest is not in canonical form.")
    except (IntegrityError, DocumentError):
        yield Fault(kind="release", subject=one.id, message="The manifest and its signature do not agree.")


def _feed_faults(connection: sa.Connection, dataset: str, key: SigningKey) -> Iterator[Fault]:
    previous: str | None = None
    for number, document in enumerate(releases.feed_documents(connection, dataset), start=1):
        subject = f"{dataset} {number}"
        try:
            entry, signature, message = unseal(FeedEntry, document)
            verify(signature, message=message, public_key=key.public_key)
        except (IntegrityError, DocumentError):
            yield Fault(kind="feed", subject=subject, message="The entry and its signature do not agree.")
            continue
        if (entry.sequence, entry.previous) != (number, previous):
            yield Fault(kind="feed", subject=subject, message="The entry does not follow from the one before.")
        previous = digest(entry)


def _orphans(platform: Platform, expected: set[str]) -> Iterator[Fault]:
    """Yield objects that nothing refers to: a request was cut off before its commit, or rows were lost."""
    for key in platform.objects.keys(INSTANCES):
        name = key.rpartition("/")[2]
        if name not in expected:
            yield Fault(kind="orphan", subject=name, message="Nothing refers to this object.")
