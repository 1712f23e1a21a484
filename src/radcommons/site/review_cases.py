"""Held files as cases with one question each, and taking an answer back.

What is asked of pixels is asked of each file. What is asked of a series or a study, for every slice in the same words,
is one case: the answer counts for all of them, and the page says how many.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.records.errors import NotFound
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.site.review_decide import Reviewer
from radcommons.site.store import Change, Store
from radcommons.site.tables import decision, file, finding

# Asked of each file, because the next slice may show something else.
OF_EACH_FILE = frozenset(
    {
        "burned-in-text",
        "undecodable-pixels",
        "identity-flagged",
        "screen-capture",
        "recognizable-face",
        "encapsulated-document",
        "uid-conflict",
    }
)
# Asked of a series, a study or a patient where the protocol is applied, each with the picture that it needs.
OF_SELECTION = frozenset(
    {"criterion-undecided", "series-undecided", "other-series", "over-quota", "slice-repeated", "clinical-contradicts"}
)
_OF_STUDY = frozenset({"set-aside", "study-of-two-patients", "cover-undecided"})
_TAKEN_BACK = "undone "


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question that waits: `file` stands for all `files` that the answer counts for."""

    file: int
    files: int
    code: str
    question: str


def cases(connection: sa.Connection) -> list[Case]:
    """Return what waits for a person one by one, in the order in which it came; the protocol has its own page."""
    single = sa.case(
        (file.c.code.in_(OF_EACH_FILE), sa.cast(file.c.id, sa.String)),
        (file.c.code.in_(_OF_STUDY), file.c.study_uid),
        else_=file.c.series_uid,
    ).label("part")
    query = (
        sa.select(sa.func.min(file.c.id).label("first"), sa.func.count().label("files_"), file.c.code, file.c.reason)
        .where(file.c.state == FileState.HELD, file.c.code.not_in(OF_SELECTION))
        .group_by(file.c.site, file.c.code, single)
        .order_by("first")
    )
    return [
        Case(file=row.first, files=row.files_, code=row.code, question=row.reason) for row in connection.execute(query)
    ]


def files_of(connection: sa.Connection, number: int) -> list[int]:
    """Return the held files for which the answer about one of them counts; empty where it waits no more."""
    row = connection.execute(sa.select(file).where(file.c.id == number)).one_or_none()
    if row is None or row.state != FileState.HELD:
        return []
    if row.code in OF_EACH_FILE or not row.study_uid:
        return [number]
    same = file.c.study_uid == row.study_uid if row.code in _OF_STUDY else file.c.series_uid == row.series_uid
    query = sa.select(file.c.id).where(
        same, file.c.site == row.site, file.c.code == row.code, file.c.state == FileState.HELD
    )
    return list(connection.execute(query.order_by(file.c.id)).scalars())


def questions_of_selection(connection: sa.Connection) -> int:
    """Return how many studies wait for an answer of the protocol's kind."""
    query = sa.select(sa.func.count(sa.distinct(file.c.study_uid))).where(
        file.c.state == FileState.HELD, file.c.code.in_(OF_SELECTION)
    )
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that can still be taken back."""

    file: int
    files: int
    decision: str
    code: str
    reviewer: str
    at: str


def answered(connection: sa.Connection, *, limit: int = 20) -> list[Answered]:
    """Return the latest answers about held files that no signed submission carries."""
    taken = (FileState.READY, FileState.EXCLUDED, FileState.REFUSED)
    query = (
        sa.select(
            sa.func.min(file.c.id).label("first"),
            sa.func.count(sa.distinct(file.c.id)).label("files_"),
            decision.c.decision,
            decision.c.code,
            decision.c.reviewer,
            decision.c.at,
        )
        .join(file, file.c.id == decision.c.file)
        .where(
            decision.c.decision.in_(("pass", "exclude", "refuse")), file.c.submission.is_(None), file.c.state.in_(taken)
        )
        .where(decision.c.code == file.c.code)
        .group_by(decision.c.decision, decision.c.code, decision.c.reviewer, decision.c.at, file.c.study_uid)
        .order_by(sa.desc(decision.c.at), sa.desc("first"))
        .limit(limit)
    )
    return [
        Answered(
            file=row.first,
            files=row.files_,
            decision=row.decision,
            code=row.code,
            reviewer=row.reviewer,
            at=row.at,
        )
        for row in connection.execute(query)
    ]


def take_back(store: Store, number: int, *, reviewer: Reviewer) -> int | Finding:
    """Hold a file again that somebody decided about, with all files that the same answer was given for.

    Returns
    -------
    int or Finding
        How many files wait again; ``signed-before`` where one is in a signed submission, or its object is gone.

    Raises
    ------
    NotFound
        If nobody decided about it.
    """
    with store.change() as change:
        numbers = _answered_with(change, number)
        rows = change.connection.execute(sa.select(file).where(file.c.id.in_(numbers))).all()
        for row in rows:
            if row.submission is not None or not store.object_path(row.object_digest).is_file():
                message = "It is in a signed submission, or its object is not here any more; it cannot be taken back."
                return Finding(code="signed-before", severity=Severity.REFUSAL, message=message, subject=str(number))
        for row in rows:
            _hold_again(change, row)
        change.tell("review.undone", subject=f"file:{number}", actor=reviewer.told_as, files=len(rows))
    return len(rows)


def _answered_with(change: Change, number: int) -> list[int]:
    """Return the files that were answered together with one: the same words at the same moment, of the same study."""
    asked = (decision.c.file == number, decision.c.decision.in_(("pass", "exclude", "refuse")))
    last = change.connection.execute(
        sa.select(decision, file.c.study_uid)
        .join(file, file.c.id == decision.c.file)
        .where(*asked)
        .order_by(decision.c.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        raise NotFound("Nobody decided about this file.")
    same = [getattr(decision.c, name) == getattr(last, name) for name in ("code", "decision", "reviewer", "at")]
    query = sa.select(decision.c.file).join(file, file.c.id == decision.c.file)
    return list(change.connection.execute(query.where(*same, file.c.study_uid == last.study_uid).distinct()).scalars())


def _hold_again(change: Change, row: sa.Row[tuple[object, ...]]) -> None:
    event = FileEvent.HOLD if row.state == FileState.READY else FileEvent.RECONSIDER
    state = advance(FILE, FileState(str(row.state)), event)
    connection = change.connection
    question = connection.execute(
        sa.select(finding.c.message).where(finding.c.file == row.id, finding.c.code == row.code).limit(1)
    ).scalar_one_or_none()
    connection.execute(file.update().where(file.c.id == row.id).values(state=state, reason=question or row.reason))
    connection.execute(finding.update().where(finding.c.file == row.id).values(answered=False))
    connection.execute(
        decision.update()
        .where(decision.c.file == row.id, decision.c.decision.in_(("pass", "exclude", "refuse")))
        .values(decision=sa.literal(_TAKEN_BACK) + decision.c.decision)
    )
