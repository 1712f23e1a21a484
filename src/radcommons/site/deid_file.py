"""De-identify one file: clean its header, judge its pixels, write it beside, have it checked, give it its name."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO

from pydicom.dataset import Dataset

from radcommons.dicom.cleaned import CleanedHeader
from radcommons.dicom.deidentify_stream import StreamCleaner
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.newpixels import NewPixels
from radcommons.dicom.profile import Profile
from radcommons.dicom.uids import uid_problem
from radcommons.records.errors import StorageError, UnreadableInstance
from radcommons.records.finding import Finding, Severity
from radcommons.site.deid_checker import Checker
from radcommons.site.deid_values import DeidSettings, Fate, FileDone, Link, Person, PixelCheck, Work, ended
from radcommons.site.patient import STUDY_STANDS
from radcommons.site.walk import stamp_of

_NO_RECORD: Mapping[str, str] = {}
_NO_COUNTS: Mapping[str, int] = {}
_FLAGGED = ("identity-flagged", "BurnedInAnnotation")
_NAMELESS = Finding(
    code="no-patient-id",
    severity=Severity.NOTE,
    message="No patient identifier; the study stands for the patient.",
    where="PatientID",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file's end, with what only the run's own books hear of."""

    done: FileDone
    record: Mapping[str, str] = field(default_factory=lambda: _NO_RECORD)
    counts: Mapping[str, int] = field(default_factory=lambda: _NO_COUNTS)
    frames_checked: int = 0
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient and the new identity; one object for all files of the patient."""

    person: Person
    mapper: KeyedMapper


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What came of the pixels: new ones if they change, a header if it does, what was found."""

    said: str
    pixels: NewPixels | None = None
    dataset: Dataset | None = None
    findings: tuple[Finding, ...] = ()
    frames: int = 0
    sop_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a worker makes once and uses for every file; `look` looks at pixels, or only beside them."""

    settings: DeidSettings
    profile: Profile
    stream: StreamCleaner
    renumbering: StreamCleaner
    look: Callable[[CleanedHeader, BinaryIO, Patient], Look]
    checker: Checker


def deidentify_file(work: Work, *, patient: Patient, tools: Tools) -> Written:
    """Return what becomes of one file; whatever it is, it gets a fate with a reason.

    Parameters
    ----------
    work : Work
    patient : Patient
        Whose it is, with what all files of the patient say.
    tools : Tools

    Raises
    ------
    StorageError
        If the disk is full: no fault of the file.
    """
    path = work.candidate.path
    try:
        with named_errors(), open(work.candidate.file, "rb", buffering=0) as source:  # noqa: PTH123  (a third faster)
            return _file(work, source, patient=patient, tools=tools)
    except UnreadableInstance as error:
        return Written(done=ended(path, Fate.REFUSED, error.reason, str(error)))
    except MemoryError:
        message = "It takes more memory than one worker process may use."
        return Written(done=ended(path, Fate.HELD, "undecodable-pixels", message))
    except StorageError:
        raise
    # This is the job runner: whatever a foreign parser raises ends this file alone. The text may quote values.
    except Exception as error:
        return Written(done=ended(path, Fate.HELD, "unreadable", f"It could not be judged ({type(error).__name__})."))


@contextlib.contextmanager
def named_errors() -> Iterator[None]:
    """Tell a full disk, which stops everything, from a file that cannot be read, which stops nothing."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError("The disk is full.", mend="Free some space and run the same command again.") from None
        raise UnreadableInstance(f"It cannot be read: {error.strerror or 'unknown reason'}.") from None


def mapper_of(person: Person, *, secret: bytes, profile: Profile) -> KeyedMapper:
    """Return the new identity of a patient."""
    key = person.key
    return KeyedMapper(
        secret,
        site_code=key.site,
        issuer=key.issuer,
        patient_id=key.patient_id,
        uid_root=profile.uid_root,
        keeps_weekdays=profile.keeps_weekdays,
    )


def _file(work: Work, source: BinaryIO, *, patient: Patient, tools: Tools) -> Written:
    path = work.candidate.path
    before = stamp_of(os.fstat(source.fileno()))
    cleaner = tools.renumbering if work.is_renumbered else tools.stream
    cleaned = cleaner.clean(source, mapper=patient.mapper, known=patient.person.known)
    notes = cleaned.findings
    if patient.person.key.issuer == STUDY_STANDS:
        notes = (*notes, _NAMELESS)
    if cleaned.is_refused:
        return _stopped(path, notes)
    look = tools.look(cleaned, source, patient)
    if tools.settings.pixels is PixelCheck.CHECK and cleaned.pixel is not None:
        # what the header says of the pixels was answered by looking at them
        notes = tuple(one for one in notes if (one.code, one.where) != _FLAGGED)
    notes = (*notes, *look.findings)
    if notes and any(one.severity is not Severity.NOTE for one in notes):
        return _stopped(path, notes, withdrawn=_withdraw(cleaned, patient, tools.settings))
    output, is_new, objections = _write(cleaned, look, source, before=before, patient=patient, tools=tools)
    if objections:
        return _stopped(path, (*notes, *objections), withdrawn=_withdraw(cleaned, patient, tools.settings))
    finished = FileDone(
        path=path,
        fate=Fate.WRITTEN,
        findings=notes,
        output=output,
        pixels=look.said,
        is_new=is_new,
        is_verified=tools.checker.has_checked,
    )
    link = (
        _link(cleaned, look.sop_uid, patient.mapper, tools.profile, work.person) if tools.settings.wants_links else None
    )
    return Written(done=finished, record=cleaned.record, counts=cleaned.counts, frames_checked=look.frames, link=link)


def _withdraw(cleaned: CleanedHeader, patient: Patient, settings: DeidSettings) -> str:
    """Take out an earlier run's output of an object that is now stopped; return its name, empty if there is none."""
    if settings.out is None:
        return ""
    try:
        name = output_name(cleaned, cleaned.sop_uid, patient.mapper)
        os.unlink(f"{settings.out}/{name}")  # noqa: PTH108
    except (UnreadableInstance, FileNotFoundError):
        return ""
    return name


def _stopped(path: str, findings: tuple[Finding, ...], *, withdrawn: str = "") -> Written:
    """Return the end of a file that a finding stops; a refusal weighs more than a question."""
    gravest = [one for one in findings if one.severity is Severity.REFUSAL]
    asking = [one for one in findings if one.severity is Severity.QUESTION]
    reason = (gravest or asking)[0]
    fate = Fate.REFUSED if gravest else Fate.HELD
    return Written(
        done=FileDone(
            path=path, fate=fate, code=reason.code, message=reason.message, findings=findings, withdrawn=withdrawn
        )
    )


def look_beside(cleaned: CleanedHeader, source: BinaryIO, _patient: Patient) -> Look:
    """Take out what hides beside the pixels, and do not look at what they show."""
    if cleaned.pixel is None:
        return Look(said="none", sop_uid=cleaned.sop_uid)
    hidden = cleaned.look_beside(source)
    return Look(said="not-checked", pixels=hidden.pixels, findings=hidden.findings, sop_uid=cleaned.sop_uid)


def _write(
    cleaned: CleanedHeader, look: Look, source: BinaryIO, *, before: str, patient: Patient, tools: Tools
) -> tuple[str, bool, tuple[Finding, ...]]:
    """Write beside, check, rename; return the name below the output folder, whether it is new, and objections."""
    settings, name = tools.settings, output_name(cleaned, look.sop_uid, patient.mapper)
    beside = f"{settings.parts}/{os.getpid()}.part" if settings.out else os.devnull
    is_new = False
    try:
        with open(beside, "wb", buffering=0) as target:  # noqa: PTH123  (a third faster)
            cleaned.write(target, source, pixels=look.pixels, dataset=look.dataset, wants_digest=False)
        if stamp_of(os.fstat(source.fileno())) != before:
            message = "The file changed while it was read; run it again when the copy has finished."
            raise UnreadableInstance(message, reason="changed-while-read")
        if settings.out is None:
            tools.checker.skip()
            return name, True, ()
        objections = tools.checker(beside, cleaned.series_uid)
        is_new = not objections and give_name(beside, f"{settings.out}/{name}")
        return name, is_new, objections
    finally:
        if settings.out is not None and not is_new:  # otherwise it has its name
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)  # noqa: PTH108


def output_name(cleaned: CleanedHeader, sop_uid: str, mapper: KeyedMapper) -> str:
    """Return the name of an object below the output folder, from what the object itself says after cleaning.

    Raises
    ------
    UnreadableInstance
        If a UID that the profile retained is none: nothing of a source may become a path.
    """
    folder = _folder(cleaned.study_uid, cleaned.series_uid)
    if not folder or uid_problem(sop_uid):
        raise UnreadableInstance("A UID that the profile retains is malformed.", reason="uid-invalid")
    return f"{mapper.pseudonym}/{folder}/{sop_uid}.dcm"


@lru_cache(maxsize=256)
def _folder(study: str, series: str) -> str:
    return "" if uid_problem(study) or uid_problem(series) else f"{study}/{series}"


def give_name(beside: str, final: str) -> bool:
    """Move a finished file to its name in one step; say whether anything changed."""
    if os.path.exists(final) and filecmp.cmp(beside, final, shallow=False):  # noqa: PTH110
        return False
    try:
        os.rename(beside, final)  # noqa: PTH104
    except FileNotFoundError:
        os.makedirs(os.path.dirname(final), exist_ok=True)  # noqa: PTH103, PTH120
        os.rename(beside, final)  # noqa: PTH104
    return True


def _link(cleaned: CleanedHeader, sop_uid: str, mapper: KeyedMapper, profile: Profile, place: int) -> Link:
    old = cleaned.old
    accession = mapper.accession(old.accession) if old.accession and profile.maps_accessions else ""
    return Link(
        person=place,
        accession=(old.accession, accession),
        study=(old.study, cleaned.study_uid),
        series=(old.series, cleaned.series_uid),
        instance=(old.instance, sop_uid),
    )
