"""Decide about a group of studies at once, or take a decision back; whoever comes second sees who was first."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.dicom.mapping import purpose_key
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.site.review_groups import (
    ACCEPTED,
    EXCLUDED,
    HELD,
    OPEN,
    UNDONE,
    now,
    settle,
    settle_some,
    waiting_files,
)
from radcommons.site.review_sample import WRONG, round_of
from radcommons.site.store import Change, Store
from radcommons.site.tables import file, finding
from radcommons.site.tables_review import (
    review_member,
    review_round,
    review_sample,
    review_study,
)

SET_ASIDE, LEFT_OUT = "set-aside", "left-out"
DECISIONS = {"accept": ACCEPTED, "hold": HELD, "exclude": EXCLUDED}
_QUESTION = "A reviewer put its group aside. May it go?"
_REASON = "A reviewer left its group out."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Who decides: the name for colleagues, the role, and the actor of audit events."""

    name: str
    role: str = "data-manager"
    actor: str = ""

    @property
    def told_as(self) -> str:
        """The actor of audit events."""
        return (self.actor or f"reviewer:{self.name}")[:128]


def reviewer_mark(store: Store, name: str) -> str:
    """Return the pseudonym of a reviewer, which the hospital alone can resolve: the same for the same name."""
    key = purpose_key(store.mapping_secret(), "reviewer")
    return f"R-{hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDecided:
    """What a decision did."""

    decision: str
    studies: int
    files: int
    round: str


def decide_group(
    store: Store, token: str, *, version: int, decision: str, reviewer: Reviewer, note: str = ""
) -> GroupDecided | Finding:
    """Decide about all studies of a round that are still in it.

    Parameters
    ----------
    token, version : str, int
        The round and its version as the reviewer saw them.
    decision : {"accept", "hold", "exclude"}
    reviewer : Reviewer
    note : str
        For colleagues; it stays in the store.

    Returns
    -------
    GroupDecided or Finding
        ``decided-before`` where somebody was faster, ``sample-not-seen`` where the sample was not opened as a whole.

    Raises
    ------
    NotFound
        If there is no such round.
    """
    if decision not in DECISIONS:
        raise UsageError(f"There is no decision '{decision}'.", mend=f"Choose one of: {', '.join(DECISIONS)}.")
    if not reviewer.name.strip():
        raise UsageError("A decision needs the reviewer's name.", mend="Give --reviewer NAME.")
    settle(store)
    with store.change() as change:
        while settle_some(change, store):
            pass  # what changed between the two transactions
        row = _round(change, token)
        if row.state != OPEN or row.version != version:
            return _before(row)
        if decision == "accept" and (objection := _unseen(change, row.id)) is not None:
            return objection
        files = _take_members(change, row.id)
        studies = change.connection.execute(
            sa.select(sa.func.count()).select_from(review_study).where(review_study.c.round == row.id)
        ).scalar_one()
        _carry_out(change, row.id, decision)
        change.connection.execute(review_study.delete().where(review_study.c.round == row.id))
        _note(change, row, reviewer, state=DECISIONS[decision], note=note, studies=studies, files=files)
        change.tell(
            f"review.group-{DECISIONS[decision]}",
            subject=f"round:{row.id}",
            actor=reviewer.told_as,
            studies=studies,
            files=files,
        )
    return GroupDecided(decision=decision, studies=studies, files=files, round=token)


def _round(change: Change, token: str) -> sa.Row[tuple[object, ...]]:
    found = change.connection.execute(sa.select(review_round).where(review_round.c.token == token)).one_or_none()
    if found is None:
        raise NotFound("There is no such sample.", mend="Open the group again.")
    return found


_DONE: Mapping[str, str] = {ACCEPTED: "accepted", HELD: "put aside", EXCLUDED: "left out", UNDONE: "reopened"}


def _before(row: sa.Row[tuple[object, ...]]) -> Finding:
    """Return who was faster; their decision stands."""
    if row.state in _DONE and row.reviewer:
        at = row.undone_at if row.state == UNDONE else row.decided_at
        by = row.undone_by if row.state == UNDONE else row.reviewer
        message = f"This group was {_DONE[row.state]} before, by {by} at {at}. That decision stands."
    else:
        message = "This sample changed since the page was made; look at it again."
    return Finding(code="decided-before", severity=Severity.NOTE, message=message, subject=row.token)


def _unseen(change: Change, number: int) -> Finding | None:
    drawn = round_of(change.connection, number)
    if drawn.is_seen:
        return None
    message = f"{drawn.opened} of {len(drawn.asked)} studies of the sample were opened; open the others first."
    return Finding(code="sample-not-seen", severity=Severity.REFUSAL, message=message, subject=drawn.token)


def _take_members(change: Change, number: int) -> int:
    """Write down which version of which file the decision covers, and return how many there are."""
    inside = sa.select(sa.literal(number), file.c.id, file.c.object_digest).where(
        sa.tuple_(file.c.site, file.c.study_uid).in_(
            sa.select(review_study.c.site, review_study.c.study_uid).where(review_study.c.round == number)
        ),
        waiting_files(),
    )
    done = change.connection.execute(review_member.insert().from_select(["round", "file", "object_digest"], inside))
    return int(done.rowcount)


def _members(number: int) -> sa.ScalarSelect[int]:
    return sa.select(review_member.c.file).where(review_member.c.round == number).scalar_subquery()


def _carry_out(change: Change, number: int, decision: str) -> None:
    """Move the files of a round to the state of the decision; an accepted file is ready already."""
    mine = file.c.id.in_(_members(number))
    if decision == "hold":
        state = advance(FILE, FileState.READY, FileEvent.HOLD)
        _ask(change, number)
        change.connection.execute(file.update().where(mine).values(state=state, code=SET_ASIDE, reason=_QUESTION))
    elif decision == "exclude":
        state = advance(FILE, FileState.READY, FileEvent.EXCLUDE)
        change.connection.execute(file.update().where(mine).values(state=state, code=LEFT_OUT, reason=_REASON))


def _ask(change: Change, number: int) -> None:
    columns = ["file", "code", "severity", "message", "where", "answered"]
    literals = (SET_ASIDE, Severity.QUESTION.value, _QUESTION, "", False)
    rows = sa.select(review_member.c.file, *(sa.literal(one) for one in literals)).where(
        review_member.c.round == number
    )
    change.connection.execute(finding.insert().from_select(columns, rows))


def _note(
    change: Change,
    row: sa.Row[tuple[object, ...]],
    reviewer: Reviewer,
    *,
    state: str,
    note: str,
    studies: int,
    files: int,
) -> None:
    drawn = round_of(change.connection, row.id)
    change.connection.execute(
        review_round.update()
        .where(review_round.c.id == row.id)
        .values(
            state=state,
            version=row.version + 1,
            studies=studies,
            files=files,
            seen=drawn.opened,
            wrong=drawn.wrong,
            reviewer=reviewer.name,
            role=reviewer.role,
            note=note.strip()[:500],
            decided_at=now(),
        )
    )


def undo_group(store: Store, token: str, *, version: int, reviewer: Reviewer) -> GroupDecided | Finding:
    """Take a decision about a group back, as long as nothing of it is in a signed submission.

    Returns
    -------
    GroupDecided or Finding
        ``decided-before`` where somebody was faster, ``signed-before`` where it is too late.
    """
    with store.change() as change:
        row = _round(change, token)
        if row.state not in (ACCEPTED, HELD, EXCLUDED) or row.version != version:
            return _before(row)
        signed = sa.select(sa.func.count()).where(file.c.id.in_(_members(row.id)), file.c.submission.is_not(None))
        count = change.connection.execute(signed).scalar_one()
        if count:
            message = f"{count} files of it are in a signed submission; take them back with `radcommons site withdraw`."
            return Finding(code="signed-before", severity=Severity.REFUSAL, message=message, subject=token)
        _take_back(change, row.id, row.state)
        _mark_members(change, row.id)
        change.connection.execute(
            review_round.update()
            .where(review_round.c.id == row.id)
            .values(state=UNDONE, version=row.version + 1, undone_at=now(), undone_by=reviewer.name)
        )
        change.tell("review.group-undone", subject=f"round:{row.id}", actor=reviewer.told_as, studies=row.studies)
    return GroupDecided(decision="undo", studies=row.studies, files=row.files, round=token)


def _take_back(change: Change, number: int, state: str) -> None:
    """Bring the files of a round back to ready; what somebody decided since, one by one, stays decided."""
    mine = file.c.id.in_(_members(number))
    if state == EXCLUDED:
        held = advance(FILE, FileState.EXCLUDED, FileEvent.RECONSIDER)
        left_out = (file.c.state == FileState.EXCLUDED) & (file.c.code == LEFT_OUT)
        change.connection.execute(file.update().where(mine, left_out).values(state=held, code=SET_ASIDE))
    if state in (HELD, EXCLUDED):
        ready = advance(FILE, FileState.HELD, FileEvent.PASS)
        aside = (file.c.state == FileState.HELD) & (file.c.code == SET_ASIDE)
        change.connection.execute(file.update().where(mine, aside).values(state=ready, code="", reason=""))
        change.connection.execute(
            finding.delete().where(finding.c.file.in_(_members(number)), finding.c.code == SET_ASIDE)
        )


def _mark_members(change: Change, number: int) -> None:
    """Have the studies of a round put into groups anew; the triggers see no change where files stayed ready."""
    change.connection.execute(
        sa.text(
            "INSERT OR IGNORE INTO review_dirty (site, study_uid) SELECT DISTINCT file.site, file.study_uid "
            "FROM file JOIN review_member ON review_member.file = file.id WHERE review_member.round = :number"
        ),
        {"number": number},
    )


def mark_wrong(store: Store, number: int, *, found: int, reviewer: Reviewer) -> bool:
    """Hold a study of a sample that is not as it has to be; the group's sample then has to be larger.

    Parameters
    ----------
    number : int
        Any file of the study.
    found : int
        The open round.
    """
    with store.change() as change:
        connection = change.connection
        sample = connection.execute(
            sa.select(review_sample)
            .join(review_round, review_round.c.id == review_sample.c.round)
            .join(file, (file.c.study_uid == review_sample.c.study_uid) & (file.c.site == review_sample.c.site))
            .where(
                file.c.id == number,
                review_sample.c.round == found,
                review_sample.c.verdict == "",
                review_round.c.state == OPEN,
            )
        ).one_or_none()
        if sample is None:
            return False
        mine = (file.c.site == sample.site) & (file.c.study_uid == sample.study_uid) & waiting_files()
        numbers = list(connection.execute(sa.select(file.c.id).where(mine)).scalars())
        state = advance(FILE, FileState.READY, FileEvent.HOLD)
        message = "A reviewer found its study wrong in a sample. May it go?"
        rows = [
            {"file": one, "code": SET_ASIDE, "severity": Severity.QUESTION.value, "message": message, "where": ""}
            for one in numbers
        ]
        if rows:
            connection.execute(finding.insert(), rows)
        connection.execute(
            file.update().where(file.c.id.in_(numbers)).values(state=state, code=SET_ASIDE, reason=message)
        )
        connection.execute(review_sample.update().where(review_sample.c.id == sample.id).values(verdict=WRONG))
        connection.execute(
            review_round.update().where(review_round.c.id == found).values(version=review_round.c.version + 1)
        )
        change.tell("review.sample-wrong", subject=f"round:{found}", actor=reviewer.told_as, files=len(numbers))
    settle(store)
    return True
