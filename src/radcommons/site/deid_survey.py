"""The first pass of a run: which files are whose, which claim one SOP Instance UID, and who is around the patients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from radcommons.dicom.rewrite import content_digest
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.site.candidate import Candidate
from radcommons.site.deid_merges import Merges
from radcommons.site.deid_values import Batch, Fate, FileDone, Lost, Person, SameUid, Surveyed, Work, ended, hash_of
from radcommons.site.patient import PatientKey

# Enough for a worker to gain from what it remembers of a series, few enough that one is not waited for at the end.
BATCH_FILES = 512
BATCH_BYTES = 320 << 20
# A folder of fewer files shares a batch with the next one.
FEW_FILES = 16
# Where pixels are looked at, that takes longest, and all processes shall have some of it.
LOOKED_AT_FILES = 48


@dataclass(slots=True)
class Known:
    """One patient, as far as the files so far say."""

    key: PatientKey
    known: KnownIdentity


@dataclass(slots=True)
class Learnt:
    """What the first pass learnt of all files; some hundred bytes a file.

    Parameters
    ----------
    files : dict
        Hash of a file's name and stamp -> place in `people`, or minus one minus the place in `settled`.
    sops : dict
        Hash of the file -> hash of its SOP Instance UID, for those that share it with another.
    renumbered : set
        Hashes of files whose SOP Instance UID another object has.
    """

    files: dict[int, int] = field(default_factory=dict)
    people: list[Known] = field(default_factory=list)
    settled: list[FileDone] = field(default_factory=list)
    shared: KnownIdentity = field(default_factory=KnownIdentity)
    sops: dict[int, int] = field(default_factory=dict)
    renumbered: set[int] = field(default_factory=set)


def file_hash(candidate: Candidate) -> int:
    """Return what stands for a file between the passes; another one when the file changed."""
    return hash_of(f"{candidate.path}\0{candidate.stamp}")


def batches(candidates: Iterable[Candidate]) -> Iterator[Batch]:
    """Group files that follow each other, mostly in one folder."""
    for group in _groups(candidates, BATCH_FILES):
        yield Batch(files=tuple(Work(candidate=one) for one in group))


def _groups(candidates: Iterable[Candidate], most: int) -> Iterator[list[Candidate]]:
    group: list[Candidate] = []
    weight, folder = 0, ""
    for candidate in candidates:
        place = candidate.path.rpartition("/")[0]
        is_next = place != folder and len(group) >= FEW_FILES
        if is_next or len(group) >= most or weight >= BATCH_BYTES:
            yield group
            group, weight = [], 0
        group.append(candidate)
        weight += int(candidate.stamp.partition("-")[0] or 0)
        folder = place
    if group:
        yield group


def survey(
    answers: Iterable[tuple[Batch, object]], merges: Merges, progress: Callable[[int, int | None], None]
) -> Learnt:
    """Gather the workers' answers of the first pass."""
    learnt = Learnt()
    numbers: dict[PatientKey, int] = {}
    first: dict[int, int] = {}
    for batch, answer in answers:
        if isinstance(answer, Surveyed):
            _gather(learnt, batch, answer, numbers, first, merges)
        else:
            was_slow = isinstance(answer, Lost) and answer.was_slow
            for work in batch.files:
                message = "It took too long to read." if was_slow else "The process that read its header died twice."
                _settle(learnt, work.candidate, ended(work.candidate.path, Fate.HELD, "unreadable", message))
        progress(len(learnt.files), None)
    return learnt


def _gather(
    learnt: Learnt,
    batch: Batch,
    answer: Surveyed,
    numbers: dict[PatientKey, int],
    first: dict[int, int],
    merges: Merges,
) -> None:
    learnt.shared = learnt.shared | answer.shared
    places = []
    for person in answer.people:
        key = merges.first(person.key)
        number = numbers.setdefault(key, len(learnt.people))
        if number == len(learnt.people):
            learnt.people.append(Known(key, person.known))
        else:
            learnt.people[number].known = learnt.people[number].known | person.known
        places.append(number)
    for work, facts in zip(batch.files, answer.files, strict=True):
        if isinstance(facts, FileDone):
            _settle(learnt, work.candidate, facts)
            continue
        own = file_hash(work.candidate)
        learnt.files[own] = places[facts.person]
        earlier = first.setdefault(facts.sop, own)
        if earlier != own:
            learnt.sops[earlier] = learnt.sops[own] = facts.sop


def _settle(learnt: Learnt, candidate: Candidate, done: FileDone) -> None:
    learnt.files[file_hash(candidate)] = -1 - len(learnt.settled)
    learnt.settled.append(done)


def settle_rivals(candidates: Iterable[Candidate], learnt: Learnt, *, same_uid: SameUid) -> None:
    """Tell files that are there twice from different objects with one SOP Instance UID; the first keeps it.

    Notes
    -----
    Walks once more, and only where a UID came twice: the first pass reads headers, this one whole files.
    """
    seen: dict[int, set[str]] = {}
    for candidate in candidates if learnt.sops else ():
        own = file_hash(candidate)
        if own in learnt.sops and candidate.refusal is None:
            _settle_rival(candidate, own, seen.setdefault(learnt.sops[own], set()), learnt, same_uid)
        if candidate.is_spooled:
            candidate.file.unlink(missing_ok=True)


def _settle_rival(candidate: Candidate, own: int, digests: set[str], learnt: Learnt, same_uid: SameUid) -> None:
    try:
        with candidate.file.open("rb") as source:
            digest = content_digest(source)
    except OSError:
        return  # the second pass says why it cannot be read
    if digest in digests:
        message = "The same bytes stand under another name in this run."
        _settle(learnt, candidate, ended(candidate.path, Fate.DUPLICATE, "duplicate", message))
    elif digests and same_uid is SameUid.HOLD:
        message = "Another object of this run has the same SOP Instance UID; keep one of the two."
        held = ended(candidate.path, Fate.HELD, "uid-conflict", message, "SOPInstanceUID")
        _settle(learnt, candidate, held)
    elif digests:
        learnt.renumbered.add(own)
    digests.add(digest)


def clean_batches(
    candidates: Iterable[Candidate], learnt: Learnt, whole: Callable[[int], Person], *, most: int = BATCH_FILES
) -> Iterator[Batch]:
    """Group the files again, at most so many, each with its patient or with its end, for the second pass."""
    for group in _groups(candidates, most):
        numbers: dict[int, int] = {}
        files = [_work(candidate, learnt, numbers) for candidate in group]
        yield Batch(files=tuple(files), people=tuple(whole(number) for number in numbers))


def _work(candidate: Candidate, learnt: Learnt, numbers: dict[int, int]) -> Work:
    own = file_hash(candidate)
    number = learnt.files.get(own)
    if number is None:
        message = "The file came or changed while the run was on; run it again when the copy has finished."
        return Work(candidate=candidate, settled=ended(candidate.path, Fate.REFUSED, "changed-while-read", message))
    if number < 0:
        return Work(candidate=candidate, settled=learnt.settled[-1 - number])
    return Work(
        candidate=candidate,
        person=numbers.setdefault(number, len(numbers)),
        is_renumbered=own in learnt.renumbered,
    )
