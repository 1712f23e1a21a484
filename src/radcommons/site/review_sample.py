"""Draw the random sample of a group that a person has to open, and say how much it tells.

The size follows the rule of three: when none of n was wrong, fewer than 3/n are, at 95 % confidence. Small groups are
judged by the exact finite rule (hypergeometric), which gives less than 3/n, and nothing once all were opened.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.records.errors import NotFound
from radcommons.site.review_groups import OPEN, now, settle, waiting_files
from radcommons.site.store import Change, Store
from radcommons.site.tables import file
from radcommons.site.tables_review import review_group, review_round, review_sample, review_study, review_token

# Of 10,000 studies at least 200 are opened, so that none wrong means fewer than 1.5 in 100 over all; of each group at
# least five. More of each group costs more than an hour of a person's time (benchmarks/review.py).
LEAST, SHARE = 5, 0.02
CONFIDENCE = 0.95
WRONG = "wrong"
_CHANCE = secrets.SystemRandom()


def sample_size(studies: int, *, wrong: int = 0) -> int:
    """Return how many studies of a group are opened; each one found wrong asks for as many again."""
    return min(studies, max(LEAST, math.ceil(SHARE * studies)) * (1 + wrong))


def most_wrong(studies: int, *, opened: int, wrong: int = 0) -> int:
    """Return how many of a group's studies may be wrong at most, at 95 % confidence, those found included.

    Notes
    -----
    The largest number for which so few wrong ones in a random sample would still come in more than 5 of 100 samples:
    the exact upper limit for a finite population (hypergeometric), one-sided.
    """
    low, high = wrong, studies - (opened - wrong)
    while low < high:
        middle = (low + high + 1) // 2
        if _chance_of(studies, middle, opened, wrong) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle - 1
    return low


def _chance_of(studies: int, bad: int, opened: int, wrong: int) -> float:
    """Return the chance of at most `wrong` in a sample when `bad` of all studies are wrong."""
    return sum(
        math.exp(_ways(bad, found) + _ways(studies - bad, opened - found) - _ways(studies, opened))
        for found in range(wrong + 1)
        if found <= bad and opened - found <= studies - bad
    )


def _ways(of: int, take: int) -> float:
    """Return the logarithm of the number of ways to take some of some."""
    return math.lgamma(of + 1) - math.lgamma(take + 1) - math.lgamma(of - take + 1)


def below(studies: int, *, opened: int, wrong: int = 0) -> float:
    """Return the share of a group that may be wrong at most, at 95 % confidence; 1 where nothing was opened."""
    return most_wrong(studies, opened=opened, wrong=wrong) / studies if studies else 0.0


def below_over_all(groups: Sequence[tuple[int, int]]) -> float:
    """Return the share of all studies of several groups that may be wrong at most, when none was found wrong.

    Parameters
    ----------
    groups : sequence of (int, int)
        Studies of each group, and how many of them were opened at random.

    Notes
    -----
    Where each group's part of the sample is at least m times its part of the studies, none wrong means fewer than
    ln(20)/m: the product of the chances of seeing nothing is largest where the least was opened.
    """
    total = sum(studies for studies, _ in groups)
    left = [(studies, opened) for studies, opened in groups if opened < studies]
    if not left:
        return 0.0
    least = min(opened * total / studies for studies, opened in left)
    return min(1.0, -math.log(1 - CONFIDENCE) / least) if least else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One study of a sample, by one of its files at random."""

    id: int
    file: int
    token: str
    study_uid: str
    is_opened: bool
    opened_by: str
    is_wrong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A drawn sample and what it stands for.

    Parameters
    ----------
    token, version : str, int
        A decision names both; the version changes with each decision.
    studies, files : int
        That the decision will be about.
    samples : tuple of Sample
        Those that were found wrong included; these are held, and no longer among `studies`.
    """

    id: int
    token: str
    version: int
    state: str
    studies: int
    files: int
    samples: tuple[Sample, ...]

    @property
    def asked(self) -> tuple[Sample, ...]:
        """The samples that were not found wrong."""
        return tuple(one for one in self.samples if not one.is_wrong)

    @property
    def wrong(self) -> int:
        """How many were found wrong."""
        return len(self.samples) - len(self.asked)

    @property
    def opened(self) -> int:
        """How many of those that were not found wrong were opened."""
        return sum(one.is_opened for one in self.asked)

    @property
    def is_seen(self) -> bool:
        """Whether every study of the sample was opened, and the sample is as large as it has to be."""
        return self.opened == len(self.asked) >= sample_size(self.studies, wrong=self.wrong)

    @property
    def below(self) -> float:
        """The share of the studies that may be wrong at most."""
        return below(self.studies + self.wrong, opened=self.opened + self.wrong, wrong=self.wrong)


def draw(store: Store, token: str) -> Round:
    """Return the open round of a group with its sample, drawn now if there is none, filled up if studies left it.

    Raises
    ------
    NotFound
        If no study of such a group waits.
    """
    settle(store)
    with store.change() as change:
        group = change.connection.execute(
            sa.select(review_group.c.id).where(review_group.c.token == token)
        ).scalar_one_or_none()
        if group is None:
            raise NotFound("There is no such group.")
        found = _open_round(change.connection, group)
        if found is not None and _population(change.connection, found) == 0:
            change.connection.execute(review_round.update().where(review_round.c.id == found).values(state="over"))
            found = None
        if found is None:
            found = _new_round(change, group)
        _fill_up(change, found)
        return round_of(change.connection, found)


def _open_round(connection: sa.Connection, group: int) -> int | None:
    query = sa.select(review_round.c.id).where(review_round.c.grp == group, review_round.c.state == OPEN)
    return connection.execute(query).scalar_one_or_none()


def _population(connection: sa.Connection, found: int) -> int:
    query = sa.select(sa.func.count()).select_from(review_study).where(review_study.c.round == found)
    return int(connection.execute(query).scalar_one())


def _new_round(change: Change, group: int) -> int:
    query = sa.select(sa.func.count(), sa.func.sum(review_study.c.files)).where(review_study.c.grp == group)
    studies, files = change.connection.execute(query).one()
    if not studies:
        raise NotFound("No study of this group waits.", mend="See the groups that do.")
    added = change.connection.execute(
        review_round.insert().values(
            token=secrets.token_urlsafe(12),
            grp=group,
            state=OPEN,
            version=1,
            studies=studies,
            files=files,
            drawn_at=now(),
        )
    )
    (found,) = added.inserted_primary_key or (0,)
    change.connection.execute(review_study.update().where(review_study.c.grp == group).values(round=found))
    change.tell("review.sample-drawn", subject=f"round:{found}", studies=studies)
    return int(found)


def _fill_up(change: Change, found: int) -> None:
    """Keep the sample as large as it has to be; what left the population leaves the sample."""
    connection = change.connection
    rows = connection.execute(
        sa.select(review_study.c.site, review_study.c.study_uid).where(review_study.c.round == found)
    ).all()
    there = {(row.site, row.study_uid) for row in rows}
    kept, wrong = set(), 0
    for sample in connection.execute(sa.select(review_sample).where(review_sample.c.round == found)).all():
        if sample.verdict == WRONG:
            wrong += 1
        elif (sample.site, sample.study_uid) in there:
            kept.add((sample.site, sample.study_uid))
        else:
            connection.execute(review_sample.delete().where(review_sample.c.id == sample.id))
    missing = sample_size(len(there), wrong=wrong) - len(kept)
    for site, study_uid in _CHANCE.sample(sorted(there - kept), max(0, missing)):
        _add_sample(connection, found, site, study_uid)
    files = sa.select(sa.func.coalesce(sa.func.sum(review_study.c.files), 0)).where(review_study.c.round == found)
    values = {"studies": len(there), "files": connection.execute(files).scalar_one()}
    connection.execute(review_round.update().where(review_round.c.id == found).values(**values))


def _add_sample(connection: sa.Connection, found: int, site: str, study_uid: str) -> None:
    query = sa.select(file.c.id, file.c.object_digest).where(
        file.c.site == site, file.c.study_uid == study_uid, waiting_files()
    )
    chosen = _CHANCE.choice(connection.execute(query).all())
    connection.execute(
        review_sample.insert().values(
            round=found, site=site, study_uid=study_uid, file=chosen.id, object_digest=chosen.object_digest
        )
    )
    token_of(connection, chosen.id)


def token_of(connection: sa.Connection, number: int) -> str:
    """Return a file's name in addresses, made at random the first time."""
    found = connection.execute(sa.select(review_token.c.token).where(review_token.c.file == number))
    token = found.scalar_one_or_none()
    if token is None:
        token = secrets.token_urlsafe(12)
        connection.execute(review_token.insert().values(token=token, file=number))
    return str(token)


def file_of(connection: sa.Connection, token: str) -> int:
    """Return the number of the file that an address names.

    Raises
    ------
    NotFound
        If it names none.
    """
    query = sa.select(review_token.c.file).where(review_token.c.token == token)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such file.")
    return int(found)


def round_of(connection: sa.Connection, number: int) -> Round:
    """Return a round with its sample, in the order in which it was drawn."""
    row = connection.execute(sa.select(review_round).where(review_round.c.id == number)).one()
    query = (
        sa.select(review_sample, review_token.c.token)
        .join(review_token, review_token.c.file == review_sample.c.file)
        .where(review_sample.c.round == number)
        .order_by(review_sample.c.id)
    )
    samples = tuple(
        Sample(
            id=one.id,
            file=one.file,
            token=one.token,
            study_uid=one.study_uid,
            is_opened=one.opened_at is not None,
            opened_by=one.opened_by or "",
            is_wrong=one.verdict == WRONG,
        )
        for one in connection.execute(query)
    )
    return Round(
        id=row.id,
        token=row.token,
        version=row.version,
        state=row.state,
        studies=row.studies,
        files=row.files,
        samples=samples,
    )


def open_round_of_file(connection: sa.Connection, number: int) -> int | None:
    """Return the open round in whose sample a file's study is."""
    query = (
        sa.select(review_round.c.id)
        .join(review_sample, review_sample.c.round == review_round.c.id)
        .join(file, (file.c.study_uid == review_sample.c.study_uid) & (file.c.site == review_sample.c.site))
        .where(file.c.id == number, review_round.c.state == OPEN)
    )
    return connection.execute(query.limit(1)).scalar_one_or_none()


def opened(change: Change, number: int, *, found: int, by: str) -> None:
    """Note that somebody opened a file of a round's sample."""
    mine = (review_sample.c.round == found, review_sample.c.file == number, review_sample.c.opened_at.is_(None))
    done = change.connection.execute(review_sample.update().where(*mine).values(opened_at=now(), opened_by=by))
    if done.rowcount:
        change.connection.execute(
            review_round.update().where(review_round.c.id == found).values(seen=review_round.c.seen + 1)
        )
