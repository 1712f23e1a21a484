"""The undecided cases as a short list: one question about a patient, a study or a series, however many files wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.finding import Severity
from radcommons.records.lifecycle import FileState
from radcommons.records.protocol import FactValue, SelectionProtocol
from radcommons.site.review import decide
from radcommons.site.selection_answers import question_id, subject_of
from radcommons.site.selection_facts import CLINICAL_FACTS, read_facts
from radcommons.site.selection_series import merged
from radcommons.site.selection_settle import kept_protocols, settle
from radcommons.site.selection_stand import ASKED_CODES, Credit, Said, credit, stand_all
from radcommons.site.store import Change, Store
from radcommons.site.tables import file, finding
from radcommons.site.tables_select import answer as answer_table
from radcommons.site.tables_select import placed, series

# What a person can say of these goes for the files that wait and for no later ones.
_ONCE = ("slice-repeated", "over-quota")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question and what waits for it; `example` is a file name for the hospital's own eyes.

    Parameters
    ----------
    id : str
        Short and stable; tells nothing of its subject.
    level : str
        What the answer is about: patient, study, series or instance.
    known : tuple of (fact, value)
        What the headers tell of what is asked about.
    files : tuple of int
        Numbers of the files that wait, the first one for a picture.
    """

    id: str
    site: str
    protocol: str
    code: str
    question: str
    level: str
    subject: str
    text: str
    known: tuple[tuple[str, FactValue], ...]
    files: tuple[int, ...]
    studies: int
    example: str


@dataclass(slots=True)
class _Group:
    rows: list[Any] = field(default_factory=list)
    level: str = "instance"


def questions(store: Store) -> list[Asked]:
    """Return what selecting asks a person, those that let the most files go first.

    Notes
    -----
    PHI: `example` is a path of the hospital; everything else is pseudonymous.
    """
    with store.read() as connection:
        protocols = kept_protocols(connection)
        rows = connection.execute(_open_findings()).all()
    groups: defaultdict[tuple[str, str, str, str], _Group] = defaultdict(_Group)
    for row in rows:
        if row.protocol not in protocols or (row.code == "series-undecided" and "/" not in row.where):
            continue  # that series waits for the answer about another one
        level, question, subject = _about(row, protocols[row.protocol])
        group = groups[row.site, row.protocol, question, subject]
        group.rows.append(row)
        group.level = level
    found = [_asked(key, group) for key, group in groups.items()]
    return sorted(found, key=lambda one: (-len(one.files), one.question, one.id))


def _open_findings() -> sa.Select[Any]:
    names = ("site", "protocol", "path", "pseudonym", "study_uid", "series_uid", "sop_uid")
    return (
        sa.select(file.c.id, *(file.c[name] for name in names), finding.c.code, finding.c.where, finding.c.message)
        .add_columns(placed.c.facts, series.c.facts.label("now"))
        .join(finding, finding.c.file == file.c.id)
        .join(placed, placed.c.file == file.c.id)
        .outerjoin(
            series,
            (series.c.site == file.c.site)
            & (series.c.study_uid == file.c.study_uid)
            & (series.c.series_uid == file.c.series_uid),
        )
        .where(file.c.state == FileState.HELD, finding.c.answered.is_(False))
        .where(finding.c.severity == Severity.QUESTION, finding.c.code.in_(ASKED_CODES))
        .order_by(file.c.id)
    )


def _about(row: Any, protocol: SelectionProtocol) -> tuple[str, str, str]:
    """Return level, question and subject."""
    if row.code == "over-quota":
        return "study", row.where, str(row.study_uid)
    if row.code == "slice-repeated":
        return "series", row.code, str(row.series_uid)
    if row.code == "clinical-contradicts":
        return "patient", row.code, str(row.pseudonym)
    if row.code == "series-undecided":
        return "series", str(row.where), str(row.series_uid)
    criterion = next((one for one in protocol.criteria if one.id == row.where), None)
    level = criterion.level if criterion else "instance"
    return level, str(row.where), subject_of(level, row, read_facts(str(row.facts)))


def _asked(key: tuple[str, str, str, str], group: _Group) -> Asked:
    site, protocol, question, subject = key
    first = group.rows[0]
    facts = merged(read_facts(str(row.facts)) for row in group.rows)
    # The table may have come since the file was judged; what a series is was looked up with it.
    now = read_facts(str(first.now)) if first.now else {}
    facts |= {name: now[name] for name in CLINICAL_FACTS if name in now}
    return Asked(
        id=question_id(site=site, protocol=protocol, question=question, subject=subject),
        site=site,
        protocol=protocol,
        code=str(first.code),
        question=question,
        level=group.level,
        subject=subject,
        text=str(first.message),
        known=_told(facts),
        files=tuple(dict.fromkeys(int(row.id) for row in group.rows)),
        studies=len({row.study_uid for row in group.rows}),
        example=str(first.path),
    )


_SHOWN = ("modality", "plane", "slice_thickness_mm", "kernel", "view", "view_kind", "age_years", "sex")


def _told(facts: Mapping[str, FactValue]) -> tuple[tuple[str, FactValue], ...]:
    """Return what helps to answer: what is known, and what is not where it could be."""
    told = [(name, facts.get(name)) for name in _SHOWN if facts.get(name) is not None]
    return (*told, *((name, facts[name]) for name in CLINICAL_FACTS if facts.get(name) is not None))


def answer(store: Store, identifier: str, *, is_so: bool, reviewer: str) -> int:
    """Answer one question, and return how many files it was about.

    Parameters
    ----------
    identifier : str
        As `questions` gives it, or its unambiguous beginning.
    is_so : bool
        Yes lets the files go on, no leaves them out; other questions about them stay open.
    reviewer : str
        Stands in the attestation.

    Raises
    ------
    NotFound
        If nobody asks that any more.
    """
    if not reviewer.strip():
        raise UsageError("An answer needs the reviewer's name.", mend="Give --reviewer NAME.")
    asked = [one for one in questions(store) if one.id.startswith(identifier)] if len(identifier) >= 4 else []
    if len(asked) != 1:
        raise NotFound("No open question has this name.", mend="See `radcommons site select DIR`.")
    (one,) = asked
    name = reviewer.strip()[:80]
    if one.code in _ONCE:
        _answer_once(store, one, is_so=is_so, reviewer=name)
    else:
        with store.change() as change:
            _write(change, one, is_so=is_so, reviewer=name)
    settle(store)
    return len(one.files)


def _write(change: Change, one: Asked, *, is_so: bool, reviewer: str) -> None:
    same = {"site": one.site, "protocol": one.protocol, "question": one.question, "subject": one.subject}
    change.connection.execute(
        answer_table.delete().where(*(answer_table.c[name] == value for name, value in same.items()))
    )
    change.connection.execute(answer_table.insert().values(**same, is_so=is_so, reviewer=reviewer, at=instant()))
    about = (file.c.pseudonym, file.c.study_uid, file.c.series_uid, file.c.sop_uid)
    numbers = sa.select(file.c.id).where(sa.or_(*(column == one.subject for column in about)))
    change.connection.execute(placed.update().where(placed.c.file.in_(numbers)).values(settled=""))
    change.tell(
        "selection.answered",
        subject=f"{one.level}:{one.subject}",
        actor=f"reviewer:{reviewer}"[:128],
        question=one.question,
        is_so=is_so,
        files=len(one.files),
    )


def _answer_once(store: Store, one: Asked, *, is_so: bool, reviewer: str) -> None:
    if not is_so:
        decide(store, one.files, decision="exclude", reviewer=reviewer)
        return
    with store.change() as change:
        where = one.question if one.code == "over-quota" else ""
        credit(change, [Credit(file=number, code=one.code, where=where, reviewer=reviewer) for number in one.files])
        stand_all(change, {number: Said(codes=()) for number in one.files})
        change.tell(
            "selection.answered",
            subject=f"{one.level}:{one.subject}",
            actor=f"reviewer:{reviewer}"[:128],
            question=one.question,
            is_so=True,
            files=len(one.files),
        )
