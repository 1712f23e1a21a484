"""Bring a file to the state that its findings ask for: out, held with its question, or ready. One place for all of it.

Whatever selecting says of a file stands in its findings; the state follows from them, so that a later look at the same
study can take back what an earlier one said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.site.record import write_findings
from radcommons.site.store import Change
from radcommons.site.tables import decision, file, finding
from radcommons.site.tables_select import placed

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


def stand(change: Change, number: int, said: Said) -> str:
    """Write what was said of a file, in place of what was said before, and return its new state.

    Notes
    -----
    What a person answered stays answered: the same question is not asked twice.
    """
    connection = change.connection
    rows = connection.execute(sa.select(finding).where(finding.c.file == number).order_by(finding.c.id)).all()
    answered = {(row.code, row.where) for row in rows if row.answered}
    wanted = [one for one in said.findings if (one.code, one.where) not in answered]
    before = [row for row in rows if row.code in said.codes and not row.answered]
    if [(row.code, row.where, row.message, row.severity) for row in before] != [
        (one.code, one.where, one.message, one.severity) for one in wanted
    ]:
        connection.execute(finding.delete().where(finding.c.id.in_([row.id for row in before])))
        write_findings(change, number, wanted)
        rows = connection.execute(sa.select(finding).where(finding.c.file == number).order_by(finding.c.id)).all()
    return _follow(change, number, rows)


def _follow(change: Change, number: int, rows: Sequence[sa.Row[tuple[object, ...]]]) -> str:
    row = change.connection.execute(
        sa.select(file.c.state, file.c.code, file.c.reason).where(file.c.id == number)
    ).one()
    still = [one for one in rows if not one.answered]
    out = next((one for one in still if one.code in OUT_CODES and one.severity == Severity.NOTE), None)
    open_ = [one for one in still if one.severity == Severity.QUESTION]
    state = FileState(row.state)
    ours = {*OUT_CODES, *ASKED_CODES}
    if state is FileState.READY:
        open_ = [one for one in open_ if one.code in ASKED_CODES]
    elif state is FileState.HELD and not out and row.code not in ours and row.code not in {one.code for one in open_}:
        return str(state)
    question = open_[0] if open_ else None
    why = out or question
    wanted = FileState.EXCLUDED if out else FileState.HELD if question else FileState.READY
    for event in _ROADS.get((state, wanted), ()):
        state = advance(FILE, state, event)
    values = {"state": state, "code": why.code if why else "", "reason": why.message if why else ""}
    if (row.state, row.code, row.reason) != (values["state"], values["code"], values["reason"]):
        change.connection.execute(file.update().where(file.c.id == number).values(**values))
        if row.state != state:
            change.tell(f"selection.{state}", subject=f"file:{number}", code=values["code"])
    return str(state)


def mark_looked_at(change: Change, *, site: str, study_uid: str, protocol: str) -> None:
    """Note how each file of a study stands, so that only what changes is looked at again."""
    stands = sa.select(file.c.state + ":" + file.c.code).where(file.c.id == placed.c.file).scalar_subquery()
    same = sa.select(file.c.id).where(file.c.study_uid == study_uid, file.c.site == site, file.c.protocol == protocol)
    change.connection.execute(placed.update().where(placed.c.file.in_(same)).values(settled=stands))


def credit(change: Change, number: int, *, code: str, where: str, reviewer: str) -> None:
    """Write that a person answered a file's question with yes; the attestation names them. Written once."""
    connection = change.connection
    same = (finding.c.file == number, finding.c.code == code, finding.c.where == where)
    connection.execute(finding.update().where(*same).values(answered=True))
    known = sa.select(decision.c.id).where(
        decision.c.file == number, decision.c.code == code, decision.c.reviewer == reviewer
    )
    if connection.execute(known.limit(1)).first() is None:
        row = {"file": number, "code": code, "decision": "pass", "reviewer": reviewer, "at": instant()}
        connection.execute(decision.insert().values(**row))
