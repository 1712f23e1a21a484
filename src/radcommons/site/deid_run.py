"""A run of `radcommons deid`: two passes over files and archives, and an end with a reason for each file.

The first pass learns who the files are about, because one object may name a patient whom another only numbers. The
second cleans. Nothing needs a store: everything new is derived from the site secret, so the same run again gives the
same bytes under the same names.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from radcommons.dicom.text_identity import KnownIdentity
from radcommons.platform.locks import lock as take
from radcommons.platform.pool import Pool, end_forking
from radcommons.records.errors import StorageError, UsageError
from radcommons.site.candidate import Candidate
from radcommons.site.deid_merges import Merges
from radcommons.site.deid_survey import (
    BATCH_FILES,
    LOOKED_AT_FILES,
    Known,
    batches,
    clean_batches,
    settle_rivals,
    survey,
)
from radcommons.site.deid_values import (
    Batch,
    Cleaned,
    DeidSettings,
    Fate,
    FileDone,
    Link,
    Lost,
    Person,
    PixelCheck,
    SameUid,
    ended,
)
from radcommons.site.deid_worker import start_cleaning, start_survey
from radcommons.site.walk import text_of, walk

# A process that takes so long over one batch hangs, or has pixels that nobody can look at in time.
BATCH_SECONDS = 1800.0
FILE_SECONDS = 600.0
_WORK = ".deid-"


@dataclass(slots=True)
class Run:
    """What a run did, in numbers; filled while it runs.

    Parameters
    ----------
    fates : Counter
        Files by what became of them.
    reasons : Counter
        (fate, code) of everything that was not written.
    findings : Counter
        Findings by code.
    records : dict
        Lists of actions by name, and in `record_uses` how many outputs share each.
    treatments : Counter
        Elements by treatment, over all outputs.
    incomplete : Counter
        Outputs that hold less than was meant, by code; they are among the written.
    withdrawn : int
        Outputs of earlier runs that were taken out of the folder, because their objects are now stopped.
    """

    fates: Counter[Fate] = field(default_factory=Counter)
    reasons: Counter[tuple[Fate, str]] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    records: dict[str, Mapping[str, str]] = field(default_factory=dict)
    record_uses: Counter[str] = field(default_factory=Counter)
    treatments: Counter[str] = field(default_factory=Counter)
    pixels: Counter[str] = field(default_factory=Counter)
    frames_checked: int = 0
    verified: int = 0
    unchanged: int = 0
    incomplete: Counter[str] = field(default_factory=Counter)
    withdrawn: int = 0
    patients: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def seen(self) -> int:
        """Files that the walk came upon, entries of archives counted instead of the archives."""
        return self.fates.total()

    @property
    def has_objections(self) -> bool:
        """Whether anything was held or refused, or came out in part."""
        return bool(self.fates[Fate.HELD] or self.fates[Fate.REFUSED] or self.incomplete)

    def count(self, done: FileDone) -> None:
        """Take one file into the sums."""
        self.fates[done.fate] += 1
        if done.fate is not Fate.WRITTEN:
            self.reasons[done.fate, done.code] += 1
        self.findings.update({one.code for one in done.findings})
        self.withdrawn += bool(done.withdrawn)
        if done.fate is Fate.WRITTEN:
            self.pixels[done.pixels] += 1
            self.verified += done.is_verified
            self.unchanged += not done.is_new
            self.incomplete.update({one.code for one in done.incomplete})
            if done.record:
                self.record_uses[done.record] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who hears of what while it happens.

    Parameters
    ----------
    progress : callable
        ``progress(done, all or None)``.
    done : callable
        Called with each file, in the order of the walk.
    linked : callable
        Called with each output's old and new names and its patient.
    """

    progress: Callable[[int, int | None], None] = lambda _done, _all: None
    done: Callable[[FileDone], None] = lambda _done: None
    linked: Callable[[Link, Person], None] | None = None


def deid_run(
    paths: Sequence[Path],
    *,
    settings: DeidSettings,
    known: KnownIdentity,
    jobs: int,
    listeners: Listeners,
    merges: Merges | None = None,
    same_uid: SameUid = SameUid.RENUMBER,
) -> Run:
    """De-identify every file below `paths`.

    Parameters
    ----------
    paths : sequence of Path
        Folders, files and archives.
    settings : DeidSettings
        Its `parts` is made and removed here.
    known : KnownIdentity
        What the roster adds to every patient.
    jobs : int
        Worker processes.
    listeners : Listeners
    merges : Merges, optional
        Patients whose identifiers changed.
    same_uid : SameUid
        What becomes of a second object with the SOP Instance UID of another.

    Raises
    ------
    UsageError
        If a path is not there, or input and output lie in each other.
    StorageError
        If the disk is full; what was written stays, and the same run goes on from there.

    Notes
    -----
    Memory: some hundred bytes a file and what is known of each patient; never an object's pixels.
    """
    began = time.monotonic()
    run = Run()
    with working_folder(settings.parts):
        source = _Source(paths, settings)
        first: Pool[Batch, object] = _pool(start_survey, settings, jobs, BATCH_SECONDS)
        answers = _answers(first, batches(source.walk()), settings)
        learnt = survey(answers, merges or Merges({}), listeners.progress)
        settle_rivals(source.walk(), learnt, same_uid=same_uid)
        run.patients = len(learnt.people)
        whole = _whole_identity(learnt.people, learnt.shared | known)
        second: Pool[Batch, object] = _pool(start_cleaning, settings, jobs, BATCH_SECONDS)
        most = BATCH_FILES if settings.pixels is PixelCheck.OFF else LOOKED_AT_FILES
        work = clean_batches(source.walk(), learnt, whole, most=most)
        for batch, answer in _answers(second, work, settings):
            _take(run, batch, answer, listeners, total=len(learnt.files))
    run.seconds = time.monotonic() - began
    end_forking()
    run.cpu_seconds = _cpu()  # the start and its imports included: nobody gets them for nothing
    return run


@dataclass(frozen=True, slots=True)
class _Source:
    """The walk, which both passes take; the output folder is never an input."""

    paths: Sequence[Path]
    settings: DeidSettings

    def walk(self) -> Iterator[Candidate]:
        out = self.settings.out
        inside = text_of(Path(os.path.abspath(out))) + os.sep if out else ""  # noqa: PTH100  (as the walk does)
        for candidate in walk(self.paths, spool=self.settings.parts, is_known=lambda _path, _stamp: False):
            if not inside or not candidate.path.startswith(inside):
                yield candidate
            elif candidate.is_spooled:
                candidate.file.unlink(missing_ok=True)


def check_folders(paths: Sequence[Path], out: Path) -> None:
    """Refuse an output folder that is, or holds, an input: originals and results must never lie mixed.

    Raises
    ------
    UsageError
    """
    target = out.resolve()
    for path in paths:
        found = path.resolve()
        if found == target or target in found.parents:
            raise UsageError(f"{path} lies in the output folder.", mend="Give --out another, empty folder.")


@contextlib.contextmanager
def working_folder(parts: Path) -> Iterator[None]:
    """Make the folder for half-written files and remove it at the end, with what killed runs left beside it."""
    parts.parent.mkdir(parents=True, exist_ok=True)
    for old in parts.parent.glob(f"{_WORK}*"):
        with contextlib.suppress(OSError):
            with (old / "lock").open("rb") as lock:
                take(lock)  # a living run holds it
            shutil.rmtree(old, ignore_errors=True)
    parts.mkdir(mode=0o700)
    try:
        with (parts / "lock").open("wb") as lock:
            take(lock)
            yield
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def parts_folder(beside: Path) -> Path:
    """Return a new name for a run's folder of half-written files."""
    return beside / f"{_WORK}{secrets.token_hex(8)}"


def _pool(start: Callable[[DeidSettings], Callable[[Batch], object]], settings: DeidSettings, jobs: int, seconds: float
) -> Pool[Batch, object]:  # fmt: skip
    return Pool(
        start=start,
        settings=(settings,),
        lost=lambda _batch, slow: Lost(slow),
        jobs=jobs,
        task_seconds=seconds,
        is_own_process=True,
    )


def _answers(
    pool: Pool[Batch, object], work: Iterator[Batch], settings: DeidSettings
) -> Iterator[tuple[Batch, object]]:
    """Yield each batch with its answer; a batch whose process died is done again file by file, so one file is lost."""
    results = pool.map(work)
    try:
        for batch, answer in results:
            pairs = [(batch, answer)]
            if isinstance(answer, Lost):
                _check_start(pool.start, settings)
                pairs = _one_by_one(pool.start, batch, settings)
            yield from pairs
            for each in batch.files:
                if each.candidate.is_spooled:
                    each.candidate.file.unlink(missing_ok=True)
    finally:
        results.close()  # type: ignore[attr-defined]


def _check_start(start: Callable[..., Callable[[Batch], object]], settings: DeidSettings) -> None:
    """Tell a file that kills its process from processes that cannot start at all, which no file is to blame for."""
    for _, answer in _pool(start, settings, 1, FILE_SECONDS).map([Batch(files=())]):
        if isinstance(answer, Lost):
            raise StorageError("The worker processes end as soon as they start.", mend="Check memory and installation.")


def _one_by_one(
    start: Callable[..., Callable[[Batch], object]], batch: Batch, settings: DeidSettings
) -> list[tuple[Batch, object]]:
    singles = [replace(batch, files=(work,)) for work in batch.files]
    return list(_pool(start, settings, 1, FILE_SECONDS).map(singles))


def lost_file(path: str, *, was_slow: bool) -> FileDone:
    """Return the end of a file that a process could not survive."""
    if was_slow:
        message = f"It took longer than {FILE_SECONDS / 60:.0f} minutes, so it was given up."
    else:
        message = "The process that read it died twice, as broken or huge pixel data can make it."
    return ended(path, Fate.HELD, "undecodable-pixels", message)


def _whole_identity(people: Sequence[Known], around: KnownIdentity) -> Callable[[int], Person]:
    """Return a function from a patient's number to the patient with everything that is to be looked for."""

    @lru_cache(maxsize=256)
    def whole(number: int) -> Person:
        return Person(key=people[number].key, known=people[number].known | around)

    return whole


def _take(run: Run, batch: Batch, answer: object, listeners: Listeners, *, total: int) -> None:
    if isinstance(answer, Lost):
        for work in batch.files:
            done = work.settled or lost_file(work.candidate.path, was_slow=answer.was_slow)
            run.count(done)
            listeners.done(done)
        return
    if not isinstance(answer, Cleaned):
        raise StorageError("A worker process answered in a way that is not known.")
    run.records.update(answer.records)
    run.treatments.update(answer.counts)
    run.frames_checked += answer.frames_checked
    for done in answer.files:
        run.count(done)
        listeners.done(done)
    if listeners.linked is not None:
        for link in answer.links:
            listeners.linked(link, batch.people[link.person])
    listeners.progress(run.seen, total)


def _cpu() -> float:
    """Return processor seconds of this process and of all that it waited for."""
    return sum(os.times()[:4])
