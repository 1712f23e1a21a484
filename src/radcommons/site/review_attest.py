"""Put the decisions about groups into the attestation: the sample, what it tells, and who decided by role and mark."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from radcommons.records.submission import GroupReview, Review
from radcommons.site.review_groups import ACCEPTED, words_of
from radcommons.site.review_sample import round_of
from radcommons.site.tables import file
from radcommons.site.tables_review import review_group, review_member, review_round, review_sample

RULE = (
    "One decision covers the studies of a group, which share device, descriptions and layout. A random sample, drawn "
    "by the gateway, was opened as a whole before it could be decided; what was found wrong was held, and the sample "
    "enlarged. Its size follows the rule of three; 'below' is the exact upper limit for the group at 95 % confidence."
)
IN_GROUP = "accepted with its group, after a random sample"
_PART = 500


def group_reviews(
    connection: sa.Connection, numbers: Sequence[int], *, mark: Callable[[str], str]
) -> tuple[tuple[GroupReview, ...], tuple[Review, ...]]:
    """Return the decisions about groups that stand behind files of a submission, and the same in the older form.

    Parameters
    ----------
    numbers : sequence of int
        The submission's files.
    mark : callable
        Gives the pseudonym of a reviewer by name.
    """
    counts: Counter[int] = Counter()
    for start in range(0, len(numbers), _PART):
        query = (
            sa.select(review_round.c.id, sa.func.count())
            .join(review_member, review_member.c.round == review_round.c.id)
            .join(file, (file.c.id == review_member.c.file) & (file.c.object_digest == review_member.c.object_digest))
            .where(review_round.c.state == ACCEPTED, file.c.id.in_(numbers[start : start + _PART]))
            .group_by(review_round.c.id)
        )
        for row in connection.execute(query):
            counts[row[0]] += row[1]
    groups = tuple(_one(connection, number, counts[number], mark) for number in sorted(counts))
    by_reviewer: Counter[str] = Counter()
    for group in groups:
        by_reviewer[f"{group.role} {group.reviewer}"] += group.objects
    reviews = tuple(Review(rule=IN_GROUP, objects=count, reviewer=name) for name, count in sorted(by_reviewer.items()))
    return groups, reviews


def _one(connection: sa.Connection, number: int, objects: int, mark: Callable[[str], str]) -> GroupReview:
    row = connection.execute(
        sa.select(review_round, review_group.c.shown)
        .join(review_group, review_group.c.id == review_round.c.grp)
        .where(review_round.c.id == number)
    ).one()
    words = words_of(row.shown)
    opened = (review_sample.c.round == number, review_sample.c.opened_at.is_not(None), review_sample.c.verdict == "")
    samples = connection.execute(sa.select(review_sample.c.object_digest).where(*opened)).scalars()
    drawn = round_of(connection, number)
    return GroupReview(
        group=f"{words.title}; {words.device}; {words.layout}"[:400],
        rule=RULE,
        studies=drawn.studies + drawn.wrong,
        sampled=drawn.opened + drawn.wrong,
        wrong=drawn.wrong,
        objects=objects,
        below_permille=math.ceil(drawn.below * 1000),
        samples=tuple(sorted(samples)),
        reviewer=mark(row.reviewer),
        role=row.role or "data-manager",
        at=row.decided_at,
    )
