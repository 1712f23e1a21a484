"""The worker processes of a run: one pass learns whom the files are about, the other cleans them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

from radcommons.dicom.cleaned import CleanedHeader
from radcommons.dicom.deidentify_stream import StreamCleaner
from radcommons.dicom.facts import Asked, FactsReader
from radcommons.dicom.profile import Profile, load_profile
from radcommons.dicom.sniff import HEAD_BYTES
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import StorageError, UnreadableInstance
from radcommons.site.candidate import Candidate
from radcommons.site.deid_checker import Checker
from radcommons.site.deid_file import (
    Look,
    Patient,
    Tools,
    Written,
    deidentify_file,
    look_beside,
    mapper_of,
    named_errors,
)
from radcommons.site.deid_identity import Facts, facts_of, ignored, mender, no_object, renumberer
from radcommons.site.deid_values import (
    Batch,
    Cleaned,
    DeidSettings,
    Fate,
    FileDone,
    FileFacts,
    Link,
    Person,
    PixelCheck,
    Surveyed,
    Work,
    ended,
    hash_of,
)
from radcommons.site.patient import PatientKey

_PATIENTS = 64


def start_survey(settings: DeidSettings) -> Survey:
    """Return the function of the first pass (see `platform.pool.Pool`)."""
    return Survey(settings)


def start_cleaning(settings: DeidSettings) -> Cleaning:
    """Return the function of the second pass (see `platform.pool.Pool`)."""
    profile = load_profile(settings.profile)
    tools = Tools(
        settings=settings,
        profile=profile,
        stream=StreamCleaner(profile, mend=mender(settings.secret)),
        renumbering=StreamCleaner(profile, mend=renumberer(settings.secret), is_remembering=False),
        look=_look(settings, profile),
        checker=Checker(profile, settings.verify),
    )
    return Cleaning(tools)


def _look(settings: DeidSettings, profile: Profile) -> Callable[[CleanedHeader, BinaryIO, Patient], Look]:
    if settings.pixels is PixelCheck.OFF:
        return look_beside
    from radcommons.site.deid_pixels import PixelLook  # networks and filters, which take a second to import

    return PixelLook(profile, takes_captures=settings.takes_captures)


def _summed(alike: Iterable[tuple[Mapping[str, int], int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for counts, times in alike:
        sums.update({name: count * times for name, count in counts.items()})
    return dict(sums)


class Survey:
    """Says of each file of a batch whose it is."""

    def __init__(self, settings: DeidSettings) -> None:
        self._site = settings.site
        self._reader = FactsReader(facts_of, mend=mender(settings.secret))

    def __call__(self, batch: Batch) -> Surveyed:
        """Return the files' patients, each once, and who is around them."""
        places: dict[PatientKey, int] = {}
        known: list[KnownIdentity] = []
        shared = KnownIdentity()
        files: list[FileFacts | FileDone] = []
        last: tuple[Facts | None, int] = (None, -1)
        for work in batch.files:
            found = self._one(work.candidate)
            if isinstance(found, FileDone):
                files.append(found)
                continue
            # Slices of a series share one object of facts: what it says was taken in with the first of them.
            if found.facts is not last[0] or not found.facts.patient_id:
                key = found.facts.key(site=self._site, study_uid=found.study_uid)
                place = places.setdefault(key, len(known))
                if place == len(known):
                    known.append(found.facts.known)
                else:
                    known[place] = known[place] | found.facts.known
                shared = shared | found.facts.shared
                last = (found.facts, place)
            files.append(FileFacts(person=last[1], sop=hash_of(found.sop_uid)))
        people = tuple(Person(key=key, known=known[place]) for key, place in places.items())
        return Surveyed(files=tuple(files), people=people, shared=shared)

    def _one(self, candidate: Candidate) -> Asked[Facts] | FileDone:
        if candidate.refusal is not None:
            return ended(candidate.path, Fate.REFUSED, candidate.refusal.code, candidate.refusal.message)
        try:
            with named_errors(), open(candidate.file, "rb", buffering=0) as source:  # noqa: PTH123  (a third faster)
                return self._read(candidate, source)
        except UnreadableInstance as error:
            return ended(candidate.path, Fate.REFUSED, error.reason, str(error))
        except StorageError:
            raise
        # A foreign parser over arbitrary bytes raises anything; it ends this file alone. The text may quote values.
        except Exception as error:
            return ended(candidate.path, Fate.HELD, "unreadable", f"It could not be judged ({type(error).__name__}).")

    def _read(self, candidate: Candidate, source: BinaryIO) -> Asked[Facts] | FileDone:
        try:
            asked = self._reader.read(source)
        except UnreadableInstance:
            source.seek(0)
            other = ignored(candidate.path, source.read(HEAD_BYTES))
            if other is None:
                raise
            return other
        return no_object(candidate.path, asked) or asked


class Cleaning:
    """Cleans the files of a batch."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._told: set[str] = set()
        self._names: dict[int, tuple[Mapping[str, str], str]] = {}
        self._patients: dict[PatientKey, Patient] = {}

    def __call__(self, batch: Batch) -> Cleaned:
        """Return what became of each file, in order."""
        alike: dict[int, tuple[Mapping[str, int], int]] = {}  # slices share one mapping of counts: it is summed once
        records: dict[str, Mapping[str, str]] = {}
        files: list[FileDone] = []
        links: list[Link] = []
        frames = 0
        patients = [self._patient(person) for person in batch.people]
        for work in batch.files:
            written = self._one(work, patients)
            number = id(written.counts)
            alike[number] = (written.counts, alike.get(number, (written.counts, 0))[1] + 1)
            frames += written.frames_checked
            links += [written.link] if written.link else []
            files.append(self._with_record(written, records))
        return Cleaned(
            files=tuple(files),
            records=records,
            counts=_summed(alike.values()),
            frames_checked=frames,
            links=tuple(links),
        )

    def _patient(self, person: Person) -> Patient:
        """Return the same object for a patient as before: what was remembered of it hangs on that."""
        found = self._patients.get(person.key)
        if found is None or found.person != person:
            if len(self._patients) >= _PATIENTS:
                self._patients.clear()
            mapper = mapper_of(person, secret=self._tools.settings.secret, profile=self._tools.profile)
            found = self._patients[person.key] = Patient(person=person, mapper=mapper)
        return found

    def _one(self, work: Work, patients: list[Patient]) -> Written:
        if work.settled is not None:
            return Written(done=work.settled)
        return deidentify_file(work, patient=patients[work.person], tools=self._tools)

    def _with_record(self, written: Written, records: dict[str, Mapping[str, str]]) -> FileDone:
        if not self._tools.settings.wants_record or written.done.fate is not Fate.WRITTEN:
            return written.done
        name = self._name_of(written.record)
        if name not in self._told:
            self._told.add(name)
            records[name] = dict(written.record)
        return written.done._replace(record=name)

    def _name_of(self, record: Mapping[str, str]) -> str:
        known = self._names.get(id(record))
        if known is not None and known[0] is record:
            return known[1]
        name = hashlib.sha256(json.dumps(sorted(record.items())).encode()).hexdigest()[:16]
        if len(self._names) > 256:
            self._names.clear()
        self._names[id(record)] = (record, name)
        return name
