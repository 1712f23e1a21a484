"""Write down what became of each file: one transaction for its state, its findings and its audit event.

A worker judges one file; only here all files are known, so here it shows that a file came twice, that two objects carry
one UID, or that one study names two patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.site.candidate import Candidate, Instance, Judged, PixelBox
from radcommons.site.objects import is_same_dataset
from radcommons.site.review_looks import write_look
from radcommons.site.selection_facts import write_placed
from radcommons.site.store import Change, Store
from radcommons.site.tables import earlier, file, finding, patient, study
from radcommons.site.tables_pixels import pixel_box
from radcommons.site.tables_select import placed

_EVENT = {
    FileState.EXCLUDED: FileEvent.EXCLUDE,
    FileState.DUPLICATE: FileEvent.RECOGNIZE,
    FileState.IGNORED: FileEvent.IGNORE,
    FileState.REFUSED: FileEvent.REFUSE,
    FileState.HELD: FileEvent.HOLD,
    FileState.READY: FileEvent.PASS,
}
# Refusals that say something of a moment, not of the file: it is judged again when it comes again.
PASSING = ("changed-while-read", "unreadable", "undecodable-pixels", "opted-out")
_HERE = (FileState.READY, FileState.HELD, FileState.SUBMITTED)
_BY_SELECTING = (placed.c.file == file.c.id, file.c.code.in_(("other-series", "over-quota", "criterion-out")))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedUnder:
    """What a file was added under: `policy` is the digest of protocol, profile and clinical table together."""

    site: str
    dataset: str
    protocol: str
    profile: str
    policy: str


def is_settled(connection: sa.Connection, path: str, stamp: str, *, policy: str) -> bool:
    """Say whether this very file was decided before, so that it need not be read again.

    Excluded and undecided files are judged again when the policy changed; what failed for a moment, always.
    """
    rows = connection.execute(sa.select(file).where(file.c.path == path, file.c.stamp == stamp)).all()
    return any(not _is_open(row, policy) for row in rows)


def _is_open(row: sa.Row[tuple[object, ...]], policy: str) -> bool:
    if (row.state, row.code) == (FileState.WITHDRAWN, "relinked"):
        return True
    if row.state == FileState.REFUSED and row.code in PASSING:
        return True
    # A reviewer's decision keeps the code of its question, so it stands whatever the policy becomes.
    by_policy = (
        (FileState.EXCLUDED, "criterion-out"),
        (FileState.EXCLUDED, "other-series"),
        (FileState.EXCLUDED, "over-quota"),
        (FileState.HELD, "over-quota"),
        (FileState.HELD, "series-undecided"),
        (FileState.HELD, "criterion-undecided"),
        (FileState.HELD, "cover-undecided"),
        (FileState.REFUSED, "not-covered"),
    )
    return (row.state, row.code) in by_policy and row.policy != policy


def record(store: Store, judged: Sequence[tuple[Candidate, Judged]], *, under: AddedUnder) -> list[Judged | None]:
    """Write a batch of judged files in one transaction.

    Returns
    -------
    list of Judged or None
        The outcome in the light of all files; None for a file that was here already.
    """
    with store.change() as change:
        return [_record(store, change, candidate, one, under) for candidate, one in judged]


def _record(store: Store, change: Change, candidate: Candidate, judged: Judged, under: AddedUnder) -> Judged | None:
    query = sa.select(file).where(file.c.path == candidate.path, file.c.original_digest == judged.original_digest)
    known = change.connection.execute(query).one_or_none()
    if known is not None:
        if not _is_open(known, under.policy):
            change.connection.execute(file.update().where(file.c.id == known.id).values(stamp=candidate.stamp))
            return None
        _forget(change, known.id)
    if judged.original_digest:
        _forget_unread(change, candidate.path)
    judged = _against_the_others(store, change, judged, under)
    judged = replace(judged, state=advance(FILE, FileState.SEEN, _EVENT[judged.state]))
    _insert(change, candidate, judged, under)
    return judged


def _forget(change: Change, number: int) -> None:
    """Take a file's row away because the same file is judged anew; the audit trail keeps that it was here."""
    row = change.connection.execute(sa.select(file).where(file.c.id == number)).one()
    if row.submission is not None:
        keep_earlier(change, row, reason=row.reason)
    change.connection.execute(file.delete().where(file.c.id == number))
    change.tell("file.judged-again", subject=f"file:{number}")


def keep_earlier(change: Change, row: sa.Row[tuple[object, ...]], *, reason: str) -> None:
    """Keep what a file's row says of its submission, before the row says something new."""
    change.connection.execute(
        earlier.insert().values(
            file=row.id,
            submission=row.submission,
            object_digest=row.object_digest,
            object_size=row.object_size,
            pseudonym=row.pseudonym,
            sop_uid=row.sop_uid,
            reason=reason,
            replaced_at=instant(),
        )
    )


def _forget_unread(change: Change, path: str) -> None:
    """Drop the refusal of a file that could not be read then and can be now; of an entry's archive too."""
    archive = path.rpartition("!/")[0]
    query = sa.select(file.c.id).where(
        file.c.path.in_((path, archive)), file.c.original_digest == "", file.c.state == FileState.REFUSED
    )
    for number in change.connection.execute(query).scalars().all():
        _forget(change, number)


def _against_the_others(store: Store, change: Change, judged: Judged, under: AddedUnder) -> Judged:
    """Return the outcome in the light of all files that are here."""
    instance = judged.instance
    if judged.state is FileState.DUPLICATE or _is_repeated(change, judged):
        return replace(judged, state=FileState.DUPLICATE, code="duplicate", reason=_BEFORE)
    if instance is None or judged.state not in (FileState.READY, FileState.HELD):
        return judged
    if _is_withdrawn(change, instance, under.site):
        reason = "It was withdrawn earlier and may not come again."
        refusal = Finding(code="withdrawn-before", severity=Severity.REFUSAL, message=reason)
        return replace(
            judged, state=FileState.REFUSED, code=refusal.code, reason=reason, findings=(*judged.findings, refusal)
        )
    same_uid = sa.select(file.c.object_digest).where(
        file.c.sop_uid == instance.sop_uid, file.c.state.in_(_HERE), file.c.site == under.site
    )
    namesakes = [str(digest) for digest in change.connection.execute(same_uid).scalars()]
    if any(_is_same_otherwise_encoded(store, instance, digest) for digest in namesakes):
        return replace(judged, state=FileState.DUPLICATE, code="duplicate", reason=f"{_BEFORE} {_ENCODED}")
    if namesakes:
        judged = _held(judged, "uid-conflict", "Two different objects carry one SOP Instance UID. Is this one right?")
    if _names_two_patients(change, instance, under.site):
        judged = _held(judged, "study-of-two-patients", _TWO_PATIENTS)
    return judged


_BEFORE = "The same instance has been added before."
_ENCODED = "The bytes differ in their encoding alone."


def _is_same_otherwise_encoded(store: Store, instance: Instance, digest: str) -> bool:
    """Say whether an object under the same UID holds the same values, as an export and a fetch of one image do."""
    if not digest or not instance.object_digest:
        return False
    return is_same_dataset(store.object_path(instance.object_digest), store.object_path(digest))


_TWO_PATIENTS = "One study names two patients. Does this object belong to its patient?"


def _held(judged: Judged, code: str, message: str) -> Judged:
    question = Finding(code=code, severity=Severity.QUESTION, message=message)
    findings = (*judged.findings, question)
    if judged.state is FileState.HELD:
        return replace(judged, findings=findings)
    return replace(judged, state=FileState.HELD, code=code, reason=message, findings=findings)


def _is_repeated(change: Change, judged: Judged) -> bool:
    if not judged.original_digest or judged.state not in (FileState.READY, FileState.HELD):
        return False
    same = file.c.original_digest == judged.original_digest
    if judged.instance is not None and judged.instance.object_digest:
        same = same | (file.c.object_digest == judged.instance.object_digest)
    # What selecting put out for another series or a quota is here as well, and may come back.
    waits = file.c.state.in_(_HERE) | ((file.c.state == FileState.EXCLUDED) & sa.exists().where(*_BY_SELECTING))
    query = sa.select(file.c.id).where(same, waits)
    return change.connection.execute(query.limit(1)).first() is not None


def _is_withdrawn(change: Change, instance: Instance, site: str) -> bool:
    patients = sa.select(patient.c.id).where(
        patient.c.pseudonym == instance.pseudonym, patient.c.withdrawn_at.is_not(None)
    )
    studies = sa.select(study.c.study_uid).where(
        study.c.study_uid == instance.study_uid, study.c.site == site, study.c.withdrawn_at.is_not(None)
    )
    return any(change.connection.execute(query.limit(1)).first() is not None for query in (patients, studies))


def _names_two_patients(change: Change, instance: Instance, site: str) -> bool:
    """Keep which patient a study names; when a second one comes, hold what was added of it and not yet sent."""
    known = change.connection.execute(
        sa.select(study).where(study.c.study_uid == instance.study_uid, study.c.site == site)
    ).one_or_none()
    if known is None:
        change.connection.execute(
            study.insert().values(
                study_uid=instance.study_uid,
                site=site,
                original_uid=instance.original_study_uid,
                pseudonym=instance.pseudonym,
                study_date=instance.study_date,
            )
        )
        return False
    if known.names_two_patients or known.pseudonym == instance.pseudonym:
        return bool(known.names_two_patients)
    change.connection.execute(
        study.update()
        .where(study.c.study_uid == instance.study_uid, study.c.site == site)
        .values(names_two_patients=True)
    )
    _hold_study(change, instance.study_uid, site)
    return True


def _hold_study(change: Change, study_uid: str, site: str) -> None:
    query = sa.select(file.c.id, file.c.state).where(
        file.c.study_uid == study_uid,
        file.c.site == site,
        file.c.state.in_((FileState.READY, FileState.HELD)),
        file.c.submission.is_(None),
    )
    question = Finding(code="study-of-two-patients", severity=Severity.QUESTION, message=_TWO_PATIENTS)
    for row in change.connection.execute(query).all():
        if row.state == FileState.READY:
            state = advance(FILE, FileState(row.state), FileEvent.HOLD)
            change.connection.execute(
                file.update().where(file.c.id == row.id).values(state=state, code=question.code, reason=_TWO_PATIENTS)
            )
            change.tell("file.held", subject=f"file:{row.id}", code=question.code)
        write_findings(change, row.id, (question,))


def _insert(change: Change, candidate: Candidate, judged: Judged, under: AddedUnder) -> None:
    instance = judged.instance
    row = {
        "path": candidate.path,
        "stamp": candidate.stamp,
        "original_digest": judged.original_digest,
        "size": judged.size,
        "state": judged.state,
        "code": judged.code,
        "reason": judged.reason,
        "site": under.site,
        "dataset": under.dataset,
        "protocol": under.protocol,
        "profile": under.profile,
        "policy": under.policy,
        "added_at": instant(),
    }
    if instance is not None:
        members = ("pseudonym", "study_uid", "series_uid", "sop_uid", "sop_class", "transfer_syntax")
        row |= {name: getattr(instance, name) for name in members}
        if judged.state in (FileState.READY, FileState.HELD):
            row |= {"object_digest": instance.object_digest, "object_size": instance.object_size}
    if judged.examined is not None:
        row |= {"modality": (judged.examined.modality or "")[:16], "age_years": judged.examined.age_years}
    added = change.connection.execute(file.insert().values(**row))
    (number,) = added.inserted_primary_key or (0,)
    write_findings(change, number, judged.findings)
    if judged.look is not None:
        write_look(change.connection, number, judged.look)
    if judged.placed is not None and judged.state in (FileState.READY, FileState.HELD):
        write_placed(change.connection, number, judged.placed)
    write_boxes(change, number, judged.boxes)
    change.tell(f"file.{judged.state}", subject=f"file:{number}", code=judged.code)


def write_findings(change: Change, number: int, findings: Sequence[Finding]) -> None:
    """Write the findings of a file."""
    if findings:
        change.connection.execute(finding.insert(), [finding_row(number, one) for one in findings])


def finding_row(number: int, one: Finding) -> dict[str, object]:
    """Return a finding of a file as it is written."""
    members = {"code": one.code, "severity": one.severity, "message": one.message, "where": one.where}
    return {"file": number, **members}


def write_boxes(change: Change, number: int, boxes: Sequence[PixelBox]) -> None:
    """Write where writing was found in the pixels of a file, in place of what stood there."""
    change.connection.execute(pixel_box.delete().where(pixel_box.c.file == number))
    rows = [
        {
            "file": number,
            "frame": one.frame,
            **{name: getattr(one.box, name) for name in ("x", "y", "width", "height")},
            "kind": one.kind,
            "is_covered": one.is_covered,
        }
        for one in boxes
    ]
    if rows:
        change.connection.execute(pixel_box.insert(), rows)
