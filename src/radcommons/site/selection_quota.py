"""Count cases by kind against what the protocol wants, and keep back what is more than that where it says so."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FileState
from radcommons.records.protocol import FactValue, Quota, SelectionProtocol
from radcommons.records.protocol_facts import holds
from radcommons.site.clinical import parsed
from radcommons.site.crosswalk import known_keys
from radcommons.site.select import clinical_facts
from radcommons.site.selection_facts import read_facts
from radcommons.site.selection_stand import Said, mark_looked_at, movable, stand_all
from radcommons.site.store import Change
from radcommons.site.tables import clinical, decision, file, finding, study
from radcommons.site.tables_select import series

OVER_CODES = ("over-quota",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One study that counts for quotas; `month` is of the examination (YYYYMM), empty where no date is known."""

    study_uid: str
    patient: str
    month: str
    first_file: int
    is_sent: bool
    is_ready: bool
    is_waiting: bool
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One line of what is wanted: `have` is sent or ready, `waiting` needs a person's decision first."""

    quota: str
    says: str
    month: str
    counts: str
    wanted: int
    have: int
    waiting: int

    @property
    def owed(self) -> int:
        """How many are still wanted."""
        return max(self.wanted - self.have, 0)

    @property
    def sentence(self) -> str:
        """What a data manager reads."""
        when = f" of {self.month[:4]}-{self.month[4:]}" if self.month else ""
        kind = self.says.rstrip(".")
        if self.owed:
            wait = f"; {self.waiting} wait for a decision" if self.waiting else ""
            return f"You still owe {self.owed} {kind}{when}{wait}."
        more = self.have - self.wanted
        return (
            f"{kind[:1].upper()}{kind[1:]}{when}: {self.wanted} wanted, all here{f' and {more} more' if more else ''}."
        )


def cases(connection: sa.Connection, protocol: SelectionProtocol, *, site: str) -> list[Case]:
    """Return the studies of a site that count for any quota of the protocol, what went out first, then as they came."""
    told = _told(connection, site)
    dates = {
        str(row.study_uid): str(row.study_date)
        for row in connection.execute(sa.select(study.c.study_uid, study.c.study_date).where(study.c.site == site))
    }
    facts = {
        (str(row.study_uid), str(row.series_uid)): read_facts(str(row.facts))
        for row in connection.execute(
            sa.select(series).where(series.c.site == site, series.c.protocol == protocol.digest)
        )
    }
    by_study: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in connection.execute(_standing(protocol.digest, site)):
        if (row.study_uid, row.series_uid) in facts:
            by_study[str(row.study_uid)].append(row)
    found = [
        case
        for uid, rows in by_study.items()
        if (case := _case(protocol, uid, rows, facts, told, dates.get(uid, "")[:6])) is not None
    ]
    return sorted(found, key=lambda one: (not one.is_sent, not one.is_ready, one.first_file))


def _standing(digest: str, site: str) -> sa.Select[Any]:
    def number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    by_quota = (file.c.code == "over-quota") & ~sa.exists().where(
        decision.c.file == file.c.id, decision.c.decision != "pass"
    )
    return (
        sa.select(
            file.c.study_uid,
            file.c.series_uid,
            sa.func.min(file.c.pseudonym).label("pseudonym"),
            sa.func.min(file.c.id).label("first"),
            number(file.c.state == FileState.SUBMITTED).label("sent"),
            number(file.c.state == FileState.READY).label("ready"),
            number((file.c.state == FileState.HELD) & (file.c.code != "over-quota")).label("held"),
            number(by_quota & file.c.state.in_((FileState.EXCLUDED, FileState.HELD))).label("over"),
        )
        .where(file.c.site == site, file.c.protocol == digest, file.c.study_uid != "")
        .group_by(file.c.study_uid, file.c.series_uid)
    )


def _case(
    protocol: SelectionProtocol,
    uid: str,
    rows: Sequence[sa.Row[Any]],
    facts: Mapping[tuple[str, str], dict[str, FactValue]],
    told: Mapping[str, dict[str, FactValue]],
    month: str,
) -> Case | None:
    here = [row for row in rows if row.sent or row.ready or row.held or row.over]
    kinds = tuple(
        quota.id
        for quota in protocol.quotas
        if any(
            holds(quota.of, {**facts[uid, str(row.series_uid)], **told.get(str(row.pseudonym), clinical_facts(()))})
            for row in here
        )
    )
    if not kinds:
        return None
    return Case(
        study_uid=uid,
        patient=str(here[0].pseudonym),
        month=month,
        first_file=min(int(row.first) for row in here),
        is_sent=any(row.sent for row in here),
        is_ready=any(row.ready for row in here),
        is_waiting=any(row.held for row in here),
        kinds=kinds,
    )


def _told(connection: sa.Connection, site: str) -> dict[str, dict[str, FactValue]]:
    """Return what the clinical table tells, by pseudonym: the whole table in one reading."""
    entries: defaultdict[str, list[Any]] = defaultdict(list)
    pseudonyms: defaultdict[str, list[str]] = defaultdict(list)
    for key, pseudonym in known_keys(connection):
        if key.site == site:
            pseudonyms[key.patient_id].append(pseudonym)
    for row in connection.execute(sa.select(clinical).where(clinical.c.site == site)):
        for pseudonym in pseudonyms.get(str(row.patient_id), ()):
            entries[pseudonym] += parsed(str(row.members))
    return {pseudonym: clinical_facts(found) for pseudonym, found in entries.items()}


def owed(protocol: SelectionProtocol, found: Sequence[Case]) -> list[Owed]:
    """Return what is wanted and what is here, a line for each quota, for each month where it counts by months."""
    lines: list[Owed] = []
    for quota in protocol.quotas:
        months = sorted({case.month for case in found if quota.id in case.kinds}) if quota.per else [""]
        for month in months or [""]:
            chosen = [one for one in found if quota.id in one.kinds and (not quota.per or one.month == month)]
            here = {_counted(quota, one) for one in chosen if one.is_sent or one.is_ready}
            waiting = {_counted(quota, one) for one in chosen if one.is_waiting} - here
            lines.append(
                Owed(
                    quota=quota.id,
                    says=quota.says,
                    month=month,
                    counts=quota.counts,
                    wanted=_wanted(protocol, quota, found, month),
                    have=len(here),
                    waiting=len(waiting),
                )
            )
    return lines


def _counted(quota: Quota, case: Case) -> str:
    return case.patient if quota.counts == "patients" else case.study_uid


def _wanted(protocol: SelectionProtocol, quota: Quota, found: Sequence[Case], month: str) -> int:
    if quota.match is None:
        return int(quota.target or 0)
    other = next(one for one in protocol.quotas if one.id == quota.match)
    here = {
        _counted(other, one)
        for one in found
        if other.id in one.kinds and (one.is_sent or one.is_ready) and (not quota.per or one.month == month)
    }
    return math.ceil(quota.each * len(here))


def over_quota(protocol: SelectionProtocol, found: Sequence[Case]) -> dict[str, Quota]:
    """Return the studies that are more than a quota with a limit wants, with that quota.

    Notes
    -----
    Who went out counts first, then who came first: what is kept back does not change from one look to the next.
    A quota that matches another grows with it.
    """
    full: dict[str, Quota] = {}
    for quota in sorted(protocol.quotas, key=lambda one: one.match is not None):
        if quota.over == "take":
            continue
        going = [one for one in found if one.study_uid not in full]
        months = {one.month if quota.per else "" for one in going}
        room = {month: _wanted(protocol, quota, going, month) for month in months}
        counted: defaultdict[str, set[str]] = defaultdict(set)
        for case in going:
            if quota.id not in case.kinds:
                continue
            month, subject = case.month if quota.per else "", _counted(quota, case)
            if case.is_sent or subject in counted[month] or len(counted[month]) < room[month]:
                counted[month].add(subject)
            else:
                full[case.study_uid] = quota
    return full


def keep_back(change: Change, protocol: SelectionProtocol, *, site: str) -> int:
    """Hold or exclude what is more than the quotas want, let go what is not, and return how many studies wait so."""
    limited = [quota for quota in protocol.quotas if quota.over != "take"]
    if not limited:
        return 0
    full = over_quota(protocol, cases(change.connection, protocol, site=site))
    touched = set(_kept_back(change, protocol.digest, site))
    for uid in sorted(touched | set(full)):
        quota = full.get(uid)
        said = () if quota is None else (_message(quota),)
        query = sa.select(file.c.id).where(
            file.c.study_uid == uid, file.c.site == site, file.c.protocol == protocol.digest, movable()
        )
        numbers = change.connection.execute(query).scalars().all()
        stand_all(change, {int(number): Said(codes=OVER_CODES, findings=said) for number in numbers})
        mark_looked_at(change, site=site, study_uid=uid, protocol=protocol.digest)
    return len(full)


def _kept_back(change: Change, digest: str, site: str) -> Iterator[str]:
    query = (
        sa.select(file.c.study_uid)
        .join(finding, finding.c.file == file.c.id)
        .where(finding.c.code == "over-quota", finding.c.answered.is_(False))
        .where(file.c.protocol == digest, file.c.site == site)
        .distinct()
    )
    yield from (str(uid) for uid in change.connection.execute(query).scalars().all())


def _message(quota: Quota) -> Finding:
    kind = f"The protocol wants no more {quota.says.rstrip('.')}"
    if quota.over == "hold":
        message = f"{kind} now. May this case go all the same?"
        return Finding(code="over-quota", severity=Severity.QUESTION, message=message, where=quota.id)
    return Finding(
        code="over-quota", severity=Severity.NOTE, message=f"{kind}; it has as many as it asked for.", where=quota.id
    )
