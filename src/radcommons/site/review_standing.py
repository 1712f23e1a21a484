"""What stands after reviews: which files a submission may take, and the decisions that can still be taken back."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.site.review_groups import ACCEPTED, EXCLUDED, HELD, let_pass_by_hand, words_of
from radcommons.site.tables import file
from radcommons.site.tables_review import review_group, review_member, review_round, review_study


def may_go(*, needs_groups: bool) -> sa.ColumnElement[bool]:
    """Return the condition of ready files that a submission may take now.

    Parameters
    ----------
    needs_groups : bool
        Nothing goes that no person stands for: its group was accepted, or it was held and let pass.

    Notes
    -----
    What is in a drawn sample's population waits for the decision in any case.
    """
    in_review = sa.select(review_study.c.id).where(
        review_study.c.site == file.c.site,
        review_study.c.study_uid == file.c.study_uid,
        review_study.c.round.is_not(None),
    )
    if not needs_groups:
        return ~in_review.exists()
    covered = (
        sa.select(review_member.c.file)
        .join(review_round, review_round.c.id == review_member.c.round)
        .where(
            review_member.c.file == file.c.id,
            review_member.c.object_digest == file.c.object_digest,
            review_round.c.state == ACCEPTED,
        )
    )
    return ~in_review.exists() & (covered.exists() | let_pass_by_hand())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision about a group as a list shows it."""

    token: str
    version: int
    title: str
    device: str
    state: str
    studies: int
    files: int
    seen: int
    wrong: int
    reviewer: str
    at: str
    note: str
    is_signed: bool


def decided(connection: sa.Connection, *, limit: int = 50) -> list[Decided]:
    """Return the latest decisions about groups; one whose files are in a signed submission cannot be undone."""
    signed = (
        sa.select(review_member.c.file)
        .join(file, file.c.id == review_member.c.file)
        .where(review_member.c.round == review_round.c.id, file.c.submission.is_not(None))
        .correlate(review_round)
        .exists()
    )
    query = (
        sa.select(review_round, review_group.c.shown, signed.label("is_signed"))
        .join(review_group, review_group.c.id == review_round.c.grp)
        .where(review_round.c.state.in_((ACCEPTED, HELD, EXCLUDED)))
        .order_by(review_round.c.decided_at.desc(), review_round.c.id.desc())
        .limit(limit)
    )
    return [
        Decided(
            token=row.token,
            version=row.version,
            title=words_of(row.shown).title,
            device=words_of(row.shown).device,
            state=row.state,
            studies=row.studies,
            files=row.files,
            seen=row.seen,
            wrong=row.wrong,
            reviewer=row.reviewer,
            at=row.decided_at or "",
            note=row.note,
            is_signed=bool(row.is_signed),
        )
        for row in connection.execute(query)
    ]
