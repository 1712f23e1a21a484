"""Review what waits for a person: one question a file, a decision with the reviewer's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.site.agreement import Agreement, in_force, objection_to
from radcommons.site.store import Change, Store
from radcommons.site.tables import decision as decision_table
from radcommons.site.tables import file, finding

DECISIONS = {"pass": FileEvent.PASS, "exclude": FileEvent.EXCLUDE, "refuse": FileEvent.REFUSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A held file and what is asked about it; `path` is for the hospital's own eyes."""

    id: int
    path: str
    code: str
    question: str
    where: tuple[str, ...]
    others: tuple[str, ...]
    pseudonym: str
    study_uid: str


def held(store: Store, *, codes: Sequence[str] = (), limit: int | None = None, offset: int = 0) -> list[Question]:
    """Return the held files in the order in which they came, all or those held for one of `codes`."""
    query = sa.select(file).where(file.c.state == FileState.HELD).order_by(file.c.id).limit(limit).offset(offset)
    if codes:
        query = query.where(file.c.code.in_(codes))
    with store.read() as connection:
        return [_question(connection, row) for row in connection.execute(query).all()]


def _question(connection: sa.Connection, row: sa.Row[tuple[object, ...]]) -> Question:
    asked = connection.execute(
        sa.select(finding).where(finding.c.file == row.id, finding.c.severity == Severity.QUESTION)
    ).all()
    return Question(
        id=row.id,
        path=row.path,
        code=row.code,
        question=row.reason,
        where=tuple(one.where for one in asked if one.where and one.code == row.code),
        others=tuple(sorted({one.code for one in asked} - {row.code})),
        pseudonym=row.pseudonym,
        study_uid=row.study_uid,
    )


def decide(store: Store, numbers: Sequence[int], *, decision: str, reviewer: str, actor: str = "") -> list[Finding]:
    """Decide about held files, all in one transaction.

    Parameters
    ----------
    numbers : sequence of int
        The files' numbers as `held` gives them.
    decision : {"pass", "exclude", "refuse"}
    reviewer : str
        Stands in the attestation of the submission: a name, a role of staff, or a mark that the hospital can resolve.
    actor : str, optional
        Who did it as the audit trail names people; the reviewer without it.

    Returns
    -------
    list of Finding
        One for each file that could not pass, with the reason; those stay held. And one for each file that somebody
        else decided a moment ago.

    Raises
    ------
    NotFound
        If a number never was a held file; then nothing is decided.
    """
    if decision not in DECISIONS:
        raise UsageError(f"There is no decision '{decision}'.", mend=f"Choose one of: {', '.join(DECISIONS)}.")
    if not reviewer.strip():
        raise UsageError("A decision needs the reviewer's name.", mend="Give --reviewer NAME.")
    with store.change() as change:
        agreement = in_force(change.connection, store.settings.agreement)
        return [
            objection
            for number in numbers
            if (objection := _decide(change, number, decision, reviewer.strip(), agreement, actor)) is not None
        ]


def _decide(
    change: Change, number: int, decision: str, reviewer: str, agreement: Agreement | None, actor: str
) -> Finding | None:
    row = change.connection.execute(
        sa.select(file).where(file.c.id == number, file.c.state == FileState.HELD)
    ).one_or_none()
    if row is None:
        return _decided_before(change, number)
    if decision == "pass" and (objection := _cannot_pass(change, row, agreement)) is not None:
        return objection
    state = advance(FILE, FileState(row.state), DECISIONS[decision])
    asked = change.connection.execute(
        sa.select(finding.c.code)
        .where(finding.c.file == number, finding.c.severity == Severity.QUESTION, finding.c.answered.is_(False))
        .distinct()
    ).scalars()
    for code in sorted({row.code, *asked}):
        change.connection.execute(
            decision_table.insert().values(file=number, code=code, decision=decision, reviewer=reviewer, at=instant())
        )
    change.connection.execute(finding.update().where(finding.c.file == number).values(answered=True))
    reason = "" if state is FileState.READY else f"Decided by a reviewer. {row.reason}"
    change.connection.execute(
        file.update().where(file.c.id == number).values(state=state, reason=reason, submission=None)
    )
    change.tell(
        f"review.{decision}", subject=f"file:{number}", actor=(actor or f"reviewer:{reviewer}")[:128], code=row.code
    )
    return None


def _decided_before(change: Change, number: int) -> Finding:
    """Return who was faster with a file that is held no more; their decision stands."""
    query = sa.select(decision_table).where(decision_table.c.file == number).order_by(decision_table.c.id.desc())
    found = change.connection.execute(query.limit(1)).one_or_none()
    if found is None:
        raise NotFound(f"No held file has the number {number}.", mend="See `radcommons site review DIR --list`.")
    message = f"It was decided before: {found.decision}, by {found.reviewer} at {found.at}. That decision stands."
    return Finding(code="decided-before", severity=Severity.NOTE, message=message, subject=str(number))


def _cannot_pass(change: Change, row: sa.Row[tuple[object, ...]], agreement: Agreement | None) -> Finding | None:
    """Return why a file cannot pass whatever the reviewer says: the agreement, or two objects of one UID."""
    objection = objection_to(change.connection, row, agreement=agreement)
    if objection is not None:
        return replace(objection, subject=str(row.id))
    other = sa.select(file.c.id).where(
        file.c.sop_uid == row.sop_uid,
        file.c.site == row.site,
        file.c.id != row.id,
        file.c.state.in_((FileState.READY, FileState.SUBMITTED)),
    )
    found = change.connection.execute(other.limit(1)).scalar_one_or_none()
    if found is None:
        return None
    message = (
        f"File {found} carries the same SOP Instance UID and goes already; only one of them can. "
        "Where this one is a correction of what went out, `radcommons site resubmit` sends it in its place."
    )
    return Finding(code="uid-conflict", severity=Severity.REFUSAL, message=message, subject=str(row.id))
