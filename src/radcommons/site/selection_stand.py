"""Bring a file to the state that its findings ask for: out, held with its question, or ready. One place for all of it.

Whatever selecting says of a file stands in its findings; the state follows from them, so that a later look at the same
study can take back what an earlier one said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.site.record import finding_row
from radcommons.site.store import Change
from radcommons.site.tables import decision, file, finding
from radcommons.site.tables_select import placed

PART = 500  # files in one question to the store
# What puts a file out here; it can come back when its neighbours change.
OUT_CODES = ("other-series", "criterion-out", "over-quota")
# What selecting asks; a hold of anybody else is left as it is.
ASKED_CODES = ("criterion-undecided", "series-undecided", "slice-repeated", "over-quota", "clinical-contradicts")
_ROADS: dict[tuple[FileState, FileState], tuple[FileEvent, ...]] = {
    (FileState.READY, FileState.HELD): (FileEvent.HOLD,),
    (FileState.READY, FileState.EXCLUDED): (FileEvent.EXCLUDE,),
    (FileState.HELD, FileState.READY): (FileEvent.PASS,),
    (FileState.HELD, FileState.EXCLUDED): (FileEvent.EXCLUDE,),
    (FileState.EXCLUDED, FileState.HELD): (FileEvent.RECONSIDER,),
    (FileState.EXCLUDED, FileState.READY): (FileEvent.RECONSIDER, FileEvent.PASS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one look says of one file: `codes` are those that this look speaks for, `findings` what it says now."""

    codes: Collection[str]
    findings: Sequence[Finding] = ()


def movable() -> sa.ColumnElement[bool]:
    """Return which files a look may move: ready, held, and out by selecting itself; never what a person decided."""
    decided = sa.exists().where(decision.c.file == file.c.id, decision.c.decision != "pass")
    out = (file.c.state == FileState.EXCLUDED) & file.c.code.in_(OUT_CODES) & ~decided
    waiting = file.c.state.in_((FileState.READY, FileState.HELD)) & file.c.submission.is_(None)
    return waiting | out


def stand_all(change: Change, said: Mapping[int, Said]) -> None:
    """Write what was said of files, in place of what was said before, and bring each where that puts it.

    Notes
    -----
    What a person answered stays answered: the same question is not asked twice. A few statements for all files.
    """
    numbers = list(said)
    told = findings_of(change, numbers)
    gone: list[int] = []
    fresh: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for start in range(0, len(numbers), PART):
        query = sa.select(file.c.id, file.c.state, file.c.code, file.c.reason)
        part = numbers[start : start + PART]
        for row in change.connection.execute(query.where(file.c.id.in_(part)).order_by(file.c.id)).all():
            number = int(row.id)
            left, dropped, added = _said_now(told.get(number, ()), said[number])
            gone += dropped
            fresh += [finding_row(number, one) for one in added]
            moved += _moved(change, row, [*left, *added])
    for start in range(0, len(gone), PART):
        change.connection.execute(finding.delete().where(finding.c.id.in_(gone[start : start + PART])))
    if fresh:
        change.connection.execute(finding.insert(), fresh)
    if moved:
        change.connection.execute(_MOVE, moved)


_MOVE = (
    file.update()
    .where(file.c.id == sa.bindparam("number"))
    .values(state=sa.bindparam("to_state"), code=sa.bindparam("to_code"), reason=sa.bindparam("to_reason"))
)


def findings_of(change: Change, numbers: Sequence[int]) -> dict[int, list[Any]]:
    """Return what is said of files now, in the order in which it was written."""
    found: dict[int, list[Any]] = {}
    for start in range(0, len(numbers), PART):
        query = sa.select(finding).where(finding.c.file.in_(numbers[start : start + PART])).order_by(finding.c.id)
        for row in change.connection.execute(query):
            found.setdefault(int(row.file), []).append(row)
    return found


def _said_now(rows: Sequence[Any], said: Said) -> tuple[list[Any], list[int], list[Finding]]:
    """Return the findings that stay, the numbers of those that go, and those that come."""
    answered = {(row.code, row.where) for row in rows if row.answered}
    wanted = [one for one in said.findings if (one.code, one.where) not in answered]
    before = [row for row in rows if row.code in said.codes and not row.answered]
    still = [row for row in rows if not row.answered]
    if [(row.code, row.where, row.message, row.severity) for row in before] == [
        (one.code, one.where, one.message, one.severity) for one in wanted
    ]:
        return still, [], []
    gone = {row.id for row in before}
    return [row for row in still if row.id not in gone], sorted(gone), wanted


def _moved(change: Change, row: Any, still: Sequence[Any]) -> list[dict[str, Any]]:
    """Return how a file stands now that these findings are open, nothing where it stands so already."""
    out = next((one for one in still if one.code in OUT_CODES and one.severity == Severity.NOTE), None)
    open_ = [one for one in still if one.severity == Severity.QUESTION]
    state = FileState(row.state)
    ours = {*OUT_CODES, *ASKED_CODES}
    if state is FileState.READY:
        open_ = [one for one in open_ if one.code in ASKED_CODES]
    elif state is FileState.HELD and not out and row.code not in ours and row.code not in {one.code for one in open_}:
        return []
    question = open_[0] if open_ else None
    why = out or question
    wanted = FileState.EXCLUDED if out else FileState.HELD if question else FileState.READY
    for event in _ROADS.get((state, wanted), ()):
        state = advance(FILE, state, event)
    code, reason = (why.code, why.message) if why else ("", "")
    if (row.state, row.code, row.reason) == (state, code, reason):
        return []
    if row.state != state:
        change.tell(f"selection.{state}", subject=f"file:{row.id}", code=code)
    return [{"number": row.id, "to_state": state, "to_code": code, "to_reason": reason}]


def mark_looked_at(change: Change, *, site: str, study_uid: str, protocol: str) -> None:
    """Note how each file of a study stands, so that only what changes is looked at again."""
    stands = sa.select(file.c.state + ":" + file.c.code).where(file.c.id == placed.c.file).scalar_subquery()
    same = sa.select(file.c.id).where(file.c.study_uid == study_uid, file.c.site == site, file.c.protocol == protocol)
    change.connection.execute(placed.update().where(placed.c.file.in_(same)).values(settled=stands))


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A person answered a file's question with yes; the attestation names them."""

    file: int
    code: str
    where: str
    reviewer: str


_ANSWERED = (
    finding.update()
    .where(
        finding.c.file == sa.bindparam("of_file"),
        finding.c.code == sa.bindparam("of_code"),
        finding.c.where == sa.bindparam("of_where"),
    )
    .values(answered=True)
)


def credit(change: Change, credits_: Sequence[Credit]) -> None:
    """Write who answered the questions of files; written once, however often it is said."""
    if not credits_:
        return
    connection = change.connection
    connection.execute(
        _ANSWERED, [{"of_file": one.file, "of_code": one.code, "of_where": one.where} for one in credits_]
    )
    known: set[tuple[int, str, str]] = set()
    numbers = sorted({one.file for one in credits_})
    for start in range(0, len(numbers), PART):
        query = sa.select(decision.c.file, decision.c.code, decision.c.reviewer)
        rows = connection.execute(query.where(decision.c.file.in_(numbers[start : start + PART])))
        known |= {(row.file, row.code, row.reviewer) for row in rows}
    fresh = dict.fromkeys((one.file, one.code, one.reviewer) for one in credits_)
    names = ("file", "code", "reviewer")
    rows_ = [dict(zip(names, one, strict=True)) for one in fresh if one not in known]
    if rows_:
        connection.execute(decision.insert(), [{**row, "decision": "pass", "at": instant()} for row in rows_])
