"""Identity incident: what may tell who a patient is, is sealed at once, listed, and then purged or reopened.

To seal is one transaction that every process sees with its next look at the database, before which it gives nothing;
the objects then get another key, so that an address of the store that was given out before leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import downloads, findings, incidents, instances, releases
from radcommons.catalogue.downloads import Download
from radcommons.catalogue.incidents import Incident
from radcommons.catalogue.journal import leave_job, record
from radcommons.hub.withdraw import Named, hold_sites, withdraw_within
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.jobs import step
from radcommons.platform.objects import object_key, sealed_key
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.event import Actor, Event, Role
from radcommons.records.finding import CODES, Finding, Severity
from radcommons.records.lifecycle import SEALABLE, IncidentEvent, IncidentState, InstanceEvent, InstanceState

MOVE_JOB = "move-sealed"
Verb = Callable[..., Incident]  # (identifier, *, platform, actor)
Details = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where copies are, how many, and what becomes of them."""

    name: str
    count: int
    fate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Every copy of what an incident names.

    Parameters
    ----------
    instances : int
    places : tuple of Place
        At the hub: objects, rows of the catalogue, caches, backups.
    releases : tuple of str
        That name one of the instances; their signed manifests stay as they are.
    downloads : tuple of Download
        Who took something of these releases, and when.
    """

    instances: int
    places: tuple[Place, ...]
    releases: tuple[str, ...]
    downloads: tuple[Download, ...]


def _named(patients: Sequence[str], studies: Sequence[str], digests: Sequence[str]) -> Named:
    if not (patients or studies or digests):
        raise UsageError("Nothing is named.", mend="Name a patient, a study or a digest.")
    return {"patients": tuple(patients), "studies": tuple(studies), "digests": tuple(digests)}


def preview(
    *, patients: Sequence[str] = (), studies: Sequence[str] = (), digests: Sequence[str] = (), platform: Platform
) -> int:
    """Return how many instances `seal` would seal. Raises UsageError."""
    named = _named(patients, studies, digests)
    with reading(platform.engine) as connection:
        concerned = instances.sites_of(connection, **named)
        found = [one for site in concerned for one in instances.of_site(connection, site, **named)]
    return sum(one.state in SEALABLE for one in found)


def seal(
    *,
    patients: Sequence[str] = (),
    studies: Sequence[str] = (),
    digests: Sequence[str] = (),
    reason: str,
    platform: Platform,
    actor: Actor,
) -> Incident:
    """Seal what is named: from the commit on nobody gets anything of it.

    Parameters
    ----------
    patients, studies, digests : sequence of str
        Pseudonyms, Study Instance UIDs, SHA-256 digests.
    reason : str
        How it was noticed; never what was seen.
    platform : Platform
    actor : Actor
        A curator or an administrator.

    Raises
    ------
    NotPermitted
    UsageError
        If nothing is named, or no reason is given.
    NotFound
        If nothing here fits.

    Notes
    -----
    States, audit event and the job that moves the objects are one transaction; the objects are moved before this
    returns, and by the job where it was cut off.
    """
    authorize(actor, Role.CURATOR, Role.ADMINISTRATOR)
    if not reason.strip():
        raise UsageError("No reason is given.", mend="Say how it was noticed, without what was seen.")
    named = _named(patients, studies, digests)
    with writing(platform.engine) as connection:
        concerned = hold_sites(connection, named)
        releases.lock_datasets(connection)
        found = [one for site in concerned for one in instances.of_site(connection, site, **named)]
        sealed = [one for one in found if one.state in SEALABLE]
        if not sealed:
            raise NotFound("Nothing here fits that is not sealed or withdrawn already.", mend="Check what is named.")
        as_given = {name: list(values) for name, values in named.items()}
        identifier = incidents.add(connection, sealed, named=as_given, reason=reason.strip()[:2000], actor=actor)
        _tell_sites(connection, {one.digest for one in sealed})
        details: Details = {"instances": len(sealed)}
        record(connection, Event(kind="incident-sealed", actor=actor.id, subject=identifier, details=details))
        leave_job(connection, MOVE_JOB, argument=identifier)
        made = incidents.get(connection, identifier)
    move_objects(identifier, platform)
    return made


def _tell_sites(connection: sa.Connection, digests: set[str]) -> None:
    """Let the sites learn of it as they learn of every finding: with the hub's word on what they sent."""
    finding = Finding(code=incidents.NOTICE, severity=Severity.REFUSAL, message=CODES[incidents.NOTICE])
    found = [(digest, finding) for digest in sorted(digests)]
    findings.add(connection, submission=None, made_by=findings.HUB, found=found)


def move(identifier: str, *, platform: Platform) -> None:
    """Move the objects of an incident: the job of the same name."""
    step("move", move_objects, identifier, platform)


def move_objects(identifier: str, platform: Platform) -> int:
    """Let the objects lie where the incident's state wants them; begun again, it ends what was cut off."""
    with reading(platform.engine) as connection:
        one = incidents.get(connection, identifier)
        digests = {version.digest for version, _ in incidents.versions(connection, identifier)}
        elsewhere = incidents.in_another(connection, _ids(connection, digests), than=identifier)
        kept_back = {version.digest for version in instances.by_ids(connection, elsewhere)}
    if one.state is IncidentState.PURGED or one.is_moved:
        return 0
    for digest in sorted(digests):
        if one.state is IncidentState.SEALED:
            platform.objects.move(object_key(digest), sealed_key(digest))
        elif digest not in kept_back:
            platform.objects.move(sealed_key(digest), object_key(digest))
    with writing(platform.engine) as connection:
        if incidents.get(connection, identifier, lock=True).state is one.state:
            incidents.mark_moved(connection, identifier)
    return len(digests)


def _ids(connection: sa.Connection, digests: set[str]) -> list[int]:
    return [one.id for one in instances.of_digests(connection, digests)]


def copies(identifier: str, *, platform: Platform) -> Copies:
    """Return where copies of an incident's instances are. Raises NotFound."""
    downloads.counts_of(platform.engine).flush()
    with reading(platform.engine) as connection:
        incidents.get(connection, identifier)
        found = [version for version, _ in incidents.versions(connection, identifier)]
        naming = releases.naming(connection, [version.id for version in found])
        named = tuple(sorted({release for _, release, _ in naming}))
        rows = incidents.rows_about(connection, identifier)
        taken = tuple(downloads.downloads_of(connection, named))
    stored = sum(
        platform.objects.size(key) is not None
        for digest in {version.digest for version in found}
        for key in (object_key(digest), sealed_key(digest))
    )
    return Copies(instances=len(found), places=_places(rows, stored, platform), releases=named, downloads=taken)


def _places(rows: dict[str, int], stored: int, platform: Platform) -> tuple[Place, ...]:
    purge, days = "go with the purge", platform.settings.backup_days
    minutes = f"give nothing since the sealing, and leave memory within 10 minutes{_links(platform)}"
    return (
        Place(name="Objects", count=stored, fate=f"{purge}, with every version that the store keeps"),
        Place(name="Notes of uploads", count=rows["uploads"], fate=purge),
        Place(name="Headers", count=rows["headers"], fate=purge),
        Place(name="Rows of studies and series", count=rows["studies"] + rows["series"], fate=purge),
        Place(name="Words and findings", count=rows["words"] + rows["findings"], fate=purge),
        Place(name="Clinical rows", count=rows["clinical"], fate="go with the purge where the whole patient is named"),
        Place(name="Thumbnails", count=rows.get("thumbnails", 0), fate=purge),
        Place(name="Pictures, metadata and counts in memory", count=0, fate=minutes),
        Place(
            name="Entries of releases",
            count=rows["releases"],
            fate="stay: a signed manifest never changes. They hold pseudonyms, UIDs, digests; the feed tells",
        ),
        Place(name="Backups", count=0, fate=f"keep it until they are over: {days} days by this hub's settings"),
    )


def _links(platform: Platform) -> str:
    return "" if platform.objects.signed_url("x", seconds=1) is None else "; addresses of the store lead nowhere"


def purge_incident(identifier: str, *, platform: Platform, actor: Actor) -> Incident:
    """Withdraw what an incident sealed, for good: tombstones, letters to holders, the block, and the bytes.

    Raises
    ------
    NotPermitted
        If the actor is no administrator.
    NotFound, WrongState
        If there is no such incident, or it is settled.
    """
    authorize(actor, Role.ADMINISTRATOR)
    with writing(platform.engine) as connection:
        one = incidents.get(connection, identifier, lock=True)
        sealed = {version.digest for version, _ in incidents.versions(connection, identifier)}
        # What came of the same patients since is taken as well.
        named: Named = {
            "patients": tuple(one.named["patients"]),
            "studies": tuple(one.named["studies"]),
            "digests": tuple(sorted({*one.named["digests"], *sealed})),
        }
        answers = withdraw_within(connection, named, reason="identity", platform=platform, actor=actor)
        incidents.settle(connection, one, IncidentEvent.PURGE, actor=actor, withdrawals=sorted(answers))
        _tell_sites(connection, sealed)  # what was found else went with the bytes
        details: Details = {"instances": sum(answer.instances for answer in answers.values())}
        record(connection, Event(kind="incident-purged", actor=actor.id, subject=identifier, details=details))
        made = incidents.get(connection, identifier)
    platform.wake_jobs()
    return made


def reopen(identifier: str, *, platform: Platform, actor: Actor) -> Incident:
    """Undo the sealing of a false alarm: each instance is what it was, unless another incident holds it.

    Raises
    ------
    NotPermitted
        If the actor is no administrator.
    NotFound, WrongState
        If there is no such incident, or it is settled.
    """
    authorize(actor, Role.ADMINISTRATOR)
    with writing(platform.engine) as connection:
        one = incidents.get(connection, identifier, lock=True)
        found = [
            (v, before) for v, before in incidents.versions(connection, identifier) if v.state is InstanceState.SEALED
        ]
        elsewhere = incidents.in_another(connection, [version.id for version, _ in found], than=identifier)
        incidents.settle(connection, one, IncidentEvent.REOPEN, actor=actor)
        for state in SEALABLE:
            back = [version for version, before in found if before is state and version.id not in elsewhere]
            instances.move(connection, back, InstanceEvent(f"unseal-{state}"))
            findings.take_back(connection, incidents.NOTICE, digests=[version.digest for version in back])
        details: Details = {"instances": len(found) - len(elsewhere)}
        record(connection, Event(kind="incident-reopened", actor=actor.id, subject=identifier, details=details))
        leave_job(connection, MOVE_JOB, argument=identifier)
        made = incidents.get(connection, identifier)
    move_objects(identifier, platform)
    return made
