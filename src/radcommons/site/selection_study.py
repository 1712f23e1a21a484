"""Look at one study as a whole: criteria over its series, images that lie twice, and which of its series goes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FileState
from radcommons.records.protocol import Choice, Decision, FactValue, SelectionProtocol, Verdict, decide
from radcommons.records.protocol_facts import holds
from radcommons.site.clinical import ClinicalEntry, age_of
from radcommons.site.crosswalk import clinical_of
from radcommons.site.select import clinical_facts
from radcommons.site.selection_answers import Answers
from radcommons.site.selection_choose import Rival, choose
from radcommons.site.selection_facts import read_facts
from radcommons.site.selection_series import Shot, Stack, merged, stack_of
from radcommons.site.selection_stand import Credit, Said, credit, findings_of, mark_looked_at, movable, stand_all
from radcommons.site.store import Change
from radcommons.site.tables import file, study
from radcommons.site.tables_select import placed
from radcommons.site.tables_select import series as series_table

# What a look at a study speaks for; a quota speaks for itself.
CONTRADICTS = "clinical-contradicts"
STUDY_CODES = (
    *("other-series", "criterion-out", "criterion-undecided", "series-undecided", "slice-repeated"),
    CONTRADICTS,
)


@dataclass(slots=True, kw_only=True)
class _Series:
    """One series while its study is looked at."""

    uid: str
    facts: dict[str, FactValue]
    stack: Stack
    rows: list[sa.Row[Any]]
    sent: bool
    told: dict[str, FactValue]
    entries: tuple[ClinicalEntry, ...]
    study_date: str
    out: list[Finding] = field(default_factory=list)
    asked: list[Finding] = field(default_factory=list)
    credits: list[tuple[str, str, str]] = field(default_factory=list)
    decided: dict[str, Decision] = field(default_factory=dict)

    @property
    def first_file(self) -> int:
        """The earliest of its files."""
        return min(int(row.id) for row in self.rows)


def settle_study(change: Change, protocol: SelectionProtocol, *, site: str, study_uid: str, answers: Answers) -> None:
    """Bring every file of a study to where the protocol, the headers and people's answers put it.

    Parameters
    ----------
    change : Change
    protocol : SelectionProtocol
        Under which the study's files came.
    site, study_uid : str
    answers : Answers
        What people said before.

    Notes
    -----
    What was submitted is never touched.
    """
    rows = _rows(change, protocol.digest, site, study_uid)
    dated = sa.select(study.c.study_date).where(study.c.study_uid == study_uid, study.c.site == site)
    day = str(change.connection.execute(dated).scalar_one_or_none() or "")
    found = [_series_of(change, group, day) for group in _by_series(rows)]
    for one in found:
        _judge_series(one, protocol, answers)
    for choice in protocol.one_series:
        _choose(choice, found, answers)
    _remember(change, protocol.digest, site, study_uid, found)
    told = findings_of(change, [int(row.id) for row in rows])
    before: list[Credit] = []
    after: list[Credit] = []
    moves: dict[int, Said] = {}
    for one in found:
        repeated = set(one.stack.repeated or ())
        for row in one.rows:
            if row.state != FileState.SUBMITTED:
                number = int(row.id)
                own = _redecided(row, protocol, one, answers, told=told.get(number, ()), credits_=before)
                own += _contradiction(row, one, answers, credits_=before)
                said = (*one.out, *own, *one.asked, *_repeat(row, repeated))
                if not _stands(row, said, told.get(number, ())):
                    moves[number] = Said(codes=STUDY_CODES, findings=said)
                after += [Credit(file=number, code=code, where=where, reviewer=who) for code, where, who in one.credits]
    credit(change, before)
    stand_all(change, moves)
    credit(change, after)
    mark_looked_at(change, site=site, study_uid=study_uid, protocol=protocol.digest)


def _stands(row: sa.Row[Any], said: Sequence[Finding], told: Sequence[Any]) -> bool:
    """Say whether a file is already where this look would put it; most files of most studies are."""
    open_ = [one for one in told if not one.answered and one.code in STUDY_CODES]
    answered = {(one.code, one.where) for one in told if one.answered}
    wanted = [one for one in said if (one.code, one.where) not in answered]
    same = [(one.code, one.where, one.message) for one in open_] == [
        (one.code, one.where, one.message) for one in wanted
    ]
    if not same:
        return False
    if row.state == FileState.READY:
        return not wanted and all(one.answered or one.code != "over-quota" for one in told)
    return bool(row.settled == f"{row.state}:{row.code}")


def _redecided(
    row: sa.Row[Any],
    protocol: SelectionProtocol,
    one: _Series,
    answers: Answers,
    *,
    told: Sequence[Any],
    credits_: list[Credit],
) -> list[Finding]:
    """Decide anew what was decided when the file was judged: the clinical table may have come or changed since."""
    facts = {**_facts(str(row.facts)), **one.told}
    key = str(row.facts)
    if key not in one.decided:
        one.decided[key] = decide(protocol, facts)
    decision = one.decided[key]
    if decision.verdict is Verdict.IN:
        return []
    # What a person decided about this file alone.
    answered = {said.where for said in told if said.answered and said.code == "criterion-undecided"}
    by_id = {criterion.id: criterion for criterion in protocol.criteria}
    left: list[Finding] = []
    for name in decision.criteria:
        criterion = by_id[name]
        answer = answers.to(criterion, row, facts)
        if decision.verdict is Verdict.OUT or (answer is not None and not answer.is_so):
            left.append(excluded_by(name, criterion.says))
        elif answer is not None:
            credits_.append(Credit(file=int(row.id), code="criterion-undecided", where=name, reviewer=answer.reviewer))
        elif name not in answered:
            left.append(undecided(name, criterion.says))
    return left


@lru_cache(maxsize=256)
def _facts(text: str) -> Mapping[str, FactValue]:
    """Read facts that all images of a series share but once; nobody changes what is returned."""
    return read_facts(text)


_AGE_MAY_DIFFER = 2.0  # years: a table says the age at a test, at admission, or today


def _contradiction(row: sa.Row[Any], one: _Series, answers: Answers, *, credits_: list[Credit]) -> list[Finding]:
    """Ask where the table and the header cannot be of one person: a wrong table shows so."""
    if not one.entries:
        return []
    facts = _facts(str(row.facts))
    sexes = {entry.sex for entry in one.entries if entry.sex}
    ages = [years for entry in one.entries if (years := age_of(entry, one.study_date)) is not None]
    age = facts.get("age_years")
    differs = facts.get("sex") is not None and bool(sexes) and facts["sex"] not in sexes
    if ages and isinstance(age, int | float):
        differs = differs or all(abs(age - other) > _AGE_MAY_DIFFER for other in ages)
    if not differs:
        return []
    answer = answers.known.get((CONTRADICTS, str(row.pseudonym)))
    if answer is not None and answer.is_so:
        credits_.append(Credit(file=int(row.id), code=CONTRADICTS, where="", reviewer=answer.reviewer))
        return []
    if answer is not None:
        return [excluded_by(CONTRADICTS, "the row of the clinical table is not this patient's.")]
    message = "Header and clinical table disagree about sex or age. Is the row of this patient?"
    return [Finding(code=CONTRADICTS, severity=Severity.QUESTION, message=message)]


def _rows(change: Change, digest: str, site: str, study_uid: str) -> list[Any]:
    columns = [file.c[name] for name in ("id", "state", "code", "series_uid", "study_uid", "sop_uid", "pseudonym")]
    query = (
        sa.select(*columns, placed.c.facts, placed.c.orientation, placed.c.positions, placed.c.moment, placed.c.settled)
        .join(placed, placed.c.file == file.c.id)
        .where(file.c.study_uid == study_uid, file.c.site == site, file.c.protocol == digest)
        .where(movable() | (file.c.state == FileState.SUBMITTED))
        .order_by(file.c.id)
    )
    return list(change.connection.execute(query).all())


def _by_series(rows: Sequence[sa.Row[Any]]) -> Iterator[list[sa.Row[Any]]]:
    groups: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[str(row.series_uid)].append(row)
    yield from groups.values()


def _series_of(change: Change, rows: list[sa.Row[Any]], study_date: str) -> _Series:
    shots = [
        Shot(
            file=int(row.id),
            orientation=str(row.orientation),
            positions_mm=tuple(json.loads(str(row.positions))),
            moment=str(row.moment),
        )
        for row in rows
    ]
    stack = stack_of(shots)
    entries = clinical_of(change.connection, str(rows[0].pseudonym))
    told = clinical_facts(entries)
    return _Series(
        uid=str(rows[0].series_uid),
        facts={**merged(_facts(str(row.facts)) for row in rows), **told, **stack.facts()},
        stack=stack,
        rows=rows,
        sent=any(row.state == FileState.SUBMITTED for row in rows),
        told=told,
        entries=entries,
        study_date=study_date,
    )


def _judge_series(one: _Series, protocol: SelectionProtocol, answers: Answers) -> None:
    decision = decide(protocol, one.facts, of_series=True)
    by_id = {criterion.id: criterion for criterion in protocol.criteria}
    row = one.rows[0]
    for name in decision.criteria:
        criterion = by_id[name]
        answer = answers.to(criterion, row, one.facts) if decision.verdict is Verdict.UNDECIDED else None
        if answer is None and decision.verdict is Verdict.UNDECIDED:
            one.asked.append(undecided(criterion.id, criterion.says))
        elif answer is not None and answer.is_so:
            one.credits.append(("criterion-undecided", criterion.id, answer.reviewer))
        else:
            one.out.append(excluded_by(criterion.id, criterion.says))


def excluded_by(name: str, says: str) -> Finding:
    """Return what is said of a file that a criterion excludes."""
    message = f"Criterion '{name}' excludes it: {says}"
    return Finding(code="criterion-out", severity=Severity.NOTE, message=message, where=name)


def undecided(name: str, says: str) -> Finding:
    """Return the question of a criterion that cannot be decided."""
    message = f"Criterion '{name}' cannot be decided: {says} Is it so?"
    return Finding(code="criterion-undecided", severity=Severity.QUESTION, message=message, where=name)


def _choose(choice: Choice, found: Sequence[_Series], answers: Answers) -> None:
    rivals = [
        Rival(uid=one.uid, facts=one.facts, first_file=one.first_file, is_sent=one.sent)
        for one in found
        if not one.out and (choice.when is None or holds(choice.when, one.facts))
    ]
    if len(rivals) < 2:
        return
    chosen = choose(choice, rivals, answers=answers.of_choice(choice))
    by_uid = {one.uid: one for one in found}
    for uid, why in chosen.why.items():
        by_uid[uid].out.append(Finding(code="other-series", severity=Severity.NOTE, message=why, where=choice.id))
    if chosen.open_rank:
        says = choice.rank[chosen.open_rank - 1].says
        where = f"{choice.id}/{chosen.open_rank}"
        for uid in chosen.waiting:
            message = (
                f"Which series of the study goes cannot be decided: {says} Is it so for this one?"
                if uid in chosen.asked
                else f"Which series of the study goes waits for an answer about another one: {says}"
            )
            code, name = "series-undecided", where if uid in chosen.asked else choice.id
            by_uid[uid].asked.append(Finding(code=code, severity=Severity.QUESTION, message=message, where=name))


def _repeat(row: sa.Row[Any], repeated: set[int]) -> tuple[Finding, ...]:
    if int(row.id) not in repeated:
        return ()
    message = "Another image of its series lies at the same place. May this one go beside it?"
    return (Finding(code="slice-repeated", severity=Severity.QUESTION, message=message),)


def _remember(change: Change, digest: str, site: str, study_uid: str, found: Sequence[_Series]) -> None:
    """Keep what each series is; counts by kind are made from it."""
    same = (series_table.c.site == site, series_table.c.study_uid == study_uid, series_table.c.protocol == digest)
    change.connection.execute(series_table.delete().where(*same))
    rows: list[Mapping[str, object]] = [
        {
            "site": site,
            "study_uid": study_uid,
            "series_uid": one.uid,
            "protocol": digest,
            "facts": json.dumps(one.facts, sort_keys=True),
        }
        for one in found
    ]
    if rows:
        change.connection.execute(series_table.insert(), rows)
