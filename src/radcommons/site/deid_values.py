"""What passes between a run of `radcommons deid`, its worker processes and its reports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.finding import Finding, Severity
from radcommons.site.candidate import Candidate
from radcommons.site.patient import PatientKey


def hash_of(text: str) -> int:
    """Return 63 bits that stand for a text in tables that hold a million of them."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big") >> 1


# Of a written object these notes say that it is not all that it was meant to be: a person should know before its use.
INCOMPLETE = frozenset({"truncated", "undecodable-pixels"})


class Fate(StrEnum):
    """What became of a file; each file has one."""

    WRITTEN = "written"  # de-identified; with `--what-if`: would be written
    HELD = "held"  # a person has to look; nothing was written
    REFUSED = "refused"  # cannot be used
    IGNORED = "ignored"  # no image object
    DUPLICATE = "duplicate"  # the same bytes stand elsewhere in this run


class PixelCheck(StrEnum):
    """What is done about the pixels."""

    CHECK = "check"
    OFF = "off"


class SameUid(StrEnum):
    """What becomes of a second object with the SOP Instance UID of another."""

    RENUMBER = "renumber"
    HOLD = "hold"


class Verify(StrEnum):
    """Which outputs the independent checker reads again."""

    ALL = "all"
    SAMPLE = "sample"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeidSettings:
    """What every worker of a run needs to know.

    Parameters
    ----------
    out : Path or None
        Where objects go; None only tries.
    parts : Path
        A folder of this run on the same disk, for half-written files.
    secret : bytes
        The site secret.
    site : str
        Site code; the first part of every pseudonym.
    profile : str
        Shipped name or file.
    takes_captures : bool
        Screen saves and dose sheets are treated like images instead of refused.
    wants_record, wants_links : bool
        Whether records of actions, and old and new UIDs, travel back.
    """

    out: Path | None
    parts: Path
    secret: bytes = field(repr=False)
    site: str
    profile: str
    pixels: PixelCheck = PixelCheck.CHECK
    verify: Verify = Verify.SAMPLE
    takes_captures: bool = False
    wants_record: bool = False
    wants_links: bool = False


class FileDone(NamedTuple):
    """What became of one file; a tuple, because a million of them pass between processes.

    Parameters
    ----------
    path : str
        Where it came from; stays at the hospital.
    fate : Fate
    code, message : str
        Why, for everything that was not written.
    findings : tuple of Finding
    output : str
        Below the output folder; empty when nothing was written.
    record : str
        Names the list of actions; equal lists have one name.
    pixels : str
        ``checked``, ``cleaned``, ``not-checked`` or ``none``.
    is_new : bool
        False where the same bytes lay there already.
    is_verified : bool
        The independent checker read the output and agreed.
    withdrawn : str
        Of a file that was stopped: the output of an earlier run, which was taken out of the folder.
    """

    path: str
    fate: Fate
    code: str = ""
    message: str = ""
    findings: tuple[Finding, ...] = ()
    output: str = ""
    record: str = ""
    pixels: str = "none"
    is_new: bool = False
    is_verified: bool = False
    withdrawn: str = ""

    @property
    def incomplete(self) -> list[Finding]:
        """What is said of an output that holds less than was meant: pixels or elements that the file did not have."""
        return [one for one in self.findings if one.code in INCOMPLETE] if self.fate is Fate.WRITTEN else []

    @property
    def where(self) -> str:
        """The places that the reason speaks of, at most three."""
        places = [one.where for one in self.findings if one.code == self.code and one.where]
        return "; ".join(dict.fromkeys(places[:3]))


def ended(path: str, fate: Fate, code: str, message: str, where: str = "") -> FileDone:
    """Return the end of a file that is not written, with its one reason as a finding."""
    severity = {Fate.HELD: Severity.QUESTION, Fate.REFUSED: Severity.REFUSAL}.get(fate, Severity.NOTE)
    finding = Finding(code=code, severity=severity, message=message, where=where)
    return FileDone(path=path, fate=fate, code=code, message=message, findings=(finding,))


class FileFacts(NamedTuple):
    """What the first pass learns of an object: its patient's place in the batch, and a hash of its SOP Instance UID."""

    person: int
    sop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A patient as some files name them: `known` is theirs alone."""

    key: PatientKey
    known: KnownIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What the first pass learnt of a batch; `shared` are people and places around the patients."""

    files: tuple[FileFacts | FileDone, ...]
    people: tuple[Person, ...]
    shared: KnownIdentity


class Work(NamedTuple):
    """A file of the second pass.

    Parameters
    ----------
    candidate : Candidate
    person : int
        Place in the batch's people; -1 for a file that is settled.
    is_renumbered : bool
        Another object of the run has the same SOP Instance UID; this one gets an UID of its own.
    settled : FileDone or None
        What the first pass said.
    """

    candidate: Candidate
    person: int = -1
    is_renumbered: bool = False
    settled: FileDone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Files of one folder that go to one worker together; `people` is empty in the first pass."""

    files: tuple[Work, ...]
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The old and the new name of one object, for the crosswalk; never shown."""

    person: int
    accession: tuple[str, str]
    study: tuple[str, str]
    series: tuple[str, str]
    instance: tuple[str, str]

    def __repr__(self) -> str:
        # a log line or a traceback with locals must not name anyone
        return "Link(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What became of a batch in the second pass.

    Parameters
    ----------
    files : tuple of FileDone
    records : mapping
        Lists of actions that this worker names for the first time.
    counts : mapping
        How many elements met each treatment, summed over the batch.
    """

    files: tuple[FileDone, ...]
    records: Mapping[str, Mapping[str, str]]
    counts: Mapping[str, int]
    frames_checked: int
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A batch whose process died, or took too long."""

    was_slow: bool
