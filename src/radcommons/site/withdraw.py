"""Withdraw: only the hospital knows the patient, so it starts here, and it works in every state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.documents import canonical, digest
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.records.submission import Withdrawal
from radcommons.site.crosswalk import PatientKey, find, get_or_assign, known_keys
from radcommons.site.store import Change, Store, forget_submission
from radcommons.site.tables import earlier, file, patient, study, submission, withdrawal

Reason = Literal["consent-withdrawn", "opt-out", "error", "identity"]
REASONS: tuple[str, ...] = get_args(Reason)
_TAKEN_BACK = (FileState.READY, FileState.HELD, FileState.SUBMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What a withdrawal did here; `documents` are on their way to the hub.

    Parameters
    ----------
    files : int
        Files that are withdrawn now.
    submitted : int
        Those of them that the hub has or may have.
    was_known : bool
        False where the crosswalk had never seen the patient; the patient is remembered all the same.
    """

    pseudonyms: tuple[str, ...]
    files: int
    submitted: int
    documents: tuple[str, ...]
    was_known: bool


def withdraw(
    store: Store,
    patient_id: str,
    *,
    reason: str = "consent-withdrawn",
    issuer: str | None = None,
    site: str | None = None,
    study_uid: str | None = None,
) -> TakenBack:
    """Take back a patient, or one study of a patient; it is refused when it comes again.

    Parameters
    ----------
    store : Store
    patient_id : str
        As the hospital knows it.
    reason : str
        One of `REASONS`.
    issuer : str, optional
        Needed where two issuers give this number.
    site : str, optional
        Needed where two hospitals of a group with separate crosswalks give this number.
    study_uid : str, optional
        The study's original UID; all of the patient is taken back without it.

    Notes
    -----
    PHI: reads identifiers; the signed document carries pseudonyms alone. Files, patient and document change in one
    transaction; the bytes of the objects go after it.

    Raises
    ------
    UsageError
        If two issuers or hospitals give this number and none was named, or the reason is unknown.
    NotFound
        If the study is not known of this patient.
    """
    if reason not in REASONS:
        raise UsageError(f"There is no reason '{reason}'.", mend=f"Choose one of: {', '.join(REASONS)}.")
    keys = _keys(store, patient_id.strip(), issuer, site)
    secret = store.mapping_secret()
    with store.read() as connection:
        was_known = any(find(connection, key) for key in keys)
    linked = [get_or_assign(store, key, secret=secret) for key in keys]
    pseudonyms = list(dict.fromkeys(one.pseudonym for one in linked))
    return replace(take_back(store, pseudonyms, reason=reason, study_uid=study_uid), was_known=was_known)


def take_back(store: Store, pseudonyms: Sequence[str], *, reason: str, study_uid: str | None = None) -> TakenBack:
    """Take back patients who stand in the crosswalk, by their pseudonyms; see `withdraw`."""
    documents, gone, files, submitted = [], [], 0, 0
    with store.change() as change:
        for pseudonym in pseudonyms:
            site = pseudonym.partition("-")[0]
            rows = _affected(change, pseudonym, site, study_uid)
            _remember(change, pseudonym, site, study_uid)
            at_hub = [row for row in rows if row.submission is not None or row.supersedes]
            if at_hub or (study_uid is None and _was_sent(change, pseudonym)):
                document = Withdrawal(
                    schema="radcommons/withdrawal/v1",
                    site=site,
                    at=instant(),
                    reason=cast(Reason, reason),
                    patients=() if study_uid else (pseudonym,),
                    studies=tuple(sorted({row.study_uid for row in at_hub})) if study_uid else (),
                )
                documents.append(keep_withdrawal(change, store, document))
            take_files_back(change, rows)
            gone += [row.object_digest for row in rows if row.object_digest]
            files, submitted = files + len(rows), submitted + len(at_hub)
    delete_objects(store, gone)
    return TakenBack(
        pseudonyms=tuple(pseudonyms),
        files=files,
        submitted=submitted,
        documents=tuple(documents),
        was_known=True,
    )


def _was_sent(change: Change, pseudonym: str) -> bool:
    """Say whether an earlier version under this pseudonym went out."""
    query = sa.select(earlier.c.id).where(earlier.c.pseudonym == pseudonym)
    return change.connection.execute(query.limit(1)).first() is not None


def _keys(store: Store, patient_id: str, issuer: str | None, site: str | None) -> list[PatientKey]:
    """Return the patient's keys: one, or with a shared crosswalk one for each hospital that knows the number."""
    if not patient_id:
        raise UsageError("The patient identifier is empty.")
    with store.read() as connection:
        found = [
            key
            for key, _ in known_keys(connection)
            if key.patient_id == patient_id and issuer in (None, key.issuer) and site in (None, key.site)
        ]
    if len({key.issuer for key in found}) > 1:
        raise UsageError("Several issuers give this patient identifier.", mend="Name one with --issuer.")
    if len({key.site for key in found}) > 1 and not store.settings.home:
        raise UsageError("Several hospitals know this patient identifier.", mend="Name one with --site.")
    sites = (site,) if site else store.settings.sites
    return found or [PatientKey(site=code, issuer=issuer or "", patient_id=patient_id) for code in sites]


def _affected(change: Change, pseudonym: str, site: str, study_uid: str | None) -> Sequence[sa.Row[tuple[object, ...]]]:
    query = sa.select(file).where(file.c.pseudonym == pseudonym, file.c.state.in_(_TAKEN_BACK))
    if study_uid is not None:
        mapped = sa.select(study.c.study_uid).where(study.c.original_uid == study_uid, study.c.site == site)
        found = change.connection.execute(mapped.where(study.c.pseudonym == pseudonym)).scalars().all()
        if not found:
            raise NotFound("This study is not known of this patient.", mend="Give the UID as the PACS shows it.")
        query = query.where(file.c.study_uid.in_(found))
    return change.connection.execute(query).all()


def _remember(change: Change, pseudonym: str, site: str, study_uid: str | None) -> None:
    if study_uid is None:
        change.connection.execute(
            patient.update()
            .where(patient.c.pseudonym == pseudonym, patient.c.withdrawn_at.is_(None))
            .values(withdrawn_at=instant())
        )
        change.tell("patient.withdrawn", subject=pseudonym)
    else:
        change.connection.execute(
            study.update().where(study.c.original_uid == study_uid, study.c.site == site).values(withdrawn_at=instant())
        )
        change.tell("study.withdrawn", subject=pseudonym)


def keep_withdrawal(change: Change, store: Store, document: Withdrawal) -> str:
    """Sign and keep a withdrawal that the next submit sends, in the caller's transaction; return its identifier."""
    identifier = digest(document)
    change.connection.execute(
        withdrawal.insert().values(
            id=identifier, document=canonical(store.signing_key.seal(document)), created_at=document.at
        )
    )
    change.tell("withdrawal.sealed", subject=f"withdrawal:{identifier}")
    return identifier


def take_files_back(
    change: Change,
    rows: Sequence[sa.Row[tuple[object, ...]]],
    *,
    code: str = "withdrawn",
    reason: str = "It was withdrawn.",
) -> None:
    """Withdraw the files; a submission that the hub does not have whole is taken back with them."""
    for row in rows:
        state = advance(FILE, FileState(str(row.state)), FileEvent.WITHDRAW)
        change.connection.execute(
            file.update().where(file.c.id == row.id).values(state=state, code=code, reason=reason)
        )
        change.tell("file.withdrawn", subject=f"file:{row.id}")
    for identifier in {row.submission for row in rows if row.submission}:
        query = sa.select(submission.c.state).where(submission.c.id == identifier)
        if change.connection.execute(query).scalar_one() in ("sealed", "announced"):
            forget_submission(change, str(identifier))


def delete_objects(store: Store, digests: Sequence[str]) -> None:
    """Delete the bytes that no file needs any more."""
    with store.read() as connection:
        query = sa.select(file.c.object_digest).where(file.c.state.in_(_TAKEN_BACK))
        needed = set(connection.execute(query).scalars())
    for one in set(digests) - needed:
        store.object_path(one).unlink(missing_ok=True)
