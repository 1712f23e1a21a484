"""What passes between the walk, the worker processes and the store: a file to look at, and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from radcommons.records.finding import Finding
from radcommons.records.lifecycle import FileState

if TYPE_CHECKING:  # the walk serves `radcommons deid`, too, which starts without a database and without networks
    from radcommons.dicom.pixeltext import TextBox
    from radcommons.site.review_looks import Look
    from radcommons.site.selection_facts import Placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file that the walk came upon.

    Parameters
    ----------
    path : str
        Its name for people and for the store; an archive's entry is ``archive.zip!/entry``.
    file : Path
        Where its bytes lie.
    stamp : str
        Changes when the file does: size, time and inode, or an entry's checksum.
    refusal : Finding or None
        The walk itself could not take it (a loop, a device, an entry that escapes).
    is_spooled : bool
        The bytes are a temporary copy that goes away with the candidate.
    """

    path: str
    file: Path
    stamp: str
    refusal: Finding | None = None
    is_spooled: bool = False

    def __reduce__(self) -> tuple[object, ...]:
        # between processes goes text: a path object costs more than all the rest
        return _candidate, (self.path, str(self.file), self.stamp, self.refusal, self.is_spooled)


def _candidate(path: str, file: str, stamp: str, refusal: Finding | None, is_spooled: bool) -> Candidate:
    return Candidate(path=path, file=Path(file), stamp=stamp, refusal=refusal, is_spooled=is_spooled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A DICOM object after de-identification; `object_digest` is empty when none was written."""

    pseudonym: str
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    original_study_uid: str
    study_date: str
    object_digest: str = ""
    object_size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the clauses of an agreement ask of one object; None stands for what nothing tells."""

    modality: str | None
    age_years: float | None
    study_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelBox:
    """Writing in one frame (from 0): ``text``, or ``unsure`` where nothing could be read, or ``hand``."""

    frame: int
    box: TextBox
    kind: str
    is_covered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a worker says of a candidate; the store has the last word on duplicates and conflicts."""

    state: FileState
    code: str = ""
    reason: str = ""
    original_digest: str = ""
    size: int = 0
    findings: tuple[Finding, ...] = ()
    instance: Instance | None = None
    examined: Examined | None = None
    boxes: tuple[PixelBox, ...] = ()
    look: Look | None = None
    placed: Placed | None = None
