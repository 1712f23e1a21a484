"""Fetch studies from a PACS: ask, choose, bring what misses, and report what was found, what came and what did not.

What arrives lies in the inbox and goes the road of `add`, while the next series is on its way.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from radcommons.platform.policy import load_protocol
from radcommons.records.errors import Conflict, PeerError, RadcommonsError
from radcommons.site.clinical import ClinicalTable
from radcommons.site.crosswalk import computed
from radcommons.site.fetch_bring import Bringer
from radcommons.site.fetch_clinical import against_plan, joined_table
from radcommons.site.fetch_find import Finder, Pacs, Patience, Plan, StudyPlan, Task, tasks_of
from radcommons.site.fetch_list import FetchList
from radcommons.site.fetch_pace import Throttle, Window, local_now
from radcommons.site.fetch_report import FetchReport, SeriesOutcome, reported, summed
from radcommons.site.fetch_state import WAITING, finish_study, save_series
from radcommons.site.fetch_take import Settler
from radcommons.site.patient import PatientKey
from radcommons.site.receive import decide_inbox
from radcommons.site.receive_inbox import Route, inbox_for, index_inbox, waiting_bytes
from radcommons.site.status import counts
from radcommons.site.store import Store

# Originals are not encrypted while they wait: so few of them wait.
BACKLOG_BYTES = 4 << 30
_DECIDE_S = 10.0
_BUSY_S = 5.0
_BUSY_TRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How hard a peer may be asked.

    Parameters
    ----------
    associations : int
        At a time.
    bytes_a_second : float
        Over all of them; 0 is no limit.
    window : Window
        Hours in which anything is asked.
    limit : int
        Studies that one line may match.
    tries : int
        Attempts without any progress before a series is given up for this call.
    """

    associations: int = 2
    bytes_a_second: float = 0.0
    window: Window = field(default_factory=Window)
    limit: int = 200
    tries: int = 6
    first_pause_s: float = 1.0


def fetch(
    store: Store,
    asked: FetchList,
    *,
    connect: Callable[[], Pacs],
    peer: str,
    parts: Path,
    route: Route | None = None,
    pace: Pace | None = None,
    jobs: int = 2,
    what_if: bool = False,
    clinical: ClinicalTable | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    say: Callable[[str], None] = lambda _: None,
) -> FetchReport:
    """Fetch what a list asks for.

    Parameters
    ----------
    store : Store
    asked : FetchList
    connect : callable
        Makes a connection; each thread has one of its own.
    peer : str
        Name of the peer in the store: what came from it is not asked for again.
    parts : Path
        Folder on the store's file system for what is half-received (see `parts_folder`).
    route : Route, optional
        What arrives is judged so; the gateway's settings by default.
    pace : Pace, optional
    jobs : int
        Worker processes that decide what arrived.
    what_if : bool
        Asks and chooses, writes and fetches nothing.
    clinical : ClinicalTable, optional
        Kept first, or only asked where nothing is written; the report says which of its numbers fit nobody.
    progress, say : callable
        Called with instances (here, expected), and with sentences such as when a window opens.

    Raises
    ------
    PeerError
        If the peer cannot be asked at all. What fails after that stands in the report.
    StorageError
        If the disk is full; nothing was lost, and the same call goes on from there.

    Notes
    -----
    PHI: answers and originals stay in the gateway's folder; the report names lines of the list. Safe to stop at any
    moment and to repeat.
    """
    began = time.monotonic()
    route, pace = route or Route(), pace or Pace()
    site = route.site or store.settings.sites[0]
    protocol = load_protocol(route.protocol or store.settings.protocol)
    patience = Patience(tries=pace.tries, first_pause_s=pace.first_pause_s)
    if not what_if:
        index_inbox(store, source=peer)

    def wait_for_window() -> None:
        _wait(pace.window, patience.stop, say)

    table = joined_table(store, clinical, site=site, keep=not what_if)
    first = connect()
    try:
        finder = Finder(
            store=store,
            pacs=first,
            peer=peer,
            site=site,
            protocol=protocol,
            limit=pace.limit,
            patience=patience,
            keep=not what_if,
            clinical=table,
        )
        plan = finder.find(asked.wanted, before_each=wait_for_window)
    finally:
        first.close()
    outcomes: dict[str, list[SeriesOutcome]] = {}
    added: Counter[str] = Counter()
    problem = ""
    if not what_if:
        before = Counter(counts(store))
        run = _Run(
            store, plan, connect, peer, parts, pace, patience, inbox_for(store, route), wait_for_window, progress
        )
        problem = run.all(jobs=jobs)
        outcomes = run.outcomes
        _tell(store, plan, outcomes, peer=peer, site=site)
        added = Counter(counts(store)) - before
    return reported(
        plan,
        outcomes,
        peer=peer,
        problems=asked.problems,
        seconds=time.monotonic() - began,
        what_if=what_if,
        added={state: count for state, count in added.items() if state != "seen"},
        problem=problem,
        clinical=None if clinical is None else against_plan(store, clinical, plan, site=site),
    )


def _wait(window: Window, stop: threading.Event, say: Callable[[str], None]) -> None:
    is_told = False
    while (pause := window.opens_in(local_now())) > 0 and not stop.is_set():
        if not is_told:
            say(f"Outside the hours that are allowed; goes on at {window.begin // 60:02}:{window.begin % 60:02}.")
            is_told = True
        stop.wait(min(pause, 30.0))  # asked anew: the clock may jump, and the PC may sleep
    if is_told:
        say("The window is open; going on.")


@dataclass(slots=True)
class _Run:
    """The second half of a fetch: threads that bring, one that settles, one that decides."""

    store: Store
    plan: Plan
    connect: Callable[[], Pacs]
    peer: str
    parts: Path
    pace: Pace
    patience: Patience
    folder: Path
    wait_for_window: Callable[[], None]
    progress: Callable[[int, int], None]
    outcomes: dict[str, list[SeriesOutcome]] = field(default_factory=lambda: defaultdict(list))
    problem: Exception | None = None
    _came: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self, *, jobs: int) -> str:
        """Bring every series and decide all that came; return what stopped it, if anything did."""
        tasks: queue.Queue[tuple[StudyPlan, Task]] = queue.Queue()
        for pair in tasks_of(self.plan):
            tasks.put(pair)
        decider = _Decider(self.store, jobs)
        settler = Settler(self.store, self.folder, self.peer, settled=decider.wake.set)
        throttle = Throttle(self.pace.bytes_a_second)
        workers = min(self.pace.associations, tasks.qsize())
        with ExitStack() as stack:
            decider.start()
            stack.callback(decider.stop)
            settler.start()
            stack.callback(settler.stop)
            if workers:
                with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as threads:
                    waiting = [threads.submit(self._bring_all, tasks, settler, throttle) for _ in range(workers)]
                    self._until_done(waiting)
        if isinstance(self.problem, RadcommonsError) and not isinstance(self.problem, PeerError):
            raise self.problem
        if self.problem is not None and not isinstance(self.problem, PeerError):
            raise self.problem
        decider.finish()
        return str(self.problem or "")

    def _until_done(self, waiting: list[Future[None]]) -> None:
        try:
            for one in waiting:
                one.result()
        except BaseException:
            self.patience.stop.set()
            raise

    def _bring_all(self, tasks: queue.Queue[tuple[StudyPlan, Task]], settler: Settler, throttle: Throttle) -> None:
        """Be one association: take series after series until there are none, or something stops all."""
        bringer = Bringer(
            store=self.store,
            pacs=self.connect(),
            settler=settler,
            throttle=throttle,
            parts=self.parts,
            patience=self.patience,
            counted=self._count,
        )
        try:
            while not self.patience.stop.is_set():
                try:
                    planned, task = tasks.get_nowait()
                except queue.Empty:
                    return
                self.wait_for_window()
                self._wait_for_room()
                self._one(bringer, planned, task)
        except RadcommonsError as error:
            self.problem = self.problem or error
            self.patience.stop.set()
        finally:
            bringer.pacs.close()

    def _one(self, bringer: Bringer, planned: StudyPlan, task: Task) -> None:
        outcome = bringer.bring(task)
        save_series(
            self.store, self.peer, task.series, state=outcome.state, code=outcome.code, expected=outcome.expected
        )
        with self._lock:
            self.outcomes[planned.study.study_uid].append(outcome)

    def _wait_for_room(self) -> None:
        while waiting_bytes(self.store) > BACKLOG_BYTES and not self.patience.stop.wait(1.0):
            pass

    def _count(self, _size: int) -> None:
        with self._lock:
            self._came += 1
            self.progress(self._came, sum(one.expected for one in self.plan.studies.values()))


@dataclass(slots=True)
class _Decider:
    """A thread that takes what has settled down the road of `add`; the last round is the caller's own."""

    store: Store
    jobs: int
    wake: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="decider", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the round in hand."""
        self._stop.set()
        self.wake.set()
        if self._thread is not None:
            self._thread.join()

    def finish(self) -> None:
        """Decide what is left; if another process decides just now, leave it to that one after a while."""
        for _ in range(_BUSY_TRIES):
            try:
                decide_inbox(self.store, jobs=self.jobs)
            except Conflict:
                time.sleep(_BUSY_S)
            else:
                return

    def _run(self) -> None:
        while not self._stop.wait(_DECIDE_S):
            if self.wake.is_set():
                self.wake.clear()
                try:
                    decide_inbox(self.store, jobs=self.jobs)
                except RadcommonsError:
                    self.wake.set()  # whatever it is, the last round tells it


def _tell(store: Store, plan: Plan, outcomes: dict[str, list[SeriesOutcome]], *, peer: str, site: str) -> None:
    """Write how each study ended."""
    secret = store.mapping_secret()
    for uid, planned in plan.studies.items():
        if planned.state != WAITING:
            continue
        study = planned.study
        key = PatientKey(site=site, issuer=study.issuer, patient_id=study.patient_id)
        done = summed(planned, outcomes.get(uid, ()))
        finish_study(
            store,
            peer,
            uid,
            state=done.state,
            subject=f"study:{computed(key, secret=secret).mapper(secret).uid(uid)}",
            expected=done.expected,
            here=done.here,
            refused=done.strangers,
        )
