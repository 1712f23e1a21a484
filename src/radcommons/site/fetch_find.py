"""Ask a peer for every line of the list and choose: nothing is fetched here, and `--what-if` ends here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol, TypeVar

import sqlalchemy as sa
from pydicom.dataset import Dataset

from radcommons.records.errors import PeerError
from radcommons.records.protocol import SelectionProtocol, Verdict
from radcommons.site.clinical import ClinicalEntry, parsed
from radcommons.site.fetch_choose import Chosen, choose, decide_listed
from radcommons.site.fetch_state import (
    EXCLUDED,
    MOVED,
    WAITING,
    WITHDRAWN,
    Before,
    save_series,
    save_study,
)
from radcommons.site.pacs_find import Hits, Image, Listed, Wanted
from radcommons.site.pacs_get import Asked, Brought, Take
from radcommons.site.store import Store
from radcommons.site.tables import clinical as clinical_table

R = TypeVar("R")
# What a repeat cannot mend; someone has to change a setting.
PERMANENT = ("peer-refuses",)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_KNOWN_FOR_S = 20.0


class Pacs(Protocol):
    """A source of studies, whatever it speaks; each thread has one of its own. Every call may raise PeerError."""

    def studies(self, wanted: Wanted, *, limit: int) -> Hits:
        """Return the studies that answer to a line, `limit` of them at most."""

    def study(self, study_uid: str) -> Listed | None:
        """Return one study, None when it is not there."""

    def series(self, study_uid: str) -> tuple[Listed, ...]:
        """Return the series of a study."""

    def images(self, study_uid: str, series_uid: str) -> tuple[Image, ...]:
        """Return the instances of a series."""

    def bring(self, asked: Asked, take: Take) -> Brought:
        """Bring a series or some of its instances; each goes through `take`."""

    def close(self) -> None:
        """Let go of connections; the next call opens new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A series to be brought."""

    study: Listed
    series: Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOutcome:
    """What became of one line of the list: `moved` studies answered to it earlier and do no longer."""

    line: int
    code: str
    studies: int = 0
    strangers: int = 0
    moved: int = 0


@dataclass(slots=True, kw_only=True)
class StudyPlan:
    """A study that answers to a line; `state` is waiting where there is something to fetch."""

    study: Listed
    line: int
    state: str
    tasks: tuple[Task, ...] = ()
    excluded: dict[str, int] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        """Instances that the peer names for what is to be fetched."""
        return sum(task.series.count or 0 for task in self.tasks)


@dataclass(slots=True, kw_only=True)
class Plan:
    """Every line with its outcome, and every study once."""

    lines: list[LineOutcome] = field(default_factory=list)
    studies: dict[str, StudyPlan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a peer that closes associations is asked again, with longer and longer pauses."""

    tries: int = 6
    first_pause_s: float = _FIRST_PAUSE_S
    stop: threading.Event = field(default_factory=threading.Event)

    def pause(self, attempt: int) -> None:
        """Wait before the next attempt; a stop ends the waiting."""
        self.stop.wait(min(self.first_pause_s * 2**attempt, _LONGEST_PAUSE_S))

    def keep_asking(self, pacs: Pacs, work: Callable[[], R]) -> R:
        """Do work that asks a peer, again where the peer goes away.

        Raises
        ------
        PeerError
            If it fails each time, or in a way that no repeat mends.
        """
        for attempt in range(self.tries):
            try:
                return work()
            except PeerError as error:
                pacs.close()
                if error.code in PERMANENT or attempt + 1 == self.tries or self.stop.is_set():
                    raise
                self.pause(attempt)
        raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Asks for lines and chooses among the answers.

    Parameters
    ----------
    store : Store
    pacs : Pacs
    peer : str
        Its name in the store.
    site : str
        Site code that the fetch is for.
    protocol : SelectionProtocol
    limit : int
        Studies that one line may match.
    patience : Patience
    keep : bool
        False writes nothing.
    clinical : mapping of patient number to entries, optional
        What a table says that is not kept; the store's own is asked for all others.
    """

    store: Store
    pacs: Pacs
    peer: str
    site: str
    protocol: SelectionProtocol
    limit: int
    patience: Patience
    keep: bool = True
    clinical: Mapping[str, Sequence[ClinicalEntry]] | None = None

    def find(self, wanted: Sequence[Wanted], *, before_each: Callable[[], None] = lambda: None) -> Plan:
        """Return the plan of what to fetch; a study that answers to two lines stands under the first."""
        plan = Plan()
        before = Before.read(self.store, self.peer, site=self.site)
        read_at = time.monotonic()
        for one in wanted:
            before_each()
            if time.monotonic() - read_at > _KNOWN_FOR_S:  # a list may take nights, and somebody opts out meanwhile
                before, read_at = Before.read(self.store, self.peer, site=self.site), time.monotonic()
            plan.lines.append(self._line(one, plan, before))
        return plan

    def _line(self, wanted: Wanted, plan: Plan, before: Before) -> LineOutcome:
        hits = self.patience.keep_asking(self.pacs, lambda: self.pacs.studies(wanted, limit=self.limit))
        chosen: Chosen = choose(wanted, hits)
        for study in chosen.studies:
            if study.study_uid not in plan.studies:
                planned = self._study(study, wanted.line, before)
                planned.study = _bare(study)
                plan.studies[study.study_uid] = planned
        found = {study.study_uid for study in chosen.studies}
        # A line that now means nothing or two patients says nothing about where the earlier study went.
        moved = before.gone_studies(wanted, found) if not hits.is_cut else 0
        return LineOutcome(
            line=wanted.line,
            code=MOVED if moved and not found else chosen.code,
            studies=len(chosen.studies),
            strangers=chosen.strangers,
            moved=moved,
        )

    def _study(self, study: Listed, line: int, before: Before) -> StudyPlan:
        if before.is_withdrawn(patient_id=study.patient_id, issuer=study.issuer):
            planned = StudyPlan(study=study, line=line, state=WITHDRAWN)
        else:
            series = self.patience.keep_asking(self.pacs, lambda: self.pacs.series(study.study_uid))
            planned = self._chosen(study, line, series)
        if self.keep:
            save_study(self.store, self.peer, study, asked=f"line {line}", state=planned.state)
        return planned

    def _chosen(self, study: Listed, line: int, series: Sequence[Listed]) -> StudyPlan:
        entries = self._clinical(study.patient_id)
        tasks, excluded = [], dict[str, int]()
        for one in series:
            decision = decide_listed(self.protocol, study, one, clinical=entries)
            if decision.verdict is Verdict.OUT:
                criterion = decision.criteria[0]
                excluded[criterion] = excluded.get(criterion, 0) + 1
                if self.keep:
                    save_series(self.store, self.peer, one, state=EXCLUDED, code=criterion, expected=one.count)
            else:
                tasks.append(Task(study=_bare(study), series=_bare(one if self.keep else self._counted(one))))
        state = EXCLUDED if excluded and not tasks else WAITING
        return StudyPlan(study=study, line=line, state=state, tasks=tuple(tasks), excluded=excluded)

    def _counted(self, series: Listed) -> Listed:
        """Count the instances of a series where the peer does not tell their number by itself."""
        if series.count is not None:
            return series
        images = self.patience.keep_asking(self.pacs, lambda: self.pacs.images(series.study_uid, series.series_uid))
        return replace(series, count=len(images))

    def _clinical(self, patient_id: str) -> tuple[ClinicalEntry, ...]:
        if self.clinical is not None and patient_id in self.clinical:
            return tuple(self.clinical[patient_id])
        query = sa.select(clinical_table.c.members).where(
            clinical_table.c.site == self.site, clinical_table.c.patient_id == patient_id
        )
        with self.store.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return parsed(found) if found else ()


def _bare(one: Listed) -> Listed:
    """Return an answer without what was needed to choose alone: a list has tens of thousands of them."""
    return replace(one, header=_only_modality(str(one.header.get("Modality") or "")))


@lru_cache(maxsize=64)
def _only_modality(modality: str) -> Dataset:
    """Return a header that many answers share; nobody changes it."""
    header = Dataset()
    if modality:
        header.Modality = modality
    return header


def tasks_of(plan: Plan) -> Iterator[tuple[StudyPlan, Task]]:
    """Yield every series to be brought, study after study."""
    for planned in plan.studies.values():
        for task in planned.tasks:
            yield planned, task
