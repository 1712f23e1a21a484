"""Release: freeze what a dataset has accepted into a numbered, signed list that never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import releases, sites, submissions
from radcommons.catalogue.journal import leave_job, record
from radcommons.catalogue.releases import Candidate
from radcommons.catalogue.sites import Dataset
from radcommons.hub.feed import append
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.changes import Changes, compare
from radcommons.records.describe import doi_of, doi_url
from radcommons.records.documents import canonical, parse
from radcommons.records.errors import Conflict
from radcommons.records.event import Actor, Event, Role
from radcommons.records.release import Counts, Release
from radcommons.records.terms import Terms, strictest

MINT_JOB = "mint-doi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the next release of a dataset would hold."""

    dataset: str
    id: str
    counts: Counts
    terms: Terms | None
    is_new: bool


def outlook(dataset: str, *, platform: Platform) -> Outlook:
    """Return what `create_release` would freeze now.

    Raises
    ------
    NotFound
        If there is no such dataset.
    """
    with reading(platform.engine) as connection:
        known = sites.get_dataset(connection, dataset)
        chosen = releases.candidates(connection, dataset)
        last, held = releases.last_release(connection, dataset)
        terms = _terms(connection, known, chosen)[0] if chosen else None
    return Outlook(
        dataset=dataset,
        id=releases.next_id(dataset, last),
        counts=_counts(chosen),
        terms=terms,
        is_new=bool(chosen) and {one.instance_id for one in chosen} != held,
    )


def create_release(dataset: str, *, title: str, notes: str = "", platform: Platform, actor: Actor) -> Release:
    """Freeze every accepted instance of a dataset, in its newest version, into the next release.

    Parameters
    ----------
    dataset : str
    title, notes : str
        As they stand in the manifest.
    platform : Platform
    actor : Actor
        A curator.

    Raises
    ------
    NotFound
        If there is no such dataset.
    Conflict
        If nothing is accepted, or nothing has changed since the last release.

    Notes
    -----
    Manifest, signature, feed entry and audit event are written in one transaction.
    """
    authorize(actor, Role.CURATOR)
    with writing(platform.engine) as connection:
        known = sites.get_dataset(connection, dataset)
        releases.lock_dataset(connection, dataset)
        chosen = releases.candidates(connection, dataset)
        last, held = releases.last_release(connection, dataset)
        if not chosen:
            raise Conflict("The dataset has no accepted instance.", mend="Accept instances first.")
        if {one.instance_id for one in chosen} == held:
            raise Conflict("The last release holds exactly what is accepted now.", mend="Nothing needs to be done.")
        release = freeze(
            connection, known, chosen, number=last + 1, title=title, notes=notes, platform=platform, actor=actor
        )
    platform.wake_jobs()
    return release


def freeze(
    connection: sa.Connection,
    dataset: Dataset,
    chosen: Sequence[Candidate],
    *,
    number: int,
    title: str = "",
    notes: str,
    platform: Platform,
    actor: Actor,
) -> Release:
    """Make, sign and keep a release in the caller's transaction, which holds the dataset; its feed tells of it."""
    release = _release(connection, dataset, chosen, number=number, title=title, notes=notes, platform=platform)
    before = releases.manifest_of(connection, dataset.name, number - 1)
    changes = compare(before, release) if before is not None else None
    signature = platform.signing_key.sign(canonical(release))
    numbers = [one.instance_id for one in chosen]
    counts = changes.counts if changes is not None else None
    releases.add(connection, release, signature=signature, instance_ids=numbers, changes=counts)
    append(connection, key=platform.signing_key, dataset=dataset.name, event="released", release=release.id)
    if changes is not None:
        _tell_changes(connection, changes, dataset=dataset.name, platform=platform)
    details: dict[str, str | int | bool | None] = {"dataset": dataset.name, "instances": release.counts.instances}
    record(connection, Event(kind="release-created", actor=actor.id, subject=release.id, details=details))
    if platform.settings.datacite_url:
        leave_job(connection, MINT_JOB, argument=release.id)
    return release


def _tell_changes(connection: sa.Connection, changes: Changes, *, dataset: str, platform: Platform) -> None:
    """Tell whoever holds the release before of what was corrected and relabelled."""
    if changes.corrected:
        append(
            connection,
            key=platform.signing_key,
            dataset=dataset,
            event="superseded",
            release=changes.older,
            digests=tuple(sorted(old.digest for old, _ in changes.corrected)),
            reason=f"corrected in {changes.newer}",
        )
    if changes.relabelled:
        reason = f"the clinical values of {len(changes.relabelled):,} patients are others in {changes.newer}"
        key = platform.signing_key
        append(connection, key=key, dataset=dataset, event="erratum", release=changes.older, reason=reason)


def _release(
    connection: sa.Connection,
    dataset: Dataset,
    chosen: Sequence[Candidate],
    *,
    number: int,
    title: str,
    notes: str,
    platform: Platform,
) -> Release:
    identifier = releases.next_id(dataset.name, number - 1)
    counts = _counts(chosen)
    terms, named = _terms(connection, dataset, chosen)
    at = instant()
    return Release(
        schema="radcommons/release/v1",
        id=identifier,
        dataset=dataset.name,
        number=number,
        title=title or f"{dataset.title}, release {number}",
        tier=dataset.tier,
        steward=dataset.steward,
        created_at=at,
        terms=terms,
        citation=_citation(dataset, identifier, counts, year=at[:4], platform=platform),
        notes=notes,
        counts=counts,
        submissions=named,
        items=tuple(one.item for one in chosen),
        clinical=tuple(
            submissions.clinical_rows(connection, dataset=dataset.name, patients=[one.item.patient for one in chosen])
        ),
    )


def _terms(connection: sa.Connection, dataset: Dataset, chosen: Sequence[Candidate]) -> tuple[Terms, tuple[str, ...]]:
    """Return the strictest terms of all that is chosen, and the submissions it came with."""
    by_submission = submissions.terms_of(connection, dataset=dataset.name)
    all_terms = [parse(Terms, terms) for terms in by_submission.values()]
    if any(one.submission_id is None for one in chosen):
        all_terms.append(dataset.terms)
    return strictest(all_terms), tuple(sorted(by_submission))


def _counts(chosen: Sequence[Candidate]) -> Counts:
    items = [one.item for one in chosen]
    return Counts(
        patients=len({(item.site, item.patient) for item in items}),
        studies=len({item.study_instance_uid for item in items}),
        series=len({item.series_instance_uid for item in items}),
        instances=len(items),
        bytes=sum(item.size for item in items),
        sites=len({item.site for item in items}),
    )


def _citation(dataset: Dataset, identifier: str, counts: Counts, *, year: str, platform: Platform) -> str:
    where = platform.settings.base_url.rstrip("/")
    doi = doi_url(doi_of(platform.settings.doi_prefix, identifier))
    address = f" {doi}" if doi else f" {where}/releases/{identifier}" if where else ""
    studies, patients = _plural(counts.studies, "study", "studies"), _plural(counts.patients, "patient")
    holds = f"{studies} of {patients} from {_plural(counts.sites, 'site')}"
    title = platform.settings.title
    return f"{dataset.steward} ({year}). {dataset.title}, release {identifier}: {holds}. {title}.{address}"


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
