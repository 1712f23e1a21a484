"""De-identify one file: clean its header, judge its pixels, write it beside, have it checked, give it its name."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset

from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.deidentify_stamp import stamp_pixels_checked
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.rewrite import content_digest, write_instance
from radcommons.dicom.uids import uid_problem
from radcommons.dicom.writing import review_pixels
from radcommons.records.errors import StorageError, UnreadableInstance
from radcommons.records.finding import Finding, Severity
from radcommons.site.candidate import Candidate
from radcommons.site.deid_checker import Checker
from radcommons.site.deid_identity import digest_for_uids, ignored
from radcommons.site.deid_values import DeidSettings, Fate, FileDone, Link, Person, PixelCheck, Work, ended
from radcommons.site.patient import STUDY_STANDS
from radcommons.site.repair import deriver, value_of, with_uids
from radcommons.site.walk import stamp_of

_NO_RECORD: Mapping[str, str] = {}
_NO_COUNTS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file's end, with what only the run's own books hear of."""

    done: FileDone
    record: Mapping[str, str] = field(default_factory=lambda: _NO_RECORD)
    counts: Mapping[str, int] = field(default_factory=lambda: _NO_COUNTS)
    frames_checked: int = 0
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a worker makes once and uses for every file."""

    settings: DeidSettings
    profile: Profile
    detector: TextDetector
    checker: Checker


def deidentify_file(work: Work, *, person: Person, tools: Tools) -> Written:
    """Return what becomes of one file; whatever it is, it gets a fate with a reason.

    Parameters
    ----------
    work : Work
    person : Person
        Its patient, with what all files of the patient say.
    tools : Tools

    Raises
    ------
    StorageError
        If the disk is full: no fault of the file.
    """
    candidate = work.candidate
    try:
        with named_errors(), candidate.file.open("rb") as source:
            return _file(work, source, person=person, tools=tools)
    except UnreadableInstance as error:
        return Written(done=ended(candidate.path, Fate.REFUSED, error.reason, str(error)))
    except MemoryError:
        message = "It takes more memory than one worker process may use."
        return Written(done=ended(candidate.path, Fate.HELD, "undecodable-pixels", message))
    except StorageError:
        raise
    # This is the job runner: whatever a foreign parser raises ends this file alone. The text may quote values.
    except Exception as error:
        message = f"It could not be judged ({type(error).__name__})."
        return Written(done=ended(candidate.path, Fate.HELD, "unreadable", message))


@contextlib.contextmanager
def named_errors() -> Iterator[None]:
    """Tell a full disk, which stops everything, from a file that cannot be read, which stops nothing."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError("The disk is full.", mend="Free some space and run the same command again.") from None
        raise UnreadableInstance(f"It cannot be read: {error.strerror or 'unknown reason'}.") from None


def mapper_of(person: Person, *, secret: bytes) -> KeyedMapper:
    """Return the new identity of a patient."""
    key = person.key
    return KeyedMapper(secret, site_code=key.site, issuer=key.issuer, patient_id=key.patient_id)


def _file(work: Work, source: BinaryIO, *, person: Person, tools: Tools) -> Written:
    candidate = work.candidate
    before = stamp_of(candidate.file.stat())
    no_object = ignored(candidate.path, source.read(4096))
    if no_object is not None:
        return Written(done=no_object)
    header = read_header(source)
    secret = tools.settings.secret
    dataset, repairs = with_uids(header, secret=secret, original_digest=digest_for_uids(header, source))
    if work.is_renumbered:
        dataset, renumbered = _renumbered(dataset, source, secret=secret)
        repairs = (*repairs, renumbered)
    mapper = mapper_of(person, secret=secret)
    done = deidentify(dataset, profile=tools.profile, mapper=mapper, known=person.known)
    notes = (*header.findings, *repairs, *_nameless(person), *done.findings)
    if done.dataset is None:
        return _stopped(candidate, notes)
    seen, pixels, frames = _pixels(source, header, done.dataset, tools)
    notes = (*notes, *seen)
    if any(one.severity is not Severity.NOTE for one in notes):
        return _stopped(candidate, notes)
    output, is_new, checked = _write(done.dataset, header, source, before=before, candidate=candidate, tools=tools)
    notes = (*notes, *checked)
    if not output:
        return _stopped(candidate, notes)
    finished = FileDone(
        path=candidate.path,
        fate=Fate.WRITTEN,
        findings=notes,
        output=output,
        pixels=pixels,
        is_new=is_new,
        is_verified=tools.checker.has_checked,
    )
    link = _link(dataset, done.dataset, work.person) if tools.settings.wants_links else None
    return Written(done=finished, record=done.record, counts=done.counts, frames_checked=frames, link=link)


def _renumbered(dataset: Dataset, source: BinaryIO, *, secret: bytes) -> tuple[Dataset, Finding]:
    """Give an object whose SOP Instance UID another has one of its own, the same one every time."""
    changed = Dataset(dict(dataset.items()))
    own = deriver(secret)("rival", value_of(dataset, "SOPInstanceUID"), content_digest(source))
    changed.add_new("SOPInstanceUID", "UI", own)
    message = "Another object of the run has the same SOP Instance UID; this one was given its own."
    return changed, Finding(code="uid-conflict", severity=Severity.NOTE, message=message, where="SOPInstanceUID")


def _nameless(person: Person) -> tuple[Finding, ...]:
    if person.key.issuer != STUDY_STANDS:
        return ()
    message = "No patient identifier; the study stands for the patient."
    return (Finding(code="no-patient-id", severity=Severity.NOTE, message=message, where="PatientID"),)


def _stopped(candidate: Candidate, findings: tuple[Finding, ...]) -> Written:
    """Return the end of a file that a finding stops; a refusal weighs more than a question."""
    gravest = [one for one in findings if one.severity is Severity.REFUSAL]
    asking = [one for one in findings if one.severity is Severity.QUESTION]
    reason = (gravest or asking)[0]
    fate = Fate.REFUSED if gravest else Fate.HELD
    return Written(
        done=FileDone(path=candidate.path, fate=fate, code=reason.code, message=reason.message, findings=findings)
    )


def _pixels(source: BinaryIO, header: Header, fresh: Dataset, tools: Tools) -> tuple[tuple[Finding, ...], str, int]:
    """Return findings, what is said of the pixels, and how many frames were looked at."""
    if header.pixel is None:
        return (), "none", 0
    if tools.settings.pixels is PixelCheck.OFF:
        return (), "not-checked", 0
    reviewed = review_pixels(source, header, detector=tools.detector)
    if not reviewed.asks_a_person:
        stamp_pixels_checked(fresh)
    return reviewed.findings, "checked", reviewed.frames


def _write(
    fresh: Dataset, header: Header, source: BinaryIO, *, before: str, candidate: Candidate, tools: Tools
) -> tuple[str, bool, tuple[Finding, ...]]:
    """Write beside, check, rename; return the name below the output folder (empty if stopped), and what was found."""
    settings = tools.settings
    name = output_name(fresh)
    beside = settings.parts / f"{secrets.token_hex(12)}.part"
    try:
        with beside.open("xb") if settings.out else Path(os.devnull).open("wb") as target:
            write_instance(fresh, header=header, source=source, target=target)
        if stamp_of(candidate.file.stat()) != before:
            raise UnreadableInstance(
                "The file changed while it was read; run it again when the copy has finished.",
                reason="changed-while-read",
            )
        if not settings.out:
            tools.checker.skip()
            return name, True, ()
        objections = tools.checker(beside, fresh)
        if objections:
            return "", False, objections
        return name, give_name(beside, settings.out / name), ()
    finally:
        beside.unlink(missing_ok=True)


def output_name(fresh: Dataset) -> str:
    """Return the name of an object below the output folder, from what the object itself says after cleaning.

    Raises
    ------
    UnreadableInstance
        If a UID that the profile retained is none: nothing of a source may become a path.
    """
    uids = [value_of(fresh, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")]
    if any(uid_problem(uid) for uid in uids):
        raise UnreadableInstance("A UID that the profile retains is malformed.", reason="uid-invalid")
    return "/".join((value_of(fresh, "PatientID"), *uids)) + ".dcm"


def give_name(beside: Path, final: Path) -> bool:
    """Move a finished file to its name in one step; say whether anything changed."""
    if final.exists() and filecmp.cmp(beside, final, shallow=False):
        return False
    final.parent.mkdir(parents=True, exist_ok=True)
    beside.rename(final)
    return True


def _link(old: Dataset, fresh: Dataset, place: int) -> Link:
    def pair(keyword: str) -> tuple[str, str]:
        return value_of(old, keyword), value_of(fresh, keyword)

    return Link(
        person=place,
        accession=pair("AccessionNumber"),
        study=pair("StudyInstanceUID"),
        series=pair("SeriesInstanceUID"),
        instance=pair("SOPInstanceUID"),
    )
