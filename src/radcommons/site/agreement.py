"""The agreement with the coalition: a text with clauses as data, accepted by a person, asked for every file.

A clause says in a sentence what the parties agreed and, in members beside it, what a program can hold a file to.
What no clause's members speak of is for people alone.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from radcommons.platform.clock import instant, now
from radcommons.platform.database import insert_new
from radcommons.platform.policy import load_protocol
from radcommons.records.documents import parse
from radcommons.records.errors import DocumentError, NotPermitted, UsageError
from radcommons.records.finding import Finding, Severity
from radcommons.records.identifiers import DatasetName, SiteCode, Text
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.records.terms import Country, Day, DuoCode
from radcommons.site.candidate import Examined as Examined
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import Change, Store, forget_submission
from radcommons.site.tables import agreement as agreement_table
from radcommons.site.tables import file, finding, policy, study, submission

_LONGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause: `says` for people, the other members for the program; a member that is absent asks nothing.

    Parameters
    ----------
    modalities, protocols, datasets, sites, licenses : tuple of str, optional
        What may go; anything else may not.
    duo : tuple of str, optional
        Purposes: each of these codes must stand in the terms of the submission.
    countries : tuple of str, optional
        Where the data may be used: the terms must name some of these and no other.
    valid_until : str, optional
        The last day on which files are added and submissions sealed under the agreement.
    studies_from, studies_until : str, optional
        First and last day of the examinations that may go.
    minimum_age_years, maximum_age_years : int, optional
        Age at the examination.
    """

    id: str
    says: Text
    modalities: tuple[str, ...] | None = None
    protocols: tuple[str, ...] | None = None
    datasets: tuple[DatasetName, ...] | None = None
    sites: tuple[SiteCode, ...] | None = None
    licenses: tuple[str, ...] | None = None
    duo: tuple[DuoCode, ...] | None = None
    countries: tuple[Country, ...] | None = None
    valid_until: Day | None = None
    studies_from: Day | None = None
    studies_until: Day | None = None
    minimum_age_years: int | None = None
    maximum_age_years: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An agreement as its file says it."""

    schema: Literal["radcommons/agreement/v1"]
    title: str
    version: str
    clause: tuple[Clause, ...]


def read_agreement(content: bytes) -> tuple[Agreement, str]:
    """Return an agreement and the digest of its file, as any program computes SHA-256.

    Raises
    ------
    DocumentError
        If it is no TOML, or a member is unknown or malformed: a clause that nobody understands must not pass unheard.
    """
    try:
        members: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise DocumentError("The agreement is no TOML.", mend="Check quotes and brackets.") from None
    clauses = members.get("clause")
    if isinstance(clauses, list):
        members["clause"] = tuple(_tuples(one) if isinstance(one, dict) else one for one in clauses)
    found = parse(Agreement, members)
    if len({clause.id for clause in found.clause}) != len(found.clause):
        raise DocumentError("Two clauses of the agreement have one id.", mend="Number them apart.")
    return found, hashlib.sha256(content).hexdigest()


def _tuples(members: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in members.items()}


def in_force(connection: sa.Connection, digest: str) -> Agreement | None:
    """Return the agreement that the settings name, None while nobody accepted one with clauses here."""
    query = sa.select(agreement_table.c.document).where(agreement_table.c.digest == digest)
    document = connection.execute(query).scalar_one_or_none()
    return None if document is None else read_agreement(bytes(document))[0]


def uncovered_run(
    agreement: Agreement | None, *, settings: SiteSettings, site: str, protocol: str, today: str
) -> Clause | None:
    """Return the first clause that a whole run or submission breaks, None when it breaks none."""
    for clause in agreement.clause if agreement else ():
        allowed = (
            (clause.protocols, protocol),
            (clause.datasets, settings.dataset),
            (clause.sites, site),
            (clause.licenses, settings.license),
        )
        if any(these is not None and one not in these for these, one in allowed):
            return clause
        if clause.duo is not None and not set(clause.duo) <= set(settings.duo):
            return clause
        if clause.countries is not None and not (
            settings.geography and set(settings.geography) <= set(clause.countries)
        ):
            return clause
        if clause.valid_until is not None and today > clause.valid_until:
            return clause
    return None


def _within(geography: Sequence[str] | None, countries: Sequence[str]) -> bool:
    """Say whether terms name where the data may be used, and nowhere outside `countries`."""
    return bool(geography) and set(geography or ()) <= set(countries)


def require_cover(store: Store, *, site: str, protocol: str) -> Agreement | None:
    """Return the agreement in force after holding a run to it.

    Raises
    ------
    NotPermitted
        If a clause does not cover the run; it is named.
    """
    with store.read() as connection:
        agreement = in_force(connection, store.settings.agreement)
    broken = uncovered_run(
        agreement, settings=store.settings, site=site, protocol=protocol, today=now().date().isoformat()
    )
    if broken is not None:
        raise NotPermitted(
            f"The agreement does not cover this: clause {broken.id}: {broken.says}",
            mend="Ask the coalition for another agreement, or change the settings.",
            code="not-covered",
        )
    return agreement


def uncovered(agreement: Agreement | None, examined: Examined) -> Finding | None:
    """Return what an agreement has against one object: a refusal with the clause, a question, or nothing."""
    verdicts = [(clause, _covers(clause, examined)) for clause in (agreement.clause if agreement else ())]
    for clause, covers in verdicts:
        if covers is False:
            message = f"The agreement does not cover it: clause {clause.id}: {clause.says}"
            return Finding(code="not-covered", severity=Severity.REFUSAL, message=message, where=clause.id)
    for clause, covers in verdicts:
        if covers is None:
            message = f"Does clause {clause.id} of the agreement cover it? {clause.says}"
            return Finding(code="cover-undecided", severity=Severity.QUESTION, message=message, where=clause.id)
    return None


def _covers(clause: Clause, examined: Examined) -> bool | None:
    """Return whether a clause covers an object; None where nothing decides it."""
    answers = list(_answers(clause, examined))
    return False if False in answers else None if None in answers else True


def _answers(clause: Clause, examined: Examined) -> Iterator[bool | None]:
    age, day = examined.age_years, examined.study_date
    if clause.modalities is not None:
        yield None if not examined.modality else examined.modality in clause.modalities
    if clause.minimum_age_years is not None:
        yield None if age is None else age >= clause.minimum_age_years
    if clause.maximum_age_years is not None:
        yield None if age is None else age < clause.maximum_age_years + 1
    if clause.studies_from is not None:
        yield None if not day else day >= clause.studies_from.replace("-", "")
    if clause.studies_until is not None:
        yield None if not day else day <= clause.studies_until.replace("-", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What accepting an agreement did: files that it does not cover wait for a person from now on."""

    digest: str
    title: str
    version: str
    held: int
    broken: Clause | None


def accept(store: Store, path: Path, *, by: str, try_only: bool = False) -> Accepted:
    """Put an agreement in force: files that wait are held to it, new submissions carry its digest.

    Parameters
    ----------
    store : Store
    path : Path
        The agreed text; its SHA-256 is what both sides name it by.
    by : str
        Who accepts; stands in the store and the audit trail.
    try_only : bool
        Only say what it would do.

    Notes
    -----
    `broken` is a clause that the settings themselves break: until they are mended, nothing can be added.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise UsageError(f"The agreement {path} cannot be read.", mend="Check its name and rights.") from None
    if len(content) > _LONGEST:
        raise UsageError("The agreement is longer than 1 MB.", mend="Name the TOML file with the clauses.")
    agreement, digest = read_agreement(content)
    if not by.strip():
        raise UsageError("Accepting needs a name.", mend="Give --by NAME.")
    with store.read() as connection:
        waiting = _waiting(connection)
    out = [(row, found) for row in waiting if (found := uncovered(agreement, _examined(row))) is not None]
    if not try_only:
        with store.change() as change:
            row = {"digest": digest, "document": content, "accepted_by": by.strip(), "accepted_at": instant()}
            insert_new(change.connection, agreement_table, [row])
            for one, found in out:
                _hold(change, one, found)
            change.tell("agreement.accepted", subject=f"agreement:{digest}", version=agreement.version, held=len(out))
        write_settings(store.directory, replace(store.settings, agreement=digest))
    return Accepted(
        digest=digest,
        title=agreement.title,
        version=agreement.version,
        held=len(out),
        broken=_broken_by_settings(store, agreement),
    )


def _broken_by_settings(store: Store, agreement: Agreement) -> Clause | None:
    settings, today = store.settings, now().date().isoformat()
    protocol = load_protocol(settings.protocol).id
    found = (
        uncovered_run(agreement, settings=settings, site=site, protocol=protocol, today=today)
        for site in settings.sites
    )
    return next((clause for clause in found if clause is not None), None)


def _waiting(connection: sa.Connection) -> Sequence[sa.Row[tuple[object, ...]]]:
    """Return the files that are not with the hub yet, with the day of their examination."""
    sent = sa.select(submission.c.id).where(submission.c.state == "received")
    query = (
        sa.select(file, study.c.study_date)
        .outerjoin(study, (study.c.study_uid == file.c.study_uid) & (study.c.site == file.c.site))
        .where(file.c.state.in_((FileState.READY, FileState.HELD)))
        .where(file.c.submission.is_(None) | file.c.submission.not_in(sent))
    )
    return connection.execute(query).all()


def _examined(row: sa.Row[tuple[object, ...]]) -> Examined:
    return Examined(modality=row.modality or None, age_years=row.age_years, study_date=row.study_date or "")


def _hold(change: Change, row: sa.Row[tuple[object, ...]], found: Finding) -> None:
    """Hold a file that the new agreement does not cover, or may not; a submission on its way is taken back."""
    if row.submission is not None:
        forget_submission(change, str(row.submission))
    if row.state == FileState.READY:
        state = advance(FILE, FileState(row.state), FileEvent.HOLD)
        change.connection.execute(
            file.update().where(file.c.id == row.id).values(state=state, code=found.code, reason=found.message)
        )
        change.tell("file.held", subject=f"file:{row.id}", code=found.code)
    change.connection.execute(
        finding.insert().values(
            file=row.id, code=found.code, severity=Severity.QUESTION, message=found.message, where=found.where
        )
    )


def objection_to(
    connection: sa.Connection, row: sa.Row[tuple[object, ...]], *, agreement: Agreement | None
) -> Finding | None:
    """Return the clause that stands against letting a held file go; a question is the reviewer's to answer."""
    day = connection.execute(
        sa.select(study.c.study_date).where(study.c.study_uid == row.study_uid, study.c.site == row.site)
    ).scalar_one_or_none()
    examined = Examined(modality=row.modality or None, age_years=row.age_years, study_date=day or "")
    found = uncovered(agreement, examined)
    return found if found is not None and found.severity is Severity.REFUSAL else None


def protocol_id(connection: sa.Connection, digest: str) -> str:
    """Return the name of a protocol by its digest, empty when the store does not know it."""
    return str(connection.execute(sa.select(policy.c.id).where(policy.c.digest == digest)).scalar_one_or_none() or "")
