"""What people answered to the questions of selecting: an answer about a patient holds for all that comes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.records.protocol import Choice, Criterion, FactValue
from radcommons.site.tables_select import answer

_STACKED = ("CT", "MR", "PT")


def subject_of(level: str, row: sa.Row[Any], facts: Mapping[str, FactValue]) -> str:
    """Return whom or what an answer at a level is about; one image of a stack is never asked about alone."""
    if level == "patient":
        return str(row.pseudonym)
    if level == "study":
        return str(row.study_uid)
    return str(row.series_uid) if level == "series" or facts.get("modality") in _STACKED else str(row.sop_uid)


def question_id(*, site: str, protocol: str, question: str, subject: str) -> str:
    """Return the short name of a question, the same each time; it tells nothing of its subject."""
    return hashlib.sha256("\0".join((site, protocol, question, subject)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said."""

    is_so: bool
    reviewer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of one site to the questions of one protocol, by (question, subject)."""

    known: Mapping[tuple[str, str], Answer]

    @classmethod
    def read(cls, connection: sa.Connection, *, site: str, protocol: str) -> Answers:
        """Read them."""
        query = sa.select(answer).where(answer.c.site == site, answer.c.protocol == protocol)
        rows = connection.execute(query).all()
        return cls(known={(row.question, row.subject): Answer(bool(row.is_so), str(row.reviewer)) for row in rows})

    def to(self, criterion: Criterion, row: sa.Row[Any], facts: Mapping[str, FactValue]) -> Answer | None:
        """Return what was said of a criterion; None when nothing was."""
        return self.known.get((criterion.id, subject_of(criterion.level, row, facts)))

    def of_choice(self, choice: Choice) -> dict[tuple[int, str], bool]:
        """Return what was said at the steps of a ranking, by (step, series)."""
        found: dict[tuple[int, str], bool] = {}
        for (question, subject), answer_ in self.known.items():
            name, _, step = question.partition("/")
            if name == choice.id and step.isdigit():
                found[int(step), subject] = answer_.is_so
        return found
